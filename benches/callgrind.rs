//! Instructions per routed request among 10, 1,000 and 100,000 hosts, counted by valgrind (`benches/callgrind.sh`).
//!
//! Run without arguments it starts itself under `valgrind --tool=callgrind` once per size; there, just the function
//! [`measured_routes`] is counted. Counts do not depend on what else the machine does; they say nothing about caches.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]
mod world;

use std::hint::black_box;
use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};
use world::{World, host, numbers_below};

/// The sizes.
const HOSTS: [usize; 3] = [10, 1_000, 100_000];

/// How many requests are routed.
const REQUESTS: usize = 10_000;

/// Argument that makes it do the work instead of starting it.
const WORK: &str = "--work=";

fn main() -> ExitCode {
    let work = std::env::args().find_map(|arg| arg.strip_prefix(WORK).map(str::to_owned));
    if let Some(hosts) = work {
        return route(hosts.parse().unwrap_or(0));
    }
    println!("| Hosts | Instructions per route | to {} hosts |\n|--:|--:|--:|", HOSTS[0]);
    let mut first = None;
    for hosts in HOSTS {
        match count(hosts) {
            Ok(instructions) => {
                let few = *first.get_or_insert(instructions);
                println!("| {hosts} | {instructions:.0} | {:.2} |", instructions / few);
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Instructions per request among so many hosts. Counting starts when all is built: until then valgrind is much faster.
fn count(hosts: usize) -> Result<f64, String> {
    let text = |error: std::io::Error| format!("valgrind: {error}");
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--instr-atstart=no"])
        .arg("--toggle-collect=*measured_routes*")
        .arg(std::env::current_exe().map_err(text)?)
        .arg(format!("{WORK}{hosts}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let mut built = [0; 1];
    if let Some(said) = &mut child.stdout {
        said.read_exact(&mut built).map_err(text)?;
    }
    let switched =
        Command::new("callgrind_control").args(["--instr=on", &child.id().to_string()]).output().map_err(text)?;
    if !switched.status.success() {
        return Err(String::from_utf8_lossy(&switched.stderr).into_owned());
    }
    // Closing its input lets it go on.
    drop(child.stdin.take());
    let output = child.wait_with_output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ").map(|(_, count)| count.trim()));
    let count: Option<u32> = collected.and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    let count = count.ok_or_else(|| format!("valgrind counted nothing: {said}"))?;
    Ok(f64::from(count) / f64::from(u32::try_from(REQUESTS).unwrap_or(u32::MAX)))
}

fn route(hosts: usize) -> ExitCode {
    let world = World::with_hosts(hosts);
    let asked: Vec<String> = numbers_below(hosts, REQUESTS).into_iter().map(host).collect();
    let (mut out, mut rest) = (std::io::stdout(), Vec::new());
    let told = out.write_all(b"!").and_then(|()| out.flush()).and_then(|()| std::io::stdin().read_to_end(&mut rest));
    let routed = measured_routes(&world, &asked);
    if told.is_ok() && routed == REQUESTS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is counted. How many of the hosts have a router.
#[inline(never)]
fn measured_routes(world: &World, asked: &[String]) -> usize {
    let headers = http::HeaderMap::new();
    asked.iter().filter(|host| world::is_routed(&world.table, &headers, black_box(host), "/")).count()
}
