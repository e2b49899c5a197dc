//! WebSocket load: connections that upgrade once and then send a message whenever the last one came back.
//!
//! The frame is a real masked text frame; the origin sends back the bytes as they are. For a proxy, which looks into no
//! frame, that is the work of a chat.
use crate::load::Counted;
use anyhow::{Context, ensure};
use pilotage::base::{Clock, SystemClock};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Bytes of text per message.
const TEXT: usize = 32;

/// Exchanges messages over `connections` connections for `length`.
pub async fn run(proxy: SocketAddr, host: &str, connections: usize, length: Duration) -> anyhow::Result<Counted> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let upgraded = tokio::time::timeout(Duration::from_secs(10), upgrade(proxy, host));
        streams.push(upgraded.await.context("no answer to the upgrade")??);
    }
    let began = SystemClock.now();
    let end = began + length;
    let mut talks = JoinSet::new();
    for stream in streams {
        talks.spawn(async move {
            // A message that never comes back must not hold up the rest.
            let mut latencies = Vec::new();
            let talking =
                tokio::time::timeout_at((end + Duration::from_secs(5)).into(), talk(stream, end, &mut latencies));
            let went_well = matches!(talking.await, Ok(Ok(())));
            (latencies, went_well)
        });
    }
    let (mut latencies, mut errors) = (Vec::new(), 0);
    while let Some(talk) = talks.join_next().await {
        let (more, went_well) = talk?;
        latencies.extend(more);
        errors += u64::from(!went_well);
    }
    Ok(Counted::of(latencies, SystemClock.now().saturating_duration_since(began), errors))
}

/// Whether an upgrade goes through.
pub async fn is_served(proxy: SocketAddr, host: &str) -> bool {
    let asking = tokio::time::timeout(Duration::from_secs(5), upgrade(proxy, host));
    matches!(asking.await, Ok(Ok(_)))
}

async fn upgrade(proxy: SocketAddr, host: &str) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(proxy).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "no upgrade: {}", String::from_utf8_lossy(&head));
    Ok(stream)
}

async fn talk(mut stream: TcpStream, end: Instant, latencies: &mut Vec<Duration>) -> std::io::Result<()> {
    // Final text frame, masked with zeros, so that the text stands in it as it is.
    let mut message = vec![0x81, 0x80 | 32, 0, 0, 0, 0];
    message.resize(message.len() + TEXT, b'x');
    let mut answer = vec![0; message.len()];
    loop {
        let sent = SystemClock.now();
        if sent >= end {
            return Ok(());
        }
        stream.write_all(&message).await?;
        stream.read_exact(&mut answer).await?;
        latencies.push(SystemClock.now().saturating_duration_since(sent));
    }
}
