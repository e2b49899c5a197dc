//! All tests that need more than one module, in one binary: it links once.
//!
//! `architecture` reads the sources; `program` runs the whole program on the embedded API server over real sockets;
//! `simulation` runs replicas in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test, like the tests themselves"
)]
mod architecture;
mod program;
mod simulation;
mod support;
