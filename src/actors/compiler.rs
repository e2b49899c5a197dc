//! The compiler: applies patches to the joined model and hands the resulting plan on. `compile/` decides, this shell tells.
//!
//! It also says in the log what changed for people: one line per router that appears, changes or goes, one per finding
//! that appears or is mended.
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::base::clock::Clock;
use crate::compile::{Compiler as Core, Outcome, Reports, RouterChange, RouterEvent};
use crate::messages::debug::FindingsChanged;
use crate::messages::facts::ApplyPatch;
use crate::messages::plan::InstallPlan;
use crate::messages::reports::{RecordEvent, WriteStatus};
use crate::model::finding::{Finding, Severity};
use actix::{Actor, Context, Handler};
use serde::Serialize;
use std::sync::Arc;
use tracing::{error, info, info_span, warn};

/// The compiler actor.
pub struct Compiler {
    core: Core,
    shell: Shell,
    clock: Arc<dyn Clock>,
    listener: Line<InstallPlan>,
    writers: Writers,
    debug: Line<FindingsChanged>,
    counts: Counts,
    first: First,
}

/// What was done so far.
#[derive(Serialize, Clone, Copy, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct Counts {
    patches: u64,
    compiled_ingresses: u64,
    #[serde(rename = "secretsReadOfIngresses")]
    read_ingresses: u64,
    #[serde(rename = "lastCompileMicroseconds")]
    last_micros: u64,
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    work: Counts,
    #[serde(flatten)]
    holds: crate::compile::Counts,
}

enum First {
    Awaited,
    Sent,
}

impl Compiler {
    /// An actor around `core`.
    pub fn new(
        core: Core,
        shell: Shell,
        clock: Arc<dyn Clock>,
        listener: Line<InstallPlan>,
        writers: Writers,
        debug: Line<FindingsChanged>,
    ) -> Self {
        Self { core, shell, clock, listener, writers, debug, counts: Counts::default(), first: First::Awaited }
    }

    fn publish(&mut self, outcome: Outcome) {
        let Outcome { plan, findings, routers, reports, compiled_ingresses, read_ingresses } = outcome;
        self.counts.compiled_ingresses += compiled_ingresses as u64;
        self.counts.read_ingresses += read_ingresses as u64;
        routers.iter().for_each(say_router);
        findings.appeared.iter().for_each(say_finding);
        findings.gone.iter().for_each(say_mended);
        if !findings.is_empty() {
            self.debug.tell(FindingsChanged { changes: findings });
        }
        // The first plan is sent even if it is empty: it makes the entry points ready.
        if !plan.is_empty() || matches!(self.first, First::Awaited) {
            self.first = First::Sent;
            self.listener.tell(InstallPlan { patch: plan });
        }
        let Reports { generation, addresses, claims, verdicts } = reports;
        if addresses.is_some() || !claims.is_empty() {
            self.writers.status.tell(WriteStatus { generation, addresses, claims });
        }
        if !verdicts.is_empty() {
            self.writers.events.tell(RecordEvent { generation, verdicts });
        }
    }
}

/// To those who tell the API server.
pub struct Writers {
    /// To the status writer.
    pub status: Line<WriteStatus>,
    /// To the event recorder.
    pub events: Line<RecordEvent>,
}

impl Actor for Compiler {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for Compiler {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        Shown { work: self.counts, holds: self.core.counts() }
    }
}

impl Handler<ApplyPatch> for Compiler {
    type Result = ();
    fn handle(&mut self, msg: ApplyPatch, ctx: &mut Self::Context) {
        let _entered = info_span!("compile").entered();
        let start = self.clock.now();
        let outcome = self.core.apply(msg.patch);
        self.counts.patches += 1;
        self.counts.last_micros =
            u64::try_from(self.clock.now().saturating_duration_since(start).as_micros()).unwrap_or(u64::MAX);
        self.publish(outcome);
        observe(self, "ApplyPatch", ctx);
    }
}

fn say_router(event: &RouterEvent) {
    let RouterEvent { change, router } = event;
    let (namespace, ingress) = (&router.origin.ingress.namespace, &router.origin.ingress.name);
    let (name, rule, status) = (&router.name, router.rule.text(), router.status().as_str());
    let reason = router.errors.first().map(|text| &**text);
    match change {
        RouterChange::Appeared => {
            info!(%namespace, %ingress, router = %name, rule, status, reason, "router appeared");
        }
        RouterChange::Changed => info!(%namespace, %ingress, router = %name, rule, status, reason, "router changed"),
        RouterChange::Gone => info!(%namespace, %ingress, router = %name, rule, "router gone"),
    }
}

fn say_finding(finding: &Finding) {
    let Finding { object, path, severity, reason, text } = finding;
    let namespace = object.namespace.as_deref().unwrap_or("");
    let (kind, name) = (object.kind.as_str(), &object.name);
    match severity {
        Severity::Error => {
            error!(kind, %namespace, %name, field = %path, reason, error = %text, "object not served as written")
        }
        Severity::Warning => {
            warn!(kind, %namespace, %name, field = %path, reason, error = %text, "remark on an object")
        }
    }
}

fn say_mended(finding: &Finding) {
    let Finding { object, path, reason, .. } = finding;
    let namespace = object.namespace.as_deref().unwrap_or("");
    info!(kind = object.kind.as_str(), %namespace, name = %object.name, field = %path, reason, "finding gone");
}
