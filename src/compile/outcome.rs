//! What applying a patch comes to.
use super::published::Difference;
use super::standing::Reports;
use crate::model::finding::FindingChanges;
use crate::model::keys::RouterKey;
use crate::model::plan::{PlanPatch, Router};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What applying a patch comes to.
#[derive(Debug)]
pub struct Outcome {
    /// What is different in the plan. Its generation grows by one if it changes anything, and with the first patch of
    /// all, which is to be installed even if it is empty.
    pub plan: PlanPatch,
    /// Which findings came and went.
    pub findings: FindingChanges,
    /// The routers of [`Self::plan`], for the log.
    pub routers: Vec<RouterEvent>,
    /// What statuses and Events are to say.
    pub reports: Reports,
    /// How many Ingresses were compiled.
    pub compiled_ingresses: usize,
    /// Of how many Ingresses the Secrets were read, those that were compiled included.
    pub read_ingresses: usize,
}

/// What became of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterChange {
    /// It is new.
    Appeared,
    /// Something about it is other than before.
    Changed,
    /// It is no more.
    Gone,
}

impl RouterChange {
    /// For the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Gone => "gone",
        }
    }
}

/// One line of the log about a router.
#[derive(Clone, Debug)]
pub struct RouterEvent {
    /// What became of it.
    pub change: RouterChange,
    /// The router as it is now; as it was, if it is gone. Key, name, origin, rule, status, errors are all in it.
    pub router: Arc<Router>,
}

impl RouterEvent {
    pub(super) fn of(difference: &Difference<RouterKey, Router>) -> Option<Self> {
        let (change, router) = match (&difference.before, &difference.now) {
            (None, Some(now)) => (RouterChange::Appeared, now),
            (Some(_), Some(now)) => (RouterChange::Changed, now),
            (Some(before), None) => (RouterChange::Gone, before),
            (None, None) => return None,
        };
        Some(Self { change, router: router.clone() })
    }
}

/// Sizes of what the compiler knows, for the debug page.
#[derive(Clone, Debug, Serialize)]
pub struct Counts {
    /// Version of the plan.
    pub generation: u64,
    /// Objects by plural of their kind.
    pub objects: BTreeMap<&'static str, usize>,
    /// Routers in the plan.
    pub routers: usize,
    /// Load balancers in the plan.
    #[serde(rename = "services")]
    pub balancers: usize,
    /// Certificates in the plan.
    pub certificates: usize,
    /// Findings that hold.
    pub findings: usize,
}
