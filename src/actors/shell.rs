//! What every actor's shell has in common: its pulse and what it shows of itself.
//!
//! An observation is not sent with each message (a busy actor would spend its time on it) but once per [`INTERVAL`] in
//! which something happened.
use super::pulse::Pulse;
use super::tell::{Line, QueueDepth};
use crate::messages::debug::{Observation, Observed};
use actix::{Actor, AsyncContext, Context};
use std::sync::Arc;
use std::time::Duration;

/// At most one observation per actor in this time.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// The common part of a shell.
pub struct Shell {
    name: &'static str,
    /// Held for its `Drop`.
    _pulse: Pulse,
    depth: QueueDepth,
    debug: Line<Observed>,
    handled: u64,
    last_message: &'static str,
    last_error: Option<Arc<str>>,
    report: Report,
}

enum Report {
    Idle,
    Scheduled,
}

/// An actor that can be looked at.
pub trait Observable: Actor<Context = Context<Self>> {
    /// Its shell.
    fn shell(&mut self) -> &mut Shell;
    /// What it holds: counts and positions, never secrets.
    fn state(&self) -> serde_json::Value;
}

impl Shell {
    /// The shell of the actor of that name.
    pub fn new(name: &'static str, pulse: Pulse, depth: QueueDepth, debug: Line<Observed>) -> Self {
        Self { name, _pulse: pulse, depth, debug, handled: 0, last_message: "", last_error: None, report: Report::Idle }
    }

    /// Remembers an error for the debug page.
    pub fn failed(&mut self, error: impl Into<Arc<str>>) {
        self.last_error = Some(error.into());
    }
}

/// Call it at the start of an actor, and at the end of each handler with the name of the message.
pub fn observe<A: Observable>(actor: &mut A, message: &'static str, ctx: &mut Context<A>) {
    let shell = actor.shell();
    shell.depth.left();
    shell.handled += 1;
    shell.last_message = message;
    schedule(actor, ctx);
}

/// Shows the actor for the first time, before it handled anything.
pub fn introduce<A: Observable>(actor: &mut A, ctx: &mut Context<A>) {
    schedule(actor, ctx);
}

fn schedule<A: Observable>(actor: &mut A, ctx: &mut Context<A>) {
    let shell = actor.shell();
    if matches!(shell.report, Report::Idle) {
        shell.report = Report::Scheduled;
        ctx.run_later(INTERVAL, |actor, ctx| {
            let state = actor.state();
            let shell = actor.shell();
            shell.report = Report::Idle;
            let observation = Observation {
                actor: shell.name,
                last_message: shell.last_message,
                handled: shell.handled,
                queued: shell.depth.get(),
                restarts: 0,
                last_error: shell.last_error.clone(),
                state,
            };
            // A full queue drops the observation; it is tried again, so that the last state is always shown.
            if shell.debug.offer(Observed(observation)).is_err() {
                schedule(actor, ctx);
            }
        });
    }
}
