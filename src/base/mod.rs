//! To be written.
pub mod io;
pub mod redacted;
