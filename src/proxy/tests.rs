//! Whole requests through a proxy on real sockets. [`rig`] has the proxy, the clients and the servers.
mod bodies;
mod choices;
mod connections;
mod differential;
mod drain;
mod failures;
mod heads;
mod mixups;
mod multiplexing;
mod pki;
mod proxy_headers;
mod rig;
mod room;
mod secure;
mod tls;
mod transports;
mod upgrades;
