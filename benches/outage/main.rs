//! The API server goes away for a while under traffic, and comes back with changes: does any request fail, and how soon are
//! the changes live?
//!
//! ```text
//! cargo bench --bench outage [-- --seconds 600 --rate 1000 --changes 500 --ingresses 2000 --pilotage PATH]
//! ```
//! The program is a process of its own; the API server, in this one, resets every connection for the length of the outage.
//! Its history is compacted meanwhile, as etcd does every five minutes, so that the watches have to list anew. Ends with an
//! error unless every request was answered as before and all changes were live within a second. Writes `benches/outage.md`.
mod changes;
#[path = "../common/mod.rs"]
mod common;
mod traffic;

use anyhow::Context;
use changes::Changes;
use common::args::Args;
use common::client::Connection;
use common::cluster::{Cluster, Inside, Kind};
use common::process::{Program, binary};
use common::report::{file, machine};
use common::{now, objects, origin::Origin};
use pilotage::apiserver::faults::Network;
use std::fmt::Write;
use std::time::Duration;
use traffic::{Tally, Traffic};

/// Ingresses that are asked all the time and never change.
pub const STABLE: usize = 500;
/// What the first origin says.
pub const FIRST: &str = "first";
/// What the second one says.
pub const SECOND: &str = "second";
/// Until all changes are live, at most.
const BOUND: Duration = Duration::from_secs(1);
/// When we stop waiting for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Host of an Ingress that stays.
pub fn stable_host(number: usize) -> String {
    format!("stable-{number}.bench.example")
}

/// The Service of all that leads to one origin.
pub fn backend(origin: &str) -> String {
    format!("backend-{origin}")
}

/// What is to be measured.
struct Plan {
    length: Duration,
    rate: f64,
    changes: usize,
    ingresses: usize,
}

/// What was seen.
struct Run {
    /// From the first reset until the program said so.
    noticed: Duration,
    /// From the end of the outage until the last change was live.
    live: Duration,
    ready_throughout: bool,
    outages: serde_json::Value,
    cpu: Duration,
}

fn main() -> anyhow::Result<()> {
    let args = Args::read(&["seconds", "rate", "changes", "ingresses", "pilotage", "output"])?;
    let plan = Plan {
        length: Duration::from_secs_f64(args.number("seconds", 600.0)?),
        rate: args.number("rate", 1000.0)?,
        changes: args.number("changes", 500)?,
        ingresses: args.number("ingresses", 2_000)?,
    };
    anyhow::ensure!(plan.rate > 0.0 && plan.ingresses >= STABLE, "a rate above 0, and at least {STABLE} Ingresses");
    let cluster = Cluster::open(plan.ingresses * 2 + plan.changes * 8 + 10_000)?;
    let inside = cluster.inside().context("the API server has to be ours to go away: unset KUBECONFIG")?;
    let addresses = cluster.origin_addresses()?;
    let (first, second) = (Origin::start(FIRST, &addresses)?, Origin::start(SECOND, &addresses)?);
    fill(&cluster, &plan, &first, &second)?;
    let mut program = Program::start(&binary(&args), &cluster.program_options(), cluster.kubeconfig())?;
    program.wait_until_ready()?;
    let traffic = Traffic::start(program.web, plan.rate);
    let changes = Changes { inside, namespace: &cluster.namespace, second: &second };
    let run = run(&program, &changes, &plan);
    // Traffic is stopped and told in any case.
    let tally = traffic.stop();
    let run = run?;

    let text = report(&plan, &run, &tally);
    println!("{text}");
    match args.text("output", "outage.md").as_str() {
        "-" => {}
        name => std::fs::write(file(name), &text)?,
    }
    drop(program);
    anyhow::ensure!(tally.failed == 0, "{} failed requests; the first: {:?}", tally.failed, tally.first);
    anyhow::ensure!(run.ready_throughout, "/ready was not 200 throughout");
    anyhow::ensure!(run.live <= BOUND, "the changes were live after {:?}", run.live);
    Ok(())
}

fn fill(cluster: &Cluster, plan: &Plan, first: &Origin, second: &Origin) -> anyhow::Result<()> {
    for origin in [first, second] {
        let name = backend(&origin.name);
        cluster.create(Kind::Service, &objects::service(&name))?;
        cluster.create(Kind::Slice, &objects::slice(&name, origin))?;
    }
    let stay =
        |number: usize| objects::ingress(&format!("stable-{number}"), &stable_host(number), "/", &backend(FIRST));
    cluster.fill(Kind::Ingress, (0..plan.ingresses).map(stay))?;
    let (services, slices, ingresses) = Changes::before(plan.changes, first);
    cluster.fill(Kind::Service, services.into_iter())?;
    cluster.fill(Kind::Slice, slices.into_iter())?;
    cluster.fill(Kind::Ingress, ingresses.into_iter())
}

fn run(program: &Program, changes: &Changes<'_>, plan: &Plan) -> anyhow::Result<Run> {
    let Inside { store, faults } = &changes.inside;
    let (mut web, mut admin) = (Connection::new(program.web), Connection::new(program.admin));
    // The traffic is to be at its pace.
    std::thread::sleep(Duration::from_secs(2));
    let (start, cpu) = (now(), program.cpu()?);
    faults.set_network(Network::Refusing);
    faults.drop_connections();
    until("the program notices", || Ok(!program.actor("api-server")?["away"].is_null()))?;
    let noticed = start.elapsed();
    let mut ready_throughout = true;
    for number in 0..plan.changes {
        changes.make(number)?;
        let due = start + plan.length.mul_f64((number + 1) as f64 / (plan.changes + 1) as f64);
        std::thread::sleep(due.saturating_duration_since(now()));
        ready_throughout &= admin.get("localhost", "/ready")?.status == 200;
    }
    store.compact();
    changes::none_is_live(&mut web, plan.changes)?;
    std::thread::sleep((start + plan.length).saturating_duration_since(now()));
    let cpu = program.cpu()?.saturating_sub(cpu);

    let back = now();
    faults.set_network(Network::Fine);
    for number in 0..plan.changes {
        until("the changes are live", || changes::is_live(&mut web, number))?;
    }
    let live = back.elapsed();
    ready_throughout &= admin.get("localhost", "/ready")?.status == 200;
    until("the program says that all is well", || Ok(program.actor("api-server")?["staleSince"].is_null()))?;
    let outages = program.actor("api-server")?["outages"].clone();
    Ok(Run { noticed, live, ready_throughout, outages, cpu })
}

fn until(what: &str, mut holds: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let start = now();
    while !holds()? {
        anyhow::ensure!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn report(plan: &Plan, run: &Run, tally: &Tally) -> String {
    let verdict = |holds: bool| if holds { "holds" } else { "**missed**" };
    let Plan { length, rate, changes, ingresses } = plan;
    let mut text = format!(
        "# Outage of the API server\n\nWritten by `cargo bench --bench outage -- --seconds {} --rate {rate} --changes \
         {changes} --ingresses {ingresses}`. {ingresses} Ingresses\nand those that change. The API server resets every \
         connection for {length:?}; meanwhile Ingresses appear, go and\nchange their Service, endpoints move, and its \
         history is compacted, so that all watches list anew. Requests to\n{STABLE} of the other hosts over {} kept \
         connections. One proxy worker. Everything on one machine: {}.\n\n",
        length.as_secs_f64(),
        traffic::CONNECTIONS,
        machine()
    );
    let rows = [
        ("requests answered as before", tally.answered.to_string(), String::new()),
        ("failed", tally.failed.to_string(), format!("0: {}", verdict(tally.failed == 0))),
        ("slowest answer", format!("{:.1?}", tally.slowest), String::new()),
        ("outage noticed and said after", format!("{:.1?}", run.noticed), String::new()),
        (
            "`/ready` 200 throughout",
            run.ready_throughout.to_string(),
            format!("yes: {}", verdict(run.ready_throughout)),
        ),
        ("changes made meanwhile", changes.to_string(), String::new()),
        ("all of them live after its end", format!("{:.1?}", run.live), format!("1 s: {}", verdict(run.live <= BOUND))),
        ("outages told", run.outages.to_string(), String::new()),
        ("processor time of the outage, traffic included", format!("{:.1?}", run.cpu), String::new()),
    ];
    text.push_str("|  | measured | bound |\n| --- | ---: | --- |\n");
    for (name, value, bound) in rows {
        // Writing to a String cannot fail.
        writeln!(text, "| {name} | {value} | {bound} |").unwrap_or_default();
    }
    text
}
