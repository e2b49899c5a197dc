//! HTTP/1.1 load: wrk with a small script, and the one request that tells whether a proxy does its work at all.
use crate::cluster::{self, FIRST_HOST, HOST_END, HOST_START};
use crate::scenario::{Load, Scenario, Wire};
use crate::{origin, process, tls};
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Line that the script writes at the end.
const MARK: &str = "peers-result";

/// What a load has counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Requests that were answered.
    pub requests: u64,
    /// How long it took.
    pub time: Duration,
    /// Median latency.
    pub p50: Duration,
    /// 99th percentile of latency.
    pub p99: Duration,
    /// Answers that were none of the wanted, broken connections, timeouts.
    pub errors: u64,
}

impl Counted {
    /// From the latency of each request that was answered.
    pub fn of(mut latencies: Vec<Duration>, time: Duration, errors: u64) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
        let requests = u64::try_from(latencies.len()).unwrap_or(u64::MAX);
        Self { requests, time, p50: at(50), p99: at(99), errors }
    }
}

/// Runs wrk against `proxy`, which knows `hosts` hosts. `folder` is for its script.
pub async fn wrk(
    program: &Path,
    scenario: &Scenario,
    proxy: SocketAddr,
    hosts: usize,
    length: Duration,
    folder: &Path,
) -> anyhow::Result<Counted> {
    let script = folder.join("load.lua");
    std::fs::write(&script, script_for(scenario, proxy, hosts))?;
    let openssl_config = folder.join("openssl.cnf");
    std::fs::write(&openssl_config, tls::openssl_config())?;
    // Over TLS the name in the URL is the one that the proxy is told; the script says where it is found.
    let url = match scenario.load.wire() {
        Wire::Plain => format!("http://{proxy}{}", scenario.path),
        Wire::Tls { .. } => format!("https://{}:{}{}", cluster::host(0), proxy.port(), scenario.path),
    };
    let running = process::tied(program)
        .env("OPENSSL_CONF", openssl_config)
        .args(["-t1", &format!("-c{}", scenario.connections), &format!("-d{}s", length.as_secs()), "--timeout=10s"])
        .arg("-s")
        .arg(&script)
        .arg(url)
        .output();
    let output =
        tokio::time::timeout(length + Duration::from_secs(30), running).await.context("wrk does not end")??;
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(line) = text.lines().find_map(|line| line.strip_prefix(MARK)) else {
        bail!("wrk failed: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    read(line).with_context(|| format!("wrk reports {line}"))
}

/// The script: which requests, and how to report.
fn script_for(scenario: &Scenario, proxy: SocketAddr, hosts: usize) -> String {
    let first = cluster::host(0);
    let requests = match scenario.load {
        Load::NewConnections => {
            format!("wrk.headers['Host'] = '{first}'\nwrk.headers['Connection'] = 'close'\n")
        }
        Load::KeepAliveTls => format!(
            "wrk.headers['Host'] = '{first}'\n\
             function wrk.resolve(_, port) wrk.addrs = wrk.lookup('{}', port) end\n",
            proxy.ip()
        ),
        Load::KeepAlive | Load::WebSocket | Load::Http2 { .. } | Load::Handshakes => {
            format!("wrk.headers['Host'] = '{first}'\n")
        }
        // The same work for the load, however many hosts there are. The seed makes all runs ask alike.
        Load::RandomHosts | Load::Flat => format!(
            "math.randomseed(7)\nlocal start = 'GET {} HTTP/1.1\\r\\nHost: {HOST_START}'\n\
             local rest = '{HOST_END}\\r\\n\\r\\n'\nlocal random = math.random\n\
             function request() return start .. random({FIRST_HOST}, {}) .. rest end\n",
            scenario.path,
            FIRST_HOST + hosts - 1,
        ),
    };
    format!(
        "{requests}function done(summary, latency, _)\n  local e = summary.errors\n  \
         print(string.format('{MARK} %d %d %d %d %d', summary.requests, summary.duration, latency:percentile(50), \
         latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))\nend\n"
    )
}

/// Reads the line of the script: times in microseconds.
fn read(line: &str) -> Option<Counted> {
    let numbers: Vec<u64> = line.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let &[requests, time, p50, p99, errors] = numbers.as_slice() else { return None };
    let micros = Duration::from_micros;
    Some(Counted { requests, time: micros(time), p50: micros(p50), p99: micros(p99), errors })
}

/// Whether a request for `path` of `host` is answered as the origin answers it.
pub async fn is_served(proxy: SocketAddr, host: &str, path: &str) -> bool {
    let asking = tokio::time::timeout(Duration::from_secs(5), ask(proxy, host, path));
    matches!(asking.await, Ok(Ok(answer)) if is_answer(&answer, path))
}

/// Whether this is the answer of the origin for `path`, to the last byte.
pub fn is_answer(answer: &[u8], path: &str) -> bool {
    let ok = answer.starts_with(b"HTTP/1.1 200");
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|end| answer.len() - end - 4);
    ok && body == Some(origin::length_of(path))
}

async fn ask(proxy: SocketAddr, host: &str, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(proxy).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
