//! TLS with clients, end to end: certificates, names, options, protocols, hostile handshakes. [`rig`] has the clients.
mod certificates;
mod hostile;
mod options;
mod protocols;
pub(super) mod rig;
mod tools;
