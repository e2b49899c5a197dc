//! What is asked of the API server: kinds, namespaces, selectors, and what happens at the start.
use crate::support::http::get;
use crate::support::objects::{ingress, service, slice, yaml};
use crate::support::origin::Origin;
use crate::support::world::{World, eventually, in_system, start_cluster, start_program, with_program};
use pilotage::apiserver::faults::{Answer as Fault, Call, Calls, Verb};
use serde_json::json;

#[test]
fn only_the_listed_namespaces_are_asked_for() {
    let args = ["--providers.kubernetesingress.namespaces=one,two"];
    with_program(&args, &[], async |world: &World| {
        let origin = Origin::start("o").await;
        for namespace in ["one", "two", "three"] {
            world.apply(vec![service(namespace, "s"), slice(namespace, "s", &[origin.address])]);
            world.apply([ingress(namespace, "i", &format!("{namespace}.test"), "/", "s")]);
        }
        world.until_status("one.test", "/", 200).await;
        world.until_status("two.test", "/", 200).await;
        assert_eq!(world.get("three.test", "/").await.status, 404);
        let cluster_wide = ["nodes", "ingressclasses"];
        let watched = |call: &Call| [Verb::List, Verb::Watch].contains(&call.verb);
        for call in world.cluster.faults().calls().into_keys().filter(watched) {
            let namespaced = ["one", "two"].contains(&call.namespace.as_str());
            assert!(namespaced || cluster_wide.contains(&call.resource.as_str()), "{call:?}");
        }
    });
}

#[test]
fn without_cluster_scope_nothing_of_the_cluster_is_asked_for() {
    let args = ["--providers.kubernetesingress.disableclusterscoperesources=true"];
    with_program(&args, &[], async |world: &World| {
        world.until_status("a.test", "/", 404).await;
        let asked: Vec<String> = world.cluster.faults().calls().into_keys().map(|call| call.resource).collect();
        assert!(!asked.iter().any(|resource| resource == "nodes" || resource == "ingressclasses"), "{asked:?}");
    });
}

/// What docs/architecture.md says of rights, and no more; `list` and `watch` aside.
#[test]
fn only_what_the_rights_say_is_called() {
    let args = ["--providers.kubernetesingress.ingressendpoint.ip=192.0.2.1"];
    with_program(&args, &[service("n", "s")], async |world: &World| {
        world.apply([ingress("n", "i", "a.test", "/", "ghost")]);
        world.until_actor("status-writer", |state| state["written"] == 1).await;
        world.until_actor("event-recorder", |state| state["recorded"].as_u64() >= Some(1)).await;
        // The same finding once more: counted on the Event that is there.
        let origin = Origin::start("o").await;
        world.apply([slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")]);
        world.until_status("a.test", "/", 200).await;
        world.apply([ingress("n", "i", "a.test", "/", "ghost")]);
        let counted =
            async || world.cluster.store().list("Event").iter().any(|event| event["count"] == 2).then_some(());
        eventually(counted).await;
        let mut asked: Vec<String> = Vec::new();
        for Call { verb, resource, subresource, .. } in world.cluster.faults().calls().into_keys() {
            if ![Verb::List, Verb::Watch].contains(&verb) {
                asked.push(format!("{} {resource} {subresource}", verb.as_str()).trim_end().to_owned());
            }
        }
        asked.sort();
        asked.dedup();
        let always = [
            "create events",
            "create leases",
            "get ingresses",
            "get leases",
            "patch events",
            "update ingresses status",
        ];
        // Not before the lease is renewed for the first time.
        asked.retain(|call| call != "update leases");
        assert_eq!(asked, always);
    });
}

#[test]
fn the_label_selector_holds_for_ingresses_alone() {
    let args = ["--providers.kubernetesingress.labelselector=team in (blue), !hidden"];
    with_program(&args, &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address])]);
        for (name, labels) in [
            ("blue", json!({"team": "blue"})),
            ("red", json!({"team": "red"})),
            ("hid", json!({"team": "blue", "hidden": "x"})),
        ] {
            let mut object = ingress("n", name, &format!("{name}.test"), "/", "s");
            object["metadata"]["labels"] = labels;
            world.apply([object]);
        }
        world.until_served_by("blue.test", "/", "o").await;
        assert_eq!(world.get("red.test", "/").await.status, 404);
        assert_eq!(world.get("hid.test", "/").await.status, 404);
        // A label that goes takes the Ingress with it.
        world.apply([ingress("n", "blue", "blue.test", "/", "s")]);
        world.until_status("blue.test", "/", 404).await;
    });
}

#[test]
fn helm_releases_are_never_fetched() {
    let objects = yaml(
        "{apiVersion: v1, kind: Secret, metadata: {namespace: 'n', name: release, labels: {owner: helm}}, data: {release: eA==}}\n---\n\
         {apiVersion: v1, kind: Secret, metadata: {namespace: 'n', name: plain}, data: {a: eA==}}",
    );
    with_program(&[], &objects, async |world: &World| {
        let state =
            world.until_actor("secret", |state| state["waitingFor"].as_array().is_some_and(Vec::is_empty)).await;
        assert_eq!(state["objects"], 1);
    });
}

#[test]
fn until_everything_is_listed_the_entry_points_answer_503_and_never_404() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        // The very last kind to answer holds everything back.
        cluster.faults().answer_next(1_000, Calls::of(Verb::List, "endpointslices"), Fault::Internal);
        let app = start_program(&cluster, &[]).await;
        let (web, admin) = (app.address("web").unwrap(), app.address("traefik").unwrap());
        let world = World { cluster, app };
        world.until_actor("ingress", |state| state["objects"] == 1).await;
        assert_eq!(get(web, "a.test", "/").await.status, 503);
        assert_eq!(get(web, "unknown.test", "/").await.status, 503);
        assert_eq!(get(admin, "localhost", "/ready").await.status, 503);
        assert_eq!(get(admin, "localhost", "/ping").await.status, 200, "it lives");
        world.cluster.faults().clear();
        world.until_served_by("a.test", "/", "o").await;
        assert_eq!(get(admin, "localhost", "/ready").await.status, 200);
        world.app.stop().await;
    });
}

#[test]
fn a_cluster_without_any_object_is_ready_too() {
    with_program(&[], &[], async |world: &World| {
        eventually(async || (get(world.admin(), "localhost", "/ready").await.status == 200).then_some(())).await;
        assert_eq!(world.get("a.test", "/").await.status, 404);
    });
}
