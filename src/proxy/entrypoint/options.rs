//! What one entry point does with requests, worked out once at the start from its configuration.
use super::choices::Choices;
use super::room::Room;
use super::sockets::Sharing;
use crate::proxy::table::EntryPointId;
use http::HeaderValue;
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that a head may be longer than `maxHeaderBytes` (spec/http.md 2.16).
const HEAD_SLACK: usize = 4096;

/// One entry point, as each worker has it.
#[derive(Clone, Debug)]
pub(crate) struct EntryPoint {
    /// Identity in the table.
    pub(crate) id: EntryPointId,
    /// Name, for logs.
    pub(crate) name: Arc<str>,
    /// `.`, `..` and `//` in paths.
    pub(crate) paths: Paths,
    /// `;` in queries.
    pub(crate) semicolons: Semicolons,
    /// Whose `X-Forwarded-*` are believed.
    pub(crate) trust: Trust,
    /// Largest head of a request in bytes.
    pub(crate) max_head: usize,
    /// Time limits.
    pub(crate) timeouts: Timeouts,
    /// How many connections there may be, together with other entry points and workers.
    pub(crate) room: Arc<Room>,
    /// When it begins to listen.
    pub(crate) start: Start,
    /// Whether other processes may listen here, too.
    pub(crate) sharing: Sharing,
    /// Name of this machine, for `X-Forwarded-Server`.
    pub(crate) server_name: HeaderValue,
    /// What it does beyond the usual.
    pub(crate) choices: Choices,
}

/// When an entry point begins to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once: until there is a table it answers 503.
    AtOnce,
    /// With the first table: another process may be serving the port until then.
    WhenReady,
}

/// What happens to `.`, `..` and `//` (spec/http.md 1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    /// They are resolved before routing.
    Sanitized,
    /// They reach rules and servers.
    Raw,
}

/// What happens to `;` in a query (spec/http.md 1.1 step 9 and section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Semicolons {
    /// Becomes `&`.
    Separate,
    /// Becomes `%3B`.
    Encoded,
}

/// Whose forwarding headers are believed (spec/http.md 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Everybody's.
    Everybody,
    /// Those of peers in these networks.
    Networks(Box<[IpNet]>),
}

impl Trust {
    /// Whether the headers of `peer` are believed. IPv4 networks hold IPv4-mapped peers, which come in unmapped.
    pub(crate) fn includes(&self, peer: IpAddr) -> bool {
        match self {
            Self::Everybody => true,
            Self::Networks(networks) => networks.iter().any(|network| network.contains(&peer)),
        }
    }
}

/// Time limits of an entry point (spec/http.md 4.2 and 4.6). `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// A whole request with its body.
    pub(crate) read: Option<Duration>,
    /// From the end of the head to the end of the answer.
    pub(crate) write: Option<Duration>,
    /// Silence between requests.
    pub(crate) idle: Option<Duration>,
    /// How long connections are still taken when the process is about to end.
    pub(crate) accept_grace: Duration,
    /// How long running requests then may take.
    pub(crate) grace: Duration,
}

impl EntryPoint {
    /// Largest head for an option `maxHeaderBytes`.
    pub(crate) fn head_limit(max_header_bytes: usize) -> usize {
        max_header_bytes.saturating_add(HEAD_SLACK)
    }
}

/// The name of this machine: of the pod, in Kubernetes. Empty when it cannot be found out.
pub(crate) fn machine_name() -> HeaderValue {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}
