//! Discovery documents: which groups, versions and resources there are, in the old form and the aggregated one.
//!
//! Everything is derived from [`super::kinds::KINDS`].

use serde_json::{Value, json};

use super::kinds::{KINDS, Kind, Scope};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

/// `/version`. The API is that of Kubernetes 1.32.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "32", "gitVersion": concat!("v1.32.0+pilotage-", env!("CARGO_PKG_VERSION")),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": "embedded",
    })
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// All group versions, each once, in the order of the table.
pub(super) fn group_versions() -> Vec<(&'static str, &'static str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for kind in KINDS {
        if !found.contains(&(kind.group, kind.version)) {
            found.push((kind.group, kind.version));
        }
    }
    found
}

/// `/apis`.
pub(super) fn groups() -> Value {
    let groups: Vec<Value> = group_versions()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, version)| api_group(group, version))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(name: &str) -> Option<Value> {
    let (group, version) = group_versions().into_iter().find(|(group, _)| !group.is_empty() && *group == name)?;
    let mut document = api_group(group, version);
    document["kind"] = Value::from("APIGroup");
    document["apiVersion"] = Value::from("v1");
    Some(document)
}

fn api_group(group: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

fn kinds_of(group: &str, version: &str) -> Vec<&'static Kind> {
    KINDS.iter().filter(|kind| kind.group == group && kind.version == version).collect()
}

/// `/api/v1` and `/apis/GROUP/VERSION`; `None` if nothing is served there.
pub(super) fn resources(group: &str, version: &str) -> Option<Value> {
    let kinds = kinds_of(group, version);
    let first = kinds.first()?;
    let resources: Vec<Value> = kinds.iter().flat_map(|kind| api_resources(kind)).collect();
    let group_version = first.api_version();
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}))
}

fn api_resources(kind: &Kind) -> Vec<Value> {
    let namespaced = kind.scope == Scope::Namespaced;
    let mut resources = vec![json!({
        "name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": namespaced, "kind": kind.kind,
        "verbs": VERBS, "shortNames": kind.short_names, "categories": categories(kind),
    })];
    if kind.has_status_subresource() {
        resources.push(json!({
            "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": namespaced, "kind": kind.kind,
            "verbs": STATUS_VERBS,
        }));
    }
    resources
}

fn categories(kind: &Kind) -> &'static [&'static str] {
    if kind.in_all { &["all"] } else { &[] }
}

/// Which half of the aggregated discovery is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// `/api`
    Core,
    /// `/apis`
    Groups,
}

/// The media type of [`aggregated`]; clients look at it to know what they got.
pub(super) const AGGREGATED_TYPE: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `APIGroupDiscoveryList`: everything in one document.
pub(super) fn aggregated(half: Half) -> Value {
    let wanted = |group: &str| group.is_empty() == (half == Half::Core);
    let items: Vec<Value> = group_versions()
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, version)| {
            let resources: Vec<Value> = kinds_of(group, version).into_iter().map(aggregated_resource).collect();
            let versions = json!([{"version": version, "freshness": "Current", "resources": resources}]);
            json!({"metadata": {"name": group, "creationTimestamp": null}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn aggregated_resource(kind: &'static Kind) -> Value {
    let response_kind = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let scope = if kind.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" };
    let mut resource = json!({
        "resource": kind.plural, "responseKind": response_kind, "scope": scope,
        "singularResource": kind.kind.to_lowercase(), "verbs": VERBS, "shortNames": kind.short_names,
        "categories": categories(kind),
    });
    if kind.has_status_subresource() {
        resource["subresources"] =
            json!([{"subresource": "status", "responseKind": response_kind, "verbs": STATUS_VERBS}]);
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_discovery_name_the_same_resources() {
        for (group, version) in group_versions() {
            let half = if group.is_empty() { Half::Core } else { Half::Groups };
            let list = resources(group, version).expect("served");
            let mut old: Vec<&str> = list["resources"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|it| it["name"].as_str())
                .filter(|name| !name.contains('/'))
                .collect();
            let all = aggregated(half);
            let groups = all["items"].as_array().expect("a list");
            let mine = groups.iter().find(|it| it["metadata"]["name"] == group).expect("the group");
            let mut new: Vec<&str> = mine["versions"][0]["resources"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|it| it["resource"].as_str())
                .collect();
            old.sort_unstable();
            new.sort_unstable();
            assert_eq!(old, new, "{group}/{version}");
        }
        assert!(resources("no.such", "v1").is_none());
        assert!(group("").is_none());
    }
}
