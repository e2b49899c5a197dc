//! The Kubernetes side: which client ([`client`], its parts in [`stack`], [`connector`], [`ca`] and [`token`]), whether the
//! server answers at all ([`link`]), one watch ([`watch`]), objects that may be malformed ([`lenient`]). Who may write
//! ([`lease`]), and what is written ([`status`], [`events`]).
//!
//! Nothing here knows an actor: a watch hands what it sees to a [`watch::Sink`]. Read next: `actors/pumps.rs`, which starts them.
pub mod ca;
pub mod client;
pub mod connector;
pub mod events;
pub mod failure;
pub mod lease;
pub mod lenient;
pub mod link;
pub mod stack;
pub mod status;
pub mod token;
pub mod watch;
