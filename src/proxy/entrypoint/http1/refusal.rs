//! Answers to heads that are refused before anything of them is looked at (spec/http.md 1.13).
//!
//! The parser's error decides, and where that is too coarse the bytes it stumbled over. Most of them are a plain 400.
use http::StatusCode;

/// What a client gets whose head is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    body: &'static str,
}

impl Refusal {
    pub(super) const BAD_REQUEST: Self = Self { status: StatusCode::BAD_REQUEST, body: "400 Bad Request" };
    const HEADER_NAME: Self = Self { status: StatusCode::BAD_REQUEST, body: "400 Bad Request: invalid header name" };
    const NO_HOST: Self =
        Self { status: StatusCode::BAD_REQUEST, body: "400 Bad Request: missing required Host header" };
    pub(super) const TOO_LARGE: Self =
        Self { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, body: "431 Request Header Fields Too Large" };
    pub(super) const URI_TOO_LONG: Self = Self { status: StatusCode::URI_TOO_LONG, body: "414 URI Too Long" };
    const VERSION: Self = Self {
        status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        body: "505 HTTP Version Not Supported: unsupported protocol version",
    };
    pub(super) const ENCODING: Self =
        Self { status: StatusCode::NOT_IMPLEMENTED, body: "Unsupported transfer encoding" };

    /// The refusal that fits what the parser says about `head`.
    pub(super) fn of(error: httparse::Error, head: &[u8]) -> Self {
        match error {
            httparse::Error::Version if names_version(head) => Self::VERSION,
            httparse::Error::TooManyHeaders => Self::TOO_LARGE,
            httparse::Error::HeaderName => match bad_name(head) {
                // The reference looks for the Host first, and a blank behind the name makes it another header.
                Some(BadName::Blank) if !names_host(head) => Self::NO_HOST,
                Some(BadName::Blank) => Self::HEADER_NAME,
                Some(BadName::Other) | None => Self::BAD_REQUEST,
            },
            _ => Self::BAD_REQUEST,
        }
    }

    /// The whole answer. Where a reason follows the colon of the body it also stands in the status line.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let detail = self.body.split_once(':').map(|(_, detail)| format!(":{detail}")).unwrap_or_default();
        format!(
            "HTTP/1.1 {} {reason}{detail}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n{}",
            self.status.as_str(),
            self.body,
        )
        .into_bytes()
    }
}

/// Whether the request line is one, apart from its version. The parser takes a blank in the target for the end of it.
fn names_version(head: &[u8]) -> bool {
    let line = lines(head).next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    words
        .nth(2)
        .is_some_and(|version| matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']))
        && words.next().is_none()
}

/// What is wrong with the name of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadName {
    /// A blank in it or behind it, and nothing else.
    Blank,
    /// Anything else.
    Other,
}

fn names_host(head: &[u8]) -> bool {
    let headers = lines(head).skip(1).take_while(|line| !line.is_empty());
    headers.filter_map(|line| line.get(..5)).any(|start| start.eq_ignore_ascii_case(b"host:"))
}

/// What is wrong with the name in the first header line that is broken; `None` if it is the value.
fn bad_name(head: &[u8]) -> Option<BadName> {
    for line in lines(head).skip(1).take_while(|line| !line.is_empty()) {
        let folded = line.first().is_some_and(u8::is_ascii_whitespace);
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let (name, value) = line.split_at(colon);
        if !folded && http::HeaderName::from_bytes(name).is_err() {
            let without_blanks: Vec<u8> = name.iter().copied().filter(|byte| *byte != b' ').collect();
            let blank = name.contains(&b' ') && http::HeaderName::from_bytes(&without_blanks).is_ok();
            return Some(if blank { BadName::Blank } else { BadName::Other });
        }
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if folded || http::HeaderValue::from_bytes(value).is_err() {
            return None;
        }
    }
    None
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_is_told_from_a_bad_value() {
        let cases: [(&[u8], Option<BadName>); 8] = [
            (b"GET / HTTP/1.1\r\nX A: 1\r\n\r\n", Some(BadName::Blank)),
            (b"GET / HTTP/1.1\r\nX-A : 1\r\n\r\n", Some(BadName::Blank)),
            (b"GET / HTTP/1.1\r\nX(A : 1\r\n\r\n", Some(BadName::Other)),
            (b"GET / HTTP/1.1\r\nX-A\t: 1\r\n\r\n", Some(BadName::Other)),
            (b"GET / HTTP/1.1\nA: 1\nnone\n\n", Some(BadName::Other)),
            (b"GET / HTTP/1.1\r\nX-A: a\0b\r\nB C: 1\r\n\r\n", None),
            (b"GET / HTTP/1.1\r\nX-A: 1\r\n folded\r\n\r\n", None),
            (b"", None),
        ];
        for (head, want) in cases {
            assert_eq!(bad_name(head), want, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_reason_stands_in_body_and_status_line() {
        let text = String::from_utf8(Refusal::VERSION.to_bytes()).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version\r\n"),
            "{text}"
        );
        assert!(text.ends_with("\r\n\r\n505 HTTP Version Not Supported: unsupported protocol version"), "{text}");
    }
}
