//! What is written into the status of Ingresses, and what is left alone.
use crate::support::objects::{annotated, ingress, service, yaml};
use crate::support::world::{World, eventually, start_cluster, with_program};
use pilotage::apiserver::faults::{Answer, Verb};
use serde_json::{Value, json};

const FIXED: &str = "--providers.kubernetesingress.ingressendpoint.ip=203.0.113.7";
const PUBLISHED: &str = "--providers.kubernetesingress.ingressendpoint.publishedservice=n/proxy";

/// `status.loadBalancer.ingress` of an Ingress; null if there is none.
pub fn says(world: &World, name: &str) -> Value {
    let object = world.cluster.store().get("Ingress", "n", name).unwrap();
    object["status"]["loadBalancer"]["ingress"].clone()
}

pub async fn until_says(world: &World, name: &str, wanted: Value) {
    let mut last = Value::Null;
    let waiting = eventually(async || {
        last = says(world, name);
        (last == wanted).then_some(())
    });
    waiting.await;
}

/// How often a status was written.
fn writes(world: &World) -> u64 {
    let calls = world.cluster.faults().calls();
    calls.iter().filter(|(call, _)| call.subresource == "status").map(|(_, count)| count).sum()
}

fn with_status(mut object: Value, entries: Value) -> Value {
    object["status"]["loadBalancer"]["ingress"] = entries;
    object
}

#[test]
fn a_fixed_address_is_written_once_and_only_into_ingresses_of_ours() {
    let foreign = annotated(ingress("n", "foreign", "f.test", "/", "s"), "kubernetes.io/ingress.class", "other");
    let foreign = with_status(foreign, json!([{"ip": "198.51.100.1"}]));
    let already = with_status(ingress("n", "already", "b.test", "/", "s"), json!([{"ip": "203.0.113.7"}]));
    let objects = [service("n", "s"), ingress("n", "mine", "a.test", "/", "s"), foreign, already];
    with_program(&[FIXED], &objects, async |world: &World| {
        until_says(world, "mine", json!([{"ip": "203.0.113.7"}])).await;
        let before = world.cluster.store().get("Ingress", "n", "mine").unwrap();
        world.apply([annotated(ingress("n", "mine", "c.test", "/", "s"), "note", "kept")]);
        world.apply([ingress("n", "later", "l.test", "/", "s")]);
        until_says(world, "later", json!([{"ip": "203.0.113.7"}])).await;
        let after = world.cluster.store().get("Ingress", "n", "mine").unwrap();
        assert_ne!(before["spec"], after["spec"]);
        assert_eq!(after["metadata"]["annotations"]["note"], "kept");
        assert_eq!(writes(world), 2, "mine and later, once each");
        assert_eq!(says(world, "foreign"), json!([{"ip": "198.51.100.1"}]));
        let state = world.until_actor("status-writer", |state| state["written"] == 2).await;
        assert_eq!((&state["leads"], &state["ours"]), (&json!(true), &json!(3)));
    });
}

#[test]
fn the_status_of_the_published_service_is_copied_for_each_type() {
    let ports = json!([{"name": "a", "port": 9090, "nodePort": 30090, "protocol": "TCP"}, {"name": "b", "port": 9091, "nodePort": 30091, "protocol": "UDP"}]);
    let proxy = |spec: Value, status: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "n", "name": "proxy"}, "spec": spec, "status": status});
    let nodes = yaml(
        "{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: ExternalIP, address: 1.2.3.4}, {type: InternalIP, address: 10.0.0.1}]}}\n---\n\
         {apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: ExternalIP, address: 5.6.7.8}]}}",
    );
    with_program(&[PUBLISHED], &[service("n", "s"), ingress("n", "i", "a.test", "/", "s")], async |world: &World| {
        let finding = world.until_finding("proxy").await;
        assert_eq!(finding["reason"], "PublishedServiceNotFound");
        let spec = json!({"type": "ClusterIP", "externalIPs": ["1.2.3.4", "5.6.7.8"], "ports": ports});
        world.apply([proxy(spec, json!({}))]);
        let both = [json!({"port": 9090, "protocol": "TCP"}), json!({"port": 9091, "protocol": "UDP"})];
        until_says(world, "i", json!([{"ip": "1.2.3.4", "ports": both}, {"ip": "5.6.7.8", "ports": both}])).await;
        world.apply([proxy(json!({"type": "ExternalName", "externalName": "example.com"}), json!({}))]);
        until_says(world, "i", json!([{"hostname": "example.com"}])).await;
        // Nodes are not known yet: the status stays.
        world.apply([proxy(json!({"type": "NodePort", "ports": ports}), json!({}))]);
        eventually(async || {
            world.findings().await.iter().any(|found| found["reason"] == "NoNodeAddress").then_some(())
        })
        .await;
        assert_eq!(says(world, "i"), json!([{"hostname": "example.com"}]));
        world.apply(nodes);
        let both = [json!({"port": 30090, "protocol": "TCP"}), json!({"port": 30091, "protocol": "UDP"})];
        until_says(world, "i", json!([{"ip": "1.2.3.4", "ports": both}, {"ip": "5.6.7.8", "ports": both}])).await;
        let balancer = json!([{"ip": "9.9.9.9", "ipMode": "VIP"}, {"hostname": "lb.example", "ports": [{"port": 80, "protocol": "TCP", "error": "Broken"}]}]);
        world.apply([proxy(
            json!({"type": "LoadBalancer", "ports": ports}),
            json!({"loadBalancer": {"ingress": balancer}}),
        )]);
        let copied = json!([{"ip": "9.9.9.9"}, {"hostname": "lb.example", "ports": [{"port": 80, "protocol": "TCP", "error": "Broken"}]}]);
        until_says(world, "i", copied).await;
        // No address of its own and no external one: nothing to say.
        world.apply([proxy(json!({"type": "ClusterIP", "ports": ports}), json!({}))]);
        until_says(world, "i", Value::Null).await;
    });
}

#[test]
fn the_internal_addresses_of_all_nodes_are_reported() {
    let node = |name: &str, ip: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": [{"type": "InternalIP", "address": ip}]}});
    let objects = [service("n", "s"), ingress("n", "i", "a.test", "/", "s"), node("n1", "10.0.0.1")];
    let args = ["--providers.kubernetesingress.reportnodeinternalips"];
    with_program(&args, &objects, async |world: &World| {
        until_says(world, "i", json!([{"ip": "10.0.0.1"}])).await;
        world.apply([node("n2", "10.0.0.2")]);
        until_says(world, "i", json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}])).await;
    });
}

#[test]
fn a_status_is_cleared_when_the_ingress_is_no_longer_ours_and_written_again_when_it_is() {
    with_program(&[FIXED], &[service("n", "s"), ingress("n", "i", "a.test", "/", "s")], async |world: &World| {
        until_says(world, "i", json!([{"ip": "203.0.113.7"}])).await;
        let class = |name: &str| annotated(ingress("n", "i", "a.test", "/", "s"), "kubernetes.io/ingress.class", name);
        world.apply([class("other")]);
        until_says(world, "i", Value::Null).await;
        world.apply([with_status(class("other"), json!([{"ip": "198.51.100.1"}]))]);
        world.apply([class("traefik")]);
        until_says(world, "i", json!([{"ip": "203.0.113.7"}])).await;
        // Somebody else has written already when it goes: that stays.
        world.apply([with_status(class("other"), json!([{"ip": "198.51.100.1"}]))]);
        world.apply([ingress("n", "marker", "m.test", "/", "s")]);
        until_says(world, "marker", json!([{"ip": "203.0.113.7"}])).await;
        assert_eq!(says(world, "i"), json!([{"ip": "198.51.100.1"}]));
    });
}

#[test]
fn conflicts_and_a_server_in_trouble_are_overcome_and_serving_goes_on() {
    with_program(&[FIXED], &[service("n", "s")], async |world: &World| {
        world.until_actor("status-writer", |state| state["leads"] == true).await;
        world.fail(Verb::Update, "ingresses", 2, Answer::Conflict);
        world.fail(Verb::Update, "ingresses", 1, Answer::Internal);
        world.fail(Verb::Update, "ingresses", 1, Answer::TooManyRequests(std::time::Duration::from_secs(1)));
        world.apply([ingress("n", "i", "a.test", "/", "s")]);
        until_says(world, "i", json!([{"ip": "203.0.113.7"}])).await;
        assert_eq!(writes(world), 5);
    });
}

#[test]
fn without_the_right_to_write_everything_else_works() {
    crate::support::world::in_system(async || {
        let cluster = start_cluster().await;
        for (verb, resource) in [(Verb::Get, "leases"), (Verb::Create, "events"), (Verb::Update, "ingresses")] {
            let calls = pilotage::apiserver::faults::Calls::of(verb, resource);
            cluster.faults().answer_next(1_000, calls, Answer::Forbidden);
        }
        let origin = crate::support::origin::Origin::start("o").await;
        cluster.store().apply(service("n", "s")).unwrap();
        cluster.store().apply(crate::support::objects::slice("n", "s", &[origin.address])).unwrap();
        cluster.store().apply(ingress("n", "i", "a.test", "/", "s")).unwrap();
        let app = crate::support::world::start_program(&cluster, &[FIXED]).await;
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        assert_eq!(writes(&world), 0, "nobody writes without the lease");
        world.app.stop().await;
    });
}
