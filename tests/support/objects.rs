//! Kubernetes objects as tests write them.
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Objects from YAML text, several documents at once.
pub fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple::<Value>(text).unwrap()
}

/// A Service with port 80 named `http`.
pub fn service(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name},
           "spec": {"type": "ClusterIP", "clusterIP": "127.0.0.1", "ports": [{"name": "http", "port": 80}]}})
}

/// One slice of that Service; all endpoints must share a port.
pub fn slice(namespace: &str, service: &str, endpoints: &[SocketAddr]) -> Value {
    slice_named(namespace, service, &format!("{service}-1"), endpoints)
}

pub fn slice_named(namespace: &str, service: &str, name: &str, endpoints: &[SocketAddr]) -> Value {
    let port = endpoints.first().map_or(1, SocketAddr::port);
    assert!(endpoints.iter().all(|endpoint| endpoint.port() == port), "one slice, one port");
    let endpoints: Vec<Value> =
        endpoints.iter().map(|endpoint| json!({"addresses": [endpoint.ip().to_string()]})).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": {"namespace": namespace, "name": name, "labels": {"kubernetes.io/service-name": service}},
           "ports": [{"name": "http", "port": port}], "endpoints": endpoints})
}

/// An Ingress with one rule and one Prefix path.
pub fn ingress(namespace: &str, name: &str, host: &str, path: &str, service: &str) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": namespace, "name": name},
           "spec": {"rules": [{"host": host, "http": {"paths": [
               {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}})
}

/// The same object with an annotation.
pub fn annotated(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["annotations"][key] = value.into();
    object
}
