//! To be written.
pub mod balancer;
pub mod table;
