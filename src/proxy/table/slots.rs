//! The balancers of a table, by slot.
//!
//! Routers hold the number of a slot and not the balancer, so that new endpoints replace one slot and touch no router.
//! A slot is taken as soon as a router or a balancer names the key, whichever comes first, and freed with the last.
use super::Map;
use crate::model::keys::BalancerKey;
use crate::model::plan::Balancer;
use crate::proxy::balancer::LiveBalancer;
use crate::proxy::upstream::Transport;
use imbl::{OrdSet, Vector};
use std::sync::Arc;

/// Position of a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// All balancers of one version of the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    balancers: Vector<Option<Arc<LiveBalancer>>>,
    claims_by_key: Map<BalancerKey, Claim>,
    /// Free slots below the end of `balancers`.
    free: OrdSet<u32>,
    /// How many slots hold a balancer.
    present: usize,
}

/// Who needs a slot.
#[derive(Clone, Copy, Debug)]
struct Claim {
    slot: Slot,
    /// How many routers name the key.
    routers: usize,
}

impl Slots {
    /// The balancer at `slot`, if its key has one.
    pub(super) fn get(&self, slot: Slot) -> Option<&Arc<LiveBalancer>> {
        self.balancers.get(slot.0 as usize)?.as_ref()
    }

    /// The balancer called `key`.
    pub(super) fn by_key(&self, key: &BalancerKey) -> Option<&Arc<LiveBalancer>> {
        self.get(self.claims_by_key.get(key)?.slot)
    }

    /// All balancers, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<LiveBalancer>> {
        self.balancers.iter().flatten()
    }

    /// How many balancers there are.
    pub(super) fn present(&self) -> usize {
        self.present
    }

    /// The slot of `key` for one more router.
    pub(super) fn claim(&mut self, key: &BalancerKey) -> Slot {
        let claim = self.claim_mut(key);
        claim.routers += 1;
        claim.slot
    }

    /// Takes one router's claim on `key` back.
    pub(super) fn release(&mut self, key: &BalancerKey) {
        if let Some(claim) = self.claims_by_key.get_mut(key) {
            claim.routers = claim.routers.saturating_sub(1);
        }
        self.free_if_unused(key);
    }

    /// Puts the balancer `plan`, which reaches its servers by `transport`, into service, in place of the one of that key.
    pub(super) fn put(&mut self, key: &BalancerKey, plan: &Arc<Balancer>, transport: Option<&Arc<Transport>>) {
        let previous = self.by_key(key);
        if previous.is_some_and(|balancer| balancer.is_made_of(plan, transport)) {
            return;
        }
        let next = LiveBalancer::build(Arc::clone(plan), transport, previous.map(|balancer| &**balancer));
        let slot = self.claim_mut(key).slot;
        self.set(slot, Some(Arc::new(next)));
    }

    /// Takes the balancer called `key` out of service.
    pub(super) fn remove(&mut self, key: &BalancerKey) {
        if let Some(claim) = self.claims_by_key.get(key) {
            self.set(claim.slot, None);
        }
        self.free_if_unused(key);
    }

    fn claim_mut(&mut self, key: &BalancerKey) -> &mut Claim {
        let Self { balancers, claims_by_key, free, present: _ } = self;
        claims_by_key.entry(key.clone()).or_insert_with(|| Claim { slot: take_slot(balancers, free), routers: 0 })
    }

    fn set(&mut self, slot: Slot, balancer: Option<Arc<LiveBalancer>>) {
        if let Some(place) = self.balancers.get_mut(slot.0 as usize) {
            self.present += usize::from(balancer.is_some());
            self.present -= usize::from(place.is_some());
            *place = balancer;
        }
    }

    fn free_if_unused(&mut self, key: &BalancerKey) {
        let Some(Claim { slot, routers: 0 }) = self.claims_by_key.get(key).copied() else { return };
        if self.get(slot).is_some() {
            return;
        }
        self.claims_by_key.remove(key);
        self.free.insert(slot.0);
        while let Some(last) = self.free.get_max().copied()
            && last as usize + 1 == self.balancers.len()
        {
            self.free.remove(&last);
            self.balancers.pop_back();
        }
    }

    /// How many slots there are, free ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.balancers.len()
    }
}

/// The lowest free slot, else a new one.
fn take_slot(balancers: &mut Vector<Option<Arc<LiveBalancer>>>, free: &mut OrdSet<u32>) -> Slot {
    if let Some(lowest) = free.remove_min() {
        return Slot(lowest);
    }
    let next = u32::try_from(balancers.len()).unwrap_or(u32::MAX);
    balancers.push_back(None);
    Slot(next)
}
