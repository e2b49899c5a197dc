//! Whole requests through a proxy on real sockets. [`rig`] has the proxy, the clients and the servers.
mod bodies;
mod connections;
mod drain;
mod failures;
mod heads;
mod http2;
mod mixups;
mod rig;
mod secure;
mod tls;
mod upgrades;
