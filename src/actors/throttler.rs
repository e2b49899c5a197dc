//! The throttler: coalesces changes per object, and waits at the start until every kind has listed.
//!
//! [`state`] decides; this file obeys. Two lanes: endpoints pass at once, the rest per object with a leading edge
//! (architecture.md 2.1).
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::base::clock::Clock;
use crate::messages::facts::{ApplyPatch, FactsChanged, KindListed};
use crate::model::keys::Kind;
use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle};
use serde::Serialize;
use std::sync::Arc;

pub mod state;
use state::{Effect, State};

/// The throttler actor.
pub struct Throttler {
    state: State,
    shell: Shell,
    clock: Arc<dyn Clock>,
    compiler: Line<ApplyPatch>,
    wake: Option<SpawnHandle>,
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pending: usize,
    recently_applied: usize,
    merged: u64,
    waiting_for: Vec<Kind>,
}

impl Throttler {
    /// An actor around `state`.
    pub fn new(state: State, shell: Shell, clock: Arc<dyn Clock>, compiler: Line<ApplyPatch>) -> Self {
        Self { state, shell, clock, compiler, wake: None }
    }

    fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Apply(patch) => self.compiler.tell(ApplyPatch { patch }),
                Effect::WakeAt(at) => {
                    if let Some(earlier) = self.wake.take() {
                        ctx.cancel_future(earlier);
                    }
                    let wait = at.saturating_duration_since(self.clock.now());
                    self.wake = Some(ctx.run_later(wait, |actor, ctx| {
                        actor.wake = None;
                        let effects = actor.state.on_wake(actor.clock.now());
                        actor.perform(effects, ctx);
                        introduce(actor, ctx);
                    }));
                }
            }
        }
    }
}

impl Actor for Throttler {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for Throttler {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        Shown {
            pending: self.state.pending(),
            recently_applied: self.state.recently_applied(),
            merged: self.state.merged(),
            waiting_for: self.state.waiting_for(),
        }
    }
}

impl Handler<FactsChanged> for Throttler {
    type Result = ();
    fn handle(&mut self, msg: FactsChanged, ctx: &mut Self::Context) {
        let effects = self.state.on_facts(msg.patch, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "FactsChanged", ctx);
    }
}

impl Handler<KindListed> for Throttler {
    type Result = ();
    fn handle(&mut self, msg: KindListed, ctx: &mut Self::Context) {
        let effects = self.state.on_listed(msg.kind);
        self.perform(effects, ctx);
        observe(self, "KindListed", ctx);
    }
}
