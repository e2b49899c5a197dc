//! The objects of the benchmark, with the metadata that objects of a real cluster carry.
use super::origin::Origin;
use serde_json::{Value, json};

/// Annotation value that makes an Ingress one of ours and of nobody else.
pub const CLASS: &str = "pilotage-bench";

/// An Ingress with a host and a path of its own.
pub fn ingress(name: &str, host: &str, path: &str, service: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/name": service,
                "app.kubernetes.io/instance": name,
                "app.kubernetes.io/managed-by": "Helm",
                "app.kubernetes.io/version": "1.27.3",
                "helm.sh/chart": "web-4.2.0",
                "team": "storefront",
            },
            "annotations": {
                "kubernetes.io/ingress.class": CLASS,
                "meta.helm.sh/release-name": name,
                "meta.helm.sh/release-namespace": "bench",
                "external-dns.alpha.kubernetes.io/ttl": "60",
                "traefik.ingress.kubernetes.io/router.entrypoints": "web",
            },
            "managedFields": managed_fields("2026-01-01T00:00:00Z"),
        },
        "spec": {"rules": [{"host": host, "http": {"paths": [rule_path(path, service)]}}]},
    })
}

/// One entry of `paths`.
pub fn rule_path(path: &str, service: &str) -> Value {
    json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}})
}

/// Managed fields of a plausible size, last touched at `time`.
pub fn managed_fields(time: &str) -> Value {
    let fields = json!({"f:metadata": {"f:annotations": {".": {}, "f:kubernetes.io/ingress.class": {},
        "f:meta.helm.sh/release-name": {}, "f:meta.helm.sh/release-namespace": {},
        "f:external-dns.alpha.kubernetes.io/ttl": {}},
        "f:labels": {".": {}, "f:app.kubernetes.io/name": {}, "f:app.kubernetes.io/instance": {},
        "f:app.kubernetes.io/managed-by": {}, "f:app.kubernetes.io/version": {}, "f:helm.sh/chart": {}}},
        "f:spec": {"f:rules": {}}});
    json!([
        {"manager": "helm", "operation": "Update", "apiVersion": "networking.k8s.io/v1",
         "time": "2025-11-01T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields},
        {"manager": "controller", "operation": "Update", "apiVersion": "networking.k8s.io/v1", "time": time,
         "fieldsType": "FieldsV1", "subresource": "status",
         "fieldsV1": {"f:status": {"f:loadBalancer": {"f:ingress": {}}}}},
    ])
}

/// A Service with one port.
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "Helm"},
                     "annotations": {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "bench"}},
        "spec": {"type": "ClusterIP", "selector": {"app.kubernetes.io/name": name},
                 "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]},
    })
}

/// The EndpointSlice of a Service: all addresses of `origin`.
pub fn slice(service: &str, origin: &Origin) -> Value {
    let endpoints: Vec<Value> = origin
        .addresses
        .iter()
        .enumerate()
        .map(|(index, address)| {
            json!({"addresses": [address.to_string()], "nodeName": format!("node-{index}"),
                   "conditions": {"ready": true, "serving": true, "terminating": false},
                   "targetRef": {"kind": "Pod", "name": format!("{service}-{index}"), "namespace": "bench"}})
        })
        .collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {"name": format!("{service}-x7k2p"),
                     "labels": {"kubernetes.io/service-name": service, "app.kubernetes.io/name": service,
                                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}},
        "ports": [{"name": "http", "port": origin.port, "protocol": "TCP"}],
        "endpoints": endpoints,
    })
}

/// A Secret that is no certificate.
pub fn secret(name: &str, turn: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": name},
           "stringData": {"password": format!("not-a-secret-{turn}")}})
}

/// A Node with images and conditions.
pub fn node(name: &str, index: usize) -> Value {
    let images: Vec<Value> = (0..20)
        .map(|image| {
            let name = format!("registry.example/team/service-{image}");
            json!({"names": [format!("{name}:1.{image}"), format!("{name}@sha256:{image:064}")], "sizeBytes": 123_456_789})
        })
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                     "topology.kubernetes.io/zone": "a", "node.kubernetes.io/instance-type": "m5.2xlarge"}},
        "spec": {"podCIDR": "10.0.0.0/24", "providerID": format!("bench://{name}")},
        "status": {
            "addresses": [{"type": "InternalIP", "address": format!("10.{}.{}.9", index / 256, index % 256)},
                          {"type": "Hostname", "address": name}],
            "images": images,
            "conditions": conditions("2026-01-01T00:00:00Z"),
        },
    })
}

/// The conditions of a Node; a heartbeat changes nothing else.
pub fn conditions(time: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": "kubelet is posting status",
               "lastHeartbeatTime": time, "lastTransitionTime": "2025-11-01T10:00:00Z"})
    };
    json!([
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID"),
        condition("Ready", "True", "KubeletReady"),
    ])
}

/// `status` of an Ingress that a load balancer of this number serves.
pub fn ingress_status(number: usize) -> Value {
    json!({"status": {"loadBalancer": {"ingress": [{"ip": format!("192.0.2.{}", number % 250)}]}}})
}
