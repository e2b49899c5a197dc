//! What the static options say about compiling. Filled by `app.rs` from the checked configuration.
use crate::model::keys::ServiceKey;
use crate::model::rule::Syntax;
use crate::model::status::Addresses;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Options of the Ingress provider that decide what a set of objects compiles to (spec/ingress.md 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `ingressClass`; empty when unset.
    pub ingress_class: Arc<str>,
    /// `allowEmptyServices`: keep routers whose service has no server.
    pub allow_empty_services: bool,
    /// `allowExternalNameServices`.
    pub allow_external_name_services: bool,
    /// `allowCrossNamespace`: an ExternalName Service may name a Service of another namespace, whose endpoints are then
    /// used. It needs no [`Self::allow_external_name_services`], because the target stays in the cluster.
    pub allow_cross_namespace: bool,
    /// `crossProviderNamespaces`.
    pub cross_provider: CrossProvider,
    /// `disableIngressClassLookup`.
    pub disable_ingress_class_lookup: bool,
    /// `disableClusterScopeResources`: neither IngressClasses nor Nodes are known.
    pub disable_cluster_scope: bool,
    /// `nativeLBByDefault`.
    pub native_lb_by_default: bool,
    /// `strictPrefixMatching`.
    pub strict_prefix_matching: bool,
    /// `disablePassHostHeaders`: servers do not see the client's Host header unless the Service asks for it.
    pub disable_pass_host_headers: bool,
    /// `core.defaultRuleSyntax`.
    pub default_rule_syntax: Syntax,
    /// Names of all entry points that routers may name.
    pub entry_points: Vec<Arc<str>>,
    /// Names of the entry points of a router that names none (spec/http.md 1.11).
    pub default_entry_points: Vec<Arc<str>>,
    /// Entry points with `http.tls`, and the TLS options they name for routers without a TLS block, as written.
    pub secured_entry_points: BTreeMap<Arc<str>, Arc<str>>,
    /// `namespaces`.
    pub namespaces: Namespaces,
    /// `ingressEndpoint` and `reportNodeInternalIPs`.
    pub publish: Publish,
}

/// What the status of each Ingress of ours is to say (spec/ingress.md 14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Publish {
    /// No status is written.
    #[default]
    Nothing,
    /// `ingressEndpoint.ip` and `.hostname`.
    Fixed(Arc<Addresses>),
    /// `ingressEndpoint.publishedService`.
    Service(ServiceKey),
    /// `reportNodeInternalIPs`.
    NodeInternalIps,
}

/// Which namespaces may refer to middlewares, TLS options and transports (spec/ingress.md 13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossProvider {
    /// All.
    Any,
    /// These; none if empty.
    Only(Vec<Arc<str>>),
}

/// Which namespaces are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// All.
    All,
    /// These.
    Only(Vec<Arc<str>>),
}

impl CrossProvider {
    /// Whether objects of `namespace` may refer to them.
    pub fn allows(&self, namespace: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.iter().any(|allowed| &**allowed == namespace),
        }
    }
}

impl Namespaces {
    /// Whether `namespace` is watched.
    pub fn include(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.iter().any(|watched| &**watched == namespace),
        }
    }
}

/// The defaults of the provider, with no entry point at all.
impl Default for Options {
    fn default() -> Self {
        Self {
            ingress_class: "".into(),
            allow_empty_services: false,
            allow_external_name_services: false,
            allow_cross_namespace: false,
            cross_provider: CrossProvider::Any,
            disable_ingress_class_lookup: false,
            disable_cluster_scope: false,
            native_lb_by_default: false,
            strict_prefix_matching: false,
            disable_pass_host_headers: false,
            default_rule_syntax: Syntax::V3,
            entry_points: Vec::new(),
            default_entry_points: Vec::new(),
            secured_entry_points: BTreeMap::new(),
            namespaces: Namespaces::All,
            publish: Publish::Nothing,
        }
    }
}
