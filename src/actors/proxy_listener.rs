//! The proxy listener: owns the data plane. Makes a plan the table that requests see, drains, and notices a dead worker.
use super::pulse::PulseMonitor;
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::base::clock::Clock;
use crate::messages::plan::{InstallPlan, PlanInstalled, StartDrain};
use crate::proxy::table::Counts;
use crate::proxy::{Grace, Proxy, Totals};
use actix::{Actor, AsyncContext, Context, Handler, ResponseFuture};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tracing::info;

/// How often the workers are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The proxy-listener actor.
pub struct ProxyListener {
    proxy: Proxy,
    phase: Phase,
    monitor: PulseMonitor,
    shell: Shell,
    clock: Arc<dyn Clock>,
    installed: Vec<Line<PlanInstalled>>,
    last_micros: u64,
    /// Where entry points listen, as the debug page shows it.
    addresses: Arc<BTreeMap<Arc<str>, SocketAddr>>,
    shown_traffic: Totals,
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    generation: u64,
    ready: bool,
    draining: bool,
    routers: usize,
    services: usize,
    certificates: usize,
    last_install_microseconds: u64,
    entry_points: Arc<BTreeMap<Arc<str>, SocketAddr>>,
    traffic: Totals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
}

impl ProxyListener {
    /// An actor around a proxy whose workers run. A worker that ends in a panic is reported to `monitor`; all of
    /// `installed` are told of each plan that is live.
    pub fn new(
        proxy: Proxy,
        monitor: PulseMonitor,
        shell: Shell,
        clock: Arc<dyn Clock>,
        installed: Vec<Line<PlanInstalled>>,
    ) -> Self {
        let addresses = Arc::new(proxy.addresses().iter().cloned().collect());
        Self {
            proxy,
            phase: Phase::Serving,
            monitor,
            shell,
            clock,
            installed,
            last_micros: 0,
            addresses,
            shown_traffic: Totals::default(),
        }
    }
}

impl Actor for ProxyListener {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
        ctx.run_interval(LOOK, |actor, ctx| {
            if actor.phase == Phase::Serving && !actor.proxy.is_alive() {
                actor.monitor.report("proxy worker");
            }
            // Traffic sends no message, but the debug page shows it.
            let traffic = actor.proxy.totals();
            if traffic != actor.shown_traffic {
                actor.shown_traffic = traffic;
                introduce(actor, ctx);
            }
        });
    }
}

impl Observable for ProxyListener {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        let table = self.proxy.publisher().table();
        let Counts { routers, balancers, certificates } = table.counts();
        Shown {
            generation: table.generation(),
            ready: table.is_ready(),
            draining: self.phase == Phase::Draining,
            routers,
            services: balancers,
            certificates,
            last_install_microseconds: self.last_micros,
            entry_points: Arc::clone(&self.addresses),
            traffic: self.proxy.totals(),
        }
    }
}

impl Handler<InstallPlan> for ProxyListener {
    type Result = ();
    fn handle(&mut self, InstallPlan { patch }: InstallPlan, ctx: &mut Self::Context) {
        let start = self.clock.now();
        self.proxy.publisher().install(&patch);
        let elapsed = self.clock.now().saturating_duration_since(start);
        self.last_micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        info!(
            generation = patch.generation,
            routers = patch.routers.len(),
            services = patch.balancers.len(),
            certificates = patch.certificates.len(),
            elapsed_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3,
            "plan installed"
        );
        for line in &self.installed {
            line.tell(PlanInstalled { generation: patch.generation });
        }
        observe(self, "InstallPlan", ctx);
    }
}

impl Handler<StartDrain> for ProxyListener {
    type Result = ResponseFuture<()>;
    fn handle(&mut self, _: StartDrain, ctx: &mut Self::Context) -> Self::Result {
        self.phase = Phase::Draining;
        let drained = self.proxy.drain(Grace::Configured);
        observe(self, "StartDrain", ctx);
        Box::pin(drained)
    }
}
