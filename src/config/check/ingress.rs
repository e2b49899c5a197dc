//! The Ingress provider and the embedded API server that may stand in for a cluster (`ingress.md` 1 and 2).
use http::Uri;

use super::super::report::Findings;
use super::super::selector::validate_selector;
use super::super::settings::Scope;
use super::super::{CrossProvider, Demo, IngressProvider, Publish, Standalone};
use super::{is_dns_name, namespaces};
use std::net::IpAddr;
use std::sync::Arc;

const PROVIDER: &str = "providers.kubernetesIngress";
const ENDPOINT: &str = "providers.kubernetesIngress.endpoint";
const TOKEN: &str = "providers.kubernetesIngress.token";
const CERTIFICATES: &str = "providers.kubernetesIngress.certAuthFilePath";
const SELECTOR: &str = "providers.kubernetesIngress.labelSelector";
const CLASS_LOOKUP: &str = "providers.kubernetesIngress.disableIngressClassLookup";
const CLUSTER_SCOPE: &str = "providers.kubernetesIngress.disableClusterScopeResources";
const CROSS_PROVIDER: &str = "providers.kubernetesIngress.crossProviderNamespaces";
const NODE_IPS: &str = "providers.kubernetesIngress.reportNodeInternalIPs";
const SERVICE: &str = "providers.kubernetesIngress.ingressEndpoint.publishedService";
const LISTEN: &str = "standalone.listen";

pub(super) fn standalone(root: Scope<'_>, findings: &mut Findings) -> Option<Standalone> {
    let listen = root.text(LISTEN);
    let address = listen.parse().ok();
    if address.is_none() && !listen.is_empty() {
        let text = format!("`{listen}` is not `ip:port`, such as `127.0.0.1:8001`; beware, there is no login");
        findings.mistake(root.origin(LISTEN), text);
    }
    let standalone = Standalone {
        manifests: Some(root.text("standalone.manifests")).filter(|path| !path.is_empty()).map(Into::into),
        listen: address,
        demo: if root.flag("standalone.demo") { Demo::On } else { Demo::Off },
    };
    root.object("standalone").then_some(standalone)
}

/// The provider, if it was asked for by name, by one of its options, or by the embedded API server.
pub(super) fn provider(
    root: Scope<'_>,
    standalone: Option<&Standalone>,
    findings: &mut Findings,
) -> Option<IngressProvider> {
    let implied = standalone.is_some() && root.origin(PROVIDER).is_none();
    if !root.object(PROVIDER) && !implied {
        return None;
    }
    check_connection(root, standalone, findings);
    check_node_addresses(root, findings);
    if root.flag(CLASS_LOOKUP) {
        findings.warning(root.origin(CLASS_LOOKUP), "deprecated: use disableClusterScopeResources");
    }
    let watched = namespaces(root, "providers.kubernetesIngress.namespaces", findings);
    let publish = publish(root, &watched, findings);
    let certificates = root.text(CERTIFICATES);
    Some(IngressProvider {
        endpoint: root.text(ENDPOINT),
        token: root.secret(TOKEN),
        cert_auth_file: Some(certificates).filter(|path| !path.is_empty()).map(Into::into),
        namespaces: watched,
        publish,
        label_selector: label_selector(root, findings),
        ingress_class: root.text("providers.kubernetesIngress.ingressClass"),
        throttle: root.duration("providers.kubernetesIngress.throttleDuration"),
        allow_empty_services: root.flag("providers.kubernetesIngress.allowEmptyServices"),
        allow_external_name_services: root.flag("providers.kubernetesIngress.allowExternalNameServices"),
        allow_cross_namespace: root.flag("providers.kubernetesIngress.allowCrossNamespace"),
        cross_provider_namespaces: cross_provider(root, findings),
        disable_ingress_class_lookup: root.flag(CLASS_LOOKUP),
        disable_cluster_scope: root.flag(CLUSTER_SCOPE),
        native_lb_by_default: root.flag("providers.kubernetesIngress.nativeLBByDefault"),
        strict_prefix_matching: root.flag("providers.kubernetesIngress.strictPrefixMatching"),
        disable_pass_host_headers: root.flag("providers.kubernetesIngress.disablePassHostHeaders"),
    })
}

fn check_connection(root: Scope<'_>, standalone: Option<&Standalone>, findings: &mut Findings) {
    let endpoint = root.text(ENDPOINT);
    if !endpoint.is_empty() && !is_http_url(&endpoint) {
        let text = format!("`{endpoint}` is not an http or https URL, such as `https://10.0.0.1:6443`");
        findings.mistake(root.origin(ENDPOINT), text);
    }
    if standalone.is_none() {
        return;
    }
    let given = [
        (ENDPOINT, !endpoint.is_empty()),
        (TOKEN, !root.secret(TOKEN).expose().is_empty()),
        (CERTIFICATES, !root.text(CERTIFICATES).is_empty()),
    ];
    for (path, _) in given.into_iter().filter(|(_, given)| *given) {
        let text = "contradicts standalone: the embedded API server takes the place of the cluster; remove one of them";
        findings.mistake(root.origin(path), text);
    }
}

fn is_http_url(text: &str) -> bool {
    let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    text.parse().is_ok_and(|uri: Uri| is_http(&uri) && uri.host().is_some_and(|host| !host.is_empty()))
}

/// What is wrong with these never worked: Traefik logs an error per Ingress, the API server refuses such a status.
fn publish(root: Scope<'_>, watched: &[Arc<str>], findings: &mut Findings) -> Publish {
    const IP: &str = "providers.kubernetesIngress.ingressEndpoint.ip";
    const HOSTNAME: &str = "providers.kubernetesIngress.ingressEndpoint.hostname";
    if root.flag(NODE_IPS) {
        return Publish::NodeInternalIps;
    }
    let (ip, hostname, service) = (root.text(IP), root.text(HOSTNAME), root.text(SERVICE));
    if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
        findings.mistake(root.origin(IP), format!("`{ip}` is not an IP address; a name belongs into hostname"));
    }
    if !hostname.is_empty() && (!is_dns_name(&hostname) || hostname.parse::<IpAddr>().is_ok()) {
        let text = format!("`{hostname}` is not a host name in lower case, such as `www.example.com`");
        findings.mistake(root.origin(HOSTNAME), text);
    }
    if !service.is_empty() {
        return published_service(root, &service, watched, findings);
    }
    if ip.is_empty() && hostname.is_empty() {
        if root.any_below("providers.kubernetesIngress.ingressEndpoint") {
            let text = "all of ingressEndpoint is empty: no status is written; set ip, hostname or publishedService";
            findings.warning(root.origin(IP).or_else(|| root.origin(HOSTNAME)), text);
        }
        return Publish::Nothing;
    }
    Publish::Fixed { ip: ip.into(), hostname: hostname.into() }
}

fn published_service(root: Scope<'_>, text: &str, watched: &[Arc<str>], findings: &mut Findings) -> Publish {
    let Some((namespace, name)) = text.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'))
    else {
        findings
            .mistake(root.origin(SERVICE), format!("`{text}` is not `namespace/name`, such as `kube-system/proxy`"));
        return Publish::Nothing;
    };
    if !watched.is_empty() && !watched.iter().any(|known| **known == *namespace) {
        let text = format!("namespace `{namespace}` is not watched; add it to namespaces");
        findings.mistake(root.origin(SERVICE), text);
    }
    Publish::Service { namespace: namespace.into(), name: name.into() }
}

/// Traefik refuses to start with either combination (`ingress.md` 14.6).
fn check_node_addresses(root: Scope<'_>, findings: &mut Findings) {
    if root.flag(NODE_IPS) && root.any_below("providers.kubernetesIngress.ingressEndpoint") {
        findings.mistake(root.origin(NODE_IPS), "contradicts ingressEndpoint: remove one of them");
    }
    if root.flag(NODE_IPS) && root.flag(CLUSTER_SCOPE) {
        findings.mistake(root.origin(NODE_IPS), "contradicts disableClusterScopeResources: remove one of them");
    }
}

fn label_selector(root: Scope<'_>, findings: &mut Findings) -> String {
    let selector = root.text(SELECTOR);
    if let Err(error) = validate_selector(&selector) {
        findings.mistake(root.origin(SELECTOR), format!("label selector `{selector}` is not valid: {error}"));
    }
    selector
}

fn cross_provider(root: Scope<'_>, findings: &mut Findings) -> CrossProvider {
    let allowed = namespaces(root, CROSS_PROVIDER, findings);
    // Only the array of a file can say "none" (`ingress.md` 13); empty text is as good as nothing.
    if allowed.is_empty() && !root.is_empty_array(CROSS_PROVIDER) {
        return CrossProvider::Any;
    }
    let names = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    let text = format!("only these namespaces may refer to objects of other providers: {names}");
    findings.warning(root.origin(CROSS_PROVIDER), text);
    CrossProvider::Only(allowed)
}
