//! HTTP/2 load: h2load, and how its report is read.
use crate::load::Counted;
use crate::process;
use crate::scenario::Scenario;
use crate::tls::{GROUP, SUITE};
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Runs h2load against `proxy`, so many `streams` at a time on each connection. `folder` is for its log.
pub async fn run(
    program: &Path,
    scenario: &Scenario,
    streams: usize,
    proxy: SocketAddr,
    host: &str,
    length: Duration,
    folder: &Path,
) -> anyhow::Result<Counted> {
    // It sums up latencies without percentiles, but tells the latency of each request to a file.
    let log = folder.join("h2load.log");
    let running = process::tied(program)
        .args(["-t1", &format!("-c{}", scenario.connections), &format!("-m{streams}")])
        .arg(format!("-D{}s", length.as_secs()))
        .args([format!("--groups={GROUP}"), format!("--tls13-ciphers={SUITE}"), format!("--connect-to={proxy}")])
        .arg(format!("--log-file={}", log.display()))
        .arg(format!("https://{host}{}", scenario.path))
        .output();
    let output =
        tokio::time::timeout(length + Duration::from_secs(30), running).await.context("h2load does not end")??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counted = read(&text, &std::fs::read_to_string(&log).unwrap_or_default());
    std::fs::remove_file(&log).context("h2load wrote no log")?;
    counted.with_context(|| format!("h2load failed: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// Reads what h2load says, and its log: a line per request with start, status and microseconds.
fn read(text: &str, log: &str) -> anyhow::Result<Counted> {
    let after = |start: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(start));
        line.map(str::trim).with_context(|| format!("no line {start}"))
    };
    ensure!(after("Application protocol:")? == "h2", "not HTTP/2");
    ensure!(after("Cipher:")? == SUITE && after("Server Temp Key:")?.starts_with(GROUP), "not what was offered");
    let (requests, statuses) = (after("requests:")?, after("status codes:")?);
    let answered = number(statuses, "2xx")?;
    // Failed are also those with a status from 400 on, and those it calls errored.
    let errors = number(statuses, "3xx")? + number(requests, "failed")? + number(requests, "timeout")?;
    let took = after("finished in")?.split_once("s,").context("no time")?.0;
    let took = Duration::try_from_secs_f64(took.parse().with_context(|| format!("not in seconds: {took}"))?)?;
    let latency = |line: &str| line.rsplit('\t').next()?.parse().ok().map(Duration::from_micros);
    let latencies = log.lines().map(latency).collect::<Option<Vec<Duration>>>().context("unknown kind of log")?;
    Ok(Counted { requests: answered, ..Counted::of(latencies, took, errors) })
}

/// The number before `name`.
fn number(line: &str, name: &str) -> anyhow::Result<u64> {
    let part = line.split(", ").find_map(|part| part.strip_suffix(name));
    part.and_then(|number| number.trim().parse().ok()).with_context(|| format!("no number for {name}: {line}"))
}
