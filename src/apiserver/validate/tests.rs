use serde_json::json;

use super::*;
use crate::apiserver::kinds;

fn fields(kind: &str, object: Value) -> Vec<String> {
    let kind = kinds::by_name(kind).expect("served");
    let name = object["metadata"]["name"].as_str().unwrap_or("x").to_owned();
    match check(kind, &name, &object) {
        Ok(()) => Vec::new(),
        Err(ApiError::Invalid { causes, .. }) => causes.into_iter().map(|cause| cause.field).collect(),
        Err(other) => vec![other.to_string()],
    }
}

fn ingress_path(path: Value) -> Value {
    json!({"metadata": {"name": "x"}, "spec": {"rules": [{"http": {"paths": [path]}}]}})
}

#[test]
fn ingresses_are_held_to_the_rules_of_the_cluster() {
    let backend = json!({"service": {"name": "s", "port": {"number": 80}}});
    struct Case {
        name: &'static str,
        given: Value,
        want: &'static [&'static str],
    }
    let cases = [
        Case {
            name: "good",
            given: ingress_path(json!({"path": "/", "pathType": "Prefix", "backend": backend})),
            want: &[],
        },
        Case {
            name: "no path type",
            given: ingress_path(json!({"path": "/", "backend": backend})),
            want: &["spec.rules[0].http.paths[0].pathType"],
        },
        Case {
            name: "wrong path type and no backend",
            given: ingress_path(json!({"path": "/", "pathType": "prefix"})),
            want: &["spec.rules[0].http.paths[0].pathType", "spec.rules[0].http.paths[0].backend"],
        },
        Case {
            name: "relative path",
            given: ingress_path(json!({"path": "a", "pathType": "Exact", "backend": backend})),
            want: &["spec.rules[0].http.paths[0].path"],
        },
        Case {
            name: "no port",
            given: ingress_path(json!({"path": "/", "pathType": "Exact", "backend": {"service": {"name": "s"}}})),
            want: &["spec.rules[0].http.paths[0].backend.service.port"],
        },
        Case { name: "nothing at all", given: json!({"metadata": {"name": "x"}, "spec": {}}), want: &["spec"] },
        Case {
            name: "an address as host",
            given: json!({"spec": {"defaultBackend": backend, "rules": [{"host": "10.0.0.1"}, {"host": "*.a.b"}, {"host": "A"}]}}),
            want: &["spec.rules[0].host", "spec.rules[2].host"],
        },
    ];
    for Case { name, given, want } in cases {
        assert_eq!(fields("Ingress", given), want, "{name}");
    }
}

#[test]
fn services_secrets_and_slices_are_checked() {
    let cases = [
        ("Service", json!({"spec": {"ports": [{"port": 80}]}}), vec![]),
        ("Service", json!({"spec": {"clusterIP": "None"}}), vec![]),
        ("Service", json!({"spec": {"type": "ExternalName"}}), vec!["spec.externalName"]),
        ("Service", json!({"spec": {"type": "Own", "ports": [{"port": 0}]}}), vec!["spec.type", "spec.ports[0].port"]),
        ("Service", json!({"spec": {"ports": [{"port": 1, "name": "a"}, {"port": 2}]}}), vec!["spec.ports[1].name"]),
        ("Secret", json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}), vec!["data[tls.key]"]),
        ("EndpointSlice", json!({"endpoints": [{"addresses": []}]}), vec!["addressType", "endpoints[0].addresses"]),
        ("IngressClass", json!({"spec": {"controller": "traefik.io/ingress-controller"}}), vec![]),
        ("IngressClass", json!({"spec": {"controller": "traefik"}}), vec!["spec.controller"]),
    ];
    for (kind, given, want) in cases {
        assert_eq!(fields(kind, given.clone()), want, "{kind} {given}");
    }
}

#[test]
fn names_and_labels_are_checked_for_every_kind() {
    for (name, want) in
        [("a", true), ("a.b-c", true), ("A", false), ("-a", false), ("a..b", false), ("a/b", false), ("", false)]
    {
        let object = json!({"metadata": {"name": name}});
        assert_eq!(fields("Middleware", object).is_empty(), want, "{name}");
    }
    assert_eq!(fields("Middleware", json!({"metadata": {"name": "a", "labels": {"a b": "c"}}})), ["metadata.labels"]);
    assert!(fields("ClusterRole", json!({"metadata": {"name": "system:node"}})).is_empty());
}

#[test]
fn a_wrong_type_is_a_bad_request_that_names_the_field() {
    let found = fields("Service", json!({"spec": {"ports": [{"port": "http"}]}}));
    assert!(
        found[0].contains("Service in version \"v1\" cannot be handled as a Service: spec.ports[0].port: "),
        "{found:?}"
    );
    let found = fields("Middleware", json!({"metadata": {"annotations": {"a": 1}}}));
    assert!(found[0].contains("annotations.a"), "{found:?}");
}
