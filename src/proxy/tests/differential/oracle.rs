//! What spec/http.md (1.6, 1.13, 2.12, 2.16) says of a request, with what docs/compatibility.md takes away. It shares nothing
//! with the proxy: it looks at the lines of the request by itself.
use super::case::{Body, Case};
use std::collections::BTreeSet;

/// What must happen.
#[derive(Debug)]
pub enum Want {
    Forwarded(Wanted),
    /// One of these statuses; which of several faults is seen first is not laid down.
    Refused(BTreeSet<u16>),
    /// Not laid down. One of the two, and nothing is mixed up.
    Either,
}

/// What the server gets.
#[derive(Debug)]
pub struct Wanted {
    pub first_line: String,
    pub host: String,
    pub framing: Framing,
    pub body: Vec<u8>,
    pub then: Then,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    GoesOn,
    /// A length beside a coding is how requests are smuggled (RFC 9112 6.1).
    Ends,
}

/// How the server is told where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Absent,
    Length(usize),
    Chunked,
}

/// Header lines as a reader sees them that ends lines at each LF.
fn lines(case: &Case) -> Vec<Vec<u8>> {
    let all = case.lines.concat();
    let split = all.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
    let mut lines: Vec<Vec<u8>> = split.collect();
    lines.pop();
    lines
}

fn values(case: &Case, wanted: &str) -> Vec<Vec<u8>> {
    let found = lines(case).into_iter().filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).to_lowercase();
        (name == wanted).then(|| line[colon + 1..].trim_ascii().to_vec())
    });
    found.collect()
}

/// How many bytes of a body without coding are sent: what the first good length says.
pub fn plain_length(case: &Case) -> usize {
    values(case, "content-length").iter().find_map(|value| length(value)).unwrap_or(4).min(4)
}

fn length(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

/// The verdict.
pub fn judge(case: &Case) -> Want {
    let mut faults = BTreeSet::new();
    judge_first_line(case, &mut faults);
    judge_lines(case, &mut faults);
    let target = judge_target(case, &mut faults);
    let host = judge_host(case, &mut faults);
    let (framing, unclear) = judge_framing(case, &mut faults);
    if !faults.is_empty() {
        return Want::Refused(faults);
    }
    if unclear {
        return Want::Either;
    }
    let Some((path, named)) = target else { return Want::Either };
    let body = match (framing, case.body) {
        (Framing::Chunked, Body::Chunks(text)) => match decoded(text) {
            Some(body) => body,
            None => return Want::Refused([500, 400].into()),
        },
        (Framing::Length(length), _) => b"body".get(..length).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    };
    // A length that `Connection` lists ends here. The new one says the same, but that there is nothing need not be said.
    let listed =
        values(case, "connection").iter().any(|value| value.to_ascii_lowercase().starts_with(b"content-length"));
    let framing = if listed && framing == Framing::Length(0) { Framing::Absent } else { framing };
    let first_line = format!("{} {path} HTTP/1.1", case.method);
    let both = !values(case, "content-length").is_empty() && framing == Framing::Chunked;
    let then = if both { Then::Ends } else { Then::GoesOn };
    Want::Forwarded(Wanted { then, first_line, host: named.map_or(host, str::to_owned), framing, body })
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn judge_first_line(case: &Case, faults: &mut BTreeSet<u16>) {
    if !is_token(case.method.as_bytes()) {
        faults.insert(400);
    }
    if case.method == "CONNECT" {
        // Refused as a method that is not served, or for a target that is none of a CONNECT.
        faults.extend([400, 501]);
    }
    match case.version {
        "HTTP/1.1" | "HTTP/1.2" => {}
        "HTTP/2.0" => drop(faults.insert(505)),
        _ => drop(faults.insert(400)),
    }
}

fn judge_lines(case: &Case, faults: &mut BTreeSet<u16>) {
    let lines = lines(case);
    for line in &lines {
        // It belongs to the line before it; none comes first.
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if folded {
            continue;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            faults.insert(400);
            continue;
        };
        let control = |byte: &u8| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f;
        if !is_token(&line[..colon]) || line[colon..].iter().any(control) {
            faults.insert(400);
        }
    }
    if lines.len() > 100 || case.bytes().len() > 12_288 {
        faults.insert(431);
    }
    if !values(case, "expect").is_empty() {
        faults.insert(417);
    }
}

/// The path that is forwarded, and the host where the target names one.
fn judge_target(case: &Case, faults: &mut BTreeSet<u16>) -> Option<(&'static str, Option<&'static str>)> {
    Some(match case.target {
        "/" => ("/", None),
        "/a" => ("/a", None),
        "/a/../b" => ("/b", None),
        "//x" => ("/x", None),
        "/%2e%2e/a" => ("/a", None),
        "/a%2fb" => ("/a%2Fb", None),
        "/a?x=1;y" => ("/a?x=1&y", None),
        "/a?x=%zz" => ("/a?x=%zz", None),
        "/%00" => ("/%00", None),
        "/a|b" => ("/a%7Cb", None),
        "/a/..%2f..%2fb" => ("/a/..%2F..%2Fb", None),
        "/%0d%0aX-Evil:1" => ("/%0D%0AX-Evil:1", None),
        "/./a/" => ("/a/", None),
        "/a//b" => ("/a/b", None),
        "/..//../b/." => ("/b", None),
        "http://b.test/x" => ("/x", Some("b.test")),
        "http://b.test" => ("/", Some("b.test")),
        "http://u:p@b.test:81/x?q" => ("/x?q", Some("b.test:81")),
        "https://b.test/../x" => ("/x", Some("b.test")),
        "/a?" => ("/a?", None),
        "/a%5c..%5cb" => ("/a%5C..%5Cb", None),
        "/\u{e9}" => ("/%C3%A9", None),
        "*" => {
            faults.insert(if case.method == "OPTIONS" { 200 } else { 404 });
            return None;
        }
        _ => {
            faults.insert(400);
            return None;
        }
    })
}

fn judge_host(case: &Case, faults: &mut BTreeSet<u16>) -> String {
    let hosts = values(case, "host");
    let [host] = &hosts[..] else {
        faults.insert(400);
        return String::new();
    };
    if !host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(byte)) {
        faults.insert(400);
    }
    String::from_utf8_lossy(host).into_owned()
}

/// How the body is framed, and whether the rules leave that open.
fn judge_framing(case: &Case, faults: &mut BTreeSet<u16>) -> (Framing, bool) {
    let (lengths, codings) = (values(case, "content-length"), values(case, "transfer-encoding"));
    let read: Vec<Option<usize>> = lengths.iter().map(|value| length(value)).collect();
    let broken = read.iter().any(|length| length.is_none() || *length != read[0]);
    if codings.is_empty() {
        if broken {
            faults.insert(400);
        }
        return (read.first().copied().flatten().map_or(Framing::Absent, Framing::Length), false);
    }
    let [coding] = &codings[..] else {
        faults.insert(501);
        return (Framing::Chunked, false);
    };
    if !coding.eq_ignore_ascii_case(b"chunked") {
        faults.insert(501);
    }
    // A length beside a coding counts for nothing; whether one that is none is an error even so is not said.
    if broken && !faults.is_empty() {
        faults.insert(400);
    }
    (Framing::Chunked, broken)
}

fn decoded(chunks: &str) -> Option<Vec<u8>> {
    const GOOD: &[&str] = &["4\r\nbody\r\n", "2\r\nbo\r\n2\r\ndy\r\n", "4;x=y\r\nbody\r\n", "004\r\nbody\r\n"];
    GOOD.iter().any(|good| chunks.starts_with(good)).then(|| b"body".to_vec())
}
