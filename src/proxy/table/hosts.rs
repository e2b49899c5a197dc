//! The index: hosts, and inside each host its paths.
//!
//! A request consults at most three hosts, however many there are: its own name, the wildcard above it, and the routes
//! without a host. What is known about all entries of a place ([`Bounds`]) tells when the next place need not be looked at.
use super::entry::Entry;
use super::keyed::{ByKey, HasKey, Keyed};
use super::lists::EntryList;
use super::paths::{MAX_INDEXED, PathKind, PathTree};
use crate::model::plan::{BlocRank, HostRank, PathRank};
use crate::model::rule::{HostAnchor, PathAnchor, without_trailing_dot};
use imbl::OrdMap;
use smallvec::SmallVec;
use std::borrow::Borrow;
use std::sync::Arc;

/// All entries of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    /// By name, without a trailing dot.
    exact: Keyed<HostRoutes>,
    /// By what follows the first label.
    wildcard: Keyed<HostRoutes>,
    /// Bounds of all wildcards together.
    wildcard_bounds: Bounds,
    /// Routes that any host has.
    any: HostRoutes,
}

/// The entries of one host.
#[derive(Clone, Debug, Default)]
pub(super) struct HostRoutes {
    /// What the index calls the host, in this place because a request looks at both; empty for [`HostIndex::any`].
    name: SmallVec<[u8; 32]>,
    /// Those with a path or a prefix.
    pub(super) paths: PathTree,
    /// The rest.
    pub(super) other: EntryList,
    /// What holds for all of them.
    pub(super) bounds: Bounds,
}

impl HasKey for HostRoutes {
    type Key = [u8];
    fn key(&self) -> &[u8] {
        &self.name
    }
}

impl Borrow<[u8]> for ByKey<HostRoutes> {
    fn borrow(&self) -> &[u8] {
        self.get().key()
    }
}

/// What bounds the entries of one place.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// How many entries have each priority of their own.
    ranked: OrdMap<i64, u32>,
    /// How many entries of the bloc rank higher than their host and path in the index let expect. Such a rule names its
    /// host or path in a way that the index does not see; while there is one, nothing may be skipped.
    strays: u32,
}

/// Where an entry stands in the index.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: HostAnchor,
    pub(super) path: PathAnchor,
}

/// Whether a count goes up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Up,
    Down,
}

/// The three places a request looks at, in order of rank.
pub(super) const CLASSES: [HostRank; 3] = [HostRank::Exact, HostRank::Wildcard, HostRank::None];

impl Place {
    /// The place for an anchor, and whether it still says all that the anchor does: paths that are too long for the index
    /// are left to the rule.
    pub(super) fn of(host: &HostAnchor, path: &PathAnchor) -> (Self, Precision) {
        let too_long = match path {
            PathAnchor::Exact(text) | PathAnchor::Prefix(text) => text.len() > MAX_INDEXED,
            PathAnchor::Any => false,
        };
        if too_long {
            (Self { host: host.clone(), path: PathAnchor::Any }, Precision::Coarse)
        } else {
            (Self { host: host.clone(), path: path.clone() }, Precision::Full)
        }
    }

    fn class(&self) -> HostRank {
        match self.host {
            HostAnchor::Exact(_) => HostRank::Exact,
            HostAnchor::Wildcard(_) => HostRank::Wildcard,
            HostAnchor::Any => HostRank::None,
        }
    }

    /// Whether `entry` may rank higher than what is consulted before or instead of this place.
    fn is_stray(&self, entry: &Entry) -> bool {
        let Some(rank) = entry.bloc_rank() else { return false };
        let bound = match &self.path {
            PathAnchor::Exact(path) => highest(self.class(), path.len(), PathRank::Exact),
            PathAnchor::Prefix(path) => highest(self.class(), path.len(), PathRank::Prefix),
            PathAnchor::Any => any_path(self.class()),
        };
        rank > bound
    }
}

/// Whether a [`Place`] says all that its anchor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Full,
    Coarse,
}

/// The highest rank of an entry of host `class` whose path has `length` bytes in the index.
pub(super) fn highest(class: HostRank, length: usize, path: PathRank) -> BlocRank {
    BlocRank { host: class, path_length: u32::try_from(length).unwrap_or(u32::MAX), path }
}

/// The highest rank of an entry of host `class`.
pub(super) fn any_path(class: HostRank) -> BlocRank {
    BlocRank { host: class, path_length: u32::MAX, path: PathRank::Exact }
}

impl HostIndex {
    pub(super) fn insert(&mut self, place: &Place, entry: Arc<Entry>) {
        if let HostAnchor::Wildcard(_) = place.host {
            self.wildcard_bounds.count(Step::Up, place, &entry);
        }
        match &place.host {
            HostAnchor::Exact(name) => insert_into(&mut self.exact, name, place, entry),
            HostAnchor::Wildcard(rest) => insert_into(&mut self.wildcard, rest, place, entry),
            HostAnchor::Any => self.any.insert(place, entry),
        }
    }

    pub(super) fn remove(&mut self, place: &Place, entry: &Entry) {
        if let HostAnchor::Wildcard(_) = place.host {
            self.wildcard_bounds.count(Step::Down, place, entry);
        }
        match &place.host {
            HostAnchor::Exact(name) => remove_from(&mut self.exact, name, place, entry),
            HostAnchor::Wildcard(rest) => remove_from(&mut self.wildcard, rest, place, entry),
            HostAnchor::Any => self.any.remove(place, entry),
        }
    }

    /// The entries of `class` for the canonical `host`.
    pub(super) fn routes(&self, class: HostRank, host: &str) -> Option<&HostRoutes> {
        let name = without_trailing_dot(host);
        match class {
            HostRank::Exact => self.exact.get(name.as_bytes()).map(|routes| &**routes),
            HostRank::Wildcard if self.wildcard.is_empty() => None,
            HostRank::Wildcard => self.wildcard.get(name.split_once('.')?.1.as_bytes()).map(|routes| &**routes),
            HostRank::None => Some(&self.any),
        }
    }

    /// Bounds of all that [`HostIndex::routes`] may return for a class other than `Exact`.
    pub(super) fn bounds_beyond_name(&self, class: HostRank) -> Option<&Bounds> {
        match class {
            HostRank::Exact => None,
            HostRank::Wildcard => Some(&self.wildcard_bounds),
            HostRank::None => Some(&self.any.bounds),
        }
    }

    /// Number of hosts and of nodes below them, to see that nothing is left behind.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        let nodes = |hosts: &Keyed<HostRoutes>| hosts.iter().map(|host| host.paths.nodes()).sum::<usize>();
        let counted = self.wildcard_bounds.ranked.len() + self.any.bounds.ranked.len();
        let hosts = self.exact.len() + self.wildcard.len();
        (hosts, nodes(&self.exact) + nodes(&self.wildcard) + self.any.paths.nodes() + counted)
    }
}

impl HostRoutes {
    fn insert(&mut self, place: &Place, entry: Arc<Entry>) {
        self.bounds.count(Step::Up, place, &entry);
        match &place.path {
            PathAnchor::Exact(path) => self.paths.insert(path, PathKind::Exact, entry),
            PathAnchor::Prefix(path) => self.paths.insert(path, PathKind::Prefix, entry),
            PathAnchor::Any => self.other.insert(entry),
        }
    }

    fn remove(&mut self, place: &Place, entry: &Entry) {
        self.bounds.count(Step::Down, place, entry);
        match &place.path {
            PathAnchor::Exact(path) => self.paths.remove(path, PathKind::Exact, entry),
            PathAnchor::Prefix(path) => self.paths.remove(path, PathKind::Prefix, entry),
            PathAnchor::Any => self.other.remove(entry),
        }
    }

    fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.other.is_empty()
    }
}

impl Bounds {
    /// The highest priority among the entries that have one.
    pub(super) fn highest_priority(&self) -> Option<i64> {
        self.ranked.get_max().map(|(priority, _)| *priority)
    }

    /// Whether ranks follow host and path, so that lower places can be skipped.
    pub(super) fn are_ordered(&self) -> bool {
        self.strays == 0
    }

    fn count(&mut self, step: Step, place: &Place, entry: &Entry) {
        if place.is_stray(entry) {
            self.strays = step.from(self.strays);
        }
        if entry.bloc_rank().is_none() {
            let count = step.from(self.ranked.get(&entry.number).copied().unwrap_or(0));
            if count == 0 {
                self.ranked.remove(&entry.number);
            } else {
                self.ranked.insert(entry.number, count);
            }
        }
    }
}

impl Step {
    fn from(self, count: u32) -> u32 {
        match self {
            Self::Up => count.saturating_add(1),
            Self::Down => count.saturating_sub(1),
        }
    }
}

fn insert_into(hosts: &mut Keyed<HostRoutes>, name: &str, place: &Place, entry: Arc<Entry>) {
    // Taken out, so that what nobody else holds is changed where it is.
    let mut routes = hosts
        .remove(name.as_bytes())
        .unwrap_or_else(|| Arc::new(HostRoutes { name: name.as_bytes().into(), ..HostRoutes::default() }));
    Arc::make_mut(&mut routes).insert(place, entry);
    hosts.insert(routes);
}

fn remove_from(hosts: &mut Keyed<HostRoutes>, name: &str, place: &Place, entry: &Entry) {
    let Some(mut routes) = hosts.remove(name.as_bytes()) else { return };
    Arc::make_mut(&mut routes).remove(place, entry);
    if !routes.is_empty() {
        hosts.insert(routes);
    }
}
