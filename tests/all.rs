//! All tests that need more than one module, in one binary: it links once.
//!
//! `architecture` reads the sources; `fuzzed` throws mutated input at the parsers; `program` runs the whole program on the
//! embedded API server over real sockets; `simulation` runs replicas in virtual time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test, like the tests themselves"
)]
mod architecture;
mod fuzzed;
mod program;
mod simulation;
mod support;
