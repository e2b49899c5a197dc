//! Static options: what the process is told once, at its start, under Traefik's names.
//!
//! The way of an option: `cli`, `env` and `file` (text -> raw entry) -> `settings` (the entry meets the [`table`]: kind,
//! support, default; the strongest source wins) -> `check` (values together) -> [`Config`], with `sources` holding it all
//! together. All mistakes come in one [`Report`], each with its origin; `print` shows what counts and why.
//!
//! Not here: the meaning of options while the program runs. Past this module no option is looked at as text again.
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::base::Log;

mod address;
mod check;
mod cli;
mod duration;
mod entry;
mod entry_point;
mod env;
mod file;
mod help;
mod ingress;
mod nearest;
mod print;
mod report;
mod selector;
mod settings;
mod sources;
pub mod table;
mod value;

pub use address::{AddressError, ListenAddress, Protocol};
pub use duration::{DurationError, go_duration, parse_duration};
pub use entry_point::{
    Domain, EncodedCharacter, EncodedCharacters, EntryPoint, EntryPointTls, Forwarded, HeaderNames, Http2,
    INTERNAL_ENTRY_POINT, KeepAlive, NameStrategy, Networks, Observability, OddNames, ProxyProtocol, Redirection,
};
pub use help::{help_text, options_markdown};
pub use ingress::{CrossProvider, IngressProvider, Publish};
pub use report::{Origin, Remark, Report, Source};
pub use selector::{SelectorError, validate_selector};

/// What the process is asked for.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, for the length of one match")]
pub enum Command {
    /// Run with these options.
    Run(Config),
    /// Print this text, the options that count, and end.
    PrintConfig(String),
    /// Print this text and end.
    Help(String),
    /// Print the version and end.
    Version,
}

/// All options, checked: no field can hold nonsense, and nothing is optional that has a default. `None` means that
/// something is off or has no limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Sorted by name; never empty, and no two on one address.
    pub entry_points: Vec<EntryPoint>,
    /// The Ingress provider, if it is on.
    pub ingress: Option<IngressProvider>,
    /// The embedded API server, if it takes the place of a cluster.
    pub standalone: Option<Standalone>,
    /// The Lease of the replica that writes.
    pub leader_election: LeaderElection,
    /// The HTTP API, if it is on.
    pub api: Option<Api>,
    /// `/ping`, if it is on.
    pub ping: Option<Ping>,
    /// What is logged, and how.
    pub log: Log,
    /// Shortest time between two applied changes of one object. Default 2 s.
    pub providers_throttle: Duration,
    /// Syntax of rules that do not say which they are in.
    pub default_rule_syntax: RuleSyntax,
    /// How backends are talked to unless their service says otherwise.
    pub servers_transport: ServersTransport,
    /// How many proxy workers run. Default: the cores available to this process.
    pub workers: NonZeroUsize,
    /// The configuration file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Client connections at a time on all entry points together; `None` for what the limit of open files allows.
    pub max_connections: Option<NonZeroUsize>,
    /// What is to be logged as a warning once the log is there: options without effect, deprecated ones.
    pub warnings: Vec<Remark>,
}

impl Config {
    /// The entry points that take connections: all but those for UDP. Sorted by name.
    pub fn connected_entry_points(&self) -> impl Iterator<Item = &EntryPoint> + Clone {
        self.entry_points.iter().filter(|entry_point| entry_point.address.protocol() == Protocol::Tcp)
    }

    /// The entry points of routers that name none (`http.md` 1.11): those with `asDefault`, or all if there is none;
    /// never `traefik`. Sorted by name.
    pub fn default_entry_points(&self) -> Vec<Arc<str>> {
        let any_marked = self.connected_entry_points().any(|entry_point| entry_point.as_default);
        let counts = |entry_point: &&EntryPoint| {
            (entry_point.as_default || !any_marked) && *entry_point.name != *INTERNAL_ENTRY_POINT
        };
        self.connected_entry_points().filter(counts).map(|entry_point| entry_point.name.clone()).collect()
    }
}

/// The Lease by which one of several replicas is chosen to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderElection {
    /// Name of the Lease.
    pub lease_name: Arc<str>,
    /// Its namespace; `None` for that of the pod, or `default` outside of a cluster.
    pub lease_namespace: Option<Arc<str>>,
}

/// The embedded API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standalone {
    /// Folder of YAML files that is loaded and watched.
    pub manifests: Option<PathBuf>,
    /// Where others can reach it, without login; `None` for nowhere.
    pub listen: Option<SocketAddr>,
    /// Whether it starts with something to look at.
    pub demo: Demo,
}

/// Whether small backends and routes are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// No.
    Off,
    /// Yes.
    On,
}

/// The HTTP API (`http.md` 4.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Serve it on the entry point `traefik`, to anyone.
    pub insecure: bool,
    /// Serve the dashboard beside it. Default yes.
    pub dashboard: bool,
    /// Serve `/debug/` beside it.
    pub debug: bool,
    /// Prefix of all its paths; begins with `/`, and is `/` by default.
    pub base_path: String,
    /// Shown in `/api/version`.
    pub disable_dashboard_ad: bool,
    /// Shown in `/api/version`.
    pub dashboard_name: String,
}

/// `/ping` (`http.md` 4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// An existing entry point, unless `manual_routing`. Default `traefik`.
    pub entry_point: Arc<str>,
    /// Make no router, only the service `ping@internal`.
    pub manual_routing: bool,
    /// The answer after the stop signal, from 200 to 599. Default 503.
    pub terminating_status: StatusCode,
}

/// The syntax of a router rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSyntax {
    /// That of Traefik 3, the default.
    V3,
    /// That of Traefik 2. Deprecated.
    V2,
}

/// How backends are talked to (`http.md` 2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServersTransport {
    /// Take any certificate.
    pub insecure_skip_verify: bool,
    /// They replace the system's authorities; empty for the system's.
    pub root_cas: Vec<CaSource>,
    /// Idle connections kept per backend; 0 for none. Default 200.
    pub max_idle_conns_per_host: usize,
    /// Longest time to connect. Default 30 s.
    pub dial_timeout: Option<Duration>,
    /// Longest time from the end of the request to the head of the answer. Default none.
    pub response_header_timeout: Option<Duration>,
    /// How long an idle connection is kept. Default 90 s.
    pub idle_conn_timeout: Option<Duration>,
    /// HTTP/2: silence after which a ping is sent. Default none: no pings.
    pub read_idle_timeout: Option<Duration>,
    /// HTTP/2: how long the answer to a ping may take. Default 15 s.
    pub ping_timeout: Duration,
}

/// Where certificate authorities come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaSource {
    /// A PEM file.
    File(PathBuf),
    /// PEM text.
    Pem(String),
}

/// Reads all sources: the arguments of the process without its name, environment variables, and a file (which is the only
/// thing that is opened here). Says everything that is wrong with any of them.
///
/// # Errors
/// With all mistakes of all sources, if there is one.
pub fn from_sources(
    args: impl IntoIterator<Item = String>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Command, Report> {
    let variables: Vec<_> = variables.into_iter().collect();
    sources::read(args, &variables, sources::Search::UsualPlaces)
}

/// Reads arguments alone: no environment, and no file but one that they name.
///
/// # Errors
/// With all mistakes, if there is one.
pub fn from_args(args: impl IntoIterator<Item = String>) -> Result<Command, Report> {
    sources::read(args, &[], sources::Search::Nowhere)
}

#[cfg(test)]
mod tests;
