//! Requests as bytes: head, framing, chunks, trailers.
//!
//! The framing is always ours: it follows from what is known of the body, and what the client's headers said of length
//! and coding is not repeated, so that both can never differ (RFC 9112 6.3).
use crate::proxy::h1::chunks::{content_length, line};
use http::header::{CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Request};
use http_body::Body;

/// How the body of a request is framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// It has so many more bytes.
    Length(u64),
    /// In chunks, with trailers of these names at most.
    Chunked(Vec<HeaderName>),
}

/// Appends the head of `request` to `out`.
pub(super) fn head<B: Body>(request: &Request<B>, out: &mut Vec<u8>) -> Framing {
    let headers = request.headers();
    let framing = framing(request.body(), headers);
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(request.uri().path_and_query().map_or("/", PathAndQuery::as_str).as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut had_length = false;
    for (name, value) in headers {
        match *name {
            CONTENT_LENGTH => had_length = true,
            TRANSFER_ENCODING => {}
            _ => line(name, value, out),
        }
    }
    match framing {
        // A client may say that there is none, and some servers want to be told of a POST.
        Framing::Empty if had_length => out.extend_from_slice(b"content-length: 0\r\n"),
        Framing::Empty => {}
        Framing::Length(length) => content_length(length, out),
        Framing::Chunked(_) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    framing
}

fn framing<B: Body>(body: &B, headers: &HeaderMap) -> Framing {
    if body.is_end_stream() {
        return Framing::Empty;
    }
    match body.size_hint().exact() {
        Some(length) => Framing::Length(length),
        None => Framing::Chunked(announced(headers)),
    }
}

/// The trailers that `headers` announce.
fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(TRAILER).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body::{Frame, SizeHint};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// `None`: of unknown length.
    struct Sized(Option<u64>);

    impl Body for Sized {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(None)
        }

        fn is_end_stream(&self) -> bool {
            self.0 == Some(0)
        }

        fn size_hint(&self) -> SizeHint {
            self.0.map(SizeHint::with_exact).unwrap_or_default()
        }
    }

    #[test]
    fn heads_are_framed_by_the_body_alone() {
        struct Case {
            name: &'static str,
            request: http::request::Builder,
            body: Option<u64>,
            want: &'static str,
        }
        let cases = [
            Case {
                name: "plain",
                request: Request::get("/a?b=c").header("x-a", "1"),
                body: Some(0),
                want: "GET /a?b=c HTTP/1.1\r\nx-a: 1\r\n\r\n",
            },
            Case {
                name: "no path",
                request: Request::get("http://a.test"),
                body: Some(0),
                want: "GET / HTTP/1.1\r\n\r\n",
            },
            Case {
                name: "a body that is said to be empty",
                request: Request::post("/").header("content-length", "0"),
                body: Some(0),
                want: "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            },
            Case {
                name: "a coding without a body",
                request: Request::post("/").header("transfer-encoding", "chunked"),
                body: Some(0),
                want: "POST / HTTP/1.1\r\n\r\n",
            },
            Case {
                name: "lines of lengths",
                request: Request::post("/")
                    .header("content-length", "7, 7")
                    .header("content-length", "8")
                    .header("x-b", "2"),
                body: Some(7),
                want: "POST / HTTP/1.1\r\nx-b: 2\r\ncontent-length: 7\r\n\r\n",
            },
            Case {
                name: "coding and length",
                request: Request::put("/").header("content-length", "3").header("transfer-encoding", "chunked"),
                body: None,
                want: "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            },
            Case {
                name: "GET of unknown length",
                request: Request::get("/"),
                body: None,
                want: "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            },
        ];
        for Case { name, request, body, want } in cases {
            let mut out = Vec::new();
            head(&request.body(Sized(body)).unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), want, "{name}");
        }
    }

    #[test]
    fn the_trailers_that_a_request_announces_are_known() {
        let request = Request::post("/")
            .header("trailer", "X-Sum, content-length")
            .header("trailer", "x-two,(")
            .body(Sized(None))
            .unwrap();
        let names = ["x-sum", "content-length", "x-two"].map(HeaderName::from_static).to_vec();
        assert_eq!(head(&request, &mut Vec::new()), Framing::Chunked(names));
    }
}
