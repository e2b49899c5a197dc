//! All tests that need more than one module, in one binary: it links once.
//!
//! `architecture` reads the sources; `program` runs the whole program on the embedded API server over real sockets.
mod architecture;
mod program;
mod support;
