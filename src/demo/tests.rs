use super::*;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

async fn started(names: &[&'static str]) -> Demo {
    let backends: Vec<Backend> = names.iter().map(|name| Backend { name, address: ANY }).collect();
    Demo::start(&backends).await.unwrap()
}

/// Sends `request` on a connection of its own and reads the answer to the end.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, target: &str) -> String {
    exchange(address, &format!("GET {target} HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn a_backend_says_who_it_is_and_what_arrived() {
    let demo = started(&["shop-1", "shop-2"]).await;
    let request = "POST /cart?x=1 HTTP/1.1\r\nHost: shop.localhost\r\nx-forwarded-for: 10.0.0.1\r\nX-A: 1\r\nX-A: 2\r\n\
                   Content-Length: 4\r\nConnection: close\r\n\r\nbody";
    let answer = exchange(demo.addresses()[1], request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines[..2], ["Hostname: shop-2", "IP: 127.0.0.1"]);
    assert!(lines[2].starts_with("RemoteAddr: 127.0.0.1:"));
    let rest = ["POST /cart?x=1 HTTP/1.1", "Host: shop.localhost", "Connection: close", "Content-Length: 4", "X-A: 1"];
    assert_eq!(lines[3..8], rest);
    assert_eq!(lines[8..], ["X-A: 2", "X-Forwarded-For: 10.0.0.1"]);
}

#[tokio::test]
async fn the_same_comes_as_json() {
    let demo = started(&["shop-1"]).await;
    let answer = get(demo.addresses()[0], "/api?a=b").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let mut who: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(who["remoteAddr"].take().as_str().unwrap().starts_with("127.0.0.1:"));
    let want = serde_json::json!({
        "hostname": "shop-1", "ip": ["127.0.0.1"], "headers": {"Connection": ["close"]}, "url": "/api?a=b",
        "host": "shop.localhost", "method": "GET", "remoteAddr": null,
    });
    assert_eq!(who, want);
}

#[tokio::test]
async fn a_backend_is_healthy_and_waits_when_asked_to() {
    let demo = started(&["shop-1"]).await;
    assert!(get(demo.addresses()[0], "/health").await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(get(demo.addresses()[0], "/?wait=1ms").await.contains("Hostname: shop-1"));
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let demo = started(&["shop-1"]).await;
    let one = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n";
    let last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answers = exchange(demo.addresses()[0], &format!("{one}{last}")).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_started() {
    let taken = TcpListener::bind(ANY).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Demo::start(&[Backend { name: "shop-1", address: ANY }, Backend { name: "shop-2", address }]).await;
    let error = error.unwrap_err();
    assert!(matches!(error, DemoError::InUse { name: "shop-2", .. }), "{error}");
    assert!(error.to_string().contains(&format!("{address} is in use")), "{error}");
}

#[tokio::test]
async fn dropping_the_demo_frees_its_ports() {
    let demo = started(&["shop-1"]).await;
    let address = demo.addresses()[0];
    let mut open = TcpStream::connect(address).await.unwrap();
    drop(demo);
    let mut rest = Vec::new();
    // Ends with the connection, by a close or a reset.
    open.read_to_end(&mut rest).await.unwrap_or_default();
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn every_manifest_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = files.filter(|name| name.ends_with(".yaml")).collect();
    let known: BTreeSet<String> = MANIFESTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(found, known);
}

/// The documents of all manifests of the demo.
fn manifests() -> Vec<serde_json::Value> {
    let documents = MANIFESTS.iter().flat_map(|(name, text)| {
        let read: Vec<serde_json::Value> =
            serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        read
    });
    documents.filter(|document| !document.is_null()).collect()
}

fn of_kind<T: for<'de> Deserialize<'de>>(kind: &str) -> Vec<T> {
    let documents = manifests().into_iter().filter(|document| document["kind"] == kind);
    documents.map(|document| serde_json::from_value(document).unwrap()).collect()
}

#[test]
fn the_manifests_name_exactly_these_backends() {
    let mut named = BTreeSet::new();
    for slice in of_kind::<EndpointSlice>("EndpointSlice") {
        let port = slice.ports.unwrap()[0].port.unwrap();
        for endpoint in slice.endpoints.iter().flatten() {
            let pod = endpoint.target_ref.as_ref().unwrap().name.clone().unwrap();
            let ip = endpoint.addresses[0].parse().unwrap();
            assert!(named.insert((pod, SocketAddr::new(ip, u16::try_from(port).unwrap()))), "named once");
        }
    }
    let known: BTreeSet<_> = BACKENDS.iter().map(|backend| (backend.name.to_owned(), backend.address)).collect();
    assert_eq!(named, known);
}

#[test]
fn backends_of_one_service_differ_in_their_address() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for slice in of_kind::<EndpointSlice>("EndpointSlice") {
        let service = slice.metadata.labels.unwrap()["kubernetes.io/service-name"].clone();
        let addresses = seen.entry(service).or_default();
        for endpoint in slice.endpoints.iter().flatten() {
            assert!(addresses.insert(endpoint.addresses[0].clone()), "{:?}", slice.metadata.name);
        }
    }
}

#[test]
fn every_backend_of_an_ingress_is_a_service_with_that_port_and_a_slice() {
    use k8s_openapi::api::core::v1::Service;
    use k8s_openapi::api::networking::v1::Ingress;
    let services: Vec<Service> = of_kind("Service");
    let slices: Vec<EndpointSlice> = of_kind("EndpointSlice");
    let ingresses: Vec<Ingress> = of_kind("Ingress");
    assert!(!ingresses.is_empty());
    for ingress in ingresses {
        let spec = ingress.spec.unwrap();
        let paths = spec.rules.into_iter().flatten().flat_map(|rule| rule.http.unwrap().paths);
        for backend in paths.map(|path| path.backend).chain(spec.default_backend) {
            let wanted = backend.service.unwrap();
            let port = wanted.port.unwrap();
            let service = services.iter().find(|service| {
                service.metadata.name.as_ref() == Some(&wanted.name)
                    && service.metadata.namespace == ingress.metadata.namespace
            });
            let ports =
                service.unwrap_or_else(|| panic!("service {}", wanted.name)).spec.as_ref().unwrap().ports.as_ref();
            let found = ports
                .unwrap()
                .iter()
                .find(|known| Some(known.port) == port.number || (known.name.is_some() && known.name == port.name));
            let name = found.unwrap_or_else(|| panic!("port of {}", wanted.name)).name.clone();
            assert!(slices.iter().any(|slice| {
                slice.metadata.namespace == ingress.metadata.namespace
                    && slice.metadata.labels.as_ref().unwrap()["kubernetes.io/service-name"] == wanted.name
                    && slice.ports.as_ref().unwrap()[0].name == name
            }));
        }
    }
}
