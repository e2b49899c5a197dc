//! Load of handshakes: each request on a TLS connection of its own, made in full, which the proxy closes after the answer.
//!
//! wrk cannot make it: with `Connection: close` it resumes the session of the connection before.
use crate::load::{Counted, is_answer};
use crate::scenario::Scenario;
use crate::tls::Client;
use anyhow::ensure;
use pilotage::base::{Clock, SystemClock};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Makes handshakes with `proxy` for `length`.
pub async fn run(
    client: &Client,
    scenario: &Scenario,
    proxy: SocketAddr,
    host: &str,
    length: Duration,
) -> anyhow::Result<Counted> {
    let began = SystemClock.now();
    let end = began + length;
    let mut visitors = JoinSet::new();
    for _ in 0..scenario.connections {
        let (client, host, path) = (client.clone(), host.to_owned(), scenario.path);
        visitors.spawn(async move { visit(&client, proxy, &host, path, end).await });
    }
    let (mut latencies, mut errors) = (Vec::new(), 0);
    while let Some(visitor) = visitors.join_next().await {
        let (more, failed) = visitor?;
        latencies.extend(more);
        errors += failed;
    }
    Ok(Counted::of(latencies, SystemClock.now().saturating_duration_since(began), errors))
}

/// One connection after the other until `end`: the latencies, and how many went wrong.
async fn visit(client: &Client, proxy: SocketAddr, host: &str, path: &str, end: Instant) -> (Vec<Duration>, u64) {
    let (mut latencies, mut errors) = (Vec::new(), 0);
    loop {
        let began = SystemClock.now();
        if began >= end {
            return (latencies, errors);
        }
        let asking = tokio::time::timeout(Duration::from_secs(10), answered(client, proxy, host, path));
        match asking.await {
            Ok(Ok(())) => latencies.push(SystemClock.now().saturating_duration_since(began)),
            Ok(Err(_)) | Err(_) => errors += 1,
        }
    }
}

async fn answered(client: &Client, proxy: SocketAddr, host: &str, path: &str) -> anyhow::Result<()> {
    let answer = client.ask(proxy, host, path).await?;
    ensure!(is_answer(&answer, path), "not the answer of the origin");
    Ok(())
}
