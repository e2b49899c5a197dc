//! The Kubernetes side: which client ([`client`]), objects that may be malformed ([`lenient`]), one watch ([`watch`]); who may
//! write ([`lease`]), and what is written ([`status`], [`events`]).
//!
//! Nothing here knows an actor: a watch hands what it sees to a [`watch::Sink`]. Read next: `actors/pumps.rs`, which starts them.
pub mod client;
pub mod events;
pub mod failure;
pub mod lease;
pub mod lenient;
pub mod status;
pub mod token;
pub mod watch;
