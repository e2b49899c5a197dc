//! Just enough OpenAPI that kubectl leaves validation and merging to the server.
//!
//! kubectl asks `/openapi/v3` whether the PATCH operation of a kind takes `fieldValidation`
//! (`k8s.io/cli-runtime/pkg/resource/query_param_verifier_v3.go`); if so, it sends the object and lets the server
//! check. No schemas are published: for kinds it knows, kubectl then merges by its own types.

use serde_json::{Map, Value, json};

use super::discovery::group_versions;
use super::kinds::{KINDS, Kind, Scope};

/// `/openapi/v3`: where the document of each group version is.
pub(super) fn index() -> Value {
    let paths: Map<String, Value> = group_versions()
        .into_iter()
        .map(|(group, version)| {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let url = json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=pilotage")});
            (path, url)
        })
        .collect();
    json!({"paths": paths})
}

/// The document of one group version; `None` if nothing is served there.
pub(super) fn of(group: &str, version: &str) -> Option<Value> {
    let mut paths = Map::new();
    for kind in KINDS.iter().filter(|kind| kind.group == group && kind.version == version) {
        paths.insert(path(kind), json!({"patch": patch_operation(kind)}));
    }
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "Pilotage", "version": "v1.32.0"}, "paths": paths,
        "components": {"schemas": {}},
    });
    document["paths"].as_object().is_some_and(|paths| !paths.is_empty()).then_some(document)
}

fn path(kind: &Kind) -> String {
    let root = if kind.group.is_empty() { "/api" } else { "/apis" };
    let namespaces = if kind.scope == Scope::Namespaced { "/namespaces/{namespace}" } else { "" };
    format!("{root}/{}{namespaces}/{}/{{name}}", kind.api_version(), kind.plural)
}

fn patch_operation(kind: &Kind) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
    json!({
        "description": format!("partially update the specified {}", kind.kind),
        "operationId": format!("patch{}{}", kind.version, kind.kind),
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
    })
}

/// `/openapi/v2`: valid and empty.
pub(super) fn v2() -> Value {
    json!({"swagger": "2.0", "info": {"title": "Pilotage", "version": "v1.32.0"}, "paths": {}, "definitions": {}})
}
