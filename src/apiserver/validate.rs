//! What a real API server refuses, as far as it protects: names, types of known kinds, and the rules of the kinds that
//! an ingress controller reads.
//!
//! [`Validation::Off`] lets everything through that can be stored at all (an object with a name), so that tests can
//! show the controller objects which no cluster would hold. Types are checked by `typed.rs`; default values are
//! filled in by `defaults.rs`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::kinds::{Kind, Schema};
use super::status::{ApiError, Cause, Subject};
use super::typed;

/// How closely an object is looked at before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Only what storing needs: a map with a name and, if given, the right `apiVersion` and `kind`.
    Off,
    /// Names, types, and the rules below; default values are filled in.
    #[default]
    Strict,
}

/// Refuses an object that a cluster would refuse.
pub(super) fn check(kind: &'static Kind, name: &str, object: &Value) -> Result<(), ApiError> {
    check_types(kind, object)?;
    let mut causes = Vec::new();
    check_name(kind, name, &mut causes);
    check_labels(object, &mut causes);
    match kind.kind {
        "Ingress" => check_ingress(object, &mut causes),
        "Service" => check_service(object, &mut causes),
        "Secret" => check_secret(object, &mut causes),
        "EndpointSlice" => check_endpoint_slice(object, &mut causes),
        "IngressClass" => check_ingress_class(object, &mut causes),
        _ => {}
    }
    if causes.is_empty() { Ok(()) } else { Err(ApiError::Invalid { subject: Subject::new(kind, name), causes }) }
}

/// Refuses a status of the wrong type; the rest of the object is not looked at.
pub(super) fn check_status(kind: &'static Kind, object: &Value) -> Result<(), ApiError> {
    check_types(kind, &serde_json::json!({"status": object["status"]}))
}

/// Fields of a typed object that its kind does not have; empty for custom resources and for what does not even read.
pub(super) fn unknown_fields(kind: &Kind, object: &Value) -> Vec<String> {
    match kind.schema {
        Schema::Untyped => Vec::new(),
        Schema::Typed(read) => {
            read(object).map(|understood| typed::unknown_fields(object, &understood)).unwrap_or_default()
        }
    }
}

fn check_types(kind: &'static Kind, object: &Value) -> Result<(), ApiError> {
    let read = match kind.schema {
        Schema::Typed(read) => read(object).map(drop),
        Schema::Untyped => object.get("metadata").map_or(Ok(()), |it| typed::check::<ObjectMeta>(it).map(drop)),
    };
    read.map_err(|error| {
        let (kind, version) = (kind.kind, kind.version);
        ApiError::BadRequest(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {error}"))
    })
}

fn check_name(kind: &Kind, name: &str, causes: &mut Vec<Cause>) {
    let fits = match (kind.group, kind.kind) {
        ("rbac.authorization.k8s.io", _) => is_path_segment(name),
        ("", "Service" | "Namespace") => is_dns_label(name),
        _ => is_dns_subdomain(name),
    };
    if !fits {
        let message = "a lowercase RFC 1123 name must consist of lower case alphanumeric characters, '-' or '.', \
                       and must start and end with an alphanumeric character";
        causes.push(Cause::invalid("metadata.name", &Value::from(name), message));
    }
}

/// RFC 1123 subdomain: labels joined by dots, 253 characters at most.
pub(super) fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label_text)
}

/// RFC 1123 label, 63 characters at most.
fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_label_text(name)
}

fn is_label_text(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '%']) && name.len() <= 253
}

/// A label's value, or the part of its key after the prefix: 63 of `[A-Za-z0-9._-]`, alphanumeric at both ends.
pub(super) fn is_label_value(value: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let outer = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = value.as_bytes();
    bytes.len() <= 63 && bytes.iter().copied().all(inner) && outer(bytes.first()) && outer(bytes.last())
}

/// A label's key: an optional DNS prefix and a slash, then a name.
pub(super) fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

fn check_labels(object: &Value, causes: &mut Vec<Cause>) {
    let Some(labels) = object["metadata"]["labels"].as_object() else { return };
    for (key, value) in labels {
        if !is_label_key(key) {
            causes.push(Cause::invalid("metadata.labels", &Value::from(key.as_str()), "not a label key"));
        }
        if !value.as_str().is_some_and(is_label_value) {
            causes.push(Cause::invalid("metadata.labels", value, "not a label value"));
        }
    }
}

fn items<'a>(parent: &'a Value, field: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    parent[field].as_array().into_iter().flatten().enumerate()
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// `pkg/apis/networking/validation/validation.go`, ValidateIngressSpec.
fn check_ingress(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let has_rules = spec["rules"].as_array().is_some_and(|rules| !rules.is_empty());
    if !has_rules && spec["defaultBackend"].is_null() {
        let message = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &Value::Array(Vec::new()), message));
    }
    if !spec["defaultBackend"].is_null() {
        check_backend(&spec["defaultBackend"], "spec.defaultBackend", causes);
    }
    for (index, rule) in items(spec, "rules") {
        let at = format!("spec.rules[{index}]");
        check_host(&rule["host"], &format!("{at}.host"), causes);
        if rule["http"].is_object() && rule["http"]["paths"].as_array().is_none_or(Vec::is_empty) {
            causes.push(Cause::required(format!("{at}.http.paths"), "at least one path is needed"));
        }
        for (index, path) in items(&rule["http"], "paths") {
            check_path(path, &format!("{at}.http.paths[{index}]"), causes);
        }
    }
    for (index, tls) in items(spec, "tls") {
        for (host_index, host) in items(tls, "hosts") {
            check_host(host, &format!("spec.tls[{index}].hosts[{host_index}]"), causes);
        }
    }
}

fn check_host(host: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(text) = host.as_str().filter(|text| !text.is_empty()) else { return };
    if text.parse::<std::net::IpAddr>().is_ok() {
        causes.push(Cause::invalid(at, host, "must be a DNS name, not an IP address"));
    } else if !is_dns_subdomain(text.strip_prefix("*.").unwrap_or(text)) {
        causes.push(Cause::invalid(at, host, "a lowercase RFC 1123 subdomain, or one behind `*.`, is needed"));
    }
}

fn check_path(path: &Value, at: &str, causes: &mut Vec<Cause>) {
    let text = path["path"].as_str().unwrap_or("");
    match path["pathType"].as_str() {
        None | Some("") => causes.push(Cause::required(format!("{at}.pathType"), "pathType must be specified")),
        Some("Exact" | "Prefix") if !text.starts_with('/') => {
            causes.push(Cause::invalid(format!("{at}.path"), &path["path"], "must be an absolute path"));
        }
        Some("ImplementationSpecific") if !text.is_empty() && !text.starts_with('/') => {
            causes.push(Cause::invalid(format!("{at}.path"), &path["path"], "must be an absolute path"));
        }
        Some("Exact" | "Prefix" | "ImplementationSpecific") => {}
        Some(_) => {
            let known = ["Exact", "ImplementationSpecific", "Prefix"];
            causes.push(Cause::not_supported(format!("{at}.pathType"), &path["pathType"], &known));
        }
    }
    check_backend(&path["backend"], &format!("{at}.backend"), causes);
}

fn check_backend(backend: &Value, at: &str, causes: &mut Vec<Cause>) {
    let service = &backend["service"];
    match (service.is_null(), backend["resource"].is_null()) {
        (true, true) => causes.push(Cause::required(at, "a service or a resource backend is needed")),
        (true, false) => {}
        (false, false) => causes.push(Cause::invalid(at, backend, "cannot set both resource and service backends")),
        (false, true) => {
            if is_blank(&service["name"]) {
                causes.push(Cause::required(format!("{at}.service.name"), "a name is needed"));
            }
            let number = service["port"]["number"].as_i64().unwrap_or(0);
            match (is_blank(&service["port"]["name"]), number) {
                (true, 0) => {
                    causes.push(Cause::required(format!("{at}.service.port"), "port name or number is required"))
                }
                (false, 0) => {}
                (false, _) => {
                    causes.push(Cause::invalid(
                        format!("{at}.service.port"),
                        &service["port"],
                        "cannot set both name and number",
                    ));
                }
                (true, number) => check_port(number, &format!("{at}.service.port.number"), causes),
            }
        }
    }
}

fn check_port(number: i64, at: &str, causes: &mut Vec<Cause>) {
    if !(1..=65_535).contains(&number) {
        causes.push(Cause::invalid(at, &Value::from(number), "must be between 1 and 65535, inclusive"));
    }
}

/// `pkg/apis/core/validation/validation.go`, ValidateService.
fn check_service(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let kind = spec["type"].as_str().unwrap_or("ClusterIP");
    if !known.contains(&kind) {
        causes.push(Cause::not_supported("spec.type", &spec["type"], &known));
    }
    if kind == "ExternalName" && is_blank(&spec["externalName"]) {
        causes.push(Cause::required("spec.externalName", "an external name is needed"));
    }
    let ports = spec["ports"].as_array().map_or(0, Vec::len);
    if ports == 0 && kind != "ExternalName" && spec["clusterIP"].as_str() != Some("None") {
        causes.push(Cause::required("spec.ports", "at least one port is needed"));
    }
    for (index, port) in items(spec, "ports") {
        let at = format!("spec.ports[{index}]");
        check_port(port["port"].as_i64().unwrap_or(0), &format!("{at}.port"), causes);
        if ports > 1 && is_blank(&port["name"]) {
            causes.push(Cause::required(format!("{at}.name"), "several ports need names"));
        }
        let protocols = ["SCTP", "TCP", "UDP"];
        if port["protocol"].as_str().is_some_and(|it| !protocols.contains(&it)) {
            causes.push(Cause::not_supported(format!("{at}.protocol"), &port["protocol"], &protocols));
        }
    }
}

/// `pkg/apis/core/validation/validation.go`, ValidateSecret.
fn check_secret(object: &Value, causes: &mut Vec<Cause>) {
    let needed: &[&str] = match object["type"].as_str() {
        Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
        Some("kubernetes.io/ssh-auth") => &["ssh-privatekey"],
        Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
        _ => &[],
    };
    for key in needed.iter().filter(|key| object["data"][**key].is_null()) {
        causes.push(Cause::required(format!("data[{key}]"), "the type of this secret needs it"));
    }
}

/// `pkg/apis/discovery/validation/validation.go`, ValidateEndpointSlice.
fn check_endpoint_slice(object: &Value, causes: &mut Vec<Cause>) {
    let known = ["FQDN", "IPv4", "IPv6"];
    match object["addressType"].as_str() {
        None | Some("") => causes.push(Cause::required("addressType", "IPv4, IPv6 or FQDN")),
        Some(kind) if !known.contains(&kind) => {
            causes.push(Cause::not_supported("addressType", &object["addressType"], &known));
        }
        Some(_) => {}
    }
    for (index, endpoint) in items(object, "endpoints") {
        if endpoint["addresses"].as_array().is_none_or(Vec::is_empty) {
            causes.push(Cause::required(format!("endpoints[{index}].addresses"), "must contain at least 1 address"));
        }
    }
}

fn check_ingress_class(object: &Value, causes: &mut Vec<Cause>) {
    let controller = &object["spec"]["controller"];
    if controller.as_str().is_some_and(|name| !name.is_empty() && !is_label_key_loosely(name)) {
        causes.push(Cause::invalid(
            "spec.controller",
            controller,
            "must be a domain-prefixed path such as acme.io/foo",
        ));
    }
}

fn is_label_key_loosely(name: &str) -> bool {
    name.len() <= 250 && name.split_once('/').is_some_and(|(domain, path)| is_dns_subdomain(domain) && !path.is_empty())
}

#[cfg(test)]
mod tests;
