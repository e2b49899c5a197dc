//! To be written.
pub mod redacted;
