//! A persistent map from a key to what has that key in itself.
//!
//! One pointer per entry. A change copies the nodes on its way, with up to 32 entries each, and counts up every pointer in
//! them: each is a line of memory that nobody has looked at for long. Keys of two or three texts beside the value made a
//! node of 100,000 routers 440 bytes per entry, and a change of one touch a hundred others.
use super::Map;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What has its key in itself.
pub(super) trait HasKey {
    /// The key.
    type Key: Hash + Eq + ?Sized;
    /// It never changes.
    fn key(&self) -> &Self::Key;
}

/// An entry. Implement `Borrow<T::Key>` beside [`HasKey`]; the language does not let it be done here for all `T`.
#[derive(Debug)]
pub(super) struct ByKey<T>(Arc<T>);

/// The map.
#[derive(Debug)]
pub(super) struct Keyed<T>(Map<ByKey<T>, ()>);

impl<T> ByKey<T> {
    /// The entry.
    pub(super) fn get(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for ByKey<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: HasKey> PartialEq for ByKey<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<T: HasKey> Eq for ByKey<T> {}

impl<T: HasKey> Hash for ByKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl<T> Clone for Keyed<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<T: HasKey> Keyed<T>
where
    ByKey<T>: Borrow<T::Key>,
{
    /// What has `key`.
    pub(super) fn get(&self, key: &T::Key) -> Option<&Arc<T>> {
        self.0.get_key_value(key).map(|(entry, ())| &entry.0)
    }

    /// Puts an entry in the place of the one with its key.
    pub(super) fn insert(&mut self, entry: Arc<T>) {
        self.0.insert(ByKey(entry), ());
    }

    /// Takes what has `key` out.
    pub(super) fn remove(&mut self, key: &T::Key) -> Option<Arc<T>> {
        self.0.remove_with_key(key).map(|(entry, ())| entry.0)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.0.keys().map(|entry| &entry.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Pair(String, u32);
    impl HasKey for Pair {
        type Key = str;
        fn key(&self) -> &str {
            &self.0
        }
    }
    impl Borrow<str> for ByKey<Pair> {
        fn borrow(&self) -> &str {
            self.get().key()
        }
    }

    fn pair(key: &str, value: u32) -> Arc<Pair> {
        Arc::new(Pair(key.to_owned(), value))
    }

    #[test]
    fn the_last_of_a_key_counts_and_older_versions_keep_theirs() {
        let mut map = Keyed::default();
        assert!(map.is_empty());
        map.insert(pair("a", 1));
        map.insert(pair("b", 2));
        let before = map.clone();
        map.insert(pair("a", 3));
        assert_eq!((map.len(), map.get("a").map(|pair| pair.1)), (2, Some(3)));
        assert_eq!(before.get("a").map(|pair| pair.1), Some(1));
        assert_eq!(map.remove("b").map(|pair| pair.1), Some(2));
        assert!(map.remove("b").is_none() && map.get("c").is_none());
        assert_eq!(map.iter().map(|pair| pair.1).collect::<Vec<_>>(), [3]);
        assert_eq!(before.len(), 2);
    }
}
