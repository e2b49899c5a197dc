//! What is kept of a request that may have to be sent again.
//!
//! A server may close an idle connection in the moment in which a request goes out on it: a pod that is told to end does so
//! with all of them. A request that can be repeated without harm is then sent again (spec/http.md 2.12), so its head must
//! outlive hyper, which takes it. Copying the header map would cost every request two allocations and a dozen copies for
//! what one in a million needs; instead the client's own headers are noted in a list that the connection reuses, and what
//! we add to them is added anew.
use super::body::RequestBody;
use super::forwarded::{self, Context};
use super::names::is_announced;
use crate::proxy::entrypoint::Conn;
use http::header::UPGRADE;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// The head of a request without a body.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    line: Option<(Method, Uri)>,
    headers: Vec<(HeaderName, HeaderValue)>,
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
        self.line = Some((request.method().clone(), request.uri().clone()));
        self.announced = if conn.client.is_trusted() || headers.contains_key(UPGRADE) {
            Announced::Kept
        } else {
            Announced::LeftOut
        };
        self.headers.clear();
        for (name, value) in headers {
            if self.announced == Announced::Kept || !is_announced(name) {
                self.headers.push((name.clone(), value.clone()));
            }
        }
    }

    /// The request anew, if one was noted.
    pub(super) fn rebuild(&mut self, conn: &Conn) -> Option<Request<RequestBody>> {
        let (method, uri) = self.line.take()?;
        let mut request = Request::new(RequestBody::Empty);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        for (name, value) in self.headers.drain(..) {
            headers.append(name, value);
        }
        if self.announced == Announced::LeftOut {
            let memory = conn.host.borrow();
            forwarded::announce(headers, conn, &Context { host: memory.raw(), port: memory.port(), upgrade: None });
            forwarded::append_client(headers, conn);
        }
        Some(request)
    }
}
