//! The table of kinds that the embedded API server serves: one line per kind.
//!
//! Everything that differs between kinds and is not behaviour of its own stands here: group, version, names, scope,
//! whether `/status` exists, which k8s-openapi type describes it. Lists that merge by key are in
//! [`super::patch::lists`], rules beyond types in `validate.rs`, printed columns in `table.rs`.

use std::sync::Arc;

use k8s_openapi::api::{apps, coordination, core, discovery, events, networking, policy, rbac};
use serde_json::Value;

use super::typed::{self, FieldError};

mod events_view;

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One per cluster and name, such as Node.
    Cluster,
    /// One per namespace and name.
    Namespaced,
}

/// How the `status` of a kind is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPart {
    /// `status`, if there is one, is an ordinary field and `/status` does not exist.
    Ordinary,
    /// Written through `/status` only; what a create brings along is dropped.
    Subresource,
    /// Written through `/status`, but a create may bring it along (a kubelet registers its Node that way).
    SubresourceAndCreate,
}

/// Whether an update that names no resourceVersion overwrites (Kubernetes: `AllowUnconditionalUpdate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionlessUpdate {
    /// The last writer wins.
    Overwrites,
    /// Refused with 422, as for Lease and custom resources.
    Refused,
}

/// What is known about the fields of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Schema {
    /// Any JSON object will do: custom resources.
    Untyped,
    /// A k8s-openapi type; the function reads a value as that type and writes it back.
    Typed(fn(&Value) -> Result<Value, FieldError>),
}

/// Names one stored collection. Two kinds may share one: the Events of `v1` and of `events.k8s.io/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Plural name as in paths.
    pub plural: &'static str,
}

/// One served kind.
#[derive(Debug)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Version inside the group; each kind is served in exactly one.
    pub version: &'static str,
    /// Kind in CamelCase.
    pub kind: &'static str,
    /// Plural in lower case, as in paths.
    pub plural: &'static str,
    /// Abbreviations for kubectl.
    pub short_names: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub in_all: bool,
    /// Cluster-wide or per namespace.
    pub scope: Scope,
    /// How `status` is written.
    pub status: StatusPart,
    /// What an update without a resourceVersion does.
    pub versionless_update: VersionlessUpdate,
    pub(super) schema: Schema,
}

impl Kind {
    const fn new(
        scope: Scope,
        group: &'static str,
        version: &'static str,
        kind: &'static str,
        plural: &'static str,
    ) -> Self {
        Self {
            group,
            version,
            kind,
            plural,
            short_names: &[],
            in_all: false,
            scope,
            status: StatusPart::Ordinary,
            versionless_update: VersionlessUpdate::Overwrites,
            schema: Schema::Untyped,
        }
    }

    const fn namespaced(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self::new(Scope::Namespaced, group, version, kind, plural)
    }

    const fn cluster(group: &'static str, version: &'static str, kind: &'static str, plural: &'static str) -> Self {
        Self::new(Scope::Cluster, group, version, kind, plural)
    }

    const fn custom(group: &'static str, kind: &'static str, plural: &'static str) -> Self {
        let mut it = Self::namespaced(group, "v1alpha1", kind, plural);
        it.versionless_update = VersionlessUpdate::Refused;
        it
    }

    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short_names = names;
        self
    }

    const fn in_all(mut self) -> Self {
        self.in_all = true;
        self
    }

    const fn status(mut self, part: StatusPart) -> Self {
        self.status = part;
        self
    }

    const fn versioned_updates(mut self) -> Self {
        self.versionless_update = VersionlessUpdate::Refused;
        self
    }

    const fn typed(mut self, read: fn(&Value) -> Result<Value, FieldError>) -> Self {
        self.schema = Schema::Typed(read);
        self
    }

    /// `v1` or `group/version`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Plural and group as error messages name a resource: `ingresses.networking.k8s.io`.
    pub fn resource_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Kind and group as validation messages name it: `Ingress.networking.k8s.io`.
    pub fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// The collection that holds this kind's objects.
    pub fn resource(&self) -> ResourceId {
        match self.shares_core_events() {
            true => ResourceId { group: "", plural: "events" },
            false => ResourceId { group: self.group, plural: self.plural },
        }
    }

    /// Whether `/status` is served.
    pub fn has_status_subresource(&self) -> bool {
        self.status != StatusPart::Ordinary
    }

    /// Whether strategic merge patches apply: only to kinds whose structure is known.
    pub fn is_typed(&self) -> bool {
        matches!(self.schema, Schema::Typed(_))
    }

    /// Turns an object as clients see it into the stored form.
    pub(super) fn stored_form(&self, object: Value) -> Value {
        if self.shares_core_events() { events_view::to_core(object) } else { object }
    }

    /// Turns a stored object into the form that clients of this kind see; free for all kinds but one.
    pub(super) fn served_form(&self, object: &Arc<Value>) -> Arc<Value> {
        if self.shares_core_events() { Arc::new(events_view::from_core(object)) } else { Arc::clone(object) }
    }

    fn shares_core_events(&self) -> bool {
        self.group == "events.k8s.io"
    }
}

/// The kind served at `/api/VERSION/PLURAL` or `/apis/GROUP/VERSION/PLURAL`.
pub fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
}

/// The kind that an object names itself.
pub fn by_type(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    KINDS.iter().find(|known| known.kind == kind && known.group == group && known.version == version)
}

/// The kind called `Ingress` or, where several share a name, `Event.events.k8s.io`; the first in the table otherwise.
pub fn by_name(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.kind == name).or_else(|| KINDS.iter().find(|kind| kind.qualified_kind() == name))
}

const OWN: StatusPart = StatusPart::Subresource;

/// All served kinds, in the order in which discovery lists them.
pub static KINDS: &[Kind] = &[
    Kind::namespaced("", "v1", "Service", "services")
        .short(&["svc"])
        .in_all()
        .status(OWN)
        .typed(typed::check::<core::v1::Service>),
    Kind::namespaced("", "v1", "Secret", "secrets").typed(typed::check::<core::v1::Secret>),
    Kind::cluster("", "v1", "Node", "nodes")
        .short(&["no"])
        .status(StatusPart::SubresourceAndCreate)
        .typed(typed::check::<core::v1::Node>),
    Kind::cluster("", "v1", "Namespace", "namespaces")
        .short(&["ns"])
        .status(OWN)
        .typed(typed::check::<core::v1::Namespace>),
    Kind::namespaced("", "v1", "ConfigMap", "configmaps").short(&["cm"]).typed(typed::check::<core::v1::ConfigMap>),
    Kind::namespaced("", "v1", "Pod", "pods").short(&["po"]).in_all().status(OWN).typed(typed::check::<core::v1::Pod>),
    Kind::namespaced("", "v1", "Endpoints", "endpoints").short(&["ep"]).typed(typed::check::<core::v1::Endpoints>),
    Kind::namespaced("", "v1", "Event", "events").short(&["ev"]).typed(typed::check::<core::v1::Event>),
    Kind::namespaced("", "v1", "ServiceAccount", "serviceaccounts")
        .short(&["sa"])
        .typed(typed::check::<core::v1::ServiceAccount>),
    Kind::namespaced("networking.k8s.io", "v1", "Ingress", "ingresses")
        .short(&["ing"])
        .status(OWN)
        .typed(typed::check::<networking::v1::Ingress>),
    Kind::cluster("networking.k8s.io", "v1", "IngressClass", "ingressclasses")
        .typed(typed::check::<networking::v1::IngressClass>),
    Kind::namespaced("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
        .typed(typed::check::<discovery::v1::EndpointSlice>),
    Kind::namespaced("coordination.k8s.io", "v1", "Lease", "leases")
        .versioned_updates()
        .typed(typed::check::<coordination::v1::Lease>),
    Kind::namespaced("events.k8s.io", "v1", "Event", "events").short(&["ev"]).typed(typed::check::<events::v1::Event>),
    Kind::namespaced("apps", "v1", "Deployment", "deployments")
        .short(&["deploy"])
        .in_all()
        .status(OWN)
        .typed(typed::check::<apps::v1::Deployment>),
    Kind::namespaced("apps", "v1", "DaemonSet", "daemonsets")
        .short(&["ds"])
        .in_all()
        .status(OWN)
        .typed(typed::check::<apps::v1::DaemonSet>),
    Kind::namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
        .short(&["pdb"])
        .status(OWN)
        .typed(typed::check::<policy::v1::PodDisruptionBudget>),
    Kind::cluster("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles")
        .typed(typed::check::<rbac::v1::ClusterRole>),
    Kind::cluster("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings")
        .typed(typed::check::<rbac::v1::ClusterRoleBinding>),
    Kind::namespaced("rbac.authorization.k8s.io", "v1", "Role", "roles").typed(typed::check::<rbac::v1::Role>),
    Kind::namespaced("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
        .typed(typed::check::<rbac::v1::RoleBinding>),
    Kind::cluster("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
        .short(&["crd"]),
    Kind::custom("traefik.io", "IngressRoute", "ingressroutes"),
    Kind::custom("traefik.io", "IngressRouteTCP", "ingressroutetcps"),
    Kind::custom("traefik.io", "IngressRouteUDP", "ingressrouteudps"),
    Kind::custom("traefik.io", "Middleware", "middlewares"),
    Kind::custom("traefik.io", "MiddlewareTCP", "middlewaretcps"),
    Kind::custom("traefik.io", "TraefikService", "traefikservices"),
    Kind::custom("traefik.io", "TLSOption", "tlsoptions"),
    Kind::custom("traefik.io", "TLSStore", "tlsstores"),
    Kind::custom("traefik.io", "ServersTransport", "serverstransports"),
    Kind::custom("traefik.io", "ServersTransportTCP", "serverstransporttcps"),
    // The group of Traefik 2.x, which 3.x no longer reads.
    Kind::custom("traefik.containo.us", "IngressRoute", "ingressroutes"),
    Kind::custom("traefik.containo.us", "IngressRouteTCP", "ingressroutetcps"),
    Kind::custom("traefik.containo.us", "IngressRouteUDP", "ingressrouteudps"),
    Kind::custom("traefik.containo.us", "Middleware", "middlewares"),
    Kind::custom("traefik.containo.us", "MiddlewareTCP", "middlewaretcps"),
    Kind::custom("traefik.containo.us", "TraefikService", "traefikservices"),
    Kind::custom("traefik.containo.us", "TLSOption", "tlsoptions"),
    Kind::custom("traefik.containo.us", "TLSStore", "tlsstores"),
    Kind::custom("traefik.containo.us", "ServersTransport", "serverstransports"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_path_or_a_type() {
        for (index, kind) in KINDS.iter().enumerate() {
            for other in &KINDS[index + 1..] {
                assert!((kind.group, kind.plural) != (other.group, other.plural), "{} twice", kind.resource_name());
                assert!((kind.group, kind.kind) != (other.group, other.kind), "{} twice", kind.qualified_kind());
            }
        }
    }

    #[test]
    fn a_kind_is_found_by_path_by_type_and_by_name() {
        let ingress = by_path("networking.k8s.io", "v1", "ingresses").expect("served");
        assert_eq!(ingress.kind, "Ingress");
        assert_eq!(by_type("networking.k8s.io/v1", "Ingress").expect("served").plural, "ingresses");
        assert_eq!(by_name("Ingress").expect("served").plural, "ingresses");
        assert_eq!(by_name("Event").expect("served").group, "");
        assert_eq!(by_name("Event.events.k8s.io").expect("served").group, "events.k8s.io");
        assert!(by_path("networking.k8s.io", "v1beta1", "ingresses").is_none());
        assert!(by_type("v2", "Service").is_none());
    }

    #[test]
    fn every_typed_kind_reads_a_bare_object_of_its_type() {
        for kind in KINDS {
            let bare =
                serde_json::json!({"apiVersion": kind.api_version(), "kind": kind.kind, "metadata": {"name": "x"}});
            if let Schema::Typed(read) = kind.schema {
                assert!(read(&bare).is_ok(), "{}", kind.qualified_kind());
            }
        }
    }
}
