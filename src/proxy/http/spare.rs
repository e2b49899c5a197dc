//! What is kept of a request over HTTP/2 that may have to be sent again. Over HTTP/1.1 nothing has to be kept: there a
//! request stays where it is until it is answered (`forward.rs`).
//!
//! A server may close an idle connection in the moment in which a request goes out on it: a pod that is told to end does so
//! with all of them. A request that can be repeated without harm is then sent again (spec/http.md 2.12), so its head must
//! outlive hyper, which takes it. Copying the header map would cost every request two allocations and a dozen reference
//! counts for what one in a million needs, and references would keep hyper from reading the next request into the same
//! buffer. Instead the bytes of the client's own headers are noted in a buffer that the connection reuses, and what we
//! add to them is added anew.
use super::body::RequestBody;
use super::forwarded::{self, Context};
use super::names::is_announced;
use crate::proxy::entrypoint::Conn;
use http::header::UPGRADE;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// Room that a connection keeps for the next head; a larger one is given up.
const KEPT: usize = 4096;

/// The head of a request without a body, in origin form.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    method: Option<Method>,
    /// The target, then name and value of each header.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    announced: Announced,
}

/// What became of the headers that tell servers about the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Announced {
    /// They are among the others: a trusted client's own, or those of an upgrade.
    #[default]
    Kept,
    /// They follow from the connection and are made anew.
    LeftOut,
}

impl Spare {
    /// Notes the head of `request`; what was noted before is forgotten.
    pub(super) fn note(&mut self, request: &Request<RequestBody>, conn: &Conn) {
        let headers = request.headers();
        self.method = Some(request.method().clone());
        self.announced = if conn.client.is_trusted() || headers.contains_key(UPGRADE) {
            Announced::Kept
        } else {
            Announced::LeftOut
        };
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.ends.clear();
        self.push(request.uri().path_and_query().map_or("/", PathAndQuery::as_str).as_bytes());
        for (name, value) in headers {
            if self.announced == Announced::Kept || !is_announced(name) {
                self.push(name.as_str().as_bytes());
                self.push(value.as_bytes());
            }
        }
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
        self.ends.push(self.bytes.len());
    }

    /// The request anew, if one was noted.
    pub(super) fn rebuild(&mut self, conn: &Conn) -> Option<Request<RequestBody>> {
        let method = self.method.take()?;
        let mut begin = 0;
        let mut parts = self.ends.iter().map(|end| {
            let part = self.bytes.get(begin..*end).unwrap_or_default();
            begin = *end;
            part
        });
        let mut request = Request::new(RequestBody::Empty);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(PathAndQuery::try_from(parts.next()?).ok()?);
        let headers = request.headers_mut();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
        }
        if self.announced == Announced::LeftOut {
            let memory = conn.host.borrow();
            forwarded::announce(headers, conn, &Context { host: memory.raw(), port: memory.port(), upgrade: None });
            forwarded::append_client(headers, conn);
        }
        Some(request)
    }
}
