//! What each actor shows of itself, and how it is asked for. No actor asks another: observations are pushed.
use crate::model::finding::{Finding, FindingChanges};
use actix::Message;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// What an actor shows of what it holds: counts and positions, never secrets. It is taken down as it is, after each
/// message, and becomes JSON only when somebody looks.
pub trait Snapshot: fmt::Debug + Send + Sync {
    /// As JSON.
    fn to_json(&self) -> Value;
}

impl<T: Serialize + fmt::Debug + Send + Sync> Snapshot for T {
    fn to_json(&self) -> Value {
        // Fails for a map whose keys are no texts. Better to say so on the page than to show nothing.
        serde_json::to_value(self).unwrap_or_else(|error| Value::String(error.to_string()))
    }
}

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
    /// What it holds.
    #[serde(serialize_with = "as_json")]
    pub state: Arc<dyn Snapshot>,
}

fn as_json<S: Serializer>(state: &Arc<dyn Snapshot>, serializer: S) -> Result<S::Ok, S::Error> {
    state.to_json().serialize(serializer)
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
