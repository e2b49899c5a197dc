//! The Kubernetes side: which client ([`client`]), objects that may be malformed ([`lenient`]), one watch ([`watch`]).
//!
//! Nothing here knows an actor: a watch hands what it sees to a [`watch::Sink`]. Read next: `actors/pumps.rs`, which starts them.
pub mod client;
pub mod lenient;
pub mod token;
pub mod watch;
