use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::apiserver::kinds;
use crate::apiserver::store::Part;

fn kind(name: &str) -> &'static Kind {
    kinds::by_name(name).expect("served")
}

fn service(ports: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports}})
}

fn json_patch_of(operations: Value) -> Patch {
    Patch::Json(serde_json::from_value(operations).expect("a patch"))
}

#[test]
fn json_patches_change_test_and_fail_as_a_whole() {
    let object = json!({"metadata": {"name": "a", "labels": {"x": "1"}}});
    let good = json_patch_of(json!([
        {"op": "test", "path": "/metadata/labels/x", "value": "1"},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "2"},
        {"op": "remove", "path": "/metadata/labels/x"},
    ]));
    assert_eq!(
        good.apply_to(kind("Middleware"), &object),
        Ok(json!({"metadata": {"name": "a", "labels": {"a/b": "2"}}}))
    );
    for bad in [
        json!([{"op": "test", "path": "/metadata/labels/x", "value": "2"}]),
        json!([{"op": "remove", "path": "/nothing/here"}]),
    ] {
        let error = json_patch_of(bad).apply_to(kind("Middleware"), &object).expect_err("cannot apply");
        assert_eq!(error.code(), 422);
    }
}

#[test]
fn a_json_patch_cannot_blow_up_an_object() {
    let copies: Vec<Value> = (0..100).map(|_| json!({"op": "copy", "from": "", "path": "/a"})).collect();
    let object = json!({"data": "x".repeat(1000)});
    assert!(json_patch_of(Value::Array(copies)).apply_to(kind("Middleware"), &object).is_err());

    let text = "x".repeat(1000);
    let doubling: Vec<Value> = (0..60).map(|n| json!({"op": "copy", "from": "", "path": format!("/a{n}")})).collect();
    let error = json_patch_of(Value::Array(doubling)).apply_to(kind("Middleware"), &json!({"data": text}));
    assert!(error.is_err());

    let deep = format!("/{}", vec!["a"; 200].join("/"));
    let patch = json_patch_of(json!([{"op": "add", "path": deep, "value": 1}]));
    assert_eq!(patch.apply_to(kind("Middleware"), &json!({})).expect_err("too deep").code(), 400);
}

#[test]
fn merge_patches_follow_rfc_7386() {
    let object = json!({"a": {"b": 1, "c": [1, 2]}, "d": 1});
    let patch = Patch::Merge(json!({"a": {"b": null, "c": [3]}, "e": {"f": null, "g": 1}}));
    assert_eq!(patch.apply_to(kind("Middleware"), &object), Ok(json!({"a": {"c": [3]}, "d": 1, "e": {"g": 1}})));
}

#[test]
fn strategic_patches_merge_the_lists_of_their_kind() {
    struct Case {
        name: &'static str,
        kind: &'static str,
        object: Value,
        patch: Value,
        want: Value,
    }
    let web = json!({"name": "web", "port": 80, "protocol": "TCP"});
    let dns = json!({"name": "dns", "port": 53, "protocol": "UDP"});
    let cases = [
        Case {
            name: "a port is changed by its key",
            kind: "Service",
            object: service(json!([web, dns])),
            patch: json!({"spec": {"$setElementOrder/ports": [{"port": 80}], "ports": [{"port": 80, "targetPort": 8080}]}}),
            want: service(json!([{"name": "web", "port": 80, "protocol": "TCP", "targetPort": 8080}, dns])),
        },
        Case {
            name: "the same number with another protocol is another port",
            kind: "Service",
            object: service(json!([dns])),
            patch: json!({"spec": {"ports": [{"port": 53, "protocol": "TCP", "name": "dns-tcp"}]}}),
            want: service(json!([dns, {"port": 53, "protocol": "TCP", "name": "dns-tcp"}])),
        },
        Case {
            name: "a port is deleted by directive",
            kind: "Service",
            object: service(json!([web, dns])),
            patch: json!({"spec": {"ports": [{"$patch": "delete", "port": 53, "protocol": "UDP"}, {"$patch": "delete", "port": 1}]}}),
            want: service(json!([web])),
        },
        Case {
            name: "the whole list is replaced by directive",
            kind: "Service",
            object: service(json!([web, dns])),
            patch: json!({"spec": {"ports": [{"port": 1}, {"$patch": "replace"}]}}),
            want: service(json!([{"port": 1}])),
        },
        Case {
            name: "rules of an ingress are one value",
            kind: "Ingress",
            object: json!({"spec": {"rules": [{"host": "a"}, {"host": "b"}], "tls": [{"secretName": "s"}]}}),
            patch: json!({"spec": {"rules": [{"host": "c"}], "tls": null}}),
            want: json!({"spec": {"rules": [{"host": "c"}]}}),
        },
        Case {
            name: "containers merge by name, their variables too",
            kind: "Pod",
            object: json!({"spec": {"containers": [{"name": "a", "image": "x", "env": [{"name": "k", "value": "1"}]}]}}),
            patch: json!({"spec": {"containers": [{"name": "a", "env": [{"name": "l", "value": "2"}]}, {"name": "b"}]}}),
            want: json!({"spec": {"containers": [
                {"name": "a", "image": "x", "env": [{"name": "k", "value": "1"}, {"name": "l", "value": "2"}]}, {"name": "b"}]}}),
        },
        Case {
            name: "a map is replaced and another emptied by directive",
            kind: "Service",
            object: json!({"metadata": {"labels": {"a": "1"}, "annotations": {"b": "2"}}}),
            patch: json!({"metadata": {"labels": {"$patch": "replace", "c": "3"}, "annotations": {"$patch": "delete"}}}),
            want: json!({"metadata": {"labels": {"c": "3"}, "annotations": {}}}),
        },
        Case {
            name: "finalizers are a set",
            kind: "Service",
            object: json!({"metadata": {"finalizers": ["a", "b"]}}),
            patch: json!({"metadata": {"finalizers": ["b", "c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}),
            want: json!({"metadata": {"finalizers": ["b", "c"]}}),
        },
        Case {
            name: "kept keys",
            kind: "Deployment",
            object: json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
            patch: json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
            want: json!({"spec": {"strategy": {"type": "Recreate"}}}),
        },
        Case {
            name: "directives and nulls never reach a new field",
            kind: "Service",
            object: json!({}),
            patch: json!({"spec": {"$setElementOrder/ports": [], "ports": [{"port": 1, "name": null}, {"$patch": "delete", "port": 2}]}}),
            want: json!({"spec": {"ports": [{"port": 1}]}}),
        },
    ];
    for Case { name, kind: kind_name, object, patch, want } in cases {
        assert_eq!(Patch::Strategic(patch).apply_to(kind(kind_name), &object), Ok(want), "{name}");
    }
}

#[test]
fn strategic_patches_that_make_no_sense_are_bad_requests() {
    for patch in [
        json!([]),
        json!({"spec": {"ports": [7]}}),
        json!({"spec": {"ports": [{"name": "x"}]}}),
        json!({"spec": {"$patch": "mangle"}}),
        json!({"$patch": 4}),
    ] {
        let error = Patch::Strategic(patch.clone()).apply_to(kind("Service"), &service(json!([{"port": 1}])));
        assert_eq!(error.map_err(|error| error.code()), Err(400), "{patch}");
    }
}

fn applied(manager: &str, configuration: Value) -> Applied {
    Applied { configuration, manager: manager.to_owned(), part: Part::Main, now: Timestamp::UNIX_EPOCH }
}

fn apply(kind_name: &str, object: &Value, manager: &str, configuration: Value) -> Value {
    Patch::Apply(applied(manager, configuration)).apply_to(kind(kind_name), object).expect("applies")
}

#[test]
fn applying_records_the_fields_of_the_manager() {
    let config = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "labels": {"x": "1"}},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "a"}}});
    let created = applied("tester", config).created(kind("Service")).expect("applies");
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!(entry["manager"], "tester");
    assert_eq!(entry["operation"], "Apply");
    assert_eq!(entry["time"], "1970-01-01T00:00:00Z");
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:metadata": {"f:labels": {"f:x": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:selector": {"f:app": {}}}})
    );
}

#[test]
fn a_field_no_longer_applied_goes_unless_somebody_else_has_it() {
    let base = json!({"metadata": {"name": "a", "annotations": {"by-hand": "1"}}, "spec": {"type": "ClusterIP"}});
    let one = apply(
        "Service",
        &base,
        "one",
        json!({"metadata": {"annotations": {"a": "1", "b": "1"}},
        "spec": {"ports": [{"port": 80}, {"port": 81}], "selector": {"app": "x"}}}),
    );
    let two = apply(
        "Service",
        &one,
        "two",
        json!({"metadata": {"annotations": {"b": "2"}}, "spec": {"ports": [{"port": 81}]}}),
    );
    assert_eq!(two["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
    let last = apply("Service", &two, "one", json!({"metadata": {"annotations": {"c": "1"}}}));
    assert_eq!(last["metadata"]["annotations"], json!({"by-hand": "1", "b": "2", "c": "1"}));
    assert_eq!(last["spec"], json!({"type": "ClusterIP", "ports": [{"port": 81}]}));
}

#[test]
fn applying_the_same_twice_changes_nothing() {
    let config = json!({"metadata": {"name": "a", "finalizers": ["x/y"]}, "spec": {"ports": [{"port": 80}]}});
    let once = applied("tester", config.clone()).created(kind("Service")).expect("applies");
    let later = Applied { now: Timestamp::from_second(1_000).expect("in range"), ..applied("tester", config) };
    assert_eq!(Patch::Apply(later).apply_to(kind("Service"), &once), Ok(once));
}

#[test]
fn applying_the_main_resource_leaves_the_status_alone() {
    let object = json!({"metadata": {"name": "a"}, "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}});
    let main = apply("Service", &object, "m", json!({"status": {"loadBalancer": {}}, "spec": {"type": "NodePort"}}));
    assert_eq!(main["status"], object["status"]);
    let status =
        Applied { part: Part::Status, ..applied("m", json!({"spec": {"type": "X"}, "status": {"conditions": []}})) };
    let status = Patch::Apply(status).apply_to(kind("Service"), &main).expect("applies");
    assert_eq!(status["spec"]["type"], "NodePort");
    assert_eq!(status["metadata"]["managedFields"].as_array().map(Vec::len), Some(2));
}
