//! What every actor's shell has in common: its pulse and what it shows of itself.
//!
//! An observation is not sent with each message (a busy actor would spend its time on it) but at most once per [`INTERVAL`]:
//! at once after a quiet time, and at the end of the interval in which more happened. After a single message nothing is
//! left to do later, for which the process would have to wake up again.
use super::pulse::Pulse;
use super::tell::{Line, QueueDepth, QueueFull};
use crate::base::clock::{Clock, SystemClock};
use crate::messages::debug::{Observation, Observed};
use actix::{Actor, AsyncContext, Context};
use serde::Serialize;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// When the actor shows itself next.
#[derive(Clone, Copy)]
enum Report {
    /// With the next message.
    Due,
    /// It did at this time; with a message after the interval at once, before that at its end.
    Shown(Instant),
    /// At the end of the interval.
    Scheduled,
}

/// An actor that can be looked at.
pub trait Observable: Actor<Context = Context<Self>> {
    /// What it shows of what it holds: counts and positions, never secrets.
    type Shown: Serialize + Debug + Send + Sync + 'static;
    /// Its shell.
    fn shell(&mut self) -> &mut Shell;
    /// What it holds now. Asked for after messages, so it costs no more than a few numbers.
    fn shown(&self) -> Self::Shown;
}

impl Shell {
    /// The shell of the actor of that name.
    pub fn new(name: &'static str, pulse: Pulse, depth: QueueDepth, debug: Line<Observed>) -> Self {
        Self { name, _pulse: pulse, depth, debug, handled: 0, last_message: "", last_error: None, report: Report::Due }
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
    show(actor, ctx);
}

/// Shows the actor for the first time, before it handled anything, and after what it did without a message.
pub fn introduce<A: Observable>(actor: &mut A, ctx: &mut Context<A>) {
    show(actor, ctx);
}

fn show<A: Observable>(actor: &mut A, ctx: &mut Context<A>) {
    let wait = match actor.shell().report {
        Report::Scheduled => return,
        Report::Due => Duration::ZERO,
        Report::Shown(at) => INTERVAL.saturating_sub(SystemClock.now().saturating_duration_since(at)),
    };
    if wait.is_zero() { show_now(actor, ctx) } else { schedule(actor, wait, ctx) }
}

fn schedule<A: Observable>(actor: &mut A, wait: Duration, ctx: &mut Context<A>) {
    actor.shell().report = Report::Scheduled;
    ctx.run_later(wait, show_now);
}

fn show_now<A: Observable>(actor: &mut A, ctx: &mut Context<A>) {
    let state = Arc::new(actor.shown());
    let shell = actor.shell();
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
    match shell.debug.offer(Observed(observation)) {
        Ok(()) => shell.report = Report::Shown(SystemClock.now()),
        Err(QueueFull) => schedule(actor, INTERVAL, ctx),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::pulse::PulseMonitor;
    use actix::{Handler, Message, System};
    use tokio::sync::mpsc;

    /// Stands for `debug`.
    struct Seen(mpsc::UnboundedSender<u64>);
    impl Actor for Seen {
        type Context = Context<Self>;
    }
    impl Handler<Observed> for Seen {
        type Result = ();
        fn handle(&mut self, Observed(observation): Observed, _: &mut Self::Context) {
            self.0.send(observation.handled).unwrap();
        }
    }

    struct Busy(Shell);
    impl Actor for Busy {
        type Context = Context<Self>;
    }
    impl Observable for Busy {
        type Shown = ();
        fn shell(&mut self) -> &mut Shell {
            &mut self.0
        }
        fn shown(&self) {}
    }
    /// Handled; answers whether something is left to do later.
    #[derive(Message)]
    #[rtype(result = "bool")]
    struct Work;
    impl Handler<Work> for Busy {
        type Result = bool;
        fn handle(&mut self, _: Work, ctx: &mut Self::Context) -> bool {
            observe(self, "Work", ctx);
            matches!(self.0.report, Report::Scheduled)
        }
    }
    /// As if it had shown itself that long ago.
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Shown(Duration);
    impl Handler<Shown> for Busy {
        type Result = ();
        fn handle(&mut self, Shown(ago): Shown, _: &mut Self::Context) {
            self.0.report = Report::Shown(SystemClock.now() - ago);
        }
    }

    #[test]
    fn one_message_is_shown_at_once_and_many_together() {
        System::new().block_on(async {
            let (to, mut seen) = mpsc::unbounded_channel();
            let debug = Line::new(Seen(to).start().recipient(), QueueDepth::default());
            let busy =
                Busy(Shell::new("busy", PulseMonitor::new().pulse("busy"), QueueDepth::default(), debug)).start();
            for handled in 1..=2 {
                assert!(!busy.send(Work).await.unwrap(), "shown at once, without a timer");
                assert_eq!(seen.recv().await, Some(handled));
                busy.send(Shown(INTERVAL)).await.unwrap();
            }
            busy.send(Shown(Duration::ZERO)).await.unwrap();
            for _ in 0..10 {
                busy.send(Work).await.unwrap();
            }
            let mut shown = Vec::new();
            while shown.last() != Some(&12) {
                shown.push(seen.recv().await.unwrap());
            }
            assert!(shown.len() < 5, "once for all that came within the interval, or the machine stalled: {shown:?}");
            assert!(seen.try_recv().is_err());
        });
    }
}
