//! To be written.
pub mod rule;
