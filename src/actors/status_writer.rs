//! The status writer: brings the status of each Ingress of ours to what it is to say. As leader only, and only what differs.
//!
//! [`state`] decides; this file obeys. Writes are spawned, their end comes back as [`StatusWritten`].
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::{Line, QueueDepth};
use crate::base::clock::Clock;
use crate::cluster::status::write;
use crate::messages::plan::PlanInstalled;
use crate::messages::reports::{LeadershipChanged, StatusSeen, StatusWritten, WriteStatus};
use crate::model::keys::IngressKey;
use crate::model::writing::{Ended, Failure, Wish};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture, SpawnHandle};
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::Semaphore;
use tracing::{info, warn};

pub mod state;
use state::{AT_ONCE, Effect, State};

/// The client, and the name under which this replica writes. Empty until the watches start; no leader is elected before.
pub type Connection = Arc<OnceLock<(kube::Client, Arc<str>)>>;

/// The status writer actor.
pub struct StatusWriter {
    state: State,
    shell: Shell,
    clock: Arc<dyn Clock>,
    connection: Connection,
    depth: QueueDepth,
    under_way: Arc<Semaphore>,
    wake: Option<SpawnHandle>,
    leads: Leads,
    refusal: Refusal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leads {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    None,
    Said,
}

impl StatusWriter {
    /// An actor around `state`, which writes through `connection` once that is there.
    pub fn new(state: State, shell: Shell, depth: QueueDepth, clock: Arc<dyn Clock>, connection: Connection) -> Self {
        let under_way = Arc::new(Semaphore::new(AT_ONCE));
        let (leads, refusal) = (Leads::No, Refusal::None);
        Self { state, shell, clock, connection, depth, under_way, wake: None, leads, refusal }
    }

    fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        for effect in effects {
            match effect {
                Effect::Write { ingress, wish, until } => self.write(ingress, wish, until, ctx),
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
                Effect::SayDispute(IngressKey { namespace, name }) => {
                    let remedy = "stop the other writer; until then it is written ever more rarely";
                    warn!(%namespace, ingress = %name, remedy, "somebody else keeps changing this status");
                }
            }
        }
    }

    fn write(&self, ingress: IngressKey, wish: Wish, until: Instant, ctx: &Context<Self>) {
        let back: Line<StatusWritten> = Line::new(ctx.address().recipient(), self.depth.clone());
        let (connection, clock, under_way) = (self.connection.clone(), self.clock.clone(), self.under_way.clone());
        actix::spawn(async move {
            let _permit = under_way.acquire().await;
            let (ended, says) = match connection.get() {
                Some((client, _)) => write(client.clone(), &ingress, &wish, until, &*clock).await,
                None => (Ended::TooLate, None),
            };
            let says = match (&ended, wish) {
                // The one list that all of ours share.
                (Ended::Written, Wish::Say(wanted)) => Some(wanted),
                _ => says.map(Arc::new),
            };
            back.tell(StatusWritten { ingress, ended, says });
        });
    }

    fn say(&mut self, IngressKey { namespace, name }: &IngressKey, ended: &Ended) {
        match ended {
            Ended::Written => info!(%namespace, ingress = %name, "status written"),
            Ended::Failed(Failure::Forbidden(error)) => {
                self.shell.failed(error.clone());
                if std::mem::replace(&mut self.refusal, Refusal::Said) == Refusal::None {
                    let remedy = "grant get on ingresses and update on ingresses/status; serving goes on";
                    warn!(%namespace, ingress = %name, error = %error, remedy, "statuses cannot be written");
                }
                return;
            }
            Ended::Failed(Failure::Invalid(error)) => {
                self.shell.failed(error.clone());
                warn!(%namespace, ingress = %name, error = %error, "the API server does not take this status");
            }
            Ended::Failed(error) => {
                self.shell.failed(error.to_string());
                tracing::debug!(%namespace, ingress = %name, %error, "a status was not written");
                return;
            }
            _ => tracing::debug!(%namespace, ingress = %name, "status unchanged"),
        }
        if std::mem::replace(&mut self.refusal, Refusal::None) == Refusal::Said {
            info!("statuses can be written again");
        }
    }
}

/// Done at once for a leader; for one that is none any more, when no write is under way.
pub(super) fn drained(until: Option<Instant>, under_way: &Arc<Semaphore>, at_once: usize) -> ResponseFuture<()> {
    let under_way = under_way.clone();
    Box::pin(async move {
        if until.is_none() {
            // Fails only for a semaphore that was closed, and nobody closes it.
            let _all = under_way.acquire_many(u32::try_from(at_once).unwrap_or(u32::MAX)).await;
        }
    })
}

impl Actor for StatusWriter {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
pub struct Shown {
    leads: bool,
    /// Of many the first ones; `None` if they are not known.
    addresses: Option<Vec<Arc<str>>>,
    #[serde(flatten)]
    counts: state::Counts,
}

impl Observable for StatusWriter {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        let addresses = self.state.addresses().map(|list| {
            let text = |address: &crate::model::status::Address| match &*address.ip {
                "" => address.hostname.clone(),
                ip => ip.into(),
            };
            list.0.iter().take(10).map(text).collect()
        });
        Shown { leads: self.leads == Leads::Yes, addresses, counts: self.state.counts() }
    }
}

impl Handler<WriteStatus> for StatusWriter {
    type Result = ();
    fn handle(&mut self, msg: WriteStatus, ctx: &mut Self::Context) {
        let WriteStatus { generation, addresses, claims } = msg;
        let effects = self.state.on_order(generation, addresses, claims, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "WriteStatus", ctx);
    }
}

impl Handler<PlanInstalled> for StatusWriter {
    type Result = ();
    fn handle(&mut self, PlanInstalled { generation }: PlanInstalled, ctx: &mut Self::Context) {
        let effects = self.state.on_installed(generation, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "PlanInstalled", ctx);
    }
}

impl Handler<StatusSeen> for StatusWriter {
    type Result = ();
    fn handle(&mut self, StatusSeen { ingress, says }: StatusSeen, ctx: &mut Self::Context) {
        let effects = self.state.on_seen(ingress, says, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "StatusSeen", ctx);
    }
}

impl Handler<StatusWritten> for StatusWriter {
    type Result = ();
    fn handle(&mut self, StatusWritten { ingress, ended, says }: StatusWritten, ctx: &mut Self::Context) {
        self.say(&ingress, &ended);
        let effects = self.state.on_written(ingress, ended, says, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "StatusWritten", ctx);
    }
}

impl Handler<LeadershipChanged> for StatusWriter {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, LeadershipChanged { until }: LeadershipChanged, ctx: &mut Self::Context) -> Self::Result {
        self.leads = if until.is_some() { Leads::Yes } else { Leads::No };
        let effects = self.state.on_leadership(until, self.clock.now());
        self.perform(effects, ctx);
        observe(self, "LeadershipChanged", ctx);
        drained(until, &self.under_way, AT_ONCE)
    }
}
