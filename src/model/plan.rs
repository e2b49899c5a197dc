//! The plan: routers, load balancers and certificates as the data plane runs them and as the API shows them.
//!
//! Made by `compile/` alone. Everything in it is immutable and shared by `Arc`: a patch replaces whole entries.
use super::facts::{KeyPair, RouterObservability, RouterTls, ServerState, StickyCookie};
use super::keys::{BalancerKey, IngressKey, RouterKey, SecretKey, TransportKey};
use super::rule::Rule;
use super::tls::{TlsOptions, TlsOptionsKey};
use super::transport::ServersTransport;
use std::sync::Arc;

/// Priority of the default router: the smallest 32-bit number, after everything else (spec/ingress.md 11).
pub const DEFAULT_ROUTER_PRIORITY: i64 = i32::MIN as i64;

/// The largest priority a user may give (spec/http.md 1.8).
pub const MAX_USER_PRIORITY: i64 = i64::MAX - 1000;

/// One router.
#[derive(Clone, Debug, PartialEq)]
pub struct Router {
    /// Where it comes from.
    pub key: RouterKey,
    /// Shown name without `@kubernetes`. Two routers may share it; keys never collide.
    pub name: Arc<str>,
    /// The Ingress it was made from.
    pub origin: Origin,
    /// Names of the entry points it listens on, as far as they exist; never empty unless it is disabled.
    pub entry_points: Arc<[Arc<str>]>,
    /// Names of entry points that it asks for and that do not exist, for the API.
    pub missing_entry_points: Vec<Arc<str>>,
    /// The rule; its text is what the API shows and what the default priority counts.
    pub rule: RouterRule,
    /// `ruleSyntax` as the API shows it: empty, `v2`, `default`, or the user's text.
    pub shown_syntax: Arc<str>,
    /// How it is ordered among the routers that match a request.
    pub precedence: Precedence,
    /// TLS block as written.
    pub tls: Option<Arc<RouterTls>>,
    /// The entry points on which it takes TLS connections, and only those; on its others it takes plain ones. Comes from
    /// the TLS block, else from the entry point (spec/http.md 1.9, 1.11).
    pub secured: Arc<[Secured]>,
    /// Middleware references as written.
    pub middlewares: Vec<Arc<str>>,
    /// What it does with a request.
    pub action: Action,
    /// Observability block as written.
    pub observability: Option<RouterObservability>,
    /// Remarks and errors that the API lists under `error`.
    pub errors: Vec<Arc<str>>,
}

/// An entry point on which a router takes TLS connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// Name of the entry point.
    pub entry_point: Arc<str>,
    /// Options with which a connection must have been made to get at it. They are the default ones where those of several
    /// routers for one host conflict (spec/http.md 5.6). Options that are not in the plan make it answer 503.
    pub options: TlsOptionsKey,
    /// What they come to.
    pub standing: OptionsStanding,
}

/// What the TLS options that a router wants on an entry point come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsStanding {
    /// They are there, and valid.
    Usable,
    /// They are not, or the router may not refer to them. It answers 503 there, and has no say in the options of its hosts.
    Refused,
}

/// A host that TLS routers of one entry point name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsHost {
    /// Name of the entry point.
    pub entry_point: Arc<str>,
    /// As rules write it: a name in lower case, one with `*` for its first label, or `*`.
    pub host: Arc<str>,
}

/// Where a router comes from, for people: metadata of the API, fields of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The Ingress.
    pub ingress: IngressKey,
    /// Its creation time: the older wins a tie.
    pub created: super::facts::Created,
}

/// The rule of a router.
#[derive(Clone, Debug, PartialEq)]
pub enum RouterRule {
    /// Parsed and ready.
    Parsed(Arc<Rule>),
    /// Does not parse; the router is shown with status `disabled` and matches nothing.
    Broken(Arc<str>),
}

impl RouterRule {
    /// The text of the rule.
    pub fn text(&self) -> &str {
        match self {
            Self::Parsed(rule) => &rule.text,
            Self::Broken(text) => text,
        }
    }
}

/// What decides when several routers match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// An Ingress path without a priority of its own. Such routers compete among themselves by the Kubernetes rules and
    /// count as a bloc with the longest rule text among those that match (architecture.md 3, difference 1).
    Bloc(BlocRank),
    /// A number: annotated, or the default router's. The largest wins.
    Ranked(i64),
}

/// Rank of a router among the Ingress paths without a priority. The greatest wins: field order is order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlocRank {
    /// Exact host before wildcard before none.
    pub host: HostRank,
    /// Bytes of the path in the Ingress.
    pub path_length: u32,
    /// Exact before prefix before regular expression.
    pub path: PathRank,
}

/// How closely a host is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostRank {
    /// No host, or `*`.
    None,
    /// `*.example.com`.
    Wildcard,
    /// `www.example.com`.
    Exact,
}

/// How closely a path is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathRank {
    /// `PathRegexp`.
    Regexp,
    /// `PathPrefix`, or no path.
    Prefix,
    /// `Path`.
    Exact,
}

/// What a router does with a request that it wins.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Forwards to the load balancer.
    Forward(BalancerKey),
    /// Answers 503: something that guards or shapes its requests is missing or invalid (architecture.md 3, difference 2).
    /// Status `disabled`; the reasons stand in [`Router::errors`]. Keeps its balancer's key for the API.
    Refuse(BalancerKey),
}

impl Action {
    /// The load balancer, used or only shown.
    pub fn balancer(&self) -> &BalancerKey {
        match self {
            Self::Forward(key) | Self::Refuse(key) => key,
        }
    }
}

impl Router {
    /// The number the API shows and other routers are compared with: the priority, or the length of the rule text.
    pub fn shown_priority(&self) -> i64 {
        match self.precedence {
            Precedence::Bloc(_) => i64::try_from(self.rule.text().len()).unwrap_or(i64::MAX),
            Precedence::Ranked(priority) => priority,
        }
    }

    /// Status as the API shows it.
    pub fn status(&self) -> Status {
        match (&self.rule, &self.action) {
            (RouterRule::Broken(_), _) | (_, Action::Refuse(_)) => Status::Disabled,
            _ if self.errors.is_empty() => Status::Enabled,
            _ => Status::Warning,
        }
    }
}

/// `status` of a router in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Works.
    Enabled,
    /// Works, with remarks.
    Warning,
    /// Does not serve.
    Disabled,
}

impl Status {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Warning => "warning",
            Self::Disabled => "disabled",
        }
    }
}

/// One load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Balancer {
    /// Which one.
    pub key: BalancerKey,
    /// Shown name without `@kubernetes`.
    pub name: Arc<str>,
    /// The Service and port it was made from, for the API's metadata.
    pub origin: BalancerOrigin,
    /// How requests are handed on; everything but the servers.
    pub options: Arc<BalancerOptions>,
    /// The servers, in order.
    pub servers: Arc<[Server]>,
}

/// The Service and port a load balancer was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerOrigin {
    /// Namespace of the Service.
    pub namespace: Arc<str>,
    /// Name of the Service.
    pub service: Arc<str>,
    /// The port as the Ingress spells it.
    pub port: Arc<str>,
}

/// Options of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancerOptions {
    /// Whether the client's Host header is passed on.
    pub host_header: HostHeader,
    /// Affinity; a block without a cookie gives none but is shown.
    pub sticky: Option<Sticky>,
    /// `serversTransport` as written; empty for the default transport.
    pub transport: Arc<str>,
    /// The transport that this means. One that the plan does not have, or that cannot be used, makes every router to this
    /// load balancer answer 503.
    pub transport_key: TransportKey,
    /// Service middlewares as written.
    pub middlewares: Vec<Arc<str>>,
}

/// Which Host header the server sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostHeader {
    /// The client's.
    Pass,
    /// host:port of the server.
    OfServer,
}

/// Affinity of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// A block without a cookie: no effect.
    Empty,
    /// By cookie; the name is final (written by the user and cleaned, or generated).
    Cookie(StickyCookie),
}

/// One server of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// `scheme://host:port`, as the API shows it and as sticky cookies are derived from.
    pub url: Arc<str>,
    /// How to speak to it.
    pub scheme: Scheme,
    /// Address text without brackets: IPv4, IPv6 or a name.
    pub host: Arc<str>,
    /// Port, never 0.
    pub port: u16,
    /// Whether it takes new traffic.
    pub state: ServerState,
}

/// How to speak to a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP/1.1 in plain text.
    Http,
    /// HTTP over TLS.
    Https,
    /// HTTP/2 in plain text with prior knowledge.
    H2c,
    /// Any other text is accepted and answers 500 (spec/http.md 2.15).
    Unknown(Arc<str>),
}

impl Scheme {
    /// Reads a scheme, in any case.
    pub fn parse(text: &str) -> Self {
        match &*text.to_ascii_lowercase() {
            "http" => Self::Http,
            "https" => Self::Https,
            "h2c" => Self::H2c,
            other => Self::Unknown(other.into()),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
            Self::Unknown(text) => text,
        }
    }
}

/// A change of the plan: whole entries, `None` for what is gone. It becomes visible at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanPatch {
    /// Number of this version; grows by one per patch.
    pub generation: u64,
    /// Routers that appeared, changed or went.
    pub routers: Vec<(RouterKey, Option<Arc<Router>>)>,
    /// Load balancers that appeared, changed or went.
    pub balancers: Vec<(BalancerKey, Option<Arc<Balancer>>)>,
    /// Certificates that appeared, changed or went.
    pub certificates: Vec<(SecretKey, Option<Arc<KeyPair>>)>,
    /// TLS options that appeared, changed or went. The default ones are always there; without an entry of their own they
    /// have their usual values.
    pub tls_options: Vec<(TlsOptionsKey, Option<Arc<TlsOptions>>)>,
    /// With which options the connections of a host are made: hosts that appeared, changed or went.
    pub tls_hosts: Vec<(TlsHost, Option<TlsOptionsKey>)>,
    /// Servers transports that appeared, changed or went; never the default one.
    pub transports: Vec<(TransportKey, Option<Arc<ServersTransport>>)>,
}

impl PlanPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { generation: _, routers, balancers, certificates, tls_options, tls_hosts, transports } = self;
        let objects = routers.is_empty() && balancers.is_empty() && certificates.is_empty();
        objects && tls_options.is_empty() && tls_hosts.is_empty() && transports.is_empty()
    }
}
