//! One generated request: mostly good parts, now and then a bad one.

/// Choices from a seed. <https://prng.di.unimi.it/splitmix64.c>
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % sides
    }

    fn pick<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.roll(of.len())]
    }

    /// One of the good ones, rarely one of the bad.
    fn mostly(&mut self, good: &[&'static str], bad: &[&'static str]) -> &'static str {
        if self.roll(12) == 0 { self.pick(bad) } else { self.pick(good) }
    }
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub struct Case {
    pub method: &'static str,
    pub target: &'static str,
    pub version: &'static str,
    /// Each with its end.
    pub lines: Vec<Vec<u8>>,
    pub body: Body,
    /// End of the first line and of the head.
    pub end: &'static str,
}

/// What stands behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Nothing,
    /// As many bytes as the largest good length says.
    Plain,
    /// Chunks, well-formed or not.
    Chunks(&'static str),
}

const TARGETS: &[&str] = &[
    "/",
    "/a",
    "/a/../b",
    "//x",
    "/%2e%2e/a",
    "/a%2fb",
    "/a?x=1;y",
    "/a?x=%zz",
    "/%00",
    "/a|b",
    "/a/..%2f..%2fb",
    "/%0d%0aX-Evil:1",
    "/./a/",
    "/a//b",
    "/..//../b/.",
    "http://b.test/x",
    "http://b.test",
    "http://u:p@b.test:81/x?q",
    "https://b.test/../x",
    "/a?",
    "/a%5c..%5cb",
    "/\u{e9}",
];
const BAD_TARGETS: &[&str] =
    &["/%zz", "/%0", "/a b", "x", "*", "b.test:80", "/\0", "/a\tb", "http:x", "http://b.test:x/", "?a", "/a\x7fb"];
const LENGTHS: &[&str] = &["4", "4 ", "04", "0", "4\r\nContent-Length: 4"];
const BAD_LENGTHS: &[&str] = &[
    "+4",
    "-4",
    "4, 4",
    "4,5",
    "0x4",
    "",
    "4\r\nContent-Length: 5",
    "4 4",
    "99999999999999999999999",
    "4;",
    "\u{b2}",
    "4\r\nContent-Length: +4",
    "4.0",
    "1e1",
];
const CODINGS: &[&str] = &["chunked", "Chunked", "chunked "];
const BAD_CODINGS: &[&str] = &[
    "gzip",
    "gzip, chunked",
    "chunked, chunked",
    "chunked\r\nTransfer-Encoding: chunked",
    "identity",
    "",
    "xchunked",
    "chunked\r\nTransfer-Encoding: identity",
    "\x0bchunked",
    "chunked;q=1",
    "\"chunked\"",
    "chunked, identity",
];
const CHUNKS: &[&str] = &[
    "4\r\nbody\r\n0\r\n\r\n",
    "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
    "4;x=y\r\nbody\r\n0\r\n\r\n",
    "004\r\nbody\r\n00\r\nX-T: 1\r\n\r\n",
];
const BAD_CHUNKS: &[&str] = &[
    "z\r\nbody\r\n0\r\n\r\n",
    "-4\r\nbody\r\n0\r\n\r\n",
    "4\r\nbodyX\r\n0\r\n\r\n",
    "0x4\r\nbody\r\n0\r\n\r\n",
    "\r\nbody\r\n0\r\n\r\n",
    "10000000000000004\r\nbody\r\n0\r\n\r\n",
    "+4\r\nbody\r\n0\r\n\r\n",
];
const PLAIN: &[&str] = &[
    "X-A: 1",
    "Connection: Content-Length, Transfer-Encoding",
    "Connection: Host, keep-alive",
    "X-B:",
    "x-c:2\t3",
    "Cookie: a=b; c=d",
    "X-High: \u{e9}",
    "Accept: */*",
    "X_Under: 1",
    "X-Forwarded-For: 6.6.6.6",
    "Te: trailers",
    "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];
const BAD_PLAIN: &[&str] = &[
    "X-A : 1",
    "X A: 1",
    "X-A\t: 1",
    ": 1",
    "none",
    "X(A): 1",
    "X-A: a\0b",
    "X-A: a\rb",
    "X-A: \x01",
    "X-A: \x7f",
    "\u{e9}: 1",
    "X-A: 1\r\n folded",
    "X-A: 1\r\n\tfolded: 2",
    "Content-Length : 4",
    "Transfer-Encoding : chunked",
    "X-A: a\rX-Evil: 1",
    "Content-Length\0: 4",
    "Expect: x",
];
const HOSTS: &[&str] = &["Host: a.test", "host:a.test:80", "HOST: \t[::1]:8080 ", "Host: A.test"];
const BAD_HOSTS: &[&str] =
    &["Host: a b", "Host: a/b", "X-No-Host: 1", "Host: a\r\nHost: a", "Host: a@b", "Host : a", "Host: a\0"];

impl Case {
    /// The next one.
    pub fn roll(dice: &mut Dice) -> Self {
        let end = if dice.roll(6) == 0 { "\n" } else { "\r\n" };
        let mut lines: Vec<String> = Vec::new();
        for _ in 0..dice.roll(4) {
            lines.push(dice.mostly(PLAIN, BAD_PLAIN).to_owned());
        }
        let mut body = Body::Nothing;
        if dice.roll(3) == 0 {
            lines.push(format!("Content-Length: {}", dice.mostly(LENGTHS, BAD_LENGTHS)));
            body = Body::Plain;
        }
        if dice.roll(3) == 0 {
            lines.push(format!("Transfer-Encoding: {}", dice.mostly(CODINGS, BAD_CODINGS)));
            body = Body::Chunks(dice.mostly(CHUNKS, BAD_CHUNKS));
        }
        lines.push(dice.mostly(HOSTS, BAD_HOSTS).to_owned());
        if dice.roll(60) == 0 {
            lines.extend((0..101).map(|number| format!("X-{number}: 1")));
        }
        if dice.roll(60) == 0 {
            lines.push(format!("X-Large: {}", "x".repeat(20_000)));
        }
        for at in (1..lines.len()).rev() {
            lines.swap(at, dice.roll(at + 1));
        }
        Self {
            method: dice.mostly(
                &["GET", "POST", "PUT", "get", "M-SEARCH", "OPTIONS"],
                &["G(T", "", "CONNECT", "GE\0T", "\u{e9}"],
            ),
            target: dice.mostly(TARGETS, BAD_TARGETS),
            version: dice.mostly(
                &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1"],
                &["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1", "", "HTTP/1.1 x", "HTTP/11", "HTTP/1.1\0"],
            ),
            lines: lines.into_iter().map(|line| [line.as_bytes(), end.as_bytes()].concat()).collect(),
            body,
            end,
        }
    }

    /// What is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}{}", self.method, self.target, self.version, self.end).into_bytes();
        bytes.extend(self.lines.concat());
        bytes.extend(self.end.as_bytes());
        match self.body {
            Body::Nothing => {}
            Body::Plain => bytes.extend(&b"body"[..super::oracle::plain_length(self)]),
            Body::Chunks(text) => bytes.extend(text.as_bytes()),
        }
        bytes
    }
}
