//! The routing table: one immutable version of everything the data plane serves, behind one pointer.
//!
//! A new version is made by [`Table::apply`] and shares all that did not change with the one before (persistent maps), so
//! it costs what the patch touches. Readers hold the version they began with; no request sees half a change.
use super::balancer::LiveBalancer;
use crate::model::facts::KeyPair;
use crate::model::keys::{BalancerKey, RouterKey, SecretKey};
use crate::model::plan::{PlanPatch, Router};
use crate::model::rule::RequestView;
use std::sync::Arc;

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

/// One version of the table.
#[derive(Clone, Debug)]
pub struct Table {
    generation: u64,
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
    /// This router matches, and this is where it sends its requests.
    Forward {
        /// The router.
        router: &'t Arc<Router>,
        /// Its load balancer.
        balancer: &'t Arc<LiveBalancer>,
    },
}

impl Table {
    /// The table before the first plan: generation 0, everything is [`Route::NotReady`]. The names are sorted; of more than
    /// 64 the rest is left out.
    pub fn new(entry_points: &[Arc<str>]) -> Self {
        drop(entry_points.to_vec());
        Self { generation: 0 }
    }

    /// The identity of the entry point called `name`.
    pub fn entry_point(&self, name: &str) -> Option<EntryPointId> {
        let _name = name;
        None
    }

    /// The next version. It shares all that `patch` does not change, and it is ready.
    pub fn apply(&self, patch: &PlanPatch) -> Self {
        Self { generation: patch.generation }
    }

    /// Where `request`, which came in over a connection of `kind` at `entry`, goes.
    pub fn route(&self, entry: EntryPointId, kind: ConnectionKind, request: &RequestView<'_>) -> Route<'_> {
        let _parts = (entry, kind, request);
        Route::NotReady
    }

    /// Number of the plan it holds; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a plan was applied.
    pub fn is_ready(&self) -> bool {
        self.generation > 0
    }

    /// All routers, in no order.
    pub fn routers(&self) -> impl Iterator<Item = &Arc<Router>> {
        std::iter::empty()
    }

    /// One router.
    pub fn router(&self, key: &RouterKey) -> Option<&Arc<Router>> {
        self.routers().find(|router| router.key == *key)
    }

    /// All load balancers, in no order.
    pub fn balancers(&self) -> impl Iterator<Item = &Arc<LiveBalancer>> {
        std::iter::empty()
    }

    /// One load balancer.
    pub fn balancer(&self, key: &BalancerKey) -> Option<&Arc<LiveBalancer>> {
        self.balancers().find(|balancer| balancer.plan().key == *key)
    }

    /// All certificates, in no order.
    pub fn certificates(&self) -> impl Iterator<Item = (&SecretKey, &Arc<KeyPair>)> {
        std::iter::empty()
    }
}
