//! The client's side: sockets, accepted connections and everything that is known per connection.
//!
//! [`sockets`] binds before anything runs, so that a bad address is an error at the start. Then, on each worker:
//! [`accept`] takes connections, [`connection`] runs one of them from its first byte to its last, [`wire`] is the stream
//! hyper reads and writes, [`watchdog`] knows when a connection has taken too long, [`refusal`] answers what hyper's
//! parser does not even let in, [`room`] bounds how many connections there are.
pub(super) mod accept;
pub(super) mod choices;
pub(super) mod connection;
mod http2;
pub(super) mod options;
mod proxy_header;
mod refusal;
pub(super) mod room;
pub(super) mod sockets;
pub(super) mod watchdog;
pub(super) mod wire;

pub(super) use connection::Conn;
pub(super) use options::EntryPoint;
pub use sockets::BindError;
