//! A change costs what it touches, is never half visible, and never costs a request.
use crate::support::http::Connection;
use crate::support::objects::{annotated, ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{World, with_program};
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;

fn site(namespace: &str, host: &str, name: &str, origin: &Origin) -> Vec<Value> {
    vec![service(namespace, name), slice(namespace, name, &[origin.address]), ingress(namespace, name, host, "/", name)]
}

#[test]
fn objects_that_come_change_and_go_are_followed() {
    with_program(&[], &[], async |world: &World| {
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        world.until_status("a.test", "/", 404).await;
        world.apply(site("n", "a.test", "one", &one));
        world.until_served_by("a.test", "/", "one").await;
        world.apply(vec![service("n", "two"), slice("n", "two", &[two.address])]);
        world.apply([ingress("n", "one", "a.test", "/", "two")]);
        world.until_served_by("a.test", "/", "two").await;
        world.delete("Ingress", "n", "one");
        world.until_status("a.test", "/", 404).await;
    });
}

#[test]
fn two_thousand_endpoint_changes_under_load_cost_no_request() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        let b = a.sibling("b", 2).await;
        world.apply(vec![
            service("n", "s"),
            slice("n", "s", &[a.address, b.address]),
            ingress("n", "s", "s.test", "/", "s"),
        ]);
        world.until_status("s.test", "/", 200).await;
        let done = Rc::new(Cell::new(false));
        let mut loads = Vec::new();
        for _ in 0..8 {
            let (done, web) = (done.clone(), world.web());
            loads.push(actix::spawn(async move {
                let mut connection = Connection::open(web).await;
                let (mut good, mut bad) = (0u64, Vec::new());
                while !done.get() {
                    match connection.get("s.test", "/").await {
                        Ok(answer) if answer.status == 200 => good += 1,
                        other => {
                            bad.push(format!("{other:?}"));
                            connection = Connection::open(web).await;
                        }
                    }
                }
                (good, bad)
            }));
        }
        for n in 0..2000 {
            let endpoints: &[_] = match n % 3 {
                0 => &[a.address],
                1 => &[b.address],
                _ => &[a.address, b.address],
            };
            world.apply([slice("n", "s", endpoints)]);
            if n % 20 == 0 {
                // Lets the watch and the requests run between the writes.
                world.get("s.test", "/").await;
            }
        }
        world.apply([slice("n", "s", &[b.address])]);
        world.until_actor("service", |state| state["slices"] == 1).await;
        // The last state is the one that is served: only `b`, many times over.
        let mut connection = Connection::open(world.web()).await;
        let mut in_a_row = 0;
        while in_a_row < 50 {
            let answer = connection.get("s.test", "/").await.unwrap();
            in_a_row = if answer.header("x-origin") == Some("b") { in_a_row + 1 } else { 0 };
        }
        done.set(true);
        let mut served = 0;
        for load in loads {
            let (good, bad) = load.await.unwrap();
            assert!(bad.is_empty(), "{} of {} failed: {:?}", bad.len(), good, bad.first());
            served += good;
        }
        assert!(served > 500, "hardly any load: {served}");
    });
}

#[test]
fn a_change_of_one_ingress_leaves_every_other_routers_live_state_alone() {
    with_program(&["--workers=1"], &[], async |world: &World| {
        let a = Origin::start("a").await;
        let b = a.sibling("b", 2).await;
        let other = Origin::start("other").await;
        world.apply(vec![
            service("n", "s"),
            slice("n", "s", &[a.address, b.address]),
            ingress("n", "s", "s.test", "/", "s"),
        ]);
        world.apply(site("n", "other.test", "other", &other));
        world.until_status("s.test", "/", 200).await;
        world.until_status("other.test", "/", 200).await;
        let mut connection = Connection::open(world.web()).await;
        let mut last = None;
        let mut turns = Vec::new();
        for n in 0..40 {
            // Between any two requests somebody else's Ingress changes, and the change is live before the next one.
            let path = format!("/{n}");
            world.apply([ingress("n", "other", "other.test", &path, "other")]);
            world.until_status("other.test", &path, 200).await;
            let answer = connection.get("s.test", "/").await.unwrap();
            let now = answer.header("x-origin").unwrap().to_owned();
            turns.push(now.clone());
            assert_ne!(last, Some(now.clone()), "the round robin lost its place: {turns:?}");
            last = Some(now);
        }
        // One kept connection to each server, for all those requests.
        assert!(
            a.connections() <= 2 && b.connections() <= 2,
            "pools were dropped: {} {}",
            a.connections(),
            b.connections()
        );
    });
}

#[test]
fn updates_that_change_nothing_for_routing_compile_nothing() {
    let node = |beat: u32| {
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": {"beat": beat.to_string()}},
               "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                          "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": format!("2026-01-01T00:00:{:02}Z", beat % 60)}]}})
    };
    with_program(&[], &[node(0)], async |world: &World| {
        let one = Origin::start("one").await;
        world.apply(site("n", "a.test", "one", &one));
        world.until_served_by("a.test", "/", "one").await;
        let before = world.until_actor("compiler", |state| state["generation"].as_u64() > Some(0)).await;
        for beat in 1..=100 {
            world.apply([node(beat)]);
            let mut same = ingress("n", "one", "a.test", "/", "one");
            same["metadata"]["managedFields"] = json!([{"manager": format!("m{beat}"), "operation": "Update"}]);
            same["status"] = json!({"loadBalancer": {"ingress": [{"ip": format!("10.0.0.{beat}")}]}});
            world.apply([same]);
        }
        world.until_actor("node", |state| state["unchanged"].as_u64() >= Some(100)).await;
        world.until_actor("ingress", |state| state["unchanged"].as_u64() >= Some(100)).await;
        let after = world.until_actor("compiler", |_| true).await;
        assert_eq!(after["patches"], before["patches"], "a heartbeat reached the compiler");
    });
}

#[test]
fn a_burst_on_one_object_is_throttled_and_another_object_is_not_held_up() {
    with_program(&["--providers.providersthrottleduration=1h"], &[], async |world: &World| {
        let one = Origin::start("one").await;
        // Ready before anything is written: objects of the first lists count as quiet.
        world.until_status("a.test", "/", 404).await;
        world.apply(site("n", "a.test", "one", &one));
        world.until_served_by("a.test", "/", "one").await;
        // Within the hour: this change of the same Ingress waits …
        world.apply([ingress("n", "one", "moved.test", "/", "one")]);
        world.until_actor("throttler", |state| state["pending"] == 1).await;
        // … another Ingress does not, and neither do endpoints.
        world.apply([ingress("n", "quiet", "quiet.test", "/", "one")]);
        world.until_served_by("quiet.test", "/", "one").await;
        let two = Origin::start("two").await;
        world.apply([slice("n", "one", &[two.address])]);
        world.until_served_by("quiet.test", "/", "two").await;
        world.until_served_by("a.test", "/", "two").await;
        assert_eq!(world.get("moved.test", "/").await.status, 404);
    });
}

#[test]
fn the_end_of_a_pause_is_shown_although_no_message_brings_it() {
    with_program(&["--providers.providersthrottleduration=2s"], &[], async |world: &World| {
        let one = Origin::start("one").await;
        world.until_status("a.test", "/", 404).await;
        world.apply(site("n", "a.test", "one", &one));
        world.until_actor("throttler", |state| state["recentlyApplied"].as_u64() > Some(0)).await;
        world.until_actor("throttler", |state| state["recentlyApplied"] == 0).await;
    });
}

#[test]
fn a_batch_is_never_half_visible() {
    with_program(&[], &[], async |world: &World| {
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        world.apply(site("n", "a.test", "one", &one));
        world.apply(site("n", "b.test", "two", &two));
        world.until_served_by("a.test", "/", "one").await;
        world.until_served_by("b.test", "/", "two").await;
        // One object that moves both hosts at once: no request may see one of them gone.
        let both = |first: &str, second: &str| {
            let rule = |host: &str, name: &str| {
                json!({"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": name, "port": {"number": 80}}}}]}})
            };
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"namespace": "n", "name": "one"},
                   "spec": {"rules": [rule("a.test", first), rule("c.test", second)]}})
        };
        for n in 0..50 {
            world.apply([if n % 2 == 0 { both("one", "two") } else { both("two", "one") }]);
            assert_eq!(world.get("a.test", "/").await.status, 200);
        }
        world.until_served_by("a.test", "/", "two").await;
        world.until_served_by("c.test", "/", "one").await;
    });
}

#[test]
fn a_guard_that_cannot_be_had_answers_503_and_opens_when_it_is_removed() {
    with_program(&[], &[], async |world: &World| {
        let one = Origin::start("one").await;
        let wide = Origin::start("wide").await;
        world.apply(site("n", "a.test", "one", &one));
        world.apply(vec![service("n", "wide"), slice("n", "wide", &[wide.address])]);
        world.until_served_by("a.test", "/", "one").await;
        let key = "traefik.ingress.kubernetes.io/router.middlewares";
        let mut guarded = annotated(ingress("n", "guarded", "a.test", "/admin", "one"), key, "n-auth@kubernetescrd");
        world.apply([guarded.clone()]);
        let answer = world.until_status("a.test", "/admin", 503).await;
        assert!(!answer.headers.contains_key("x-origin"), "it fell through to the wider router");
        let finding = world.until_finding("guarded").await;
        assert!(finding["text"].as_str().unwrap().contains("n-auth@kubernetescrd"), "{finding}");
        guarded["metadata"]["annotations"] = json!({});
        world.apply([guarded]);
        world.until_served_by("a.test", "/admin", "one").await;
        crate::support::world::eventually(async || world.findings().await.is_empty().then_some(())).await;
    });
}
