//! How the API server is doing, as the watch pumps and the knocks see it.
use super::watch::Scope;
use crate::model::keys::Kind;
use actix::Message;
use std::sync::Arc;

/// The API server does not answer any more; nothing is known of changes from now on.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ServerLost {
    /// What was tried and what came of it.
    pub reason: Arc<str>,
}

/// The API server answers again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ServerBack;

/// One watch does not work although the server answers.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WatchTroubled {
    /// What is watched.
    pub kind: Kind,
    /// Which part of it.
    pub scope: Scope,
    /// Why it does not work.
    pub reason: Arc<str>,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A watch works again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WatchRecovered {
    /// What is watched.
    pub kind: Kind,
    /// Which part of it.
    pub scope: Scope,
}
