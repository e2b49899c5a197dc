//! What the plan holds now, so that a patch carries only what is different from it.
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// The entries of one kind that are in the plan.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    current: HashMap<K, Arc<V>>,
    /// What stood there before the running patch, for keys that were set since.
    before: BTreeMap<K, Option<Arc<V>>>,
}

/// One entry that is other than before.
pub(super) struct Difference<K, V> {
    pub key: K,
    pub before: Option<Arc<V>>,
    pub now: Option<Arc<V>>,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { current: HashMap::new(), before: BTreeMap::new() }
    }
}

impl<K: Ord + Hash + Clone, V: PartialEq> Shelf<K, V> {
    /// `key` now has this entry, or none. An equal one leaves the old in place.
    pub(super) fn set(&mut self, key: K, now: Option<Arc<V>>) {
        let old = self.current.get(&key);
        if old == now.as_ref() {
            return;
        }
        if !self.before.contains_key(&key) {
            self.before.insert(key.clone(), old.cloned());
        }
        match now {
            Some(entry) => self.current.insert(key, entry),
            None => self.current.remove(&key),
        };
    }

    /// What is different since the last call, in order of the keys.
    pub(super) fn differences(&mut self) -> Vec<Difference<K, V>> {
        let changed = std::mem::take(&mut self.before).into_iter();
        let mut differences = Vec::with_capacity(changed.len());
        for (key, before) in changed {
            let now = self.current.get(&key).cloned();
            if now == before {
                // It went and came back. The old one stays: who holds it need not notice.
                if let Some(old) = before {
                    self.current.insert(key, old);
                }
                continue;
            }
            differences.push(Difference { key, before, now });
        }
        differences
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<V>> {
        self.current.values()
    }

    pub(super) fn len(&self) -> usize {
        self.current.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lasting_differences_are_told_and_equal_entries_keep_their_place() {
        let mut shelf = Shelf::default();
        let first = Arc::new("x".to_owned());
        shelf.set(1, Some(first.clone()));
        shelf.set(2, Some(Arc::new("y".to_owned())));
        shelf.set(2, None);
        let told: Vec<_> = shelf.differences().into_iter().map(|found| (found.key, found.now)).collect();
        assert_eq!(told, [(1, Some(first.clone()))]);
        shelf.set(1, None);
        shelf.set(1, Some(Arc::new("x".to_owned())));
        assert!(shelf.differences().is_empty());
        assert!(shelf.values().all(|entry| Arc::ptr_eq(entry, &first)));
    }
}
