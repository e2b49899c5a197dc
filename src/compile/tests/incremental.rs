//! What a change costs: only what it reaches is compiled, and only what differs is told.
use super::world::{World, options};
use crate::compile::{Options, Outcome, RouterChange};
use crate::parse::testing::{Object, class, ingress, node, pair, secret, service, slice};
use serde_json::json;

const MANY: usize = 2000;

fn one(number: usize) -> Vec<Object> {
    let name = format!("s{number}");
    let host = format!("h{number}.test");
    vec![
        ingress("n", &format!("i{number}")).path(&host, "/", "Prefix", &name, "80"),
        service("n", &name).service_port("", 80),
        slice("n", &name, &name).slice_port("", 8080).endpoint(&["10.0.0.1"]),
    ]
}

#[test]
fn a_change_of_one_of_many_ingresses_compiles_that_one() {
    let objects: Vec<Object> = (0..MANY).flat_map(one).collect();
    let mut world = World::new(options());
    assert_eq!(world.put(&objects).compiled_ingresses, MANY);
    let changed = ingress("n", "i7").path("h7.test", "/new", "Prefix", "s7", "80");
    let outcome = world.put(&[changed]);
    assert_eq!(outcome.compiled_ingresses, 1);
    let changes: Vec<RouterChange> = outcome.routers.iter().map(|event| event.change).collect();
    assert_eq!(changes, [RouterChange::Gone, RouterChange::Appeared]);
    assert!(outcome.plan.balancers.is_empty());
    let outcome = world.put(&[service("n", "s9").service_port("", 80).annotation("service.passhostheader", "false")]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.balancers.len(), outcome.plan.routers.len()), (0, 1, 0));
}

#[test]
fn endpoints_reach_ingresses_only_when_they_come_or_go() {
    let mut world = World::of(options(), &one(0));
    let endpoints = |addresses: &[&str]| slice("n", "s0", "s0").slice_port("", 8080).endpoint(addresses);
    let outcome = world.put(&[endpoints(&["10.0.0.1", "10.0.0.2"])]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.balancers.len(), outcome.plan.routers.len()), (0, 1, 0));
    let outcome = world.put(&[endpoints(&[])]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.routers.len(), outcome.findings.appeared.len()), (1, 1, 1));
    let outcome = world.put(&[endpoints(&["10.0.0.3"])]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.routers.len(), outcome.findings.gone.len()), (1, 1, 1));
    let mut world = World::of(Options { allow_empty_services: true, ..options() }, &one(0));
    assert_eq!(world.put(&[endpoints(&[])]).compiled_ingresses, 0, "nothing changes for routers");
}

#[test]
fn a_service_that_nobody_uses_costs_nothing() {
    let mut world = World::of(options(), &one(0));
    let outcome = world.put(&one(1)[1..]);
    assert!(outcome.plan.is_empty() && outcome.compiled_ingresses == 0);
}

/// A Secret with a certificate of its own.
fn made(name: &str) -> Object {
    let (crt, key) = pair(&["a.test"]);
    secret("n", name).data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes())
}

#[test]
fn a_secret_of_one_of_many_ingresses_reaches_that_one() {
    let mut objects: Vec<Object> = (0..MANY).flat_map(one).collect();
    for (number, ingress) in objects.iter_mut().step_by(3).enumerate() {
        *ingress = ingress.clone().tls(if number == 7 { "own" } else { "shared" });
    }
    objects.extend([made("own"), made("shared")]);
    let mut world = World::new(options());
    assert_eq!(world.put(&objects).read_ingresses, MANY);
    let counts = |outcome: &Outcome| {
        let Outcome { plan, compiled_ingresses, read_ingresses, .. } = outcome;
        (*compiled_ingresses, *read_ingresses, plan.certificates.len(), plan.routers.len())
    };
    let renewed = world.put(&[made("own")]);
    assert_eq!(counts(&renewed), (0, 1, 1, 0));
    let lost = world.put(&[secret("n", "own")]);
    assert_eq!((counts(&lost), lost.findings.appeared.len()), ((0, 1, 1, 0), 1));
    let unused = world.put(&[made("unused")]);
    assert_eq!(counts(&unused), (0, 0, 0, 0));
}

#[test]
fn a_renewed_certificate_touches_no_router() {
    let mut objects: Vec<Object> = (0..10).flat_map(one).collect();
    for object in objects.iter_mut().step_by(3) {
        *object = object.clone().tls("c");
    }
    objects.push(made("c"));
    let mut world = World::of(options(), &objects);
    let outcome = world.put(&[made("c")]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.certificates.len(), outcome.plan.routers.len()), (0, 1, 0));
    let outcome = world.delete(&made("c"));
    assert_eq!((outcome.compiled_ingresses, outcome.findings.appeared.len()), (0, 10));
    assert!(world.table.certificates.is_empty());
}

#[test]
fn a_class_reaches_the_ingresses_that_name_it() {
    let mut objects = [one(0), one(1)].concat();
    objects[0] = objects[0].clone().set("/spec/ingressClassName", "c");
    let mut world = World::of(options(), &objects);
    assert_eq!(world.routers().len(), 1);
    assert_eq!(world.put(&[class("c")]).compiled_ingresses, 1);
    assert_eq!(world.routers().len(), 2);
    assert_eq!(world.delete(&class("c")).compiled_ingresses, 1);
    assert_eq!(world.routers().len(), 1);
}

#[test]
fn nodes_reach_the_services_that_use_them() {
    let mut objects = [one(0), one(1)].concat();
    objects[1] = service("n", "s0")
        .set("/spec/type", "NodePort")
        .push("/spec/ports", json!({"port": 80, "nodePort": 30000}))
        .annotation("service.nodeportlb", "true");
    let mut world = World::of(options(), &objects);
    assert_eq!(world.routers().len(), 1);
    assert_eq!(world.put(&[node("a", "10.1.0.1")]).compiled_ingresses, 1);
    let outcome = world.put(&[node("b", "10.1.0.2")]);
    assert_eq!((outcome.compiled_ingresses, outcome.plan.balancers.len()), (0, 1));
    assert_eq!(world.balancers()[0], "n-s0-80: http://10.1.0.1:30000 http://10.1.0.2:30000");
}

#[test]
fn the_target_of_an_external_name_reaches_the_services_that_name_it() {
    let objects = [
        ingress("n", "i").path("a.test", "/", "Prefix", "s", "80"),
        service("n", "s").service_port("", 80).set("/spec/type", "ExternalName").set("/spec/externalName", "t.m.svc"),
    ];
    let mut world = World::of(Options { allow_cross_namespace: true, ..options() }, &objects);
    let endpoints = slice("m", "x", "t").slice_port("", 8080).endpoint(&["10.0.0.9"]);
    world.put(&[service("m", "t").service_port("", 80)]);
    assert!(world.routers().is_empty());
    assert_eq!(world.put(&[endpoints]).compiled_ingresses, 1);
    assert_eq!(world.balancers(), ["n-s-80: http://10.0.0.9:8080"]);
    world.delete(&service("m", "t"));
    assert!(world.balancers().is_empty());
}

#[test]
fn a_default_backend_that_goes_hands_over_to_the_next() {
    let with = |name: &str, second| ingress("n", name).created(second).default_backend("s0", "80");
    let mut world = World::of(options(), &one(0)[1..]);
    world.put(&[with("b", 2), with("a", 1), with("c", 3)]);
    assert_eq!((&*world.router().origin.ingress.name, world.findings().len()), ("a", 2));
    let outcome = world.delete(&with("a", 1));
    assert_eq!((outcome.plan.routers.len(), &*world.router().origin.ingress.name), (1, "b"));
    assert_eq!(world.findings(), ["Ingress n/c spec.defaultBackend DefaultBackendTaken"]);
    assert!(outcome.plan.balancers.is_empty(), "both use the same service");
}

#[test]
fn the_generation_grows_with_the_first_patch_and_with_every_change() {
    let mut world = World::new(options());
    assert_eq!(world.put(&[]).plan.generation, 1);
    assert_eq!(world.put(&[]).plan.generation, 1);
    assert_eq!(world.put(&one(0)).plan.generation, 2);
    assert_eq!(world.put(&one(0)).plan.generation, 2);
    assert_eq!(world.delete(&one(0)[0]).plan.generation, 3);
}

#[test]
fn ten_thousand_paths_of_one_name_compile() {
    let mut paths = Vec::new();
    for number in 0..10_000 {
        // All normalise to the same name: between the letters stand only dashes and slashes, in binary.
        let between: String = (0..14).map(|bit| if number >> bit & 1 == 1 { '-' } else { '/' }).collect();
        let path = format!("/a{between}b");
        paths.push(json!({"path": path, "backend": {"service": {"name": "s0", "port": {"number": 80}}}}));
    }
    let mut objects = one(0);
    objects[0] = ingress("n", "big").push("/spec/rules", json!({"http": {"paths": paths}}));
    let world = World::of(options(), &objects);
    assert_eq!(world.table.routers.len(), 10_000);
}
