//! How evenly connections are spread over the workers.
//!
//! ```text
//! cargo bench --bench balance [-- --workers 4 --times 20 --pilotage PATH --output balance.md]
//! ```
//! Each worker has listeners of its own (`SO_REUSEPORT`), and the kernel picks one per connection by a hash of its
//! addresses. Here connections that stay send the same number of requests each, so that a worker's processor time is its
//! share of the connections. Beside it stands what pure chance gives, and what a perfect choice would: 1.
#[path = "common/mod.rs"]
mod common;

use anyhow::ensure;
use common::args::Args;
use common::client::Connection;
use common::cluster::{Cluster, Kind};
use common::objects;
use common::origin::Origin;
use common::process::{Program, binary};
use std::fmt::Write;

/// Numbers of connections.
const CONNECTIONS: [usize; 4] = [16, 64, 256, 1024];
/// Requests of all connections together, each time: enough to stand out from what a worker does by itself.
const REQUESTS: usize = 4096;
const HOST: &str = "balance.bench.example";

fn main() -> anyhow::Result<()> {
    let args = Args::read(&["workers", "times", "pilotage", "output"])?;
    let (workers, times) = (args.number("workers", 4)?, args.number("times", 20)?);
    ensure!(workers > 1 && times > 0, "there is nothing to spread");
    let cluster = Cluster::open(1_000)?;
    let origin = Origin::start("origin", &cluster.origin_addresses()?)?;
    cluster.fill(Kind::Service, std::iter::once(objects::service("backend")))?;
    cluster.fill(Kind::Slice, std::iter::once(objects::slice("backend", &origin)))?;
    cluster.fill(Kind::Ingress, std::iter::once(objects::ingress("balance", HOST, "/app", "backend")))?;
    let options = [cluster.program_options(), vec![format!("--workers={workers}")]].concat();
    let mut program = Program::start(&binary(&args), &options, cluster.kubeconfig())?;
    program.wait_until_ready()?;

    let mut text = format!(
        "# How evenly connections are spread\n\nWritten by `cargo bench --bench balance`. {workers} workers, connections \
         that stay, the same number of requests on each; median of {times} times.\nThe share of the busiest worker in \
         the processor time of all, and of the idlest, as multiples of an even share; in brackets\nwhat pure chance \
         gives. Everything on one machine: {}.\n\n| Connections | Busiest | Idlest |\n| ---: | ---: | ---: |\n",
        common::report::machine()
    );
    for connections in CONNECTIONS {
        let mut measured = Vec::new();
        for _ in 0..times {
            measured.push(extremes(&shares(&program, workers, connections)?));
        }
        let mut random = Random(1);
        let by_chance = (0..2_000).map(|_| extremes(&random.shares(workers, connections))).collect();
        let ((most, least), (chance_most, chance_least)) = (median(measured), median(by_chance));
        let line = format!("| {connections} | {most:.2} ({chance_most:.2}) | {least:.2} ({chance_least:.2}) |");
        eprintln!("{line}");
        writeln!(text, "{line}")?;
    }
    println!("{text}");
    match args.text("output", "balance.md").as_str() {
        "-" => {}
        name => std::fs::write(common::report::file(name), text)?,
    }
    Ok(())
}

/// What each worker did for fresh connections.
fn shares(program: &Program, workers: usize, connections: usize) -> anyhow::Result<Vec<f64>> {
    let mut all: Vec<Connection> = (0..connections).map(|_| Connection::new(program.web)).collect();
    // To open them is no part of it.
    all.iter_mut().try_for_each(ask)?;
    let before = program.cpu_by_thread()?;
    for _ in 0..REQUESTS.div_ceil(connections) {
        all.iter_mut().try_for_each(ask)?;
    }
    let after = program.cpu_by_thread()?;
    // The main thread has the id of the process; of the others the workers alone work.
    let mut used: Vec<f64> = after
        .iter()
        .filter(|(id, _)| **id != program.id())
        .map(|(id, time)| time.saturating_sub(before.get(id).copied().unwrap_or_default()).as_secs_f64())
        .collect();
    used.sort_by(|left, right| right.total_cmp(left));
    used.truncate(workers);
    ensure!(used.len() == workers, "{} threads beside the main one", used.len());
    Ok(used)
}

fn ask(connection: &mut Connection) -> anyhow::Result<()> {
    let answer = connection.get(HOST, "/app/x")?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(())
}

/// The largest and the smallest as multiples of the mean.
fn extremes(shares: &[f64]) -> (f64, f64) {
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let (most, least) = shares.iter().fold((0.0, f64::MAX), |(most, least), share| (share.max(most), share.min(least)));
    (most / mean, least / mean)
}

fn median(pairs: Vec<(f64, f64)>) -> (f64, f64) {
    let (mut most, mut least): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    most.sort_by(f64::total_cmp);
    least.sort_by(f64::total_cmp);
    let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    (middle(&most), middle(&least))
}

/// SplitMix64: chance that is the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shares(&mut self, workers: usize, connections: usize) -> Vec<f64> {
        let mut counts = vec![0.0; workers];
        for _ in 0..connections {
            let chosen = self.next() % workers as u64;
            counts.iter_mut().zip(0..).filter(|(_, worker)| *worker == chosen).for_each(|(count, _)| *count += 1.0);
        }
        counts
    }
}
