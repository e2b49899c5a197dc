//! The routing table: one immutable version of everything the data plane serves, behind one pointer.
//!
//! A new version is made by [`Table::apply`] and shares all that did not change with the one before (persistent maps), so
//! it costs what the patch touches. Readers hold the version they began with; no request sees half a change.
//!
//! ```text
//! Table -> hosts (by name, by wildcard, any) -> paths (radix tree) -> lists of entries -> router, slot -> live balancer
//!          hosts.rs                             paths.rs              lists.rs, entry.rs             slots.rs
//! ```
//! Which of several matches wins stands in `select.rs`, how balancers reach their servers in `transports.rs`.
use super::balancer::LiveBalancer;
use super::tls::LiveOptions;
use super::upstream::Transport;
use crate::model::facts::KeyPair;
use crate::model::keys::{BalancerKey, RouterKey, SecretKey};
use crate::model::plan::{Balancer, PlanPatch, Router, RouterRule};
use crate::model::rule::{self, RequestView, Residual};
use crate::model::tls::TlsOptionsKey;
use certificates::Certificates;
use entry::{Entry, EntryPointSet, Query, Serves, Template};
use hosts::{HostIndex, Place, Precision};
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use keyed::{ByKey, HasKey, Keyed};
use security::Security;
use select::Choice;
use slots::Slots;
use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;
use transports::Transports;

mod certificates;
mod entry;
mod hosts;
mod keyed;
mod lists;
mod paths;
mod security;
mod select;
mod slots;
#[cfg(test)]
mod tests;
mod transports;

/// Most entry points a table knows.
pub const MAX_ENTRY_POINTS: usize = 64;

/// Names an entry point: its position in the sorted list of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPointId(pub u8);

/// Whether a connection began with a TLS handshake. Each kind has its own routers (spec/http.md 1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionKind {
    /// In plain text.
    Plain,
    /// TLS, ended here.
    Tls,
}

/// One version of the table. A clone shares everything and costs a few counters.
#[derive(Clone, Debug)]
pub struct Table {
    generation: u64,
    readiness: Readiness,
    entry_points: Arc<[Arc<str>]>,
    routers: Keyed<Placed>,
    index: HostIndex,
    slots: Slots,
    transports: Transports,
    certificates: Certificates,
    security: Security,
}

/// How much a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Routers.
    pub routers: usize,
    /// Load balancers.
    pub balancers: usize,
    /// Certificates.
    pub certificates: usize,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Route<'t> {
    /// There is no complete table yet: 503, never 404 (architecture.md 3, difference 4).
    NotReady,
    /// No router matches: 404.
    NoRouter,
    /// This router matches and must not serve: 503 (architecture.md 3, difference 2).
    Refused(&'t Arc<Router>),
    /// What competed with the routers wins ([`Table::route_against`]).
    Rival,
    /// This router matches, and this is where it sends its requests.
    Forward {
        /// The router.
        router: &'t Arc<Router>,
        /// Its load balancer.
        balancer: &'t Arc<LiveBalancer>,
        /// The options with which a TLS connection must have been made; of no meaning on plain ones.
        tls_options: &'t TlsOptionsKey,
    },
}

/// A persistent hash map. Keys come from users' objects, hence a hasher with a random seed.
type Map<K, V> = GenericHashMap<K, V, foldhash::quality::RandomState, DefaultSharedPtr>;

/// Whether there is a first complete table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// No plan was applied.
    Waiting,
    /// A plan was applied; it stays ready.
    Ready,
}

/// A router, and where its entries stand.
#[derive(Debug)]
struct Placed {
    router: Arc<Router>,
    entries: Box<[(Place, Arc<Entry>)]>,
}

impl HasKey for Placed {
    type Key = RouterKey;
    fn key(&self) -> &RouterKey {
        &self.router.key
    }
}

impl Borrow<RouterKey> for ByKey<Placed> {
    fn borrow(&self) -> &RouterKey {
        self.get().key()
    }
}

impl Table {
    /// The table before the first plan: generation 0, everything is [`Route::NotReady`]. The names are sorted here; beyond
    /// [`MAX_ENTRY_POINTS`] they are left out. The default transport is the one without any option.
    pub fn new(entry_points: &[Arc<str>]) -> Self {
        Self::with_transport(entry_points, Arc::default())
    }

    /// The same with another default transport.
    pub fn with_transport(entry_points: &[Arc<str>], default: Arc<Transport>) -> Self {
        let mut names = entry_points.to_vec();
        names.sort();
        names.dedup();
        names.truncate(MAX_ENTRY_POINTS);
        Self {
            generation: 0,
            readiness: Readiness::Waiting,
            entry_points: names.into(),
            routers: Keyed::default(),
            index: HostIndex::default(),
            slots: Slots::default(),
            transports: Transports::new(default),
            certificates: Certificates::default(),
            security: Security::default(),
        }
    }

    /// The id of the entry point called `name`.
    pub fn entry_point(&self, name: &str) -> Option<EntryPointId> {
        let position = self.entry_points.binary_search_by(|known| (**known).cmp(name)).ok()?;
        u8::try_from(position).ok().map(EntryPointId)
    }

    /// The next version. It shares all that `patch` does not change, and it is ready.
    pub fn apply(&self, patch: &PlanPatch) -> Self {
        let PlanPatch { generation, routers, balancers, certificates, tls_options, tls_hosts, transports } = patch;
        let mut next = Self { generation: *generation, readiness: Readiness::Ready, ..self.clone() };
        for (key, settings) in transports {
            next.transports.set(key, settings.as_ref());
        }
        for (key, balancer) in balancers {
            next.put_balancer(key, balancer.as_ref());
        }
        for (key, _) in transports {
            for user in next.transports.users(key) {
                let plan = next.slots.by_key(&user).map(|balancer| balancer.plan().clone());
                next.put_balancer(&user, plan.as_ref());
            }
        }
        for (key, router) in routers {
            match router {
                Some(router) => next.put_router(router),
                None => next.remove_router(key),
            }
        }
        for (key, pair) in certificates {
            next.certificates.set(key, pair.as_ref());
        }
        for (key, options) in tls_options {
            next.security.put(key, options.as_ref());
        }
        for (host, options) in tls_hosts {
            if let Some(entry) = self.entry_point(&host.entry_point) {
                next.security.set_host(entry, host, options.as_ref());
            }
        }
        next
    }

    /// Where `request`, which came in over a connection of `kind` at `entry`, goes.
    pub fn route(&self, entry: EntryPointId, kind: ConnectionKind, request: &RequestView<'_>) -> Route<'_> {
        self.route_against(entry, kind, request, None)
    }

    /// The same, where something outside the table wants the request with the priority `rival`.
    pub fn route_against(
        &self,
        entry: EntryPointId,
        kind: ConnectionKind,
        request: &RequestView<'_>,
        rival: Option<i64>,
    ) -> Route<'_> {
        if self.readiness == Readiness::Waiting {
            return Route::NotReady;
        }
        let query = Query { entry: EntryPointSet::of(entry), kind, request };
        let chosen = match select::choose_against(&self.index, &query, rival) {
            Choice::Entry(entry) => entry,
            Choice::Rival => return Route::Rival,
            Choice::Nobody => return Route::NoRouter,
        };
        let router = &chosen.router;
        let name = self.entry_points.get(usize::from(entry.0));
        match (chosen.serves, self.slots.get(chosen.slot)) {
            (Serves::Forwards, Some(balancer)) if balancer.is_open() => match chosen.tls_options(name) {
                Some(tls_options) if self.security.options(tls_options).is_some() => {
                    Route::Forward { router, balancer, tls_options }
                }
                // Also for a connection that was made with options of that name when there were some.
                _ => Route::Refused(router),
            },
            // A router whose balancer is not there must not let its requests fall through to others either.
            (Serves::Forwards, _) | (Serves::Refuses, _) => Route::Refused(router),
        }
    }

    /// Number of the plan it holds; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a plan was applied.
    pub fn is_ready(&self) -> bool {
        self.readiness == Readiness::Ready
    }

    /// How much it holds. Costs nothing: it is asked for after each change.
    pub fn counts(&self) -> Counts {
        Counts { routers: self.routers.len(), balancers: self.slots.present(), certificates: self.certificates.len() }
    }

    /// All routers, in no order.
    pub fn routers(&self) -> impl Iterator<Item = &Arc<Router>> {
        self.routers.iter().map(|placed| &placed.router)
    }

    /// One router.
    pub fn router(&self, key: &RouterKey) -> Option<&Arc<Router>> {
        self.routers.get(key).map(|placed| &placed.router)
    }

    /// All load balancers, in no order.
    pub fn balancers(&self) -> impl Iterator<Item = &Arc<LiveBalancer>> {
        self.slots.iter()
    }

    /// One load balancer.
    pub fn balancer(&self, key: &BalancerKey) -> Option<&Arc<LiveBalancer>> {
        self.slots.by_key(key)
    }

    /// The certificate for a server name in lower case: an exact one before one with a wildcard for its first label, of
    /// several the first that `suits`.
    pub fn certificate_for(&self, name: &str, suits: impl Fn(&KeyPair) -> bool) -> Option<&Arc<KeyPair>> {
        self.certificates.for_name(name, suits)
    }

    /// The TLS options for a connection to `entry` whose client names `name` (lower case, empty for none).
    pub(in crate::proxy) fn tls_options_for(&self, entry: EntryPointId, name: &str) -> &Arc<LiveOptions> {
        self.security.for_name(entry, name)
    }

    /// All certificates, in no order.
    pub fn certificates(&self) -> impl Iterator<Item = (&SecretKey, &Arc<KeyPair>)> {
        self.certificates.iter()
    }

    /// The shortest of all limits of its transports that workers watch over.
    pub(in crate::proxy) fn shortest_limit(&self) -> Option<Duration> {
        self.transports.shortest_limit()
    }

    fn put_balancer(&mut self, key: &BalancerKey, plan: Option<&Arc<Balancer>>) {
        let before = self.slots.by_key(key).map(|balancer| balancer.plan().options.transport_key.clone());
        let now = plan.map(|plan| &plan.options.transport_key);
        match plan {
            Some(plan) => self.slots.put(key, plan, self.transports.get(&plan.options.transport_key)),
            None => self.slots.remove(key),
        }
        self.transports.moved(key, before.as_ref(), now);
    }

    fn put_router(&mut self, router: &Arc<Router>) {
        let (key, balancer) = (&router.key, router.action.balancer());
        let present = self.routers.get(key).map(|placed| &placed.router);
        if present.is_some_and(|present| Arc::ptr_eq(present, router)) {
            return;
        }
        let keeps = present.is_some_and(|present| present.action.balancer() == balancer);
        let kept = self.slots.slot_of(balancer).filter(|_| keeps);
        // A new claim comes before the old one goes, so that a slot which both use stays.
        let slot = kept.unwrap_or_else(|| self.slots.claim(balancer));
        let gone = self.displace(key);
        if let (Some(gone), None) = (gone, kept) {
            self.slots.release(gone.action.balancer());
        }
        let entries = entries(Template::of(router, slot, &self.entry_points), &router.rule);
        for (place, entry) in &entries {
            self.index.insert(place, Arc::clone(entry));
        }
        self.routers.insert(Arc::new(Placed { router: Arc::clone(router), entries }));
    }

    fn remove_router(&mut self, key: &RouterKey) {
        if let Some(gone) = self.displace(key) {
            self.slots.release(gone.action.balancer());
        }
    }

    /// Takes a router out of the index; its claim on a slot stays.
    fn displace(&mut self, key: &RouterKey) -> Option<Arc<Router>> {
        let placed = self.routers.remove(key)?;
        for (place, entry) in &placed.entries {
            self.index.remove(place, entry);
        }
        Some(Arc::clone(&placed.router))
    }
}

/// The entries of a router and where they belong; none for a rule that does not parse or never matches, or for a router
/// that listens nowhere.
fn entries(templates: impl Iterator<Item = Template>, rule: &RouterRule) -> Box<[(Place, Arc<Entry>)]> {
    let RouterRule::Parsed(rule) = rule else { return Box::default() };
    let anchors = rule::anchors(&rule.expr);
    templates.flat_map(|template| placed(&template, rule, &anchors).collect::<Vec<_>>()).collect()
}

fn placed(
    template: &Template,
    rule: &Arc<rule::Rule>,
    anchors: &[rule::Anchor],
) -> impl Iterator<Item = (Place, Arc<Entry>)> {
    anchors.iter().zip(0..).map(|(anchor, number)| {
        let (place, precision) = Place::of(&anchor.host, &anchor.path);
        let test = match (precision, anchor.residual) {
            (Precision::Full, Residual::Nothing) => None,
            (Precision::Coarse, _) | (_, Residual::Rule) => Some(Arc::clone(rule)),
        };
        (place, template.entry(number, test))
    })
}
