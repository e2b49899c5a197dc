//! The one shell of all watched kinds: equal facts stop here.
//!
//! A kind's own file (`actors/ingress.rs`, …) has its key and how it is parsed, and nothing else. [`state`] decides.
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::messages::facts::{FactsChanged, KindListed};
use crate::messages::watch::{Applied, Deleted, Replaced, Scope, WatchUnavailable};
use crate::model::finding::Problem;
use crate::model::keys::{Kind as KindName, ObjectRef};
use crate::model::patch::{Change, Changes, ModelPatch};
use actix::{Actor, Context, Handler};
use serde::Serialize;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

pub mod state;
use state::State;

/// What is particular to one watched kind.
pub trait Watched: Unpin + 'static {
    /// The Kubernetes type.
    type Object: 'static;
    /// What names one object.
    type Key: Clone + Eq + Hash + Unpin + 'static;
    /// What it says.
    type Fact: PartialEq + Send + Sync + 'static;
    /// Its name in findings and logs.
    const KIND: KindName;

    /// The key of an object.
    fn key(namespace: Option<&Arc<str>>, name: &Arc<str>) -> Self::Key;
    /// The key of the object that said this; equal to [`Watched::key`] of it.
    fn key_of(fact: &Self::Fact) -> &Self::Key;
    /// The reference for findings.
    fn object_ref(key: &Self::Key) -> ObjectRef;
    /// What the object says, with all problems inside.
    fn parse(object: &Self::Object) -> Self::Fact;
}

/// A kind whose facts go into the patch one by one, and which has an actor of its own.
pub trait Kind: Watched {
    /// Name of the actor.
    const ACTOR: &'static str;
    /// Where facts of this kind stand in a patch.
    fn changes(patch: &mut ModelPatch) -> &mut Changes<Self::Key, Self::Fact>;
}

/// Adds what changed to a patch.
pub fn add_to<K: Kind>(patch: &mut ModelPatch, changed: state::Changed<K>) {
    let facts = K::changes(patch);
    for change in changed.facts {
        facts.insert(change.key, change.after.map_or(Change::Gone, Change::Put));
    }
    patch.malformed.extend(changed.malformed);
}

/// The finding about an object that is not of its kind at all.
pub fn malformed(text: &Arc<str>) -> Vec<Problem> {
    let remedy = format!("{text}; write the object anew with fields of the documented types");
    vec![Problem::error("", "Malformed", remedy)]
}

/// The actor of one kind.
pub struct KindActor<K: Kind> {
    state: State<K>,
    shell: Shell,
    throttler: Line<FactsChanged>,
    listed: Line<KindListed>,
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    objects: usize,
    malformed: usize,
    unchanged: u64,
    waiting_for: Vec<String>,
    unavailable: BTreeMap<String, Arc<str>>,
}

impl<K: Kind> KindActor<K> {
    /// An actor that waits for a list of each of `scopes`.
    pub fn new(
        scopes: impl IntoIterator<Item = Scope>,
        shell: Shell,
        throttler: Line<FactsChanged>,
        listed: Line<KindListed>,
    ) -> Self {
        Self { state: State::new(scopes), shell, throttler, listed }
    }

    fn forward(&mut self, changed: state::Changed<K>) {
        let mut patch = ModelPatch::default();
        add_to(&mut patch, changed);
        if !patch.is_empty() {
            self.throttler.tell(FactsChanged { patch });
        }
    }

    fn listed(&mut self, scope: &Scope) {
        if self.state.listed(scope) == state::Listing::JustCompleted {
            self.listed.tell(KindListed { kind: K::KIND });
        }
    }
}

impl<K: Kind> Actor for KindActor<K> {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl<K: Kind> Observable for KindActor<K> {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        Shown {
            objects: self.state.len(),
            malformed: self.state.malformed_len(),
            unchanged: self.state.unchanged(),
            waiting_for: self.state.waiting_for(),
            unavailable: self.state.unavailable(),
        }
    }
}

impl<K: Kind> Handler<Applied<K::Fact>> for KindActor<K> {
    type Result = ();
    fn handle(&mut self, Applied(seen): Applied<K::Fact>, ctx: &mut Self::Context) {
        let changed = self.state.on_applied(seen);
        self.forward(changed);
        observe(self, "Applied", ctx);
    }
}

impl<K: Kind> Handler<Deleted<K::Fact>> for KindActor<K> {
    type Result = ();
    fn handle(&mut self, Deleted(seen): Deleted<K::Fact>, ctx: &mut Self::Context) {
        let changed = self.state.on_deleted(&seen);
        self.forward(changed);
        observe(self, "Deleted", ctx);
    }
}

impl<K: Kind> Handler<Replaced<K::Fact>> for KindActor<K> {
    type Result = ();
    fn handle(&mut self, Replaced { scope, objects }: Replaced<K::Fact>, ctx: &mut Self::Context) {
        let changed = self.state.on_replaced(&scope, objects);
        self.forward(changed);
        self.listed(&scope);
        observe(self, "Replaced", ctx);
    }
}

impl<K: Kind> Handler<WatchUnavailable<K::Fact>> for KindActor<K> {
    type Result = ();
    fn handle(&mut self, message: WatchUnavailable<K::Fact>, ctx: &mut Self::Context) {
        self.shell.failed(message.reason.clone());
        self.state.on_unavailable(&message.scope, message.reason);
        self.listed(&message.scope);
        observe(self, "WatchUnavailable", ctx);
    }
}

#[cfg(test)]
mod tests;
