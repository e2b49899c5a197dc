//! The JSON shape of services.
use super::StatusWord;
use crate::api::picture::{KUBERNETES, qualified};
use crate::model::facts::{ServerState, StickyCookie};
use crate::model::plan::{Balancer, BalancerOrigin, HostHeader, Server, Sticky};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// State of a server that is up.
pub const UP: &str = "UP";

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
    servers_transport: Cow<'p, str>,
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
            servers_transport: match &*options.transport {
                "" => Cow::Borrowed(""),
                transport => Cow::Owned(qualified(transport, KUBERNETES)),
            },
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
pub(super) fn is_zero(value: &i64) -> bool {
    *value == 0
}
