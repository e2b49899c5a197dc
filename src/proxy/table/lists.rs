//! Entries that are found under the same host and path, in order of precedence.
//!
//! Nearly always one, so that is a case of its own. The rest is a persistent vector: a change costs O(log n), reading
//! allocates nothing and stops as soon as what follows cannot win.
use super::entry::{Entry, Query};
use imbl::Vector;
use std::sync::Arc;

/// All entries of one place of the index.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryList {
    /// Those without a priority of their own.
    pub(super) bloc: Sorted,
    /// Those with one.
    pub(super) ranked: Sorted,
}

/// Entries that compare with each other, the winner first.
#[derive(Clone, Debug, Default)]
pub(super) enum Sorted {
    #[default]
    Empty,
    One(Arc<Entry>),
    /// At least two.
    Many(Arc<Vector<Arc<Entry>>>),
}

impl EntryList {
    pub(super) fn is_empty(&self) -> bool {
        let Self { bloc, ranked } = self;
        bloc.is_empty() && ranked.is_empty()
    }

    pub(super) fn insert(&mut self, entry: Arc<Entry>) {
        self.part_of(&entry).insert(entry);
    }

    pub(super) fn remove(&mut self, entry: &Entry) {
        self.part_of(entry).remove(entry);
    }

    fn part_of(&mut self, entry: &Entry) -> &mut Sorted {
        if entry.bloc_rank().is_some() { &mut self.bloc } else { &mut self.ranked }
    }
}

impl Sorted {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// Puts the first entry that matches into `best`, if it goes before what is there.
    pub(super) fn improve<'t>(&'t self, query: &Query<'_>, best: &mut Option<&'t Entry>) {
        let before_best = |entry: &Entry| best.is_none_or(|best| entry.order(best).is_lt());
        let better = self.iter().take_while(|entry| before_best(entry)).find(|entry| entry.matches(query));
        if better.is_some() {
            *best = better;
        }
    }

    /// In order of precedence.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        (0..).map_while(|index| self.get(index))
    }

    /// By position. The vector's own iterator would touch the reference counts that all workers share.
    fn get(&self, index: usize) -> Option<&Entry> {
        match self {
            Self::Empty => None,
            Self::One(entry) => (index == 0).then_some(&**entry),
            Self::Many(entries) => entries.get(index).map(|entry| &**entry),
        }
    }

    fn insert(&mut self, entry: Arc<Entry>) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(entry),
            Self::One(other) => {
                let pair = if entry.order(&other).is_lt() { [entry, other] } else { [other, entry] };
                Self::Many(Arc::new(pair.into_iter().collect()))
            }
            Self::Many(mut entries) => {
                let place = entries.binary_search_by(|present| present.order(&entry)).unwrap_or_else(|place| place);
                Arc::make_mut(&mut entries).insert(place, entry);
                Self::Many(entries)
            }
        };
    }

    fn remove(&mut self, entry: &Entry) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::Empty,
            Self::One(present) if present.order(entry).is_eq() => Self::Empty,
            Self::One(present) => Self::One(present),
            Self::Many(mut entries) => {
                if let Ok(place) = entries.binary_search_by(|present| present.order(entry)) {
                    Arc::make_mut(&mut entries).remove(place);
                }
                Self::unless_single(entries)
            }
        };
    }

    fn unless_single(entries: Arc<Vector<Arc<Entry>>>) -> Self {
        match (entries.len(), entries.front()) {
            (0, _) => Self::Empty,
            (1, Some(entry)) => Self::One(Arc::clone(entry)),
            _ => Self::Many(entries),
        }
    }
}
