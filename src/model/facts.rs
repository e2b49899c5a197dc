//! Facts: what one Kubernetes object says, parsed once and compared by value.
//!
//! A fact holds what routing needs and nothing else: no status, resource version, managed fields or heartbeat, so that an
//! update that changes none of this is no change at all. Made by `parse/`, owned by the kind actors, joined by `compile/`.
use super::finding::Problem;
use super::keys::{ClassKey, IngressKey, NodeKey, PortRef, SecretKey, ServiceKey, SliceKey};
use super::status::{Addresses, Protocol};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Creation time in whole seconds since 1970, as Kubernetes has it. Older wins where order must decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Created(pub i64);

/// One Ingress of any class (which classes are ours joins two kinds, so it is decided in `compile/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressFact {
    /// Which Ingress.
    pub key: IngressKey,
    /// When it was created.
    pub created: Created,
    /// `spec.ingressClassName`.
    pub class_name: Option<Arc<str>>,
    /// Annotation `kubernetes.io/ingress.class`; absent and empty are the same.
    pub class_annotation: Arc<str>,
    /// The `router.*` annotations, or why they could not be read: then nothing of the Ingress is served.
    pub options: Result<Arc<RouterOptions>, Vec<Problem>>,
    /// `spec.rules` that have an `http` block, in document order.
    pub rules: Vec<IngressRule>,
    /// Whether `spec.rules` has any entry, with or without `http`: then `spec.defaultBackend` is not looked at.
    pub rules_present: RulesPresent,
    /// `spec.defaultBackend`.
    pub default_backend: Option<Backend>,
    /// `spec.tls[].secretName` in order; an entry without a name is left out. Hosts are never read (spec/ingress.md 12).
    pub tls_secrets: Vec<SecretKey>,
    /// Everything else that is wrong with the object, served or not.
    pub problems: Vec<Problem>,
}

/// Whether `spec.rules` has entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesPresent {
    /// At least one.
    Yes,
    /// Absent or empty.
    No,
}

/// One entry of `spec.rules` with an `http` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressRule {
    /// `host`, verbatim; empty when absent.
    pub host: Arc<str>,
    /// `http.paths` in document order.
    pub paths: Vec<IngressPath>,
    /// Position in `spec.rules`, for findings.
    pub index: u32,
}

/// One entry of `http.paths`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressPath {
    /// `path`, verbatim; empty when absent.
    pub path: Arc<str>,
    /// `pathType`.
    pub path_type: PathType,
    /// `backend`.
    pub backend: Backend,
    /// Position in `http.paths`, for findings.
    pub index: u32,
}

/// `pathType` (spec/ingress.md 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathType {
    /// `Exact`.
    Exact,
    /// `Prefix`, and any text that is not a documented path type.
    Prefix,
    /// `ImplementationSpecific`, empty or absent: the annotation `router.pathmatcher` decides.
    Open,
}

/// A backend of a path or of the whole Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A Service of the namespace of the Ingress.
    Service {
        /// Which Service.
        service: ServiceKey,
        /// Which of its ports, as written.
        port: PortRef,
    },
    /// `resource`: not supported.
    Resource,
    /// Neither `service` nor `resource`.
    Missing,
}

/// What the `router.*` annotations of an Ingress say (spec/ingress.md 7.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterOptions {
    /// `router.entrypoints`; empty means the default entry points.
    pub entry_points: Vec<Arc<str>>,
    /// `router.middlewares` as written.
    pub middlewares: Vec<Arc<str>>,
    /// `router.priority`; 0 means computed.
    pub priority: i64,
    /// `router.pathmatcher`.
    pub path_matcher: PathMatcher,
    /// `router.rulesyntax` as written; empty when absent.
    pub rule_syntax: Arc<str>,
    /// `router.tls` and below.
    pub tls: Option<RouterTls>,
    /// `router.observability` and below.
    pub observability: Option<RouterObservability>,
}

/// `router.pathmatcher`: how a path without a path type matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PathMatcher {
    /// `PathPrefix`, empty or absent.
    #[default]
    PathPrefix,
    /// `Path`.
    Path,
    /// `PathRegexp`.
    PathRegexp,
    /// Anything else: paths that would use it are skipped with an error.
    Unknown(Arc<str>),
}

/// `router.tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterTls {
    /// `router.tls.certresolver`.
    pub cert_resolver: Arc<str>,
    /// `router.tls.domains.N`, ordered by the text of the key.
    pub domains: Vec<TlsDomain>,
    /// `router.tls.options`, as written.
    pub options: Arc<str>,
}

/// One `router.tls.domains.N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsDomain {
    /// `main`.
    pub main: Arc<str>,
    /// `sans`.
    pub sans: Vec<Arc<str>>,
}

/// `router.observability`; `None` inherits from the entry point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterObservability {
    /// `accesslogs`.
    pub access_logs: Option<bool>,
    /// `metrics`.
    pub metrics: Option<bool>,
    /// `tracing`.
    pub tracing: Option<bool>,
    /// `traceverbosity`; `minimal` when absent.
    pub trace_verbosity: Arc<str>,
}

/// One Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFact {
    /// Which Service.
    pub key: ServiceKey,
    /// The `service.*` annotations, or why they could not be read: then no path that uses the Service is served.
    pub options: Result<Arc<ServiceOptions>, Vec<Problem>>,
    /// `spec.type` with what belongs to it.
    pub service_type: ServiceType,
    /// `spec.clusterIP`; empty when absent, `None` for headless Services as Kubernetes writes it.
    pub cluster_ip: Arc<str>,
    /// `spec.ports` in order.
    pub ports: Vec<ServicePort>,
    /// Where it can be reached from outside; `None` for nearly all. Read when it is the published Service.
    pub outside: Option<Box<Outside>>,
    /// Everything else that is wrong with the object.
    pub problems: Vec<Problem>,
}

/// Where a Service can be reached from outside of the cluster. The one part of a status that a fact holds: statuses of
/// Ingresses are copied from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// `spec.externalIPs` that are addresses, in order.
    pub external_ips: Vec<Arc<str>>,
    /// `status.loadBalancer.ingress`.
    pub load_balancer: Addresses,
}

/// `spec.type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceType {
    /// `ClusterIP` or absent.
    ClusterIp,
    /// `NodePort`.
    NodePort,
    /// `LoadBalancer`.
    LoadBalancer,
    /// `ExternalName` with `spec.externalName`.
    ExternalName(Arc<str>),
    /// Any other text; treated like `ClusterIP`.
    Other(Arc<str>),
}

/// One entry of `spec.ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// `name`; empty when absent.
    pub name: Arc<str>,
    /// `port`.
    pub number: i32,
    /// `nodePort`; 0 when absent.
    pub node_port: i32,
    /// `protocol`. Only statuses tell it: we serve HTTP over TCP.
    pub protocol: Protocol,
}

/// What the `service.*` annotations of a Service say (spec/ingress.md 7.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceOptions {
    /// `service.serversscheme`; empty when absent.
    pub servers_scheme: Arc<str>,
    /// `service.serverstransport`; empty when absent.
    pub servers_transport: Arc<str>,
    /// `service.passhostheader`; `None` when absent.
    pub pass_host_header: Option<bool>,
    /// `service.middlewares`.
    pub middlewares: Vec<Arc<str>>,
    /// `service.sticky` and below.
    pub sticky: Option<StickyOptions>,
    /// `service.nativelb`; `None` when absent.
    pub native_lb: Option<bool>,
    /// `service.nodeportlb`.
    pub node_port_lb: bool,
}

/// `service.sticky`: a block without a cookie gives no affinity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StickyOptions {
    /// `service.sticky.cookie`.
    pub cookie: Option<StickyCookie>,
}

/// `service.sticky.cookie` (spec/http.md 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StickyCookie {
    /// Name as written; empty means generated.
    pub name: Arc<str>,
    /// `Secure` attribute.
    pub secure: bool,
    /// `HttpOnly` attribute.
    pub http_only: bool,
    /// As written; `none`, `lax` and `strict` in any case have an effect.
    pub same_site: Arc<str>,
    /// Seconds: 0 no attribute, negative expires at once.
    pub max_age: i64,
    /// `Path` attribute; `/` by default.
    pub path: Arc<str>,
    /// `Domain` attribute; empty for none.
    pub domain: Arc<str>,
}

/// One EndpointSlice. Only endpoints that serve are kept (spec/ingress.md 10.4), so a flip of `ready` is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceFact {
    /// Which slice.
    pub key: SliceKey,
    /// Label `kubernetes.io/service-name`, in the namespace of the slice; `None` belongs to nobody.
    pub service: Option<ServiceKey>,
    /// When it was created: slices are read in order of creation, then name.
    pub created: Created,
    /// `ports` in order.
    pub ports: Vec<SlicePort>,
    /// `endpoints` that serve, in order.
    pub endpoints: Vec<Endpoint>,
    /// What is wrong with the object.
    pub problems: Vec<Problem>,
}

/// One entry of `ports` of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// `name`; a port without the field never matches, one with an empty name does match an unnamed Service port.
    pub name: Option<Arc<str>>,
    /// `port`; absent or 0 contributes nothing. Range is checked when the server is made.
    pub number: i32,
}

/// One entry of `endpoints` of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `addresses` in order, text as written.
    pub addresses: Vec<Arc<str>>,
    /// Whether it is about to go.
    pub state: ServerState,
}

/// Whether a server takes new traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// Takes any request.
    Active,
    /// Terminating but serving (`fenced` in the reference): keeps its sticky clients, and serves all when nothing better
    /// is left (architecture.md 3, difference 5).
    Draining,
}

/// All slices of one Service, oldest first (then by name): what the service actor makes of the EndpointSlices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsFact {
    /// Which Service they belong to; it need not exist.
    pub service: ServiceKey,
    /// The slices.
    pub slices: Vec<Arc<SliceFact>>,
}

/// One Secret, as far as TLS is concerned (spec/ingress.md 12). Other data of the Secret is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFact {
    /// Which Secret.
    pub key: SecretKey,
    /// State of `tls.crt` in the data.
    pub crt: SecretEntry,
    /// State of `tls.key` in the data.
    pub private_key: SecretEntry,
    /// The pair, where both entries are there: parsed, or why it could not be used.
    pub pair: Option<Result<Arc<KeyPair>, Arc<str>>>,
}

/// One entry of a Secret's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEntry {
    /// Not there.
    Missing,
    /// There, with no bytes.
    Empty,
    /// There.
    Present,
}

/// A certificate chain with its private key, ready to sign. Compared by fingerprint; the key is never printed.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The chain, leaf first, and the key. The parsed form is the only one that is kept: the key exists once.
    pub certified: Arc<CertifiedKey>,
    /// Names the leaf is valid for: DNS SANs, IP SANs and the subject CN, lower case, sorted, without duplicates.
    pub names: Vec<Arc<str>>,
    /// SHA-256 over the PEM of chain and key.
    pub fingerprint: [u8; 32],
}

impl KeyPair {
    /// DER of the chain, leaf first.
    pub fn chain(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certified.cert.iter().map(AsRef::as_ref)
    }
}

impl PartialEq for KeyPair {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for KeyPair {}

/// One Node, without its heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFact {
    /// Which Node.
    pub key: NodeKey,
    /// `status.addresses` of type InternalIP, in order.
    pub internal_ips: Vec<Arc<str>>,
    /// `status.addresses` of type ExternalIP that are IP addresses, in order.
    pub external_ips: Vec<Arc<str>>,
}

/// One IngressClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassFact {
    /// Which class.
    pub key: ClassKey,
    /// `spec.controller`; empty when absent.
    pub controller: Arc<str>,
}

/// Pairs for tests that sign nothing.
#[cfg(test)]
pub mod testing {
    use super::KeyPair;
    use rustls::sign::{CertifiedKey, Signer, SigningKey};
    use rustls::{SignatureAlgorithm, SignatureScheme};
    use std::sync::Arc;

    #[derive(Debug)]
    struct NoKey(SignatureAlgorithm);

    impl SigningKey for NoKey {
        fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
            None
        }

        fn algorithm(&self) -> SignatureAlgorithm {
            self.0
        }
    }

    /// A pair without chain and key that claims these names, and the key type of `algorithm`.
    pub fn key_pair_of(algorithm: SignatureAlgorithm, names: &[&str], fingerprint: u8) -> Arc<KeyPair> {
        Arc::new(KeyPair {
            certified: Arc::new(CertifiedKey::new(Vec::new(), Arc::new(NoKey(algorithm)))),
            names: names.iter().map(|name| (*name).into()).collect(),
            fingerprint: [fingerprint; 32],
        })
    }

    /// The same with an ECDSA key.
    pub fn key_pair(names: &[&str], fingerprint: u8) -> Arc<KeyPair> {
        key_pair_of(SignatureAlgorithm::ECDSA, names, fingerprint)
    }
}
