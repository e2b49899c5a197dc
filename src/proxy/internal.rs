//! What the program itself answers on an entry point: `/ping`, `/ready`, `/api`, `/debug`.
//!
//! The proxy knows the trait and nothing of what is behind it. It is asked before routing, so that a router cannot take
//! the paths away; `claims` is on the way of every request and must be a comparison of prefixes and no more. What else
//! decides whether the program answers is the entry point's business (`http/own.rs`).
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

/// Against whom a path is claimed, beside all routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Against everybody: a probe answers whatever else is set up.
    Always,
    /// Also against a redirection of the entry point, if it has a lower priority than this.
    Against(i64),
}

/// The program's own endpoints.
pub trait InternalService: Send + Sync + 'static {
    /// Whether `path` (cleaned, escaped) of this entry point is answered here, and how far the claim goes.
    fn claims(&self, entry: EntryPointId, path: &str) -> Option<Claimed>;
    /// The answer. Called only for what was claimed.
    fn answer(&self, entry: EntryPointId, request: InternalRequest) -> InternalAnswer;
}

/// Claims nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInternalService;

impl InternalService for NoInternalService {
    fn claims(&self, _: EntryPointId, _: &str) -> Option<Claimed> {
        None
    }

    fn answer(&self, _: EntryPointId, _: InternalRequest) -> InternalAnswer {
        Box::pin(std::future::ready(http::Response::new(Bytes::new())))
    }
}
