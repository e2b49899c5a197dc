//! Every annotation there is: one table with key, type, default, class and help, from which the decoder works and
//! `docs/annotations.md` is written.
//!
//! Rules of decoding: `decode.rs` (spec/ingress.md 7.1). What the values mean: `ingress.rs` and `service.rs` here.
mod decode;
mod nearest;
mod reference;
#[cfg(test)]
mod tests;

pub use decode::{MAX_LIST, Settings, path_of};
pub use reference::reference;

/// What all our annotations begin with.
pub const PREFIX: &str = "traefik.ingress.kubernetes.io/";

/// The annotation by which an Ingress names its class; older than, and not below, [`PREFIX`].
pub const CLASS: &str = "kubernetes.io/ingress.class";

/// Which kind of object an annotation is read on: the first segment of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `router.*`, on an Ingress.
    Router,
    /// `service.*`, on a Service.
    Service,
}

impl Root {
    /// The first segment.
    pub fn word(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Service => "service",
        }
    }
}

/// How a value is written (spec/ingress.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text, verbatim.
    Text,
    /// Items between commas, trimmed; an empty value is no list.
    List,
    /// `true`, `false` and the short forms of Go.
    Bool,
    /// Base 10, 64 bits, signed.
    Int,
    /// A block that is switched on by the bare key (`true` or empty) or by any key below it, and off by any other text.
    Presence,
    /// A list of blocks; the bare key gives an empty list.
    Elements,
}

impl ValueKind {
    /// For the reference page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::List => "list",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Presence => "block",
            Self::Elements => "blocks",
        }
    }
}

/// What is at stake when a value is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It decides who may pass, or how safely: in doubt its router answers 503.
    Guard,
    /// It shapes traffic.
    Tune,
}

/// One annotation.
#[derive(Debug)]
pub struct Annotation {
    /// Key below [`PREFIX`], lower case; `N` stands for an index.
    pub key: &'static str,
    /// How its value is written.
    pub kind: ValueKind,
    /// What holds when it is absent; empty for nothing.
    pub default: &'static str,
    /// What is at stake.
    pub class: Class,
    /// One sentence for the reference page.
    pub help: &'static str,
}

const fn row(
    key: &'static str,
    kind: ValueKind,
    default: &'static str,
    class: Class,
    help: &'static str,
) -> Annotation {
    Annotation { key, kind, default, class, help }
}

use Class::{Guard, Tune};
use ValueKind::{Bool, Elements, Int, List, Presence, Text};

/// All of them (spec/ingress.md 7.2 and 7.3).
#[rustfmt::skip]
pub const TABLE: &[Annotation] = &[
    row("router.entrypoints", List, "the default entry points", Tune, "Entry points the routers listen on."),
    row("router.middlewares", List, "", Guard, "Middlewares in order; a name without `@provider` is looked up in `kubernetes`. One that does not exist makes the routers answer 503."),
    row("router.priority", Int, "0", Tune, "Priority of the routers; 0 orders them by the Kubernetes rules. Not used for a default backend."),
    row("router.pathmatcher", Text, "PathPrefix", Guard, "Matcher for paths without a path type: `Path`, `PathPrefix` or `PathRegexp`. With any other text such paths are left out."),
    row("router.rulesyntax", Text, "", Tune, "Deprecated. `v2` writes rules in the syntax of Traefik 2."),
    row("router.tls", Presence, "off", Guard, "Makes the routers TLS routers."),
    row("router.tls.certresolver", Text, "", Tune, "Resolver that issues certificates. None exists in this version: certificates come from `spec.tls`."),
    row("router.tls.domains", Elements, "", Tune, "Domains for the resolver."),
    row("router.tls.domains.N.main", Text, "", Tune, "Main name of a domain. Domains are ordered by the text of their keys: 0, 10, 2."),
    row("router.tls.domains.N.sans", List, "", Tune, "Further names of a domain."),
    row("router.tls.options", Text, "default", Guard, "TLS options. Options that do not exist make the routers answer 503."),
    row("router.observability", Presence, "as the entry point", Tune, "Overrides of the entry point's observability."),
    row("router.observability.accesslogs", Bool, "as the entry point", Tune, "Access log of the routers."),
    row("router.observability.metrics", Bool, "as the entry point", Tune, "Metrics of the routers."),
    row("router.observability.tracing", Bool, "as the entry point", Tune, "Tracing of the routers."),
    row("router.observability.traceverbosity", Text, "minimal", Tune, "`minimal` or `detailed` spans."),
    row("service.serversscheme", Text, "https for port 443 or a port name that starts with https, else http", Tune, "How servers are spoken to: `http`, `https` or `h2c`."),
    row("service.serverstransport", Text, "", Guard, "Transport to the servers. One that does not exist makes the routers answer 503."),
    row("service.passhostheader", Bool, "true", Tune, "Whether servers see the client's Host header."),
    row("service.middlewares", List, "", Guard, "Middlewares in front of the load balancer. One that does not exist makes the routers answer 503."),
    row("service.sticky", Presence, "off", Tune, "Affinity; alone, without a cookie, it has no effect."),
    row("service.sticky.cookie", Presence, "off", Tune, "Affinity by cookie."),
    row("service.sticky.cookie.name", Text, "generated from the service", Tune, "Name of the cookie; characters that may not stand there become `_`."),
    row("service.sticky.cookie.secure", Bool, "false", Tune, "`Secure` attribute."),
    row("service.sticky.cookie.httponly", Bool, "false", Tune, "`HttpOnly` attribute."),
    row("service.sticky.cookie.samesite", Text, "", Tune, "`none`, `lax` or `strict`; other text has no effect."),
    row("service.sticky.cookie.maxage", Int, "0", Tune, "Seconds; 0 sends no attribute, a negative number expires the cookie at once."),
    row("service.sticky.cookie.path", Text, "/", Tune, "`Path` attribute."),
    row("service.sticky.cookie.domain", Text, "", Tune, "`Domain` attribute."),
    row("service.nativelb", Bool, "`nativeLBByDefault`", Tune, "Uses the cluster IP as the only server."),
    row("service.nodeportlb", Bool, "false", Tune, "Uses the nodes' internal IPs and the node port; for Services of type NodePort."),
];
