//! The JSON shapes of routers, services and middlewares (spec/http.md 4.10). Field order is the reference's; what is
//! empty or off is left out.
mod service;

pub use service::{BalancerBody, ServiceBody, ServiceKind, ServiceObservability, UP};

use crate::model::facts::{RouterObservability, RouterTls, TlsDomain};
use crate::model::plan::{Origin, Status};
use serde::Serialize;
use std::borrow::Cow;
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
    /// Written, or computed; left out where it is 0.
    #[serde(skip_serializing_if = "service::is_zero")]
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

impl StatusWord {
    /// Status of what works.
    pub const ENABLED: Self = Self(Status::Enabled);
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
