//! Which lists merge element by element, and by which key: `x-kubernetes-list-type` and patch merge keys of our kinds.
//!
//! Every list that is not named here is replaced as a whole. Source: the OpenAPI document of Kubernetes 1.32.

use serde_json::Value;

use crate::apiserver::kinds::Kind;
use crate::apiserver::status::ApiError;

/// How a list merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListRule {
    /// As one value.
    Atomic,
    /// As a set of plain values.
    Set,
    /// As a map from the values of these fields. The first always counts; the others only if a patch names them.
    Keyed(&'static [&'static str]),
}

/// The rule for the list at `path`, the names of the fields that lead to it without list positions.
pub fn rule(kind: &Kind, path: &[&str]) -> ListRule {
    match (kind.kind, path) {
        (_, ["metadata", "ownerReferences"]) => ListRule::Keyed(&["uid"]),
        (_, ["metadata", "finalizers"]) => ListRule::Set,
        _ if !kind.is_typed() => ListRule::Atomic,
        (_, ["status", "conditions"]) => ListRule::Keyed(&["type"]),
        ("Service", ["spec", "ports"]) => ListRule::Keyed(&["port", "protocol"]),
        ("Node", ["status", "addresses"]) => ListRule::Keyed(&["type"]),
        ("ServiceAccount", ["secrets" | "imagePullSecrets"]) => ListRule::Keyed(&["name"]),
        ("Pod", ["status", "podIPs" | "hostIPs"]) => ListRule::Keyed(&["ip"]),
        ("Pod", ["spec", rest @ ..]) => pod_rule(rest),
        ("Deployment" | "DaemonSet", ["spec", "template", "spec", rest @ ..]) => pod_rule(rest),
        _ => ListRule::Atomic,
    }
}

fn pod_rule(path: &[&str]) -> ListRule {
    match path {
        [
            "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "imagePullSecrets" | "resourceClaims",
        ] => ListRule::Keyed(&["name"]),
        ["hostAliases"] => ListRule::Keyed(&["ip"]),
        ["topologySpreadConstraints"] => ListRule::Keyed(&["topologyKey", "whenUnsatisfiable"]),
        ["containers" | "initContainers" | "ephemeralContainers", rest @ ..] => match rest {
            ["env"] => ListRule::Keyed(&["name"]),
            ["ports"] => ListRule::Keyed(&["containerPort", "protocol"]),
            ["volumeMounts"] => ListRule::Keyed(&["mountPath"]),
            ["volumeDevices"] => ListRule::Keyed(&["devicePath"]),
            _ => ListRule::Atomic,
        },
        _ => ListRule::Atomic,
    }
}

/// The value of a key field, with the default that the field has in Kubernetes.
pub fn key_value(item: &Value, field: &str) -> Option<Value> {
    match item.get(field) {
        Some(value) if !value.is_null() => Some(value.clone()),
        _ if field == "protocol" => Some(Value::from("TCP")),
        _ => None,
    }
}

/// Where in `items` the element is that `wanted` means: same first key, and the same further keys if it names them.
pub fn position(items: &[Value], wanted: &Value, keys: &[&str]) -> Option<usize> {
    let (first, further) = keys.split_first()?;
    let same = |item: &Value, field: &str| key_value(item, field) == key_value(wanted, field);
    let named = |field: &&str| wanted.get(*field).is_some_and(|value| !value.is_null());
    items.iter().position(|item| {
        item.is_object()
            && same(item, first)
            && further.iter().filter(|field| named(field)).all(|field| same(item, field))
    })
}

/// Elements that a list may have to be merged one by one; looking each up in the other is quadratic.
const MAX_ELEMENTS: usize = 1_000;

/// Refuses values with a list that merges by element and is too long for that.
pub fn check_lengths<'a>(kind: &Kind, path: &mut Vec<&'a str>, value: &'a Value) -> Result<(), ApiError> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, inner)| {
            path.push(name);
            let result = check_lengths(kind, path, inner);
            path.pop();
            result
        }),
        Value::Array(items) => match rule(kind, path) {
            ListRule::Atomic => Ok(()),
            ListRule::Set | ListRule::Keyed(_) if items.len() > MAX_ELEMENTS => Err(ApiError::TooLarge(MAX_ELEMENTS)),
            ListRule::Set => Ok(()),
            ListRule::Keyed(_) => items.iter().try_for_each(|item| check_lengths(kind, path, item)),
        },
        _ => Ok(()),
    }
}
