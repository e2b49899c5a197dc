//! What is known of one kind: facts by key, which objects are malformed, which lists are still awaited. Pure.
use super::{Watched, malformed};
use crate::messages::watch::{Scope, Seen};
use crate::model::finding::Problem;
use crate::model::keys::ObjectRef;
use crate::model::patch::Change;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The facts of one kind.
pub struct State<K: Watched> {
    facts: HashMap<K::Key, Arc<K::Fact>>,
    malformed: HashMap<K::Key, Arc<str>>,
    awaited: BTreeSet<Scope>,
    unavailable: BTreeMap<Scope, Arc<str>>,
    unchanged: u64,
}

/// What an event changed.
pub struct Changed<K: Watched> {
    /// Facts that are different from before.
    pub facts: Vec<FactChange<K>>,
    /// Objects that became, or ceased to be, malformed.
    pub malformed: Vec<(ObjectRef, Change<Vec<Problem>>)>,
}

/// One fact that is different from before.
pub struct FactChange<K: Watched> {
    /// Which object.
    pub key: K::Key,
    /// What it said; `None` if it was not there.
    pub before: Option<Arc<K::Fact>>,
    /// What it says now; `None` if it is gone.
    pub after: Option<Arc<K::Fact>>,
}

impl<K: Watched> Default for Changed<K> {
    fn default() -> Self {
        Self { facts: Vec::new(), malformed: Vec::new() }
    }
}

/// Whether the first lists are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// This was the last one that was awaited.
    JustCompleted,
    /// Still waiting, or complete since long.
    NoNews,
}

impl<K: Watched> State<K> {
    /// Nothing known; one list of each scope is awaited.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self {
            facts: HashMap::new(),
            malformed: HashMap::new(),
            awaited: scopes.into_iter().collect(),
            unavailable: BTreeMap::new(),
            unchanged: 0,
        }
    }

    /// An object appeared or changed.
    pub fn on_applied(&mut self, seen: Seen<K::Fact>) -> Changed<K> {
        let mut patch = Changed::default();
        self.put(seen, &mut patch);
        patch
    }

    /// An object is gone.
    pub fn on_deleted(&mut self, seen: &Seen<K::Fact>) -> Changed<K> {
        let mut patch = Changed::default();
        self.remove(&K::key(seen.namespace.as_ref(), &seen.name), &mut patch);
        patch
    }

    /// Here is everything in `scope`: what is not among `objects` is gone.
    pub fn on_replaced(&mut self, scope: &Scope, objects: Vec<Seen<K::Fact>>) -> Changed<K> {
        let mut patch = Changed::default();
        self.unavailable.remove(scope);
        let mut there = HashSet::with_capacity(objects.len());
        for seen in objects {
            there.insert(self.put(seen, &mut patch));
        }
        let gone: Vec<K::Key> = self
            .facts
            .keys()
            .chain(self.malformed.keys())
            .filter(|key| !there.contains(*key) && covers(scope, K::object_ref(key).namespace.as_ref()))
            .cloned()
            .collect();
        for key in gone {
            self.remove(&key, &mut patch);
        }
        patch
    }

    /// `scope` cannot be watched for now; it is no longer waited for.
    pub fn on_unavailable(&mut self, scope: &Scope, reason: Arc<str>) {
        self.unavailable.insert(scope.clone(), reason);
    }

    /// Notes that `scope` has been listed, or was given up.
    pub fn listed(&mut self, scope: &Scope) -> Listing {
        if self.awaited.remove(scope) && self.awaited.is_empty() { Listing::JustCompleted } else { Listing::NoNews }
    }

    fn put(&mut self, seen: Seen<K::Fact>, patch: &mut Changed<K>) -> K::Key {
        match seen.object {
            Err(text) => {
                let key = K::key(seen.namespace.as_ref(), &seen.name);
                if let Some(before) = self.facts.remove(&key) {
                    patch.facts.push(FactChange { key: key.clone(), before: Some(before), after: None });
                }
                if self.malformed.get(&key) != Some(&text) {
                    patch.malformed.push((K::object_ref(&key), Change::Put(Arc::new(malformed(&text)))));
                    self.malformed.insert(key.clone(), text);
                }
                key
            }
            Ok(fact) => {
                // The fact's own key: its texts are there already.
                let key = K::key_of(&fact).clone();
                if self.malformed.remove(&key).is_some() {
                    patch.malformed.push((K::object_ref(&key), Change::Gone));
                }
                match self.facts.get(&key) {
                    Some(known) if *known == fact => self.unchanged += 1,
                    _ => {
                        // Taken out first: an entry that is only replaced would keep the texts of its old key.
                        let before = self.facts.remove(&key);
                        self.facts.insert(key.clone(), fact.clone());
                        patch.facts.push(FactChange { key: key.clone(), before, after: Some(fact) });
                    }
                }
                key
            }
        }
    }

    fn remove(&mut self, key: &K::Key, patch: &mut Changed<K>) {
        if let Some(before) = self.facts.remove(key) {
            patch.facts.push(FactChange { key: key.clone(), before: Some(before), after: None });
        }
        if self.malformed.remove(key).is_some() {
            patch.malformed.push((K::object_ref(key), Change::Gone));
        }
    }

    /// Facts held.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether no fact is held.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Objects that are not of their kind.
    pub fn malformed_len(&self) -> usize {
        self.malformed.len()
    }

    /// Events that changed nothing.
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// Scopes whose first list is awaited, for people.
    pub fn waiting_for(&self) -> Vec<String> {
        self.awaited.iter().map(describe).collect()
    }

    /// Scopes that cannot be watched, and why.
    pub fn unavailable(&self) -> BTreeMap<String, Arc<str>> {
        self.unavailable.iter().map(|(scope, why)| (describe(scope), why.clone())).collect()
    }
}

fn covers(scope: &Scope, namespace: Option<&Arc<str>>) -> bool {
    match scope {
        Scope::Everywhere => true,
        Scope::Namespace(name) => namespace == Some(name),
    }
}

fn describe(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "all namespaces".to_owned(),
        Scope::Namespace(name) => format!("namespace {name}"),
    }
}
