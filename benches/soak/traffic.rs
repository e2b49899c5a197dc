//! Requests to the hosts that stay, over kept connections, for as long as the churn lasts.
use crate::common::client::Connection;
use crate::{SERVICES, STABLE, moves, stable_host};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many connections ask at a time.
pub const CONNECTIONS: usize = 4;
/// Wait of a connection between two requests. The machine has to serve the API server and the origins as well.
const PAUSE: Duration = Duration::from_millis(4);

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
    pub errors: u64,
    /// The first of those.
    pub first: Option<String>,
}

impl Traffic {
    /// Asks from now on.
    pub fn start(at: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..CONNECTIONS).map(|number| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || ask(at, number, &stop))
        });
        Self { threads: threads.collect(), stop }
    }

    /// Ends it; the sum of all connections.
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for thread in self.threads {
            let tally = thread.join().unwrap_or_else(|_| Tally {
                errors: 1,
                first: Some("a client panicked".to_owned()),
                ..Tally::default()
            });
            sum.answered += tally.answered;
            sum.errors += tally.errors;
            sum.first = sum.first.or(tally.first);
        }
        sum
    }
}

fn ask(at: SocketAddr, start: usize, stop: &AtomicBool) -> Tally {
    let mut connection = Connection::new(at);
    let mut tally = Tally::default();
    let mut number = start * STABLE / CONNECTIONS;
    while !stop.load(Ordering::Relaxed) {
        number = (number + 1) % STABLE;
        match one(&mut connection, number) {
            Ok(()) => tally.answered += 1,
            Err(error) => {
                tally.errors += 1;
                tally.first.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        std::thread::sleep(PAUSE);
    }
    tally
}

/// One request. Whose endpoints stay is answered by the first origin, the others by any of the three.
fn one(connection: &mut Connection, number: usize) -> anyhow::Result<()> {
    let answer = connection.get(&stable_host(number), "/soak")?;
    let expected = match moves(number % SERVICES) {
        true => ["first", "second", "third"].contains(&answer.origin.as_str()),
        false => answer.origin == "first",
    };
    anyhow::ensure!((200..300).contains(&answer.status), "status {} for host {number}", answer.status);
    anyhow::ensure!(expected, "host {number} was answered by {:?}", answer.origin);
    Ok(())
}
