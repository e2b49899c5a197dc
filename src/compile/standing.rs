//! What each Ingress is to us, and what is to be told about objects in Events: made of what the other stages left.
//!
//! An Ingress is *programmed* when a router or the default backend of it is in the plan and nothing is wrong with it.
use crate::model::facts::Created;
use crate::model::keys::{IngressKey, ObjectRef};
use crate::model::status::{Addresses, Claim, Verdict};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Ingresses of the first plan that are told to be programmed, the youngest: a program that starts in a large cluster
/// has no news about the others.
const MOST_AT_FIRST: usize = 1_000;

/// What is different for those who write to the API server.
#[derive(Debug, Default)]
pub struct Reports {
    /// Version of the plan that this belongs to: nothing of it is true before that is installed.
    pub generation: u64,
    /// What statuses are to say from now on, if that is something else than before.
    pub addresses: Option<Arc<Addresses>>,
    /// What the statuses of these Ingresses are to us from now on. Empty if no status is ever written.
    pub claims: Vec<(IngressKey, Claim)>,
    /// What is to be said of these objects; a Warning and `Programmed` may go together.
    pub verdicts: Vec<(ObjectRef, Verdict)>,
}

/// What is remembered of one Ingress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub whose: Whose,
    pub health: Health,
    pub service: Service,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Whose {
    #[default]
    Foreign,
    Ours,
}

/// The worst that is said about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    #[default]
    Clean,
    /// Served, with a remark.
    Remarked,
    Broken,
}

/// Whether anything of it is in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Service {
    #[default]
    None,
    Some,
}

impl Standing {
    /// Whether going from `self` to `now` is worth a `Programmed`: it begins to be served without error, or a remark is
    /// mended.
    pub(super) fn becomes_programmed(self, now: Self) -> bool {
        let served = |standing: Self| standing.service == Service::Some && standing.health != Health::Broken;
        served(now) && (!served(self) || (now.health == Health::Clean && self.health == Health::Remarked))
    }

    /// What going from `self` to `now` means for its status; `None` if nothing.
    pub(super) fn claim(self, now: Self, there: bool) -> Option<Claim> {
        match (self.whose, now.whose) {
            (Whose::Foreign, Whose::Ours) => Some(Claim::Ours),
            (Whose::Ours, Whose::Foreign) if there => Some(Claim::Released),
            (Whose::Ours, Whose::Foreign) => Some(Claim::Gone),
            _ => None,
        }
    }
}

/// The youngest programmed Ingresses of the first plan.
#[derive(Debug, Default)]
pub(super) struct Youngest(BinaryHeap<Reverse<(Created, IngressKey)>>);

impl Youngest {
    pub(super) fn offer(&mut self, created: Created, key: &IngressKey) {
        if self.0.len() == MOST_AT_FIRST {
            if self.0.peek().is_none_or(|oldest| oldest.0.0 >= created) {
                return;
            }
            self.0.pop();
        }
        self.0.push(Reverse((created, key.clone())));
    }

    pub(super) fn into_verdicts(self) -> impl Iterator<Item = (ObjectRef, Verdict)> {
        self.0.into_sorted_vec().into_iter().map(|Reverse((_, key))| (ObjectRef::from(&key), Verdict::Programmed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_youngest_are_kept() {
        let mut youngest = Youngest::default();
        for second in 0..5_000 {
            youngest.offer(Created(second), &IngressKey::new("n", format!("i{second}")));
            youngest.offer(Created(-second), &IngressKey::new("n", format!("old{second}")));
        }
        let kept: Vec<_> = youngest.into_verdicts().collect();
        assert_eq!(kept.len(), MOST_AT_FIRST);
        assert!(kept.iter().all(|(object, _)| object.name.starts_with('i')));
    }

    #[test]
    fn programmed_is_told_at_the_beginning_of_service_and_when_a_remark_is_mended() {
        let standing = |health, service| Standing { whose: Whose::Ours, health, service };
        let (clean, remarked, broken) = (Health::Clean, Health::Remarked, Health::Broken);
        let cases = [
            (Standing::default(), standing(clean, Service::Some), true),
            (Standing::default(), standing(remarked, Service::Some), true),
            (standing(remarked, Service::Some), standing(clean, Service::Some), true),
            (standing(broken, Service::Some), standing(clean, Service::Some), true),
            (standing(broken, Service::None), standing(remarked, Service::Some), true),
            (standing(clean, Service::Some), standing(clean, Service::Some), false),
            (standing(clean, Service::Some), standing(remarked, Service::Some), false),
            (standing(clean, Service::Some), standing(broken, Service::Some), false),
            (standing(broken, Service::None), standing(clean, Service::None), false),
        ];
        for (before, now, want) in cases {
            assert_eq!(before.becomes_programmed(now), want, "{before:?} {now:?}");
        }
    }
}
