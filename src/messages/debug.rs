//! What each actor shows of itself, and how it is asked for. No actor asks another: observations are pushed.
use crate::model::finding::{Finding, FindingChanges};
use actix::Message;
use serde::Serialize;
use std::sync::Arc;

/// The state of one actor at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Observation {
    /// Name of the actor, e.g. `ingress`.
    pub actor: &'static str,
    /// Name of the message it handled last.
    pub last_message: &'static str,
    /// Messages handled since the start.
    pub handled: u64,
    /// Messages that wait in its queue, as far as it can see.
    pub queued: usize,
    /// How often it was started again. A panic ends the process instead, so this stays 0 unless the actor stops itself.
    pub restarts: u64,
    /// The last error it met.
    pub last_error: Option<Arc<str>>,
    /// What it holds: counts and positions, never secrets.
    pub state: serde_json::Value,
}

/// An actor's state changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Observed(pub Observation);

/// All observations, by name of the actor.
#[derive(Message)]
#[rtype(result = "Vec<Observation>")]
pub struct GetObservations;

/// Findings came or went.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FindingsChanged {
    /// The changes.
    pub changes: FindingChanges,
}

/// All current findings, in order of their objects.
#[derive(Message)]
#[rtype(result = "Vec<Finding>")]
pub struct GetFindings;
