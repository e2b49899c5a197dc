//! What the benchmarks of the whole program share: a cluster that is filled through kube's client, origins, the program as a
//! child process, and a blocking HTTP client that is quick enough to see sub-millisecond differences.
#![allow(dead_code, reason = "each benchmark uses a part of it")]
pub mod args;
pub mod client;
pub mod cluster;
pub mod objects;
pub mod origin;
pub mod process;
pub mod report;

use pilotage::base::clock::{Clock, SystemClock};
use std::time::Instant;

/// The time now.
pub fn now() -> Instant {
    SystemClock.now()
}
