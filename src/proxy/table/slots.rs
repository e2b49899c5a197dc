//! The balancers of a table, by slot.
//!
//! Routers hold the number of a slot and not the balancer, so that new endpoints replace one slot and touch no router.
//! A slot is taken as soon as a router or a balancer names the key, whichever comes first, and freed with the last.
use super::keyed::{ByKey, HasKey, Keyed};
use crate::model::keys::BalancerKey;
use crate::model::plan::Balancer;
use crate::proxy::balancer::LiveBalancer;
use crate::proxy::upstream::Transport;
use imbl::{OrdSet, Vector};
use std::borrow::Borrow;
use std::sync::Arc;

/// Position of a balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// All balancers of one version of the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    balancers: Vector<Option<Arc<LiveBalancer>>>,
    claims: Keyed<Claim>,
    /// Free slots below the end of `balancers`.
    free: OrdSet<u32>,
    /// How many slots hold a balancer.
    present: usize,
}

/// Who needs a slot.
#[derive(Clone, Debug)]
struct Claim {
    key: BalancerKey,
    slot: Slot,
    /// How many routers name the key.
    routers: usize,
}

impl HasKey for Claim {
    type Key = BalancerKey;
    fn key(&self) -> &BalancerKey {
        &self.key
    }
}

impl Borrow<BalancerKey> for ByKey<Claim> {
    fn borrow(&self) -> &BalancerKey {
        self.get().key()
    }
}

impl Slots {
    /// The balancer at `slot`, if its key has one.
    pub(super) fn get(&self, slot: Slot) -> Option<&Arc<LiveBalancer>> {
        self.balancers.get(slot.0 as usize)?.as_ref()
    }

    /// The balancer called `key`.
    pub(super) fn by_key(&self, key: &BalancerKey) -> Option<&Arc<LiveBalancer>> {
        self.get(self.slot_of(key)?)
    }

    /// The slot that `key` has, with a balancer in it or without.
    pub(super) fn slot_of(&self, key: &BalancerKey) -> Option<Slot> {
        self.claims.get(key).map(|claim| claim.slot)
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
        let claim = match self.claims.remove(key) {
            Some(claim) => Arc::new(Claim { routers: claim.routers + 1, ..Arc::unwrap_or_clone(claim) }),
            None => Arc::new(Claim { key: key.clone(), slot: self.take(), routers: 1 }),
        };
        let slot = claim.slot;
        self.claims.insert(claim);
        slot
    }

    /// Takes one router's claim on `key` back.
    pub(super) fn release(&mut self, key: &BalancerKey) {
        if let Some(claim) = self.claims.remove(key) {
            let routers = claim.routers.saturating_sub(1);
            self.claims.insert(Arc::new(Claim { routers, ..Arc::unwrap_or_clone(claim) }));
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
        // New endpoints are the most frequent of all changes, and claim nothing.
        let slot = match self.slot_of(key) {
            Some(slot) => slot,
            None => {
                let slot = self.take();
                self.claims.insert(Arc::new(Claim { key: key.clone(), slot, routers: 0 }));
                slot
            }
        };
        self.set(slot, Some(Arc::new(next)));
    }

    /// Takes the balancer called `key` out of service.
    pub(super) fn remove(&mut self, key: &BalancerKey) {
        if let Some(slot) = self.slot_of(key) {
            self.set(slot, None);
        }
        self.free_if_unused(key);
    }

    /// The lowest free slot, else a new one.
    fn take(&mut self) -> Slot {
        if let Some(lowest) = self.free.remove_min() {
            return Slot(lowest);
        }
        let next = u32::try_from(self.balancers.len()).unwrap_or(u32::MAX);
        self.balancers.push_back(None);
        Slot(next)
    }

    fn set(&mut self, slot: Slot, balancer: Option<Arc<LiveBalancer>>) {
        if let Some(place) = self.balancers.get_mut(slot.0 as usize) {
            self.present += usize::from(balancer.is_some());
            self.present -= usize::from(place.is_some());
            *place = balancer;
        }
    }

    fn free_if_unused(&mut self, key: &BalancerKey) {
        let Some(&Claim { slot, routers: 0, .. }) = self.claims.get(key).map(|claim| &**claim) else { return };
        if self.get(slot).is_some() {
            return;
        }
        self.claims.remove(key);
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
