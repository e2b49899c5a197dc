//! What a client sends, against the assembled entry point: real sockets, the real workers, a server behind it that reads
//! strictly. Whatever goes in, what comes out on both sides is well-formed HTTP, and the next client is served.
use super::support::{chunks, start, talk};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Behind each input, so that most connections end at once: the last request, or the end of what will be refused.
const LAST: &[u8] = b"\r\n\r\nGET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/// Where the proxy listens, once it does: for the input, and with the usual time limits for the request that must work.
static PROXY: OnceLock<[SocketAddr; 2]> = OnceLock::new();
/// What a server saw that it should never see.
static WRONG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One input: the bytes of one connection.
pub fn run(data: &[u8]) {
    let [address, probed] = *PROXY.get_or_init(|| start(&[("/", serve)]));
    let answer = talk(address, &[data, LAST].concat());
    // What begins like TLS or HTTP/2 is answered in its language.
    if !data.starts_with(b"\x16") && !data.starts_with(b"PRI ") {
        check_answers(&answer, data);
    }
    let good = talk(probed, GOOD);
    assert!(good.starts_with(b"HTTP/1.1 200 OK\r\n"), "the next client got {:?}", String::from_utf8_lossy(&good));
    let wrong = WRONG.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(wrong.is_empty(), "{wrong:?} from {:?}", String::from_utf8_lossy(data));
}

/// All that came back is answers, one after the other.
fn check_answers(mut bytes: &[u8], data: &[u8]) {
    let shown = || format!("{:?} to {:?}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(data));
    while !bytes.is_empty() {
        assert!(bytes.starts_with(b"HTTP/1.1 ") || bytes.starts_with(b"HTTP/1.0 "), "no answer: {}", shown());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        assert!(!head.contains('\0') && !head.replace("\r\n", "").contains(['\r', '\n']), "{}", shown());
        bytes = &bytes[end + 4..];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        match length {
            _ if head.starts_with("http/1.1 100") => {}
            // Answers to HEAD have a length and no body; what follows then is the next answer.
            Some(_) if bytes.starts_with(b"HTTP/1.") => {}
            Some(length) => bytes = bytes.get(length..).unwrap_or_default(),
            // A refusal lasts until the end.
            None => return,
        }
    }
}

fn serve(mut stream: TcpStream) {
    let mut buffer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some(used) = match one_request(&buffer) {
            Ok(used) => used,
            Err(what) => {
                let text = format!("{what}: {:?}", String::from_utf8_lossy(&buffer));
                WRONG.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                return;
            }
        } {
            let head_only = buffer.starts_with(b"HEAD ");
            buffer.drain(..used);
            let body: &[u8] = if head_only { b"" } else { b"ok" };
            let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"[..], body].concat();
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
}

/// Length of the request at the start of `bytes`; `None` if it is not all there.
fn one_request(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let words: Vec<&[u8]> = lines.next().unwrap_or_default().split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else { return Err("request line") };
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if method.is_empty() || !method.iter().all(token) {
        return Err("method");
    }
    // A query is forwarded as it came, raw bytes included (spec/http.md 1.6).
    let query = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let good = |(at, byte): (usize, &u8)| byte.is_ascii_graphic() || (at > query && *byte >= 0x80);
    if !target.starts_with(b"/") || target.starts_with(b"//") || !target.iter().enumerate().all(good) {
        return Err("target");
    }
    let (mut length, mut chunked, mut hosts) = (None, false, 0);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("header line")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| token(byte) && !byte.is_ascii_uppercase()) {
            return Err("header name");
        }
        if value.iter().any(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
            return Err("header value");
        }
        match name {
            b"host" => hosts += 1,
            b"content-length" => {
                let text = std::str::from_utf8(value).map_err(|_| "length")?;
                let number = text.parse::<usize>().map_err(|_| "length")?;
                if length.replace(number).is_some() || text.starts_with('+') {
                    return Err("two lengths");
                }
            }
            b"transfer-encoding" if chunked || value != b"chunked" => return Err("coding"),
            b"transfer-encoding" => chunked = true,
            b"keep-alive" | b"proxy-connection" | b"proxy-authorization" => return Err("a hop-by-hop header"),
            _ => {}
        }
    }
    match (length, chunked) {
        _ if hosts != 1 => Err("hosts"),
        (Some(_), true) => Err("length and coding"),
        (None, false) => Ok(Some(end + 4)),
        (Some(length), false) => Ok((bytes.len() >= end + 4 + length).then_some(end + 4 + length)),
        (None, true) => Ok(chunks(&bytes[end + 4..])?.map(|length| end + 4 + length)),
    }
}
