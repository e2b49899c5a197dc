//! From the kind actors through the throttler to the compiler.
use crate::model::keys::Kind;
use crate::model::patch::ModelPatch;
use actix::Message;

/// Facts changed. The patch holds only what is different from before.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FactsChanged {
    /// The changes.
    pub patch: ModelPatch,
}

/// All watches of a kind have delivered their first list, or are reported unavailable.
#[derive(Message)]
#[rtype(result = "()")]
pub struct KindListed {
    /// The kind.
    pub kind: Kind,
}

/// Compile these changes now. The first one is sent when every kind has listed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ApplyPatch {
    /// The changes; may be empty the first time, in a cluster without objects.
    pub patch: ModelPatch,
}
