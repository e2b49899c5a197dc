//! Whole requests through a proxy on real sockets. [`rig`] has the proxy, the clients and the servers.
mod bodies;
mod connections;
mod differential;
mod drain;
mod failures;
mod heads;
mod mixups;
mod rig;
mod room;
mod secure;
mod tls;
mod upgrades;
