//! The api-server actor: since when the API server is away, and which watches do not work. It says each once in the log, when
//! it begins and when it ends, and shows it on the debug page.
use super::shell::{Observable, Shell, introduce, observe};
use crate::base::clock::Clock;
use crate::messages::server::{ServerBack, ServerLost, WatchRecovered, WatchTroubled};
use crate::messages::watch::Scope;
use crate::model::keys::Kind;
use actix::{Actor, Context, Handler};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tracing::{info, warn};

/// The api-server actor.
pub struct ApiServerActor {
    shell: Shell,
    clock: Arc<dyn Clock>,
    away: Option<Spell>,
    troubled: BTreeMap<(Kind, Scope), Spell>,
    /// How often the server went away.
    outages: u64,
}

/// Trouble that lasts.
struct Spell {
    reason: Arc<str>,
    since: Instant,
    /// For people.
    since_wall: SystemTime,
}

impl Spell {
    fn shown(&self) -> Value {
        json!({ "since": rfc3339(self.since_wall), "error": self.reason })
    }
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap_or_default().to_string()
}

impl ApiServerActor {
    /// Nothing is wrong yet.
    pub fn new(shell: Shell, clock: Arc<dyn Clock>) -> Self {
        Self { shell, clock, away: None, troubled: BTreeMap::new(), outages: 0 }
    }

    fn spell(&self, reason: Arc<str>) -> Spell {
        Spell { reason, since: self.clock.now(), since_wall: self.clock.wall() }
    }

    fn seconds(&self, spell: &Spell) -> u64 {
        self.clock.now().saturating_duration_since(spell.since).as_secs()
    }
}

impl Actor for ApiServerActor {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for ApiServerActor {
    type Shown = Value;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Value {
        let watches: BTreeMap<String, Value> = self
            .troubled
            .iter()
            .map(|((kind, scope), spell)| (format!("{kind}, {}", describe(scope)), spell.shown()))
            .collect();
        let stale = self.away.iter().chain(self.troubled.values()).map(|spell| spell.since_wall).min();
        json!({
            "away": self.away.as_ref().map(Spell::shown),
            "troubledWatches": watches,
            "staleSince": stale.map(rfc3339),
            "outages": self.outages,
        })
    }
}

fn describe(scope: &Scope) -> String {
    match scope {
        Scope::Everywhere => "all namespaces".to_owned(),
        Scope::Namespace(name) => format!("namespace {name}"),
    }
}

fn namespace(scope: &Scope) -> &str {
    match scope {
        Scope::Everywhere => "",
        Scope::Namespace(name) => name,
    }
}

impl Handler<ServerLost> for ApiServerActor {
    type Result = ();
    fn handle(&mut self, ServerLost { reason }: ServerLost, ctx: &mut Self::Context) {
        warn!(
            error = %reason,
            remedy = "what is served stays as it is; it is asked again until it answers",
            "API server does not answer: no change is seen from now on"
        );
        self.shell.failed(reason.clone());
        self.outages += 1;
        self.away = Some(self.spell(reason));
        observe(self, "ServerLost", ctx);
    }
}

impl Handler<ServerBack> for ApiServerActor {
    type Result = ();
    fn handle(&mut self, _: ServerBack, ctx: &mut Self::Context) {
        if let Some(spell) = self.away.take() {
            info!(away_seconds = self.seconds(&spell), "API server answers again");
        }
        observe(self, "ServerBack", ctx);
    }
}

impl Handler<WatchTroubled> for ApiServerActor {
    type Result = ();
    fn handle(&mut self, message: WatchTroubled, ctx: &mut Self::Context) {
        let WatchTroubled { kind, scope, reason, remedy } = message;
        warn!(%kind, namespace = namespace(&scope), error = %reason, remedy, "watch does not work");
        self.shell.failed(reason.clone());
        let mut spell = self.spell(reason);
        if let Some(before) = self.troubled.remove(&(kind, scope.clone())) {
            // Another cause, but the same time without news.
            (spell.since, spell.since_wall) = (before.since, before.since_wall);
        }
        self.troubled.insert((kind, scope), spell);
        observe(self, "WatchTroubled", ctx);
    }
}

impl Handler<WatchRecovered> for ApiServerActor {
    type Result = ();
    fn handle(&mut self, WatchRecovered { kind, scope }: WatchRecovered, ctx: &mut Self::Context) {
        if let Some(spell) = self.troubled.remove(&(kind, scope.clone())) {
            let troubled_seconds = self.seconds(&spell);
            info!(%kind, namespace = namespace(&scope), troubled_seconds, "watch works again");
        }
        observe(self, "WatchRecovered", ctx);
    }
}
