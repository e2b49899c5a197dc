//! The rewriting of headers by itself, for `benches/micro.rs`; see `proxy/bench.rs`.
use super::headers::{self, Seen};
use super::{HostMemory, forwarded};
use crate::config::Config;
use crate::proxy::entrypoint::Conn;
use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use std::net::SocketAddr;
use std::rc::Rc;

/// A client connection whose requests and answers are rewritten.
#[allow(missing_debug_implementations, reason = "a connection has nothing to print")]
pub struct Rewriting {
    conn: Rc<Conn>,
}

impl Rewriting {
    /// A connection of `client` to the first entry point of `config`; `None` if its address is not to be had.
    pub fn new(config: &Config, client: SocketAddr) -> Option<Self> {
        let (worker, entry) = crate::proxy::bench::worker(config)?;
        Some(Self { conn: Conn::new(worker, Rc::new(entry), client) })
    }

    /// What happens to the headers of a request. Whether its host is one.
    pub fn request(&self, headers: &mut HeaderMap) -> bool {
        let host: Option<HeaderValue> = headers.get(HOST).cloned();
        let mut memory: std::cell::RefMut<'_, HostMemory> = self.conn.host.borrow_mut();
        if memory.note(host.as_ref()).is_err() {
            return false;
        }
        let seen = Seen::among(headers);
        if seen.has_managed() && !self.conn.client.is_trusted() {
            headers::delete_managed(headers);
        }
        let upgrade = headers::clean_request(headers, seen);
        let context = forwarded::Context { host: host.as_ref(), port: memory.port(), upgrade: upgrade.as_ref() };
        forwarded::announce(headers, &self.conn, &context);
        forwarded::append_client(headers, &self.conn);
        true
    }

    /// What happens to the headers of an answer.
    pub fn answer(&self, headers: &mut HeaderMap) {
        let seen = headers::Seen::among(headers);
        headers::clean_answer(headers, seen);
    }
}
