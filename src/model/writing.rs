//! What is asked of the API server beside reading, and how that ends: statuses of Ingresses and Events.
use super::status::{Addresses, Notice};
use std::sync::Arc;
use std::time::Duration;

/// What a status is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// These addresses.
    Say(Arc<Addresses>),
    /// Nothing, if it says these: they are ours. What somebody else wrote stays.
    Clear {
        /// What it said last, as far as we know.
        ours: Arc<Addresses>,
    },
}

/// What an Event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Type Warning.
    Warning(Arc<Notice>),
    /// Type Normal: the object is served.
    Programmed,
}

/// Whether it happened just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Yes: counted, if it was said before.
    Fresh,
    /// Perhaps not: this replica learns of it only now. If it was said before, that is enough.
    Known,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The API server has what it was to have, and had not before.
    Written,
    /// Nothing was to be written: it has it already, or what it has is not ours to change.
    Left,
    /// The object is no more.
    NoObject,
    /// There was no time left to write as leader.
    TooLate,
    /// It failed.
    Failed(Failure),
}

/// A request that did not do what was asked, in the few classes that decide what comes next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// 404: no such object.
    #[error("not found")]
    NotFound,
    /// 409: somebody else was faster, or it exists already.
    #[error("conflict")]
    Conflict,
    /// 401 or 403: no right to do that.
    #[error("{0}")]
    Forbidden(Arc<str>),
    /// 400 or 422: the API server will never take it as it is.
    #[error("{0}")]
    Invalid(Arc<str>),
    /// 429 and others with `Retry-After`: not before that time has passed.
    #[error("the API server asks to come back after {0:?}")]
    Throttled(Duration),
    /// Anything else: 5xx, unreachable, no answer in time.
    #[error("{0}")]
    Passing(Arc<str>),
}
