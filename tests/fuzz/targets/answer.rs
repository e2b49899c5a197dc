//! What a server answers, against the running proxy: two servers, one that says the input and one that can be trusted. Whatever
//! the first one says, the client gets well-formed answers, and to its next request the answer of the other server and nothing else.
use super::support::{chunks, start, talk};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How long the server waits for another request on a connection that it leaves open.
const IDLE: Duration = Duration::from_millis(10);
/// What follows each request to the server that says the input, on the same connection.
const NEXT: &[u8] = b"GET /good HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
/// The requests, as the first byte of the input chooses.
const REQUESTS: [&[u8]; 5] = [
    b"GET /odd HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"HEAD /odd HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"POST /odd HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /odd HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n",
    b"GET /odd HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
];
/// No input holds it.
const TRUSTED: &[u8] = b"0c9f31d7e5a84b62";

/// Where the proxy listens, once it does.
static PROXY: OnceLock<[SocketAddr; 2]> = OnceLock::new();
/// What the server says now.
static SAID: Mutex<Option<Arc<Said>>> = Mutex::new(None);

struct Said {
    answer: Vec<u8>,
    /// Whether the connection is left open after it.
    stays: bool,
}

/// One input: how it is asked for in the first byte, then all that the server says.
pub fn run(data: &[u8]) {
    let Some((first, answer)) = data.split_first() else { return };
    if answer.windows(TRUSTED.len()).any(|window| window == TRUSTED) {
        return;
    }
    let [address, probed] = *PROXY.get_or_init(|| start(&[("/odd", odd), ("/good", good)]));
    let request = REQUESTS[usize::from(first >> 1) % REQUESTS.len()];
    let said = Said { answer: answer.to_vec(), stays: first & 1 == 1 };
    *SAID.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(said));
    let came = talk(address, &[request, NEXT].concat());
    check(&came, request, data);
    let next = talk(probed, NEXT);
    assert!(is_trusted(&next), "the next client got {}", shown(&next, data));
}

fn shown(came: &[u8], data: &[u8]) -> String {
    format!("{:?} of {:?}", String::from_utf8_lossy(came), String::from_utf8_lossy(data))
}

/// Whether this is the answer of the server that can be trusted, and nothing else.
fn is_trusted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && bytes.ends_with(&[b"\r\n\r\n", TRUSTED].concat())
}

/// One answer, whole or cut off at the end, then nothing or that of the other server.
fn check(came: &[u8], request: &[u8], data: &[u8]) {
    let mut rest = came;
    let (status, head) = loop {
        let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
            assert!(rest.is_empty(), "half a head: {}", shown(came, data));
            return;
        };
        let (head, behind) = (&rest[..end], &rest[end + 4..]);
        let status = status(head).unwrap_or_else(|what| panic!("{what}: {}", shown(came, data)));
        rest = behind;
        if status >= 200 || status == 101 {
            break (status, head);
        }
    };
    if status == 101 {
        assert!(request.windows(9).any(|window| window == b"Upgrade: "), "a tunnel: {}", shown(came, data));
        return;
    }
    let framing = framing(head).unwrap_or_else(|what| panic!("{what}: {}", shown(came, data)));
    let body = match framing {
        _ if request.starts_with(b"HEAD") || status == 204 || status == 304 => Some(0),
        Framing::Length(length) => (rest.len() >= length).then_some(length),
        Framing::Chunked => chunks(rest).unwrap_or_else(|what| panic!("{what}: {}", shown(came, data))),
        Framing::UntilTheEnd => None,
    };
    let Some(behind) = body.and_then(|length| rest.get(length..)) else {
        let leaked = rest.windows(TRUSTED.len()).any(|window| window == TRUSTED);
        assert!(!leaked, "an answer inside a body: {}", shown(came, data));
        return;
    };
    assert!(behind.is_empty() || is_trusted(behind), "behind the answer: {}", shown(came, data));
}

fn status(head: &[u8]) -> Result<u16, &'static str> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let text = line.strip_prefix(b"HTTP/1.1 ").or(line.strip_prefix(b"HTTP/1.0 ")).ok_or("no answer")?;
    let digits = text.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or("status")?;
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or("status")
}

#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
    UntilTheEnd,
}

/// What the header lines say about the body. Each must be one that no reader takes for something else.
fn framing(head: &[u8]) -> Result<Framing, &'static str> {
    let mut framing = Framing::UntilTheEnd;
    let text = String::from_utf8_lossy(head);
    for line in text.split("\r\n").skip(1) {
        if line.contains(['\r', '\n', '\0']) {
            return Err("a line in a line");
        }
        let (name, value) = line.split_once(':').ok_or("header line")?;
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        {
            return Err("header name");
        }
        match (name.to_ascii_lowercase().as_str(), framing) {
            ("content-length", Framing::UntilTheEnd) => {
                let digits = value.trim_matches([' ', '\t']);
                let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                framing = Framing::Length(digits.parse().ok().filter(|_| plain).ok_or("length")?);
            }
            ("transfer-encoding", Framing::UntilTheEnd) if value.trim() == "chunked" => framing = Framing::Chunked,
            ("content-length" | "transfer-encoding", _) => return Err("two framings"),
            _ => {}
        }
    }
    Ok(framing)
}

/// Says the input for each request.
fn odd(mut stream: TcpStream) {
    stream.set_read_timeout(Some(IDLE)).expect("a limit");
    while was_asked(&mut stream) {
        let Some(said) = SAID.lock().unwrap_or_else(PoisonError::into_inner).clone() else { return };
        if stream.write_all(&said.answer).is_err() || !said.stays {
            return;
        }
    }
}

fn good(mut stream: TcpStream) {
    while was_asked(&mut stream) {
        let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n"[..], TRUSTED].concat();
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Reads the head of a request, and what came with it; whether there was one.
fn was_asked(stream: &mut TcpStream) -> bool {
    let mut buffer = Vec::new();
    let mut piece = [0; 4096];
    while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&piece[..count]),
            _ => return false,
        }
    }
    true
}
