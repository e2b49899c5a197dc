//! What the program itself answers on an entry point: `/ping`, `/ready`, `/api`, `/debug`.
//!
//! The proxy knows the trait and nothing of what is behind it. It is asked before routing, so that a router cannot take
//! the paths away; `claims` is on the way of every request and must be a comparison of prefixes and no more.
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;

use super::table::EntryPointId;

/// What an internal answer may look at.
#[derive(Clone, Debug)]
pub struct InternalRequest {
    /// Method.
    pub method: http::Method,
    /// Cleaned, escaped path.
    pub path: String,
    /// Query without the question mark; `None` when there is no question mark.
    pub query: Option<String>,
    /// First `Accept` header.
    pub accept: Option<http::HeaderValue>,
    /// Canonical host; empty when the client named none.
    pub host: String,
}

/// An answer that is on its way.
pub type InternalAnswer = Pin<Box<dyn Future<Output = http::Response<Bytes>> + Send>>;

/// The program's own endpoints.
pub trait InternalService: Send + Sync + 'static {
    /// Whether `path` (cleaned, escaped) of this entry point is answered here.
    fn claims(&self, entry: EntryPointId, path: &str) -> bool;
    /// The answer. Called only for what was claimed.
    fn answer(&self, entry: EntryPointId, request: InternalRequest) -> InternalAnswer;
}

/// Claims nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInternalService;

impl InternalService for NoInternalService {
    fn claims(&self, _: EntryPointId, _: &str) -> bool {
        false
    }

    fn answer(&self, _: EntryPointId, _: InternalRequest) -> InternalAnswer {
        Box::pin(std::future::ready(http::Response::new(Bytes::new())))
    }
}
