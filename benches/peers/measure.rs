//! The measurement: for each scenario all proxies are started, then measured in turn, round by round.
use crate::certificate::Certificate;
use crate::cluster::{self, host};
use crate::load::{self, Counted};
use crate::machine::Cores;
use crate::options::Options;
use crate::process::Running;
use crate::proxies::{self, Peer, Task};
use crate::scenario::{FLAT, Load, Scenario, Wire};
use crate::service::Service;
use crate::tls::{self, Client, HTTP_1_1, Negotiated};
use crate::tools::{Tool, Tools};
use crate::{h2load, handshakes, origin, websocket};
use anyhow::Context;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What came out for one scenario.
#[derive(Debug)]
pub struct Results {
    /// Which.
    pub scenario: &'static Scenario,
    /// Each proxy; with [`Load::Flat`] Pilotage with each number of hosts.
    pub rows: Vec<Row>,
}

/// What came out for one proxy.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub peer: Peer,
    /// How many hosts it knew.
    pub hosts: usize,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
    /// Resident memory after the last round, in bytes.
    pub memory: u64,
    /// What it agrees to with a client of TLS.
    pub negotiated: Option<Negotiated>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// What the load counted.
    pub counted: Counted,
    /// CPU time of the proxy meanwhile.
    pub cpu: Duration,
}

/// A proxy that is ready to be measured.
struct Contestant {
    row: Row,
    running: Running,
    address: SocketAddr,
    /// How many hosts the load asks for.
    asked: usize,
}

/// What stays the same for all scenarios.
struct Stage<'a> {
    options: &'a Options,
    tools: &'a Tools,
    cores: Cores,
    origin: SocketAddr,
    certificate: &'a Certificate,
    folder: &'a Path,
}

/// Measures what `options` ask for.
pub async fn everything(options: &Options, tools: &Tools, cores: Cores) -> anyhow::Result<Vec<Results>> {
    let folder = tempfile::Builder::new().prefix("pilotage-peers").tempdir()?;
    let certificate = Certificate::make(folder.path())?;
    let (origin_service, origin) = origin::start().await?;
    let stage = Stage { options, tools, cores, origin, certificate: &certificate, folder: folder.path() };
    let mut results = Vec::new();
    for &scenario in &options.scenarios {
        eprintln!("\n{}", scenario.title);
        let rows = stage.scenario(scenario).await.with_context(|| format!("scenario {}", scenario.name))?;
        results.push(Results { scenario, rows });
    }
    drop(origin_service);
    Ok(results)
}

impl Stage<'_> {
    async fn scenario(&self, scenario: &Scenario) -> anyhow::Result<Vec<Row>> {
        let mut clusters: Vec<Service> = Vec::new();
        let mut contestants = Vec::new();
        if scenario.load == Load::Flat {
            let Some(tool) = self.tools.of(Peer::Pilotage) else { return Ok(Vec::new()) };
            for hosts in FLAT {
                let (cluster, url) = cluster::start(hosts, self.origin, None).await?;
                clusters.push(cluster);
                contestants.push(self.contestant(tool, scenario, hosts, &url).await?);
            }
        } else {
            let mut url = String::new();
            if self.tools.of(Peer::Pilotage).is_some() {
                let certificate = self.certificate_for(scenario);
                let (cluster, address) = cluster::start(self.options.hosts, self.origin, certificate).await?;
                clusters.push(cluster);
                url = address;
            }
            for tool in self.tools.proxies.iter().filter(|tool| tool.peer.can(scenario.load)) {
                let all = tool.peer == Peer::Pilotage || scenario.load == Load::RandomHosts;
                let hosts = if all { self.options.hosts } else { 1 };
                contestants.push(self.contestant(tool, scenario, hosts, &url).await?);
            }
        }
        self.rounds(scenario, &mut contestants).await?;
        let row = |contestant: Contestant| Row { memory: contestant.running.memory(), ..contestant.row };
        Ok(contestants.into_iter().map(row).collect())
    }

    /// Starts a proxy and sees that it serves what will be asked of it.
    async fn contestant(
        &self,
        tool: &Tool,
        scenario: &Scenario,
        hosts: usize,
        url: &str,
    ) -> anyhow::Result<Contestant> {
        let folder = self.folder.join(format!("{}-{}-{hosts}", scenario.name, tool.peer.name()));
        std::fs::create_dir_all(&folder)?;
        let address = proxies::free_address()?;
        let certificate = self.certificate_for(scenario);
        let task = Task { listen: address, origin: self.origin, cluster: url, hosts, certificate, folder: &folder };
        let asked = if matches!(scenario.load, Load::RandomHosts | Load::Flat) { hosts } else { 1 };
        let (first, last) = (host(0), host(asked - 1));
        let client = Client::new(self.certificate, Some(HTTP_1_1))?;
        let serves = async || match (scenario.load, scenario.load.wire()) {
            (Load::WebSocket, _) => websocket::is_served(address, &first).await,
            (_, Wire::Tls { .. }) => tls::is_served(&client, address, &first, scenario.path).await,
            (_, Wire::Plain) => {
                load::is_served(address, &first, scenario.path).await
                    && load::is_served(address, &last, scenario.path).await
            }
        };
        let running = proxies::start(tool, &task, self.cores.proxy, serves).await?;
        let negotiated = match scenario.load.wire() {
            Wire::Plain => None,
            Wire::Tls { protocol } => Some(Client::new(self.certificate, protocol)?.probe(address, &first).await?),
        };
        let row = Row { peer: tool.peer, hosts, rounds: Vec::new(), memory: 0, negotiated };
        Ok(Contestant { row, running, address, asked })
    }

    /// What the proxies serve in `scenario`.
    fn certificate_for(&self, scenario: &Scenario) -> Option<&Certificate> {
        match scenario.load.wire() {
            Wire::Plain => None,
            Wire::Tls { .. } => Some(self.certificate),
        }
    }

    async fn rounds(&self, scenario: &Scenario, contestants: &mut [Contestant]) -> anyhow::Result<()> {
        for contestant in contestants.iter() {
            // Fills pools, grows buffers, settles what runs after a start.
            self.load(scenario, contestant, Duration::from_secs(1)).await?;
        }
        for round in 0..self.options.rounds {
            // Another one begins each time.
            contestants.rotate_left(usize::from(round > 0 && !contestants.is_empty()));
            for contestant in contestants.iter_mut() {
                let before = contestant.running.cpu();
                let counted = self.load(scenario, contestant, self.options.measurement).await?;
                let cpu = contestant.running.cpu().saturating_sub(before);
                let measured = Round { counted, cpu };
                eprintln!(
                    "  {:<9} {:>7} hosts {:>8.0}/s {:>7.2} us cpu, p50 {:?}, p99 {:?}, {} errors",
                    contestant.row.peer.to_string(),
                    contestant.row.hosts,
                    measured.rate(),
                    measured.cpu_per_request(),
                    counted.p50,
                    counted.p99,
                    counted.errors
                );
                contestant.row.rounds.push(measured);
            }
        }
        contestants.sort_by_key(|contestant| (contestant.row.peer, contestant.row.hosts));
        Ok(())
    }

    async fn load(&self, scenario: &Scenario, to: &Contestant, length: Duration) -> anyhow::Result<Counted> {
        let counted = match scenario.load {
            Load::WebSocket => websocket::run(to.address, &host(0), scenario.connections, length).await,
            Load::Handshakes => {
                let client = Client::new(self.certificate, Some(HTTP_1_1))?;
                handshakes::run(&client, scenario, to.address, &host(0), length).await
            }
            Load::Http2 { streams } => {
                let h2load = &self.tools.h2load.as_ref().context("no h2load")?.program;
                h2load::run(h2load, scenario, streams, to.address, &host(0), length, self.folder).await
            }
            _ => load::wrk(&self.tools.wrk.program, scenario, to.address, to.asked, length, self.folder).await,
        };
        counted.with_context(|| format!("load on {}", to.row.peer))
    }
}

impl Round {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        count(self.counted.requests) / self.counted.time.as_secs_f64().max(f64::EPSILON)
    }

    /// How much of its core the proxy used; well below 1 the load was the limit, and requests/s say little.
    pub fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.counted.time.as_secs_f64().max(f64::EPSILON)
    }

    /// Microseconds of CPU time per request.
    pub fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count(self.counted.requests).max(1.0)
    }
}

#[allow(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
fn count(requests: u64) -> f64 {
    requests as f64
}
