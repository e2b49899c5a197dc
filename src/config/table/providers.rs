//! Options of providers, Traefik's and the embedded API server: `ingress.md` 1, `http.md` 4.8.
use super::{Kind, OptionRow, Support, gone, refused, section, works};

const NO_STATUS: &str = "this version does not write the status of Ingresses";

const fn status(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> OptionRow {
    OptionRow { path, kind, default, help, support: Support::Planned(NO_STATUS) }
}

pub(super) const ROWS: &[OptionRow] = &[
    works(
        "providers.providersThrottleDuration",
        Kind::Duration,
        "2s",
        "shortest time between two applied changes of one object",
    ),
    works("providers.kubernetesIngress", Kind::Presence, "", "serve Ingress objects"),
    works(
        "providers.kubernetesIngress.endpoint",
        Kind::Text,
        "",
        "URL of the API server; inside a cluster it replaces the one found there, elsewhere it is required unless KUBECONFIG is set",
    ),
    works(
        "providers.kubernetesIngress.token",
        Kind::Secret,
        "",
        "bearer token, or the file that holds it; outside of a cluster only",
    ),
    works(
        "providers.kubernetesIngress.certAuthFilePath",
        Kind::Text,
        "",
        "file with the certificate authorities of the API server; outside of a cluster only",
    ),
    works(
        "providers.kubernetesIngress.disablePassHostHeaders",
        Kind::Bool,
        "false",
        "send backends their own name as Host, not the client's",
    ),
    works("providers.kubernetesIngress.namespaces", Kind::List, "", "namespaces to watch; empty for all"),
    works(
        "providers.kubernetesIngress.labelSelector",
        Kind::Text,
        "",
        "only Ingresses with these labels; empty for all",
    ),
    works(
        "providers.kubernetesIngress.ingressClass",
        Kind::Text,
        "",
        "only Ingresses of this class; empty for those of our own controller and those without class",
    ),
    works(
        "providers.kubernetesIngress.throttleDuration",
        Kind::Duration,
        "0s",
        "shortest time between two takings-in of one object; the longer of this and providersThrottleDuration counts",
    ),
    works(
        "providers.kubernetesIngress.allowEmptyServices",
        Kind::Bool,
        "false",
        "keep routers whose service has no endpoint",
    ),
    works(
        "providers.kubernetesIngress.allowExternalNameServices",
        Kind::Bool,
        "false",
        "accept Services of type ExternalName",
    ),
    works(
        "providers.kubernetesIngress.allowCrossNamespace",
        Kind::Bool,
        "false",
        "let an Ingress use objects of other namespaces",
    ),
    works(
        "providers.kubernetesIngress.crossProviderNamespaces",
        Kind::List,
        "",
        "only Ingresses of these namespaces may use objects of other providers; empty for all",
    ),
    works(
        "providers.kubernetesIngress.disableIngressClassLookup",
        Kind::Bool,
        "false",
        "deprecated: do not read IngressClass objects",
    ),
    works(
        "providers.kubernetesIngress.disableClusterScopeResources",
        Kind::Bool,
        "false",
        "read neither IngressClass nor Node objects",
    ),
    works(
        "providers.kubernetesIngress.nativeLBByDefault",
        Kind::Bool,
        "false",
        "send requests to the cluster address of a Service unless it says otherwise",
    ),
    works(
        "providers.kubernetesIngress.strictPrefixMatching",
        Kind::Bool,
        "false",
        "a Prefix path matches whole path elements only",
    ),
    status(
        "providers.kubernetesIngress.ingressEndpoint.ip",
        Kind::Text,
        "",
        "address to write into the status of Ingresses",
    ),
    status(
        "providers.kubernetesIngress.ingressEndpoint.hostname",
        Kind::Text,
        "",
        "host name to write into the status of Ingresses",
    ),
    status(
        "providers.kubernetesIngress.ingressEndpoint.publishedService",
        Kind::Text,
        "",
        "`namespace/name` of the Service whose status is copied to the Ingresses",
    ),
    status(
        "providers.kubernetesIngress.reportNodeInternalIPs",
        Kind::Bool,
        "false",
        "write the internal addresses of all nodes into the status of Ingresses",
    ),
    refused("providers.precedence", Kind::List, "", "which provider wins between equal routers"),
    section(
        "providers.kubernetesCRD",
        "serve IngressRoute and its kin",
        " or use Ingress objects (providers.kubernetesIngress)",
    ),
    section(
        "providers.kubernetesGateway",
        "serve Gateway API objects",
        " or use Ingress objects (providers.kubernetesIngress)",
    ),
    section(
        "providers.kubernetesIngressNGINX",
        "serve Ingress objects with nginx annotations",
        " or use providers.kubernetesIngress",
    ),
    section("providers.knative", "serve Knative objects", ""),
    section("providers.file", "routes from files", " or put Ingress objects into a folder (standalone.manifests)"),
    section("providers.docker", "routes from Docker", ""),
    section("providers.swarm", "routes from Docker Swarm", ""),
    section("providers.consul", "routes from Consul", ""),
    section("providers.consulCatalog", "routes from Consul Catalog", ""),
    section("providers.nomad", "routes from Nomad", ""),
    section("providers.ecs", "routes from ECS", ""),
    section("providers.etcd", "routes from etcd", ""),
    section("providers.redis", "routes from Redis", ""),
    section("providers.zooKeeper", "routes from ZooKeeper", ""),
    section("providers.http", "routes from an HTTP address", ""),
    section("providers.rest", "routes sent to us", ""),
    section("providers.plugin", "routes from plugins", ""),
    gone("providers.marathon", "Traefik dropped the provider"),
    gone("providers.rancher", "Traefik dropped the provider"),
    works(
        "standalone",
        Kind::Presence,
        "",
        "run on an embedded API server instead of a cluster; enables the Ingress provider",
    ),
    works("standalone.manifests", Kind::Text, "", "folder of YAML files that is loaded and watched"),
    works(
        "standalone.listen",
        Kind::Text,
        "",
        "`ip:port` where kubectl can reach the embedded API server, without any login; empty for nowhere",
    ),
    works("standalone.demo", Kind::Bool, "false", "add small backends and routes to look at"),
    gone("kubernetes", "write providers.kubernetesIngress and the same names below it"),
];
