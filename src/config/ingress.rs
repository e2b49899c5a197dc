//! The options of the Kubernetes Ingress provider (`ingress.md` 1).
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Redacted;

/// The checked options of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressProvider {
    /// URL of the API server (http or https), or empty: it is then found in the environment (`ingress.md` 2.1), or is
    /// the embedded one if `Config::standalone` is there.
    pub endpoint: String,
    /// Bearer token, or the name of the file that holds it; empty for none. Only for a client outside of a cluster.
    pub token: Redacted<String>,
    /// Certificate authorities of the API server; `None` for those of the system. Only outside of a cluster.
    pub cert_auth_file: Option<PathBuf>,
    /// The watched namespaces, sorted, each once; empty for all.
    pub namespaces: Vec<Arc<str>>,
    /// A valid label selector for Ingress objects; empty for all.
    pub label_selector: String,
    /// The class whose Ingresses are served (`ingress.md` 5); empty for our own.
    pub ingress_class: String,
    /// Shortest time between two takings-in of one object. Default 0.
    pub throttle: Duration,
    /// Keep routers whose service has no endpoint.
    pub allow_empty_services: bool,
    /// Accept Services of type ExternalName.
    pub allow_external_name_services: bool,
    /// Let an Ingress use objects of other namespaces.
    pub allow_cross_namespace: bool,
    /// Whose objects may refer to other providers (`ingress.md` 13).
    pub cross_provider_namespaces: CrossProvider,
    /// Do not read IngressClass objects. Deprecated.
    pub disable_ingress_class_lookup: bool,
    /// Read neither IngressClass nor Node objects.
    pub disable_cluster_scope: bool,
    /// Send requests to the cluster address of a Service unless it says otherwise.
    pub native_lb_by_default: bool,
    /// A Prefix path matches whole path elements only.
    pub strict_prefix_matching: bool,
    /// Send backends their own name as Host.
    pub disable_pass_host_headers: bool,
    /// What the status of Ingresses says.
    pub publish: Publish,
}

/// What is written into the status of Ingresses (`ingress.md` 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publish {
    /// Nothing is written.
    Nothing,
    /// One entry; not both empty.
    Fixed {
        /// An IP address, or empty.
        ip: Arc<str>,
        /// A DNS name, or empty.
        hostname: Arc<str>,
    },
    /// What this Service says.
    Service {
        /// Its namespace, which is watched.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// The internal addresses of all Nodes.
    NodeInternalIps,
}

/// Which namespaces may refer to objects of other providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrossProvider {
    /// All of them: the option is not set, or set to an empty value on the command line.
    Any,
    /// These, sorted, each once. Empty (`[]` in a file) means none.
    Only(Vec<Arc<str>>),
}

impl CrossProvider {
    /// Whether objects of this namespace may.
    pub fn allows(&self, namespace: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(namespaces) => namespaces.iter().any(|allowed| **allowed == *namespace),
        }
    }
}
