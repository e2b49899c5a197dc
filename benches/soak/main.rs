//! Constant churn under traffic: does memory stay flat, and is every request answered as it should be?
//!
//! ```text
//! cargo bench --bench soak [-- --minutes 15 --rate 50 --pilotage PATH]
//! ```
//! 2,000 Ingresses; `--rate` changes per second of mixed kinds; requests to hosts that stay, over kept connections, all the
//! time. Ends with an error unless every answer was the expected one and the memory of the last third is within 5 % of
//! the middle third. Writes `benches/soak.md`. What changes is in `churn.rs`, the requests in `traffic.rs`.
mod churn;
#[path = "../common/mod.rs"]
mod common;
mod traffic;

use churn::Churn;
use common::args::Args;
use common::cluster::{Cluster, Kind};
use common::process::{Memory, Program, binary};
use common::report::{file, machine, megabytes};
use common::{now, objects, origin::Origin};
use std::fmt::Write;
use std::time::Duration;
use traffic::{Tally, Traffic};

/// Ingresses that stay for the whole time and are asked.
const STABLE: usize = 1_000;
/// Ingresses that come, change and go.
const CHANGING: usize = 1_000;
/// Services. Those of the lower half stay where they are, the endpoints of the others move.
const SERVICES: usize = 400;
/// Nodes.
const NODES: usize = 100;
/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// How much more memory the last third may have than the middle third.
const GROWTH: f64 = 1.05;

fn main() -> anyhow::Result<()> {
    let args = Args::read(&["minutes", "rate", "pilotage", "output"])?;
    let minutes: f64 = args.number("minutes", 15.0)?;
    let rate: f64 = args.number("rate", 50.0)?;
    anyhow::ensure!(minutes > 0.0 && rate > 0.0, "minutes and rate must be above 0");
    let length = Duration::from_secs_f64(minutes * 60.0);

    let changes = (length.as_secs_f64() * rate) as usize;
    let cluster = Cluster::open(changes * 2 + 20_000)?;
    let addresses = cluster.origin_addresses()?;
    let origins = ["first", "second", "third"].map(|name| Origin::start(name, &addresses));
    let origins = origins.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    fill(&cluster, &origins)?;
    let mut program = Program::start(&binary(&args), &cluster.program_options(), cluster.kubeconfig())?;
    program.wait_until_ready()?;
    let traffic = Traffic::start(program.web);
    let churned = run(&program, &cluster, &origins, length, rate);
    // Traffic is stopped and told in any case.
    let tally = traffic.stop();
    let run = churned?;

    let text = report(&run, &tally, minutes, rate);
    println!("{text}");
    match args.text("output", "soak.md").as_str() {
        "-" => {}
        name => std::fs::write(file(name), &text)?,
    }
    drop(program);
    anyhow::ensure!(tally.errors == 0, "{} wrong answers; the first: {:?}", tally.errors, tally.first);
    anyhow::ensure!(run.is_flat(), "memory grew: {:?} MB by thirds", run.thirds());
    Ok(())
}

fn fill(cluster: &Cluster, origins: &[Origin]) -> anyhow::Result<()> {
    let first = origins.first().ok_or_else(|| anyhow::anyhow!("no origin"))?;
    cluster.fill(Kind::Service, (0..SERVICES).map(|number| objects::service(&service(number))))?;
    cluster.fill(Kind::Slice, (0..SERVICES).map(|number| objects::slice(&service(number), first)))?;
    cluster.fill(
        Kind::Ingress,
        (0..STABLE).map(|number| {
            objects::ingress(&format!("stable-{number}"), &stable_host(number), "/", &service(number % SERVICES))
        }),
    )?;
    cluster.fill(Kind::Ingress, (0..CHANGING).map(|number| churn::ingress(number, 0)))?;
    cluster.fill(Kind::Secret, (0..100).map(|number| objects::secret(&format!("secret-{number}"), 0)))?;
    if cluster.owns_nodes() {
        cluster.fill(Kind::Node, (0..NODES).map(|number| objects::node(&format!("node-{number}"), number)))?;
    }
    Ok(())
}

/// Name of a Service.
fn service(number: usize) -> String {
    format!("backend-{number}")
}

/// Whether the endpoints of a Service move.
fn moves(service: usize) -> bool {
    service >= SERVICES / 2
}

/// Host of an Ingress that stays.
fn stable_host(number: usize) -> String {
    format!("stable-{number}.bench.example")
}

/// What was seen of the program.
struct Run {
    samples: Vec<Memory>,
    changes: u64,
    /// Longest the changes were behind their pace.
    behind: Duration,
    cpu: Duration,
}

fn run(program: &Program, cluster: &Cluster, origins: &[Origin], length: Duration, rate: f64) -> anyhow::Result<Run> {
    let mut churn = Churn::new(cluster, origins);
    let (start, before) = (now(), program.cpu()?);
    let mut run = Run { samples: Vec::new(), changes: 0, behind: Duration::ZERO, cpu: Duration::ZERO };
    let mut sample_at = start + SAMPLE;
    while start.elapsed() < length {
        churn.step()?;
        run.changes += 1;
        if now() >= sample_at {
            run.samples.push(program.memory()?);
            sample_at += SAMPLE;
            if run.samples.len().is_multiple_of(12) {
                eprintln!("{} minutes: {:.1} MB", run.samples.len() / 12, megabytes(program.memory()?.resident));
            }
        }
        let due = start + Duration::from_secs_f64(run.changes as f64 / rate);
        run.behind = run.behind.max(now().saturating_duration_since(due));
        std::thread::sleep(due.saturating_duration_since(now()));
    }
    run.cpu = program.cpu()?.saturating_sub(before);
    Ok(run)
}

impl Run {
    /// Mean memory of the first, the middle and the last third, in MB.
    fn thirds(&self) -> [f64; 3] {
        let third = (self.samples.len() / 3).max(1);
        let mean = |samples: &[Memory]| {
            samples.iter().map(|sample| megabytes(sample.resident)).sum::<f64>() / samples.len().max(1) as f64
        };
        let part = |from: usize| mean(self.samples.get(from..).unwrap_or_default().get(..third).unwrap_or_default());
        [part(0), part(third), part(self.samples.len().saturating_sub(third))]
    }

    fn is_flat(&self) -> bool {
        let [_, middle, last] = self.thirds();
        last <= middle * GROWTH
    }
}

fn report(run: &Run, tally: &Tally, minutes: f64, rate: f64) -> String {
    let [first, middle, last] = run.thirds();
    let verdict = |holds: bool| if holds { "holds" } else { "**missed**" };
    let mut text = format!(
        "# Soak\n\nWritten by `cargo bench --bench soak -- --minutes {minutes} --rate {rate}`. {} Ingresses, {SERVICES} \
         Services; Ingresses come,\nchange and go, endpoints move between three living origins, Secrets and Nodes \
         change; requests to the hosts\nthat stay, over {} kept connections. One proxy worker. Everything on one \
         machine: {}.\n\n",
        STABLE + CHANGING,
        traffic::CONNECTIONS,
        machine()
    );
    let resident: Vec<f64> = run.samples.iter().map(|sample| megabytes(sample.resident)).collect();
    let least = resident.iter().copied().fold(f64::INFINITY, f64::min);
    let most = resident.iter().copied().fold(0.0, f64::max);
    let growth = format!("{:+.1} % from the middle to the last third", (last / middle.max(1e-9) - 1.0) * 100.0);
    let rows = [
        ("changes written", run.changes.to_string(), String::new()),
        ("longest behind the pace", format!("{:?}", run.behind), String::new()),
        ("requests answered", tally.answered.to_string(), String::new()),
        ("wrong or failed", tally.errors.to_string(), format!("0: {}", verdict(tally.errors == 0))),
        ("memory by thirds, MB", format!("{first:.1}, {middle:.1}, {last:.1}"), String::new()),
        ("growth", growth, format!("at most 5 %: {}", verdict(run.is_flat()))),
        ("memory, least and most, MB", format!("{least:.1}, {most:.1}"), String::new()),
        ("samples", run.samples.len().to_string(), String::new()),
        ("processor time", format!("{:.1?}", run.cpu), String::new()),
    ];
    text.push_str("|  | measured | bound |\n| --- | ---: | --- |\n");
    for (name, value, bound) in rows {
        // Writing to a String cannot fail.
        writeln!(text, "| {name} | {value} | {bound} |").unwrap_or_default();
    }
    text.push_str("\nMemory (MB) once a minute: ");
    let minutes: Vec<String> = resident.iter().step_by(12).map(|megabytes| format!("{megabytes:.1}")).collect();
    text.push_str(&minutes.join(", "));
    text.push('\n');
    text
}
