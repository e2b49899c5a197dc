//! Requests at a steady pace to hosts that stay, over kept connections.
use crate::common::client::Connection;
use crate::common::now;
use crate::{FIRST, STABLE, stable_host};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections, each with its part of the pace.
pub const CONNECTIONS: u32 = 8;

/// Running requests.
pub struct Traffic {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Tally>>,
}

/// What came of the requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Answered as expected.
    pub answered: u64,
    /// Not answered, or not as expected.
    pub failed: u64,
    /// The first of those.
    pub first: Option<String>,
    /// The longest an answer took.
    pub slowest: Duration,
}

impl Traffic {
    /// Asks `rate` times a second from now on.
    pub fn start(at: SocketAddr, rate: f64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let each = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
        let threads = (0..CONNECTIONS).map(|number| {
            let stop = Arc::clone(&stop);
            // Evenly shifted, so that they do not ask in step.
            std::thread::spawn(move || ask(at, number, each, &stop))
        });
        Self { threads: threads.collect(), stop }
    }

    /// Ends it; the sum of all connections.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for thread in self.threads {
            let lost = || Tally { failed: 1, first: Some("a client panicked".to_owned()), ..Tally::default() };
            let tally = thread.join().unwrap_or_else(|_| lost());
            sum.answered += tally.answered;
            sum.failed += tally.failed;
            sum.first = sum.first.or(tally.first);
            sum.slowest = sum.slowest.max(tally.slowest);
        }
        sum
    }
}

fn ask(at: SocketAddr, shift: u32, each: Duration, stop: &AtomicBool) -> Tally {
    let mut connection = Connection::new(at);
    let mut tally = Tally::default();
    let mut due = now() + each * shift / CONNECTIONS;
    let mut number = shift as usize * STABLE / CONNECTIONS as usize;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(now()));
        due += each;
        number = (number + 1) % STABLE;
        let begin = now();
        match one(&mut connection, number) {
            Ok(()) => tally.answered += 1,
            Err(error) => {
                tally.failed += 1;
                tally.first.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        tally.slowest = tally.slowest.max(begin.elapsed());
    }
    tally
}

fn one(connection: &mut Connection, number: usize) -> anyhow::Result<()> {
    let answer = connection.get(&stable_host(number), "/")?;
    anyhow::ensure!(answer.status == 200, "status {} for host {number}", answer.status);
    anyhow::ensure!(answer.origin == FIRST, "host {number} was answered by {:?}", answer.origin);
    Ok(())
}
