//! One entry of the index: a router, as far as it is found under one host and path.
//!
//! The entry knows what the index does not decide (entry points, kind of connection, the rest of the rule) and how it
//! ranks against other entries.
use super::slots::Slot;
use super::{ConnectionKind, EntryPointId};
use crate::model::plan::{Action, BlocRank, OptionsStanding, Precedence, Router, Secured};
use crate::model::rule::{RequestView, Rule};
use crate::model::tls::TlsOptionsKey;
use std::cmp::Ordering;
use std::sync::Arc;

/// A router under one host and path of the index.
#[derive(Debug)]
pub(super) struct Entry {
    /// The router.
    pub(super) router: Arc<Router>,
    /// Where its balancer is.
    pub(super) slot: Slot,
    /// Bit set of the entry points it listens on.
    listens_on: EntryPointSet,
    /// The connections it serves.
    kind: Kind,
    /// Whether requests go on to the balancer. A copy of what the router says, as the rank is: a request need not load it.
    pub(super) serves: Serves,
    /// Its rank in the bloc; `None` if it has a priority of its own.
    rank: Option<BlocRank>,
    /// The number it competes with: its priority, or the length of its rule.
    pub(super) number: i64,
    /// The rule, where host and path alone do not decide.
    test: Option<Arc<Rule>>,
    /// Tells apart several entries of one router: position among the anchors of its rule, of which there are few.
    anchor: u8,
}

/// What a router does with its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serves {
    /// Passes them on.
    Forwards,
    /// Answers 503.
    Refuses,
}

/// Set in the anchors of entries for TLS; a rule has far fewer anchors.
const TLS_ANCHOR: u8 = 0x80;

/// A set of entry points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EntryPointSet(u64);

/// A request as entries look at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'r> {
    /// Where it came in, as a set of one.
    pub(super) entry: EntryPointSet,
    /// Over which kind of connection.
    pub(super) kind: ConnectionKind,
    /// The request.
    pub(super) request: &'r RequestView<'r>,
}

/// What all entries of one router have in common.
#[derive(Clone, Debug)]
pub(super) struct Template {
    router: Arc<Router>,
    slot: Slot,
    listens_on: EntryPointSet,
    kind: Kind,
    serves: Serves,
    rank: Option<BlocRank>,
    number: i64,
}

/// The connections that an entry serves. A router that takes TLS on some of its entry points has entries of two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// TLS with the default options.
    Tls,
    /// TLS with options of the router's own on some entry point, also with ones that it cannot have.
    OwnTls,
}

impl EntryPointSet {
    /// The set with `entry` alone; an id that no entry point can have makes an empty one.
    pub(super) fn of(entry: EntryPointId) -> Self {
        Self(1_u64.checked_shl(u32::from(entry.0)).unwrap_or(0))
    }

    /// The `entry_points` whose names are among `names`.
    pub(super) fn named<'n>(names: impl Iterator<Item = &'n Arc<str>> + Clone, entry_points: &[Arc<str>]) -> Self {
        let bits = (0..).zip(entry_points).filter(|(_, name)| names.clone().any(|named| named == *name));
        Self(bits.fold(0, |set, (position, _)| set | Self::of(EntryPointId(position)).0))
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Template {
    /// What entries of `router` share: its balancer is at `slot`; `entry_points` are all there are. One for plain
    /// connections, one for TLS, as far as it takes them anywhere.
    pub(super) fn of(router: &Arc<Router>, slot: Slot, entry_points: &[Arc<str>]) -> impl Iterator<Item = Self> {
        let listens_on = EntryPointSet::named(router.entry_points.iter(), entry_points);
        let secured = EntryPointSet::named(router.secured.iter().map(|secured| &secured.entry_point), entry_points);
        let is_usual = |secured: &Secured| {
            secured.options == TlsOptionsKey::Default && secured.standing == OptionsStanding::Usable
        };
        let is_own = !router.secured.iter().all(is_usual);
        let tls = if is_own { Kind::OwnTls } else { Kind::Tls };
        let both =
            [(EntryPointSet(listens_on.0 & !secured.0), Kind::Plain), (EntryPointSet(listens_on.0 & secured.0), tls)];
        let router = Arc::clone(router);
        let heard = both.into_iter().filter(|(listens_on, _)| *listens_on != EntryPointSet::default());
        heard.map(move |(listens_on, kind)| Self::new(Arc::clone(&router), slot, listens_on, kind))
    }

    fn new(router: Arc<Router>, slot: Slot, listens_on: EntryPointSet, kind: Kind) -> Self {
        let number = router.shown_priority();
        let serves = match router.action {
            Action::Forward(_) => Serves::Forwards,
            Action::Refuse(_) => Serves::Refuses,
        };
        let rank = match router.precedence {
            Precedence::Bloc(rank) => Some(rank),
            Precedence::Ranked(_) => None,
        };
        Self { router, slot, listens_on, kind, serves, rank, number }
    }

    /// The entry of the `anchor`th anchor; `test` is the rule, if it has to be asked there.
    pub(super) fn entry(&self, anchor: u8, test: Option<Arc<Rule>>) -> Arc<Entry> {
        let Self { router, slot, listens_on, kind, serves, rank, number } = self.clone();
        // What tells the entries of a router apart must tell those of its two kinds apart.
        let anchor = if kind == Kind::Plain { anchor } else { anchor | TLS_ANCHOR };
        Arc::new(Entry { router, slot, listens_on, kind, serves, rank, number, test, anchor })
    }
}

impl Entry {
    /// Whether the request that found this entry is one of the router's.
    pub(super) fn matches(&self, query: &Query<'_>) -> bool {
        self.listens_on.meets(query.entry)
            && (self.kind == Kind::Plain) == (query.kind == ConnectionKind::Plain)
            && self.test.as_ref().is_none_or(|test| test.matches(query.request))
    }

    /// The TLS options with which a connection to the entry point of this name must have been made; `None` if the router
    /// cannot have those that it wants.
    pub(super) fn tls_options(&self, entry_point: Option<&Arc<str>>) -> Option<&TlsOptionsKey> {
        if self.kind != Kind::OwnTls {
            return Some(&TlsOptionsKey::Default);
        }
        let own = self.router.secured.iter().find(|secured| Some(&secured.entry_point) == entry_point)?;
        (own.standing == OptionsStanding::Usable).then_some(&own.options)
    }

    /// Its rank in the bloc; `None` if it has a priority of its own.
    pub(super) fn bloc_rank(&self) -> Option<BlocRank> {
        self.rank
    }

    /// Compares two entries of the bloc or two ranked ones: `Less` goes first. By rank or priority, then the older
    /// Ingress, then the smaller key.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let weight = match (self.bloc_rank(), other.bloc_rank()) {
            (Some(own), Some(others)) => others.cmp(&own),
            _ => other.number.cmp(&self.number),
        };
        weight
            .then_with(|| self.router.origin.created.cmp(&other.router.origin.created))
            .then_with(|| self.router.key.cmp(&other.router.key))
            .then_with(|| self.anchor.cmp(&other.anchor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_and_its_reference_counts_fill_one_cache_line() {
        assert_eq!(size_of::<Entry>() + 2 * size_of::<usize>(), 64);
    }
}
