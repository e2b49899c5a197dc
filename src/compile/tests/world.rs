//! A cluster in a test: objects go in as JSON, as the kind actors would take them, and a table of the plan comes out.
use crate::compile::{Compiler, Options, Outcome};
use crate::model::facts::SliceFact;
use crate::model::facts::{KeyPair, ServerState};
use crate::model::finding::{Finding, Problem};
use crate::model::keys::{
    BalancerKey, ClassKey, IngressKey, Kind, NodeKey, ObjectRef, RouterKey, SecretKey, ServiceKey, SliceKey,
};
use crate::model::patch::{Change, ModelPatch};
use crate::model::plan::{Balancer, Router};
use crate::parse::testing::Object;
use crate::parse::{endpoint_slice, ingress, ingress_class, node, secret, service};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

/// All patches so far, folded: what the data plane and the status would have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub routers: BTreeMap<RouterKey, Arc<Router>>,
    pub balancers: BTreeMap<BalancerKey, Arc<Balancer>>,
    pub certificates: BTreeMap<SecretKey, Arc<KeyPair>>,
    pub findings: BTreeSet<Finding>,
}

pub(super) struct World {
    pub compiler: Compiler,
    pub table: Table,
    slices: BTreeMap<SliceKey, Arc<SliceFact>>,
}

/// Options of most tests: entry points `web` and `websecure`, both default.
pub(super) fn options() -> Options {
    let entry_points: Vec<Arc<str>> = vec!["web".into(), "websecure".into()];
    Options { default_entry_points: entry_points.clone(), entry_points, ..Options::default() }
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        Self { compiler: Compiler::new(options), table: Table::default(), slices: BTreeMap::new() }
    }

    /// A world with these objects, put in at once.
    pub(super) fn of(options: Options, objects: &[Object]) -> Self {
        let mut world = Self::new(options);
        world.put(objects);
        world
    }

    /// Objects appear or change, in one patch.
    pub(super) fn put(&mut self, objects: &[Object]) -> Outcome {
        let mut patch = ModelPatch::default();
        for object in objects {
            let change = self.change(&object.0, Presence::There);
            patch.merge(change);
        }
        self.apply(patch)
    }

    /// An object goes.
    pub(super) fn delete(&mut self, object: &Object) -> Outcome {
        let patch = self.change(&object.0, Presence::Gone);
        self.apply(patch)
    }

    pub(super) fn apply(&mut self, patch: ModelPatch) -> Outcome {
        let outcome = self.compiler.apply(patch);
        for finding in &outcome.findings.gone {
            assert!(self.table.findings.remove(finding), "a finding goes that was not there: {finding:?}");
        }
        for finding in &outcome.findings.appeared {
            assert!(self.table.findings.insert(finding.clone()), "a finding appears twice: {finding:?}");
        }
        fold(&mut self.table.routers, &outcome.plan.routers);
        fold(&mut self.table.balancers, &outcome.plan.balancers);
        fold(&mut self.table.certificates, &outcome.plan.certificates);
        self.check();
        outcome
    }

    /// What must hold after every patch.
    fn check(&self) {
        for router in self.table.routers.values() {
            assert!(
                self.table.balancers.contains_key(router.action.balancer()),
                "a router without balancer: {router:?}"
            );
        }
        for (key, balancer) in &self.table.balancers {
            assert_eq!(*key, balancer.key);
            assert!(balancer.servers.iter().all(|server| server.port != 0));
        }
        assert_eq!(self.table.findings, self.compiler.findings().cloned().collect());
        let counts = self.compiler.counts();
        assert_eq!((counts.routers, counts.balancers), (self.table.routers.len(), self.table.balancers.len()));
    }

    fn change(&mut self, object: &Value, presence: Presence) -> ModelPatch {
        let mut patch = ModelPatch::default();
        let kind = object["kind"].as_str().unwrap_or_default();
        match kind {
            "Ingress" => note(object, presence, &mut patch, Kind::Ingress, |patch, parsed| {
                let fact = ingress::parse(&parsed);
                put(&mut patch.ingresses, fact.key.clone(), fact, presence);
            }),
            "IngressClass" => note(object, presence, &mut patch, Kind::IngressClass, |patch, parsed| {
                let fact = ingress_class::parse(&parsed);
                put(&mut patch.classes, fact.key.clone(), fact, presence);
            }),
            "Service" => note(object, presence, &mut patch, Kind::Service, |patch, parsed| {
                let fact = service::parse(&parsed);
                put(&mut patch.services, fact.key.clone(), fact, presence);
            }),
            "Secret" => note(object, presence, &mut patch, Kind::Secret, |patch, parsed| {
                let fact = secret::parse(&parsed);
                put(&mut patch.secrets, fact.key.clone(), fact, presence);
            }),
            "Node" => note(object, presence, &mut patch, Kind::Node, |patch, parsed| {
                let fact = node::parse(&parsed);
                put(&mut patch.nodes, fact.key.clone(), fact, presence);
            }),
            "EndpointSlice" => note(object, presence, &mut patch, Kind::EndpointSlice, |patch, parsed| {
                self.change_slice(endpoint_slice::parse(&parsed), presence, patch);
            }),
            other => panic!("kind {other}"),
        }
        patch
    }

    fn change_slice(&mut self, fact: SliceFact, presence: Presence, patch: &mut ModelPatch) {
        let mut services: BTreeSet<ServiceKey> = BTreeSet::new();
        services.extend(self.slices.get(&fact.key).and_then(|before| before.service.clone()));
        services.extend(fact.service.clone());
        match presence {
            Presence::There => self.slices.insert(fact.key.clone(), Arc::new(fact)),
            Presence::Gone => self.slices.remove(&fact.key),
        };
        for service in services {
            let own: Vec<_> = self.slices.values().filter(|s| s.service.as_ref() == Some(&service)).cloned().collect();
            let change = if own.is_empty() {
                Change::Gone
            } else {
                Change::Put(Arc::new(endpoint_slice::join(service.clone(), own)))
            };
            patch.endpoints.insert(service, change);
        }
    }

    /// The routers, one line each: `name: rule -> balancer`, and ` !` if disabled.
    pub(super) fn routers(&self) -> Vec<String> {
        let routers = self.table.routers.values();
        let lines = routers.map(|router| {
            let balancer = &self.table.balancers[router.action.balancer()].name;
            let disabled = if router.status().as_str() == "disabled" { " !" } else { "" };
            format!("{}: {} -> {balancer}{disabled}", router.name, router.rule.text())
        });
        sorted(lines)
    }

    /// The load balancers, one line each: `name: url url+` where `+` marks a draining server.
    pub(super) fn balancers(&self) -> Vec<String> {
        let lines = self.table.balancers.values().map(|balancer| {
            let servers = balancer.servers.iter().map(|server| {
                format!(" {}{}", server.url, if server.state == ServerState::Draining { "+" } else { "" })
            });
            format!("{}:{}", balancer.name, servers.collect::<String>())
        });
        sorted(lines)
    }

    /// The findings, one line each: `Kind namespace/name path reason`.
    pub(super) fn findings(&self) -> Vec<String> {
        sorted(self.table.findings.iter().map(|found| format!("{} {} {}", found.object, found.path, found.reason)))
    }

    /// The only router.
    pub(super) fn router(&self) -> &Router {
        assert_eq!(self.table.routers.len(), 1, "{:?}", self.routers());
        self.table.routers.values().next().unwrap()
    }

    /// The only load balancer.
    pub(super) fn balancer(&self) -> &Balancer {
        assert_eq!(self.table.balancers.len(), 1, "{:?}", self.balancers());
        self.table.balancers.values().next().unwrap()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    Gone,
}

/// Hands the typed object on; one that is none becomes `malformed`, and its fact goes. As the kind actors do.
fn note<T: DeserializeOwned>(
    object: &Value,
    presence: Presence,
    patch: &mut ModelPatch,
    kind: Kind,
    then: impl FnOnce(&mut ModelPatch, T),
) {
    let text = |field: &str| object["metadata"][field].as_str().map(Arc::from);
    let reference = ObjectRef { kind, namespace: text("namespace"), name: text("name").unwrap_or_default() };
    match serde_json::from_value(object.clone()) {
        Ok(parsed) => {
            patch.malformed.insert(reference, Change::Gone);
            then(patch, parsed);
        }
        Err(_) if presence == Presence::Gone => {
            patch.malformed.insert(reference, Change::Gone);
        }
        Err(error) => {
            let problem = Problem::error("", "Malformed", error.to_string());
            forget(patch, &reference);
            patch.malformed.insert(reference, Change::Put(Arc::new(vec![problem])));
        }
    }
}

/// The fact of an object that is none any more goes.
fn forget(patch: &mut ModelPatch, object: &ObjectRef) {
    let name = object.name.clone();
    let namespace = object.namespace.clone().unwrap_or_default();
    match object.kind {
        Kind::Ingress => drop(patch.ingresses.insert(IngressKey { namespace, name }, Change::Gone)),
        Kind::Service => drop(patch.services.insert(ServiceKey { namespace, name }, Change::Gone)),
        Kind::Secret => drop(patch.secrets.insert(SecretKey { namespace, name }, Change::Gone)),
        Kind::Node => drop(patch.nodes.insert(NodeKey(name), Change::Gone)),
        Kind::IngressClass => drop(patch.classes.insert(ClassKey(name), Change::Gone)),
        // Its endpoints stay: no test replaces a slice by one that is none.
        Kind::EndpointSlice => {}
    }
}

fn put<K: Eq + Hash, F>(changes: &mut crate::model::patch::Changes<K, F>, key: K, fact: F, presence: Presence) {
    let change = match presence {
        Presence::There => Change::Put(Arc::new(fact)),
        Presence::Gone => Change::Gone,
    };
    changes.insert(key, change);
}

fn fold<K: Ord + Clone, V: PartialEq>(map: &mut BTreeMap<K, Arc<V>>, changes: &[(K, Option<Arc<V>>)]) {
    assert!(changes.windows(2).all(|pair| pair[0].0 < pair[1].0), "a patch is in order, and no key is twice in it");
    for (key, value) in changes {
        assert!(map.get(key) != value.as_ref(), "a patch holds only what is different");
        match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
    }
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}
