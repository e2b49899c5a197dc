//! What is measured, and what must come out of it.
use crate::proxies::Peer;
use crate::tls::HTTP_1_1;
use anyhow::Context;

/// One kind of work.
#[derive(Debug)]
pub struct Scenario {
    /// Name on the command line.
    pub name: &'static str,
    /// Headline of its table.
    pub title: &'static str,
    /// What is asked for; the origin answers by path.
    pub path: &'static str,
    /// Connections of the load.
    pub connections: usize,
    /// How the requests are made.
    pub load: Load,
}

/// How requests are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// One after the other on connections that stay, all for one host.
    KeepAlive,
    /// The same over TLS.
    KeepAliveTls,
    /// HTTP/2 over TLS, on connections that stay.
    Http2 {
        /// Requests at a time on each connection.
        streams: usize,
    },
    /// Each on a TLS connection of its own, and none resumes another's session.
    Handshakes,
    /// Each on a connection of its own.
    NewConnections,
    /// One after the other on connections that stay, each for another host.
    RandomHosts,
    /// Messages there and back over WebSocket.
    WebSocket,
    /// Like [`Load::RandomHosts`], Pilotage alone with different numbers of hosts.
    Flat,
}

/// What clients speak HTTP over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// TCP alone.
    Plain,
    /// TLS.
    Tls {
        /// What the client offers to speak over it (ALPN), if anything.
        protocol: Option<&'static str>,
    },
}

impl Load {
    /// What it goes over.
    pub fn wire(self) -> Wire {
        match self {
            // wrk offers nothing.
            Self::KeepAliveTls => Wire::Tls { protocol: None },
            Self::Http2 { .. } => Wire::Tls { protocol: Some("h2") },
            Self::Handshakes => Wire::Tls { protocol: Some(HTTP_1_1) },
            Self::KeepAlive | Self::NewConnections | Self::RandomHosts | Self::WebSocket | Self::Flat => Wire::Plain,
        }
    }
}

/// All of them, in order.
pub const SCENARIOS: [Scenario; 10] = [
    Scenario {
        name: "small",
        title: "Keep-alive, 10 bytes, 64 connections",
        path: "/small",
        connections: 64,
        load: Load::KeepAlive,
    },
    Scenario {
        name: "1k",
        title: "Keep-alive, 1 kB, 256 connections",
        path: "/1k",
        connections: 256,
        load: Load::KeepAlive,
    },
    Scenario {
        name: "100k",
        title: "Keep-alive, 100 kB, 64 connections",
        path: "/100k",
        connections: 64,
        load: Load::KeepAlive,
    },
    Scenario {
        name: "new-connection",
        title: "New connection per request, 10 bytes, 64 at a time",
        path: "/small",
        connections: 64,
        load: Load::NewConnections,
    },
    Scenario {
        name: "tls",
        title: "TLS, keep-alive, 10 bytes, 64 connections",
        path: "/small",
        connections: 64,
        load: Load::KeepAliveTls,
    },
    Scenario {
        name: "h2",
        title: "HTTP/2 over TLS, 10 bytes, 16 connections with 8 streams each",
        path: "/small",
        connections: 16,
        load: Load::Http2 { streams: 8 },
    },
    Scenario {
        name: "handshakes",
        title: "Full TLS handshake per request, ECDSA P-256, 10 bytes, 64 at a time",
        path: "/small",
        connections: 64,
        load: Load::Handshakes,
    },
    Scenario {
        name: "websocket",
        title: "WebSocket echo, 32 bytes, 64 connections (a request is a message there and back)",
        path: "/echo",
        connections: 64,
        load: Load::WebSocket,
    },
    Scenario {
        name: "hosts",
        title: "Many hosts, one of them at random per request, 10 bytes, 64 connections",
        path: "/small",
        connections: 64,
        load: Load::RandomHosts,
    },
    Scenario {
        name: "hosts-flat",
        title: "Pilotage alone: what the number of hosts costs (at random, 10 bytes, 64 connections)",
        path: "/small",
        connections: 64,
        load: Load::Flat,
    },
];

/// Numbers of hosts of [`Load::Flat`].
pub const FLAT: [usize; 3] = [10, 10_000, 100_000];

/// How much more a request among the most hosts of [`FLAT`] may cost than one among the fewest.
pub const FLAT_GOAL: f64 = 1.1;

impl Scenario {
    /// The one of that name.
    pub fn named(name: &str) -> anyhow::Result<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.name == name).with_context(|| format!("no scenario {name}"))
    }
}

/// What Pilotage's CPU time per request may be at most, as a multiple of `of` in the same scenario.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// Name of the scenario; `None` for each that has this peer.
    pub scenario: Option<&'static str>,
    /// Compared with whom.
    pub of: Peer,
    /// The largest ratio.
    pub at_most: f64,
}

/// What we hold ourselves to.
pub const GOALS: [Goal; 8] = [
    Goal { scenario: Some("small"), of: Peer::Nginx, at_most: 1.1 },
    Goal { scenario: Some("1k"), of: Peer::Nginx, at_most: 1.1 },
    Goal { scenario: Some("100k"), of: Peer::Haproxy, at_most: 0.9 },
    Goal { scenario: Some("new-connection"), of: Peer::Nginx, at_most: 1.1 },
    Goal { scenario: Some("tls"), of: Peer::Nginx, at_most: 1.0 },
    Goal { scenario: Some("h2"), of: Peer::Nginx, at_most: 0.85 },
    // At least 0.95 of its handshakes per second and core.
    Goal { scenario: Some("handshakes"), of: Peer::Nginx, at_most: 1.0 / 0.95 },
    // All but handshakes: those are cryptography, of which nobody can leave two thirds out.
    Goal { scenario: None, of: Peer::Traefik, at_most: 0.35 },
];
