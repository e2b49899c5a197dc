//! From the compiler to the data plane.
use crate::model::plan::PlanPatch;
use actix::Message;

/// Make this the table that requests see.
#[derive(Message)]
#[rtype(result = "()")]
pub struct InstallPlan {
    /// The changes. The first one makes the entry points ready, even if it is empty.
    pub patch: PlanPatch,
}

/// A plan is live: requests that start now see it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct PlanInstalled {
    /// Which version.
    pub generation: u64,
}

/// Stop taking new work; finish what runs. Answered when the last worker has ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartDrain;
