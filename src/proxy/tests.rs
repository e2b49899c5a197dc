//! Whole requests through a proxy on real sockets. [`rig`] has the proxy, the clients and the servers.
mod bodies;
mod connections;
mod drain;
mod failures;
mod heads;
mod mixups;
mod multiplexing;
mod pki;
mod rig;
mod secure;
<<<<<<< HEAD
mod tls;
=======
mod transports;
>>>>>>> d94d0eb (Test transports and multiplexing against real TLS and HTTP/2 servers)
mod upgrades;
