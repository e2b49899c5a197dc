//! The event recorder: says in Events what is wrong with objects, and that an Ingress is served. As leader only.
//!
//! [`state`] decides; this file obeys. Writes are spawned, their end comes back as [`EventRecorded`].
use super::shell::{Observable, Shell, introduce, observe};
use super::status_writer::{Connection, drained};
use super::tell::{Line, QueueDepth};
use crate::base::clock::Clock;
use crate::cluster::events::Recorder;
use crate::messages::plan::PlanInstalled;
use crate::messages::reports::{EventRecorded, LeadershipChanged, RecordEvent};
use crate::model::keys::ObjectRef;
use crate::model::writing::{Ended, Failure, News, Saying};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, SpawnHandle};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use tracing::{info, warn};

pub mod state;
use state::{AT_ONCE, Effect, State};

/// The event recorder actor.
pub struct EventRecorder {
    state: State,
    shell: Shell,
    clock: Arc<dyn Clock>,
    connection: Connection,
    depth: QueueDepth,
    under_way: Arc<Semaphore>,
    wake: Option<SpawnHandle>,
    refusal: Refusal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    None,
    Said,
}

impl EventRecorder {
    /// An actor around `state`, which writes through `connection` once that is there.
    pub fn new(state: State, shell: Shell, depth: QueueDepth, clock: Arc<dyn Clock>, connection: Connection) -> Self {
        let under_way = Arc::new(Semaphore::new(AT_ONCE));
        Self { state, shell, clock, connection, depth, under_way, wake: None, refusal: Refusal::None }
    }

    fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Record { object, saying, news, until } => self.record(object, saying, news, until, ctx),
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

    fn record(&self, object: ObjectRef, saying: Saying, news: News, until: Instant, ctx: &Context<Self>) {
        let back: Line<EventRecorded> = Line::new(ctx.address().recipient(), self.depth.clone());
        let (connection, clock, under_way) = (self.connection.clone(), self.clock.clone(), self.under_way.clone());
        actix::spawn(async move {
            let _permit = under_way.acquire().await;
            let ended = match connection.get() {
                Some((client, instance)) => {
                    let recorder = Recorder { client: client.clone(), instance: instance.clone(), clock };
                    recorder.record(&object, &saying, news, until).await
                }
                None => Ended::TooLate,
            };
            back.tell(EventRecorded { object, saying, ended });
        });
    }

    fn say(&mut self, object: &ObjectRef, ended: &Ended) {
        let namespace = object.namespace.as_deref().unwrap_or("");
        let (kind, name) = (object.kind.as_str(), &object.name);
        match ended {
            Ended::Failed(Failure::Forbidden(error)) => {
                self.shell.failed(error.clone());
                if std::mem::replace(&mut self.refusal, Refusal::Said) == Refusal::None {
                    let remedy = "grant create and patch on events, and get on what they are about; serving goes on";
                    warn!(kind, %namespace, %name, error = %error, remedy, "Events cannot be written");
                }
            }
            Ended::Failed(error) => {
                self.shell.failed(error.to_string());
                tracing::debug!(kind, %namespace, %name, %error, "an Event was not written");
            }
            _ => {
                if std::mem::replace(&mut self.refusal, Refusal::None) == Refusal::Said {
                    info!("Events can be written again");
                }
            }
        }
    }
}

impl Actor for EventRecorder {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for EventRecorder {
    type Shown = state::Counts;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> state::Counts {
        self.state.counts()
    }
}

impl Handler<RecordEvent> for EventRecorder {
    type Result = ();
    fn handle(&mut self, RecordEvent { generation, verdicts }: RecordEvent, ctx: &mut Self::Context) {
        let effects = self.state.on_order(generation, verdicts, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "RecordEvent", ctx);
    }
}

impl Handler<PlanInstalled> for EventRecorder {
    type Result = ();
    fn handle(&mut self, PlanInstalled { generation }: PlanInstalled, ctx: &mut Self::Context) {
        let effects = self.state.on_installed(generation, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "PlanInstalled", ctx);
    }
}

impl Handler<EventRecorded> for EventRecorder {
    type Result = ();
    fn handle(&mut self, EventRecorded { object, saying, ended }: EventRecorded, ctx: &mut Self::Context) {
        self.say(&object, &ended);
        let effects = self.state.on_recorded(object, saying, &ended, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "EventRecorded", ctx);
    }
}

impl Handler<LeadershipChanged> for EventRecorder {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, LeadershipChanged { until }: LeadershipChanged, ctx: &mut Self::Context) -> Self::Result {
        let effects = self.state.on_leadership(until, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "LeadershipChanged", ctx);
        drained(until, &self.under_way, AT_ONCE)
    }
}
