//! Identity. Keys are structs of their parts, never joined text: service `c` in `a-b` and `b-c` in `a` stay two services.
//!
//! Names that people read (`testing-whoami-80@kubernetes`) are made from keys in `compile/names.rs` and are never keys.
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

macro_rules! namespaced_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name {
            /// Namespace of the object.
            pub namespace: Arc<str>,
            /// Name of the object.
            pub name: Arc<str>,
        }

        impl $name {
            /// Makes the key of `namespace` and `name`.
            pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
                Self { namespace: namespace.into(), name: name.into() }
            }
        }

        /// `namespace/name`, for people.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}/{}", self.namespace, self.name)
            }
        }
    };
}

macro_rules! cluster_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(pub Arc<str>);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

namespaced_key!(
    /// Names one Ingress.
    IngressKey
);
namespaced_key!(
    /// Names one Service object.
    ServiceKey
);
namespaced_key!(
    /// Names one EndpointSlice.
    SliceKey
);
namespaced_key!(
    /// Names one Secret.
    SecretKey
);
namespaced_key!(
    /// Names one ServersTransport object.
    ServersTransportKey
);
cluster_key!(
    /// Names one Node.
    NodeKey
);
cluster_key!(
    /// Names one IngressClass.
    ClassKey
);

/// How an Ingress spells the port of its backend. `80` and `http` for one port make two load balancers, as in the
/// reference (spec/ingress.md 8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum PortRef {
    /// By number. Not checked for range: a number that no Service port has simply does not match.
    Number(i32),
    /// By name.
    Name(Arc<str>),
    /// By a name and a number at once, which the API server does not admit but a manifest may hold: a Service port
    /// matches by either, and people see the name (spec/ingress.md 8, 10.1).
    Either(Arc<str>, i32),
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) | Self::Either(name, _) => f.write_str(name),
        }
    }
}

/// Names one load balancer of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum BalancerKey {
    /// The balancer of one Service port, shared by all Ingress paths that spell the port in this way.
    Port {
        /// The Service object.
        service: ServiceKey,
        /// The port as the Ingress spells it.
        port: PortRef,
    },
    /// `default-backend`: the one balancer behind the default router of the cluster.
    Default,
}

/// Names one servers transport of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum TransportKey {
    /// `default@internal`: made from the static options, never part of a patch.
    Default,
    /// A ServersTransport object.
    Object(ServersTransportKey),
    /// A name that means no transport. No plan has it, so that what asks for it stays closed.
    Unknown,
}

impl fmt::Display for TransportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default@internal"),
            Self::Object(key) => key.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Names one router of the plan: where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum RouterKey {
    /// A path of an Ingress. Within one Ingress the rule text is unique (an equal one later in the document replaces
    /// the earlier, spec/ingress.md 8), and unlike an index it does not move when a path is inserted above.
    Path {
        /// The Ingress.
        ingress: IngressKey,
        /// The rule as written to the API.
        rule: Arc<str>,
    },
    /// `default-router`: the one default backend of the cluster.
    Default,
}

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// networking.k8s.io/v1 Ingress.
    Ingress,
    /// networking.k8s.io/v1 IngressClass.
    IngressClass,
    /// v1 Service.
    Service,
    /// discovery.k8s.io/v1 EndpointSlice.
    EndpointSlice,
    /// v1 Secret.
    Secret,
    /// v1 Node.
    Node,
}

impl Kind {
    /// The kind as manifests spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Secret => "Secret",
            Self::Node => "Node",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one object of any watched kind; what findings, Events and logs point at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ObjectRef {
    /// Kind of the object.
    pub kind: Kind,
    /// Namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<Arc<str>>,
    /// Name of the object.
    pub name: Arc<str>,
}

impl From<&IngressKey> for ObjectRef {
    fn from(key: &IngressKey) -> Self {
        Self { kind: Kind::Ingress, namespace: Some(key.namespace.clone()), name: key.name.clone() }
    }
}

impl From<&ServiceKey> for ObjectRef {
    fn from(key: &ServiceKey) -> Self {
        Self { kind: Kind::Service, namespace: Some(key.namespace.clone()), name: key.name.clone() }
    }
}

impl From<&SecretKey> for ObjectRef {
    fn from(key: &SecretKey) -> Self {
        Self { kind: Kind::Secret, namespace: Some(key.namespace.clone()), name: key.name.clone() }
    }
}

impl From<&SliceKey> for ObjectRef {
    fn from(key: &SliceKey) -> Self {
        Self { kind: Kind::EndpointSlice, namespace: Some(key.namespace.clone()), name: key.name.clone() }
    }
}

impl From<&NodeKey> for ObjectRef {
    fn from(key: &NodeKey) -> Self {
        Self { kind: Kind::Node, namespace: None, name: key.0.clone() }
    }
}

impl From<&ClassKey> for ObjectRef {
    fn from(key: &ClassKey) -> Self {
        Self { kind: Kind::IngressClass, namespace: None, name: key.0.clone() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {}/{}", self.kind, namespace, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
