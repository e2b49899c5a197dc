//! Clusters of any size as the compiler and the table have them, for the benchmarks of single steps.
use pilotage::compile::{Compiler, Options};
use pilotage::model::facts::{EndpointsFact, IngressFact};
use pilotage::model::keys::ServiceKey;
use pilotage::model::patch::{Change, ModelPatch};
use pilotage::model::rule::RequestView;
use pilotage::parse;
use pilotage::proxy::table::{ConnectionKind, EntryPointId, Route, Table};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The entry point of all routers.
const ENTRY_POINT: &str = "web";

/// A cluster that has been compiled and installed.
pub struct World {
    compiler: Compiler,
    /// What the data plane reads.
    pub table: Table,
}

impl World {
    /// A cluster with so many Ingresses, each with a host and a Service of its own.
    pub fn with_hosts(hosts: usize) -> Self {
        let numbers = 0..hosts;
        Self::of(numbers.map(|number| Object { number, ingress: ingress(number, &host(number), &["/".to_owned()]) }))
    }

    /// A cluster with so many paths, all of one host and one Ingress.
    #[allow(dead_code, reason = "only one of the two programs that share this file asks for it")]
    pub fn with_paths(paths: usize) -> Self {
        let paths: Vec<String> = (0..paths).map(path).collect();
        Self::of([Object { number: 0, ingress: ingress(0, &host(0), &paths) }])
    }

    fn of(objects: impl IntoIterator<Item = Object>) -> Self {
        let entry_points: Vec<Arc<str>> = vec![ENTRY_POINT.into()];
        let options = Options {
            entry_points: entry_points.clone(),
            default_entry_points: entry_points.clone(),
            ..Options::default()
        };
        let mut world = Self { compiler: Compiler::new(options), table: Table::new(&entry_points) };
        let mut patch = ModelPatch::default();
        for Object { number, ingress } in objects {
            patch.ingresses.insert(ingress.key.clone(), Change::Put(Arc::new(ingress)));
            let service = parse::service::parse(&object(json!({
                "metadata": {"namespace": "default", "name": format!("service-{number}")},
                "spec": {"ports": [{"port": 80}]}
            })));
            patch.services.insert(service.key.clone(), Change::Put(Arc::new(service)));
            patch.merge(endpoints(number, &["10.0.0.1"]));
        }
        world.apply(patch);
        world
    }

    /// Compiles a patch and installs what comes out. How many Ingresses were compiled.
    pub fn apply(&mut self, patch: ModelPatch) -> usize {
        let outcome = self.compiler.apply(patch);
        self.table = self.table.apply(&outcome.plan);
        outcome.compiled_ingresses
    }
}

struct Object {
    number: usize,
    ingress: IngressFact,
}

/// The host of the Ingress with that number. All names have the same length.
pub fn host(number: usize) -> String {
    format!("h{}.example.com", 1_000_000 + number)
}

/// The path with that number.
#[allow(dead_code, reason = "only one of the two programs that share this file asks for it")]
pub fn path(number: usize) -> String {
    format!("/area-{}/page-{number}", number % 37)
}

/// So many numbers below `end`, seemingly at random, the same each time.
pub fn numbers_below(end: usize, count: usize) -> Vec<usize> {
    let mut state = 7_u64;
    let mut next = || {
        // Knuth's 64-bit linear congruential generator; its upper bits are good.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0)
    };
    (0..count).map(|_| next() % end.max(1)).collect()
}

/// Whether the table has a router for a plain request.
pub fn is_routed(table: &Table, headers: &http::HeaderMap, host: &str, path: &str) -> bool {
    let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let view = RequestView { host, method: "GET", path, query: None, headers, client_ip };
    matches!(table.route(EntryPointId(0), ConnectionKind::Plain, &view), Route::Forward { .. })
}

/// The Ingress with that number: these paths of that host, all for its own Service.
pub fn ingress(number: usize, host: &str, paths: &[String]) -> IngressFact {
    let path = |path: &String| {
        json!({
            "path": path, "pathType": "Prefix",
            "backend": {"service": {"name": format!("service-{number}"), "port": {"number": 80}}}
        })
    };
    let paths: Vec<Value> = paths.iter().map(path).collect();
    parse::ingress::parse(&object(json!({
        "metadata": {"namespace": "default", "name": format!("ingress-{number}")},
        "spec": {"rules": [{"host": host, "http": {"paths": paths}}]}
    })))
}

/// The endpoints of the Service with that number become these addresses.
pub fn endpoints(number: usize, addresses: &[&str]) -> ModelPatch {
    let service = ServiceKey::new("default", format!("service-{number}"));
    let slice = parse::endpoint_slice::parse(&object(json!({
        "addressType": "IPv4",
        "metadata": {
            "namespace": "default", "name": format!("service-{number}-1"),
            "labels": {"kubernetes.io/service-name": *service.name}
        },
        "ports": [{"name": "", "port": 8080}], "endpoints": [{"addresses": addresses}]
    })));
    let fact: EndpointsFact = parse::endpoint_slice::join(service.clone(), vec![Arc::new(slice)]);
    let mut patch = ModelPatch::default();
    patch.endpoints.insert(service, Change::Put(Arc::new(fact)));
    patch
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("objects of the benchmark are objects of their kind")
}
