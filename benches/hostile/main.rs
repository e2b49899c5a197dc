//! Ten thousand clients that send their heads a byte at a time, and a large upload: what does it cost everybody else?
//!
//! ```text
//! cargo bench --bench hostile [-- --clients 10000 --gigabytes 1 --rate 125 --seconds 10 --pilotage PATH]
//! ```
//! The upload comes at `--rate` megabytes per second, what a link of 1 Gbit/s carries: without a limit it would take the
//! processors away from the other clients, not only the proxy. One proxy worker, started as ever with its objects in the embedded API server. Ends with an error if the 99th percentile of
//! the other clients' answers is twice its idle value or more, if any of them fails, or if memory is not bounded. Writes
//! `benches/hostile.md`. The attackers are in `attack.rs`, the server and the other clients in `service.rs`.
mod attack;
#[path = "../common/mod.rs"]
mod common;
mod service;

use anyhow::ensure;
use attack::{Attack, Idle};
use common::args::Args;
use common::process::{Memory, Program, binary};
use common::report::{file, machine, megabytes, milliseconds, percentile};
use service::{Probe, Server};
use std::fmt::Write;
use std::time::Duration;

/// Files that each side needs beside one for each attacker.
const SPARE_FILES: u64 = 512;
/// Most memory that the program may have with all attackers and the upload, in bytes for each attacker.
const BYTES_PER_ATTACKER: u64 = 36 << 10;
/// Most memory beside that.
const BASE: u64 = 96 << 20;

/// What was measured.
struct Run {
    idle: Vec<Duration>,
    attacked: Vec<Duration>,
    uploading: Vec<Duration>,
    failed: usize,
    upload: Duration,
    start: Memory,
    kept: Memory,
    slow: Memory,
    uploaded: Memory,
    after: Memory,
}

fn main() -> anyhow::Result<()> {
    let args = Args::read(&["clients", "gigabytes", "rate", "seconds", "pilotage", "output"])?;
    let clients: usize = args.number("clients", 10_000)?;
    let gigabytes: f64 = args.number("gigabytes", 1.0)?;
    let rate: f64 = args.number("rate", 125.0)?;
    let seconds: f64 = args.number("seconds", 10.0)?;
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    let needed = clients as u64 + SPARE_FILES;
    ensure!(files >= needed, "{needed} open files are needed, {files} are allowed: see `ulimit -n`");

    let run = measure(&args, clients, (gigabytes, rate), Duration::from_secs_f64(seconds))?;
    let text = report(&run, clients, (gigabytes, rate), seconds);
    println!("{text}");
    match args.text("output", "hostile.md").as_str() {
        "-" => {}
        name => std::fs::write(file(name), &text)?,
    }
    ensure!(run.failed == 0, "{} requests of other clients failed", run.failed);
    ensure!(run.is_quick(), "other clients wait too long");
    ensure!(run.is_bounded(clients), "memory is not bounded");
    Ok(())
}

fn measure(args: &Args, clients: usize, (gigabytes, rate): (f64, f64), length: Duration) -> anyhow::Result<Run> {
    let server = Server::start()?;
    let folder = server.manifests()?;
    let options =
        [format!("--standalone.manifests={}", folder.path().display()), format!("--maxconnections={}", clients + 500)];
    let mut program = Program::start(&binary(args), &options, None)?;
    program.wait_until_ready()?;
    let start = program.memory()?;
    let mut failed = 0;
    let mut probe = |length: Duration, until: &dyn Fn() -> bool| {
        let (times, wrong) = Probe::run(program.web, length, until);
        failed += wrong;
        times
    };
    let mut run = Run {
        idle: probe(length, &|| true),
        attacked: Vec::new(),
        uploading: Vec::new(),
        failed: 0,
        upload: Duration::ZERO,
        start,
        kept: start,
        slow: start,
        uploaded: start,
        after: start,
    };
    let idle = Idle::open(program.web, clients)?;
    run.kept = program.memory()?;
    drop(idle);
    let attack = Attack::start(program.web, clients)?;
    run.attacked = probe(length, &|| true);
    run.slow = program.memory()?;
    let upload = server.upload(program.web, (gigabytes * 1e9) as u64, rate * 1e6);
    run.uploading = probe(Duration::ZERO, &|| upload.is_finished());
    run.upload = upload.join().map_err(|_| anyhow::anyhow!("the upload panicked"))??;
    run.uploaded = program.memory()?;
    let reached = attack.stop();
    ensure!(reached >= clients, "only {reached} slow clients were there");
    std::thread::sleep(Duration::from_secs(2));
    run.after = program.memory()?;
    run.failed = failed;
    run.idle.sort_unstable();
    run.attacked.sort_unstable();
    run.uploading.sort_unstable();
    Ok(run)
}

impl Run {
    fn is_quick(&self) -> bool {
        let idle = percentile(&self.idle, 99);
        percentile(&self.attacked, 99) < idle * 2 && percentile(&self.uploading, 99) < idle * 2
    }

    fn is_bounded(&self, clients: usize) -> bool {
        self.uploaded.peak < BASE + BYTES_PER_ATTACKER * clients as u64
    }
}

fn report(run: &Run, clients: usize, (gigabytes, rate): (f64, f64), seconds: f64) -> String {
    let mut text = format!(
        "# Hostile clients\n\nWritten by `cargo bench --bench hostile -- --clients {clients} --gigabytes {gigabytes} --rate {rate} --seconds \
         {seconds}`. {clients} clients send\na head one byte at a time and never end it, then one more uploads {gigabytes} GB at \
         {rate} MB/s. Meanwhile other clients\nask on four kept connections. One proxy worker; everything runs on one machine: {}.\n\n\
         | what the other clients see | requests | p50, ms | p99, ms |\n| --- | ---: | ---: | ---: |\n",
        machine()
    );
    let rows = [
        ("nobody else", &run.idle),
        ("the slow clients", &run.attacked),
        ("the slow clients and the upload", &run.uploading),
    ];
    for (name, times) in rows {
        let (half, most) = (milliseconds(percentile(times, 50)), milliseconds(percentile(times, 99)));
        // Writing to a String cannot fail.
        writeln!(text, "| {name} | {} | {half:.2} | {most:.2} |", times.len()).unwrap_or_default();
    }
    let verdict = |holds: bool| if holds { "holds" } else { "**missed**" };
    writeln!(
        text,
        "\np99 under twice its idle value: {}. Failed requests: {}. The upload took {:.2} s.\n",
        verdict(run.is_quick()),
        run.failed,
        run.upload.as_secs_f64()
    )
    .unwrap_or_default();
    text.push_str("| memory of the program, MB | resident | bytes per client |\n| --- | ---: | ---: |\n");
    let per_client = |memory: Memory| memory.resident.saturating_sub(run.start.resident) / clients.max(1) as u64;
    let rows = [
        ("at the start", run.start, None),
        ("with as many idle connections, each after one request", run.kept, Some(per_client(run.kept))),
        ("with the slow clients", run.slow, Some(per_client(run.slow))),
        ("after the upload, slow clients still there", run.uploaded, None),
        ("two seconds after all have left", run.after, None),
    ];
    for (name, memory, each) in rows {
        let each = each.map_or_else(String::new, |bytes| bytes.to_string());
        writeln!(text, "| {name} | {:.1} | {each} |", megabytes(memory.resident)).unwrap_or_default();
    }
    let limit = BASE + BYTES_PER_ATTACKER * clients as u64;
    writeln!(
        text,
        "\nPeak: {:.1} MB, bound {:.1} MB: {}. Memory is read from `/proc/PID/status`; what sockets hold in the kernel is not in it.",
        megabytes(run.uploaded.peak),
        megabytes(limit),
        verdict(run.is_bounded(clients))
    )
    .unwrap_or_default();
    text
}
