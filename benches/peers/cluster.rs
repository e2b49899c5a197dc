//! The cluster of Pilotage: an API server with one Ingress per host, all for one Service, whose endpoint is the origin. With a
//! certificate each Ingress names the Secret that holds it.
use crate::certificate::{Certificate, SECRET};
use crate::service::Service;
use anyhow::Context;
use pilotage::apiserver::{ApiServer, Options};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The host with that number. All names have the same length.
pub fn host(number: usize) -> String {
    format!("{HOST_START}{}{HOST_END}", FIRST_HOST + number)
}

/// What hosts begin with.
pub const HOST_START: &str = "h";
/// What hosts end with.
pub const HOST_END: &str = ".example.com";
/// The number in the name of the first host.
pub const FIRST_HOST: usize = 1_000_000;

/// Starts an API server with `hosts` hosts, over TLS if there is a certificate. Its URL.
pub async fn start(
    hosts: usize,
    origin: SocketAddr,
    certificate: Option<&Certificate>,
) -> anyhow::Result<(Service, String)> {
    let secret = certificate.map(Certificate::secret);
    let start = async move || {
        let server = ApiServer::start(Options::default()).await?;
        let put = |object: Value| server.store().apply(object).map(drop).context("object not stored");
        put(service())?;
        put(slice(origin))?;
        for number in 0..hosts {
            let ingress = ingress(number);
            put(if secret.is_some() { with_tls(ingress, number) } else { ingress })?;
        }
        if let Some(secret) = secret {
            put(secret)?;
        }
        Ok(server)
    };
    Service::start("cluster", start, ApiServer::url).await
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "default", "name": "origin"},
        "spec": {"type": "ClusterIP", "clusterIP": "127.0.0.1", "ports": [{"name": "http", "port": 80}]}
    })
}

fn slice(origin: SocketAddr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {
            "namespace": "default", "name": "origin-1", "labels": {"kubernetes.io/service-name": "origin"}
        },
        "ports": [{"name": "http", "port": origin.port()}],
        "endpoints": [{"addresses": [origin.ip().to_string()]}]
    })
}

fn ingress(number: usize) -> Value {
    let backend = json!({"service": {"name": "origin", "port": {"number": 80}}});
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"namespace": "default", "name": format!("host-{number}")},
        "spec": {"rules": [{
            "host": host(number), "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
        }]}
    })
}

/// The Ingress served over TLS.
fn with_tls(mut ingress: Value, number: usize) -> Value {
    if let Some(spec) = ingress.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("tls".to_owned(), json!([{"hosts": [host(number)], "secretName": SECRET}]));
    }
    ingress
}
