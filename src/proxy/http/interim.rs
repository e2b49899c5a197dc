//! Answers before the answer (1xx, spec/http.md 2.13): what a server says of a request that it is still working on goes on
//! to the client at once, 103 Early Hints for one.
//!
//! Not `100 Continue`: whether the body may come is between the client and us, and by then it was told. Clients of
//! HTTP/1.0 know no such answers, to those of HTTP/2 hyper has no way to send any.
use super::headers::{self, Seen};
use crate::proxy::entrypoint::Conn;
use crate::proxy::h1::chunks;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use std::cell::RefCell;

/// Most bytes that wait for a client; what is beyond is left out.
const WAITING: usize = 16 * 1024;

/// Interim answers on their way to a client, as bytes.
#[derive(Debug, Default)]
pub(crate) struct Interim(RefCell<Vec<u8>>);

impl Interim {
    /// Takes one from a server. The connection's task is polled by whoever waits for the server, and looks at it next.
    pub(super) fn relay(&self, conn: &Conn, status: StatusCode, mut given: HeaderMap) {
        if conn.is_stream() || status == StatusCode::CONTINUE {
            return;
        }
        let seen = Seen::among(&given);
        headers::clean_answer(&mut given, seen);
        given.remove(CONTENT_LENGTH);
        let mut one =
            format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).into_bytes();
        given.iter().for_each(|(name, value)| chunks::line(name, value, &mut one));
        one.extend_from_slice(b"\r\n");
        let mut waiting = self.0.borrow_mut();
        if waiting.len() + one.len() <= WAITING {
            waiting.append(&mut one);
        }
    }

    /// Those that wait.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        let mut waiting = self.0.borrow_mut();
        (!waiting.is_empty()).then(|| std::mem::take(&mut *waiting))
    }
}
