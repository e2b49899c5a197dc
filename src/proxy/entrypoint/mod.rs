//! The client's side: sockets, accepted connections and everything that is known per connection.
//!
//! [`sockets`] binds before anything runs, so that a bad address is an error at the start. Then, on each worker:
//! [`accept`] takes connections, [`connection`] runs one of them from its first byte to its last and finds out what it
//! speaks ([`http1`], [`http2`]), [`wire`] is what can be seen of it from outside, [`watchdog`] knows when it has taken too
//! long, [`room`] bounds how many there are.
pub(super) mod accept;
pub(super) mod choices;
pub(super) mod connection;
mod http1;
mod http2;
pub(super) mod options;
mod proxy_header;
pub(super) mod room;
pub(super) mod sockets;
pub(super) mod watchdog;
pub(super) mod wire;

pub(super) use connection::Conn;
pub(super) use http1::{ClientBody, RawTarget, ReceiveError};
pub(super) use options::EntryPoint;
pub use sockets::BindError;
