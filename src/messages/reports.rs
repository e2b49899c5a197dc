//! To those who write to the API server: what to write, whether they may, and how it ended.
use crate::model::keys::{IngressKey, ObjectRef};
use crate::model::status::{Addresses, Claim, Verdict};
use crate::model::writing::{Ended, Saying};
use actix::Message;
use std::sync::Arc;
use std::time::Instant;

/// Bring these statuses to what they are to say, once that generation is live.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WriteStatus {
    /// Nothing of it is true before this version of the plan is installed.
    pub generation: u64,
    /// What every status of ours is to say from now on; `None` if that is what it was.
    pub addresses: Option<Arc<Addresses>>,
    /// Whose these are from now on.
    pub claims: Vec<(IngressKey, Claim)>,
}

/// What a status says, as the watch shows it. It bypasses the facts: nothing is compiled for it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StatusSeen {
    /// Which Ingress; of any class.
    pub ingress: IngressKey,
    /// What it says now.
    pub says: Arc<Addresses>,
}

/// A write of a status ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StatusWritten {
    /// Which Ingress.
    pub ingress: IngressKey,
    /// How.
    pub ended: Ended,
    /// What the status says now, as far as it is known.
    pub says: Option<Arc<Addresses>>,
}

/// Say this of these objects, once that generation is live.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RecordEvent {
    /// Nothing of it is true before this version of the plan is installed.
    pub generation: u64,
    /// The whole of what is to be said of each object from now on, and which of them are served now.
    pub verdicts: Vec<(ObjectRef, Verdict)>,
}

/// A write of an Event ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EventRecorded {
    /// About which object.
    pub object: ObjectRef,
    /// What it says.
    pub saying: Saying,
    /// How.
    pub ended: Ended,
}

/// Whether this process may write. Answered when no write is under way that may not be.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LeadershipChanged {
    /// It may until then; `None`: it may not. Sent again with each renewal.
    pub until: Option<Instant>,
}
