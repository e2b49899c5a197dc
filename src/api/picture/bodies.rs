//! The JSON shapes of routers, services and middlewares (spec/http.md 4.10). Field order is the reference's; what is
//! empty or off is left out.
use crate::model::facts::{RouterObservability, RouterTls, ServerState, StickyCookie, TlsDomain};
use crate::model::plan::{Balancer, BalancerOrigin, HostHeader, Origin, Server, Status, Sticky};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A router.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterBody<'p> {
    /// Names of entry points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<&'p str>,
    /// Qualified names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Cow<'p, str>>,
    /// Name without provider, as written.
    pub service: Cow<'p, str>,
    /// Text of the rule.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule: Cow<'p, str>,
    /// `v2`, `default`, or what the user wrote.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule_syntax: &'p str,
    /// Written, or computed.
    pub priority: i64,
    /// TLS block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsBody<'p>>,
    /// Always there.
    pub observability: ObservabilityBody<'p>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub error: Vec<Cow<'p, str>>,
    /// `enabled`, `warning` or `disabled`.
    pub status: StatusWord,
    /// Entry points that have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub using: Vec<&'p str>,
}

/// `status`, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusWord(pub Status);

/// Words that stand for themselves.
pub struct Word;

impl Word {
    /// Status of what works.
    pub const ENABLED: StatusWord = StatusWord(Status::Enabled);
    /// Status of a server that is up.
    pub const UP: &'static str = "UP";
}

impl From<Status> for StatusWord {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

impl Serialize for StatusWord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// `tls` of a router.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsBody<'p> {
    /// Name of the options.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub options: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cert_resolver: &'p str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<DomainBody<'p>>,
}

#[derive(Clone, Debug, Serialize)]
struct DomainBody<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    main: &'p str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sans: &'p [Arc<str>],
}

impl<'p> TlsBody<'p> {
    /// The block as written.
    pub fn of(tls: &'p RouterTls) -> Self {
        let RouterTls { cert_resolver, domains, options } = tls;
        let domain = |TlsDomain { main, sans }: &'p TlsDomain| DomainBody { main, sans };
        Self { options, cert_resolver, domains: domains.iter().map(domain).collect() }
    }
}

/// `observability` of a router.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityBody<'p> {
    access_logs: bool,
    metrics: bool,
    tracing: bool,
    trace_verbosity: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<RouterMetadata<'p>>,
}

#[derive(Clone, Debug, Serialize)]
struct RouterMetadata<'p> {
    ingress: IngressMetadata<'p>,
}

#[derive(Clone, Debug, Serialize)]
struct IngressMetadata<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'p str,
    kind: &'static str,
}

impl<'p> ObservabilityBody<'p> {
    /// What the router says, else its entry point, else on and minimal.
    pub fn of(
        own: Option<&'p RouterObservability>,
        inherited: Option<&'p RouterObservability>,
        origin: Option<&'p Origin>,
    ) -> Self {
        let chosen = |field: fn(&RouterObservability) -> Option<bool>| {
            own.and_then(field).or_else(|| inherited.and_then(field)).unwrap_or(true)
        };
        let verbosity = [own, inherited].into_iter().flatten().map(|block| &*block.trace_verbosity);
        Self {
            access_logs: chosen(|block| block.access_logs),
            metrics: chosen(|block| block.metrics),
            tracing: chosen(|block| block.tracing),
            trace_verbosity: verbosity.into_iter().find(|text| !text.is_empty()).unwrap_or("minimal"),
            metadata: origin.map(|origin| RouterMetadata {
                ingress: IngressMetadata {
                    namespace: &origin.ingress.namespace,
                    name: &origin.ingress.name,
                    kind: "Ingress",
                },
            }),
        }
    }
}

/// A service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBody<'p> {
    /// The load balancer; none in what is built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<BalancerBody<'p>>,
    /// As written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<&'p str>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<ServiceObservability<'p>>,
    /// `enabled`.
    pub status: StatusWord,
    /// Qualified names of the routers that use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
    /// State by server; none of a service that nobody uses.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub server_status: BTreeMap<&'p str, &'static str>,
    /// What kind it is; shown in lists alone.
    #[serde(skip)]
    pub kind: ServiceKind,
}

/// The kinds of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// `loadBalancer`.
    LoadBalancer,
    /// Of provider `internal`: has no type.
    BuiltIn,
}

impl ServiceKind {
    /// `type` as lists show it; empty for none.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::BuiltIn => "",
        }
    }
}

/// `loadBalancer`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BalancerBody<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sticky: Option<StickyBody<'p>>,
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerBody<'p>>,
    strategy: &'static str,
    pass_host_header: bool,
    response_forwarding: ResponseForwarding,
    #[serde(skip_serializing_if = "str::is_empty")]
    servers_transport: &'p str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseForwarding {
    flush_interval: &'static str,
}

/// One server.
#[derive(Clone, Debug, Serialize)]
pub struct ServerBody<'p> {
    url: &'p str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fenced: bool,
}

impl<'p> From<&'p Server> for ServerBody<'p> {
    fn from(server: &'p Server) -> Self {
        Self { url: &server.url, fenced: server.state == ServerState::Draining }
    }
}

#[derive(Clone, Debug, Serialize)]
struct StickyBody<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<CookieBody<'p>>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CookieBody<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'p str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secure: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    http_only: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    same_site: &'p str,
    #[serde(skip_serializing_if = "is_zero")]
    max_age: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    domain: &'p str,
}

impl<'p> From<&'p StickyCookie> for CookieBody<'p> {
    fn from(cookie: &'p StickyCookie) -> Self {
        let StickyCookie { name, secure, http_only, same_site, max_age, path, domain } = cookie;
        Self { name, secure: *secure, http_only: *http_only, same_site, max_age: *max_age, path, domain }
    }
}

impl<'p> BalancerBody<'p> {
    /// Every balancer of an Ingress goes round robin and flushes each 100 ms (spec/ingress.md 7.3).
    pub fn of(balancer: &'p Balancer) -> Self {
        let options = &*balancer.options;
        Self {
            sticky: options.sticky.as_ref().map(|sticky| StickyBody {
                cookie: match sticky {
                    Sticky::Empty => None,
                    Sticky::Cookie(cookie) => Some(cookie.into()),
                },
            }),
            servers: balancer.servers.iter().map(ServerBody::from).collect(),
            strategy: "wrr",
            pass_host_header: options.host_header == HostHeader::Pass,
            response_forwarding: ResponseForwarding { flush_interval: "100ms" },
            servers_transport: &options.transport,
        }
    }
}

/// `observability` of a service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceObservability<'p> {
    metadata: ServiceMetadata<'p>,
}

#[derive(Clone, Debug, Serialize)]
struct ServiceMetadata<'p> {
    kubernetes: KubernetesMetadata<'p>,
}

#[derive(Clone, Debug, Serialize)]
struct KubernetesMetadata<'p> {
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'p str,
    #[serde(skip_serializing_if = "str::is_empty")]
    port: &'p str,
}

impl<'p> ServiceObservability<'p> {
    /// The Service and port.
    pub fn of(origin: &'p BalancerOrigin) -> Self {
        let BalancerOrigin { namespace, service, port } = origin;
        Self { metadata: ServiceMetadata { kubernetes: KubernetesMetadata { namespace, name: service, port } } }
    }
}

/// A middleware. The only kind so far is the one that redirections of entry points make.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MiddlewareBody<'p> {
    /// What it does.
    pub redirect_scheme: RedirectScheme<'p>,
    /// `enabled`.
    pub status: StatusWord,
    /// Qualified names of the routers that use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<String>,
}

impl MiddlewareBody<'_> {
    /// `type` as lists show it.
    pub fn kind(&self) -> &'static str {
        "redirectscheme"
    }
}

/// `redirectScheme`.
#[derive(Clone, Debug, Serialize)]
pub struct RedirectScheme<'p> {
    /// New scheme.
    pub scheme: &'p str,
    /// New port; empty for the scheme's own.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub port: &'p str,
    /// Whether it is permanent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}
