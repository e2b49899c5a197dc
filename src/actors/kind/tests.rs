//! What the kinds call unread is unread.
use super::*;
use crate::actors::ingress::IngressKind;
use crate::actors::ingress_class::IngressClassKind;
use crate::actors::node::NodeKind;
use crate::actors::secret::SecretKind;
use crate::actors::service::{ServiceKind, SliceKind};
use crate::cluster::lenient::{Lenient, Sparse, Unread};
use serde_json::{Value, json};

fn fact<W: Watched<Object: Sparse>>(object: &Value) -> W::Fact {
    let read: Lenient<W::Object> = serde_json::from_str(&object.to_string()).unwrap();
    W::parse(&read.object.unwrap_or_else(|problem| panic!("{problem}: {object}")))
}

/// Puts something of no documented type where it is unread; into each entry of a list, and into maps that are not there.
fn spoil(at: &mut Value, part: Unread) {
    match at {
        Value::Array(list) => list.iter_mut().for_each(|entry| spoil(entry, part)),
        Value::Object(map) => match part {
            Unread::Field(name) => drop(map.insert(name.to_owned(), nonsense())),
            Unread::Within(name, parts) => {
                let inner = map.entry(name).or_insert_with(|| json!({}));
                parts.iter().for_each(|part| spoil(inner, *part));
            }
            Unread::AllBut(name, kept) => spoil_but(map.entry(name).or_insert_with(|| json!({})), kept),
        },
        _ => panic!("no fields: {at}"),
    }
}

fn spoil_but(at: &mut Value, kept: &[&str]) {
    match at {
        Value::Array(list) => list.iter_mut().for_each(|entry| spoil_but(entry, kept)),
        Value::Object(map) => {
            let fields = map.iter_mut().filter(|(key, _)| !kept.contains(&key.as_str()));
            fields.for_each(|(_, value)| *value = nonsense());
        }
        _ => panic!("no fields: {at}"),
    }
}

fn nonsense() -> Value {
    json!([7, "sense", {"non": null}])
}

fn check<W: Watched<Object: Sparse, Fact: std::fmt::Debug>>(object: Value) {
    let whole = W::parse(&serde_json::from_value(object.clone()).unwrap());
    assert_eq!(fact::<W>(&object), whole, "something that is read was left out");
    let mut spoilt = object.clone();
    W::Object::UNREAD.iter().for_each(|part| spoil(&mut spoilt, *part));
    assert_ne!(spoilt, object);
    assert_eq!(fact::<W>(&spoilt), whole, "something that is unread was looked at");
}

fn metadata() -> Value {
    json!({
        "name": "a", "namespace": "b", "uid": "7", "resourceVersion": "9", "generation": 2,
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"kubernetes.io/service-name": "a", "app": "x"},
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{\"kind\":\"Ingress\"}",
            "kubernetes.io/ingress.class": "traefik",
            "traefik.ingress.kubernetes.io/router.entrypoints": "web",
            "traefik.ingress.kubernetes.io/service.sticky.cookie": "true",
        },
        "ownerReferences": [{"apiVersion": "v1", "kind": "Thing", "name": "t", "uid": "u"}],
        "managedFields": [{"manager": "helm", "operation": "Update", "time": "2026-01-02T03:04:05Z",
                           "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}],
    })
}

#[test]
fn an_ingress_is_read_as_far_as_it_matters() {
    check::<IngressKind>(json!({
        "metadata": metadata(),
        "spec": {
            "ingressClassName": "c",
            "defaultBackend": {"service": {"name": "d", "port": {"name": "http"}}},
            "tls": [{"hosts": ["h"], "secretName": "s"}],
            "rules": [{"host": "h", "http": {"paths": [
                {"path": "/p", "pathType": "Exact", "backend": {"service": {"name": "a", "port": {"number": 80}}}},
            ]}}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
    }));
}

#[test]
fn a_class_and_a_secret_are_read_as_far_as_they_matter() {
    check::<IngressClassKind>(json!({"metadata": metadata(), "spec": {"controller": "traefik.io/ingress-controller"}}));
    let data = json!({"tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ==", "release": "bm9uZQ=="});
    check::<SecretKind>(json!({"metadata": metadata(), "type": "kubernetes.io/tls", "data": data}));
}

#[test]
fn a_service_and_its_slices_are_read_as_far_as_they_matter() {
    check::<ServiceKind>(json!({
        "metadata": metadata(),
        "spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1", "selector": {"app": "x"}, "externalIPs": ["1.1.1.1"],
                 "ports": [{"name": "http", "port": 80, "targetPort": "web", "nodePort": 30_080, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example", "ports": [{"port": 80, "protocol": "TCP"}]}]},
                   "conditions": [{"type": "Ok", "status": "True", "reason": "r", "message": "m",
                                   "lastTransitionTime": "2026-01-02T03:04:05Z"}]},
    }));
    check::<SliceKind>(json!({
        "metadata": metadata(),
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": ["10.0.0.2"], "nodeName": "n", "zone": "z", "hostname": "h", "hints": {"forZones": [{"name": "z"}]},
             "conditions": {"ready": true, "serving": true, "terminating": true}, "targetRef": {"kind": "Pod", "name": "p"}},
            {"addresses": ["10.0.0.3"], "conditions": {"serving": false}},
        ],
    }));
}

#[test]
fn a_node_is_read_as_far_as_it_matters() {
    check::<NodeKind>(json!({
        "metadata": metadata(),
        "spec": {"podCIDR": "10.1.0.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "10.0.0.2"}, {"type": "ExternalIP", "address": "1.2.3.4"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [{"names": ["a"], "sizeBytes": 7}],
        },
    }));
}
