//! Answers to heads that hyper's parser does not let through (spec/http.md 1.13), written straight to the socket.
//!
//! hyper's error has no public kinds, so its text decides; an unknown text is a plain 400, which is what nearly all of
//! them are.
use http::StatusCode;

/// What a client gets whose head is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    body: &'static str,
}

impl Refusal {
    const BAD_REQUEST: Self = Self { status: StatusCode::BAD_REQUEST, body: "400 Bad Request" };
    const TOO_LARGE: Self =
        Self { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, body: "431 Request Header Fields Too Large" };
    const URI_TOO_LONG: Self = Self { status: StatusCode::URI_TOO_LONG, body: "414 URI Too Long" };
    const VERSION: Self = Self {
        status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        body: "505 HTTP Version Not Supported: unsupported protocol version",
    };
    const ENCODING: Self = Self { status: StatusCode::NOT_IMPLEMENTED, body: "Unsupported transfer encoding" };

    /// The refusal that fits what hyper says; `None` if it was no parse error.
    pub(super) fn from_error(error: &hyper::Error) -> Option<Self> {
        if !error.is_parse() {
            return None;
        }
        Some(match error.to_string().as_str() {
            "URI too long" => Self::URI_TOO_LONG,
            "message head is too large" => Self::TOO_LARGE,
            "invalid HTTP version parsed" | "invalid HTTP version parsed (found HTTP2 preface)" => Self::VERSION,
            "invalid transfer-encoding parsed" => Self::ENCODING,
            _ => Self::BAD_REQUEST,
        })
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

#[cfg(test)]
mod tests {
    use super::*;

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
