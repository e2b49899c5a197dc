//! The proxy listener: makes a plan the table that requests see, and starts the drain.
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::base::clock::Clock;
use crate::messages::plan::{InstallPlan, PlanInstalled, StartDrain};
use crate::proxy::{Publisher, StopHandle};
use actix::{Actor, Context, Handler};
use serde_json::json;
use std::sync::Arc;
use tracing::info;

/// The proxy-listener actor.
pub struct ProxyListener {
    publisher: Publisher,
    stop: StopHandle,
    addresses: Vec<(Arc<str>, std::net::SocketAddr)>,
    shell: Shell,
    clock: Arc<dyn Clock>,
    installed: Line<PlanInstalled>,
    last_micros: u64,
}

impl ProxyListener {
    /// An actor that installs through `publisher` and drains through `stop`.
    pub fn new(
        publisher: Publisher,
        stop: StopHandle,
        addresses: Vec<(Arc<str>, std::net::SocketAddr)>,
        shell: Shell,
        clock: Arc<dyn Clock>,
        installed: Line<PlanInstalled>,
    ) -> Self {
        Self { publisher, stop, addresses, shell, clock, installed, last_micros: 0 }
    }
}

impl Actor for ProxyListener {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for ProxyListener {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn state(&self) -> serde_json::Value {
        let table = self.publisher.table();
        let addresses: serde_json::Map<String, serde_json::Value> =
            self.addresses.iter().map(|(name, address)| (name.to_string(), address.to_string().into())).collect();
        json!({
            "generation": table.generation(),
            "ready": table.is_ready(),
            "routers": table.routers().count(),
            "services": table.balancers().count(),
            "certificates": table.certificates().count(),
            "lastInstallMicroseconds": self.last_micros,
            "entryPoints": addresses,
        })
    }
}

impl Handler<InstallPlan> for ProxyListener {
    type Result = ();
    fn handle(&mut self, InstallPlan { patch }: InstallPlan, ctx: &mut Self::Context) {
        let start = self.clock.now();
        self.publisher.install(&patch);
        let elapsed = self.clock.now().saturating_duration_since(start);
        self.last_micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        info!(
            generation = patch.generation,
            routers = patch.routers.len(),
            services = patch.balancers.len(),
            certificates = patch.certificates.len(),
            elapsed_ms = elapsed.as_secs_f64() * 1e3,
            "plan installed"
        );
        self.installed.tell(PlanInstalled { generation: patch.generation });
        observe(self, "InstallPlan", ctx);
    }
}

impl Handler<StartDrain> for ProxyListener {
    type Result = ();
    fn handle(&mut self, _: StartDrain, ctx: &mut Self::Context) {
        self.stop.start_drain();
        observe(self, "StartDrain", ctx);
    }
}
