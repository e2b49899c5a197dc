//! What waits, and until when. Pure: `state + event + now -> effects`.
//!
//! ```text
//! one object, window 2 s     change      change change              change
//! time                       0           0.5    1.0    2.0          5.0
//! applied                    at once                   the last one at once
//! ```
//! Before every kind has listed nothing is applied and everything merges into one first patch, so that no half of a
//! cluster is ever served.
use crate::model::keys::{Kind, ObjectRef};
use crate::model::patch::{Changes, ModelPatch};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What the shell has to do.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a handful of them live for the length of one call")]
pub enum Effect {
    /// Hand this to the compiler.
    Apply(ModelPatch),
    /// Call [`State::on_wake`] at this time; replaces any earlier wake-up.
    WakeAt(Instant),
}

/// The state of the throttler.
pub struct State {
    window: Duration,
    phase: Phase,
    /// Changes of objects whose window is open.
    pending: ModelPatch,
    /// End of the window of each object that was applied lately.
    windows: HashMap<ObjectRef, Instant>,
    ends: BTreeMap<Instant, HashSet<ObjectRef>>,
    merged: u64,
}

enum Phase {
    /// Kinds whose first list is awaited.
    Listing(BTreeSet<Kind>),
    Live,
}

impl State {
    /// Waits for a list of each of `kinds`; applies one object at most once per `window`, zero for no limit.
    pub fn new(kinds: impl IntoIterator<Item = Kind>, window: Duration) -> Self {
        Self {
            window,
            phase: Phase::Listing(kinds.into_iter().collect()),
            pending: ModelPatch::default(),
            windows: HashMap::new(),
            ends: BTreeMap::new(),
            merged: 0,
        }
    }

    /// Facts changed.
    pub fn on_facts(&mut self, mut facts: ModelPatch, now: Instant) -> Vec<Effect> {
        if let Phase::Listing(_) = self.phase {
            self.pending.merge(facts);
            return Vec::new();
        }
        let mut apply = facts.take_endpoints();
        if self.window.is_zero() {
            apply.merge(facts);
        } else {
            self.divide(facts, &mut apply, now);
        }
        self.effects(apply)
    }

    /// A kind has listed. The last one opens the gate, also in a cluster without any object.
    pub fn on_listed(&mut self, kind: Kind) -> Vec<Effect> {
        let Phase::Listing(kinds) = &mut self.phase else { return Vec::new() };
        kinds.remove(&kind);
        if !kinds.is_empty() {
            return Vec::new();
        }
        self.phase = Phase::Live;
        // Objects of the first lists count as quiet: their next change is applied at once.
        vec![Effect::Apply(std::mem::take(&mut self.pending))]
    }

    /// A window ended.
    pub fn on_wake(&mut self, now: Instant) -> Vec<Effect> {
        let later = self.ends.split_off(&now);
        let mut ended: HashSet<ObjectRef> = std::mem::replace(&mut self.ends, later).into_values().flatten().collect();
        if let Some(just_now) = self.ends.remove(&now) {
            ended.extend(just_now);
        }
        for object in &ended {
            self.windows.remove(object);
        }
        let mut due = ModelPatch::default();
        take(&mut self.pending, &ended, &mut due);
        let mut apply = ModelPatch::default();
        self.divide(due, &mut apply, now);
        self.effects(apply)
    }

    /// Puts what may be applied now into `apply` and keeps the rest.
    fn divide(&mut self, facts: ModelPatch, apply: &mut ModelPatch, now: Instant) {
        let ModelPatch { ingresses, classes, services, endpoints, secrets, nodes, malformed } = facts;
        self.divide_kind(ingresses, now, apply, |patch| &mut patch.ingresses);
        self.divide_kind(classes, now, apply, |patch| &mut patch.classes);
        self.divide_kind(services, now, apply, |patch| &mut patch.services);
        self.divide_kind(secrets, now, apply, |patch| &mut patch.secrets);
        self.divide_kind(nodes, now, apply, |patch| &mut patch.nodes);
        apply.endpoints.extend(endpoints);
        apply.malformed.extend(malformed);
    }

    fn divide_kind<K, F>(
        &mut self,
        changes: Changes<K, F>,
        now: Instant,
        apply: &mut ModelPatch,
        place: impl Fn(&mut ModelPatch) -> &mut Changes<K, F>,
    ) where
        K: Eq + Hash,
        for<'k> ObjectRef: From<&'k K>,
    {
        for (key, change) in changes {
            let object = ObjectRef::from(&key);
            if self.windows.contains_key(&object) {
                self.merged += 1;
                place(&mut self.pending).insert(key, change);
            } else {
                let end = now + self.window;
                self.windows.insert(object.clone(), end);
                self.ends.entry(end).or_default().insert(object);
                place(apply).insert(key, change);
            }
        }
    }

    fn effects(&self, apply: ModelPatch) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !apply.is_empty() {
            effects.push(Effect::Apply(apply));
        }
        if let Some(end) = self.ends.keys().next() {
            effects.push(Effect::WakeAt(*end));
        }
        effects
    }

    /// Changes that wait for the end of a window, or for the first lists.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Objects that were applied less than a window ago.
    pub fn recently_applied(&self) -> usize {
        self.windows.len()
    }

    /// Changes that had to wait, over the life of the process.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// Kinds whose first list is awaited.
    pub fn waiting_for(&self) -> Vec<Kind> {
        match &self.phase {
            Phase::Listing(kinds) => kinds.iter().copied().collect(),
            Phase::Live => Vec::new(),
        }
    }
}

/// Moves the changes of `objects` from `pending` to `due`; costs the objects, not what is pending.
fn take(pending: &mut ModelPatch, objects: &HashSet<ObjectRef>, due: &mut ModelPatch) {
    fn one<K, F>(from: &mut Changes<K, F>, to: &mut Changes<K, F>, key: K)
    where
        K: Eq + Hash,
    {
        if let Some(change) = from.remove(&key) {
            to.insert(key, change);
        }
    }
    use crate::model::keys::{ClassKey, IngressKey, NodeKey, SecretKey, ServiceKey};
    for ObjectRef { kind, namespace, name } in objects {
        let namespace = namespace.clone().unwrap_or_default();
        let name = name.clone();
        match kind {
            Kind::Ingress => one(&mut pending.ingresses, &mut due.ingresses, IngressKey { namespace, name }),
            Kind::IngressClass => one(&mut pending.classes, &mut due.classes, ClassKey(name)),
            Kind::Service => one(&mut pending.services, &mut due.services, ServiceKey { namespace, name }),
            Kind::Secret => one(&mut pending.secrets, &mut due.secrets, SecretKey { namespace, name }),
            Kind::Node => one(&mut pending.nodes, &mut due.nodes, NodeKey(name)),
            Kind::EndpointSlice => {} // never waits
        }
    }
}

#[cfg(test)]
mod tests;
