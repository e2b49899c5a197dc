//! The API server misbehaves; requests must not notice, and nothing may be missed.
use crate::support::http::get;
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{World, with_program};
use pilotage::apiserver::faults::{Answer as Fault, Calls, Cut, Verb};

#[test]
fn a_watch_that_is_cut_during_changes_misses_nothing() {
    with_program(&[], &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address])]);
        for n in 0..60 {
            world.apply([ingress("n", &format!("i{n}"), &format!("h{n}.test"), "/", "s")]);
            if n % 3 == 0 {
                world.cut("ingresses");
            }
            if n % 2 == 1 {
                let gone = format!("i{}", n - 1);
                world.delete("Ingress", "n", &gone);
            }
        }
        world.until_actor("ingress", |state| state["objects"] == 30).await;
        for n in 0..60 {
            world.until_status(&format!("h{n}.test"), "/", if n % 2 == 1 { 200 } else { 404 }).await;
        }
    });
}

#[test]
fn after_410_the_list_is_taken_anew_and_what_went_meanwhile_is_gone() {
    with_program(&[], &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address])]);
        for name in ["stays", "goes"] {
            world.apply([ingress("n", name, &format!("{name}.test"), "/", "s")]);
            world.until_served_by(&format!("{name}.test"), "/", "o").await;
        }
        // While the watch is down an object goes and the history that would tell of it is compacted away.
        world.fail(Verb::Watch, "ingresses", 1, Fault::Internal);
        world.cut("ingresses");
        world.delete("Ingress", "n", "goes");
        world.apply([ingress("n", "comes", "comes.test", "/", "s")]);
        world.cluster.store().compact();
        world.until_status("goes.test", "/", 404).await;
        world.until_served_by("comes.test", "/", "o").await;
        assert_eq!(world.get("stays.test", "/").await.status, 200);
    });
}

#[test]
fn a_forbidden_optional_kind_does_not_stop_the_rest() {
    use crate::support::world::{in_system, start_cluster, start_program};
    in_system(async || {
        let cluster = start_cluster().await;
        cluster.faults().answer_next(1_000, Calls::of(Verb::List, "nodes"), Fault::Forbidden);
        cluster.faults().answer_next(1_000, Calls::of(Verb::List, "ingressclasses"), Fault::Forbidden);
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        let app = start_program(&cluster, &[]).await;
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        let state = world
            .until_actor("node", |state| state["unavailable"].as_object().is_some_and(|all| !all.is_empty()))
            .await;
        assert!(
            state["unavailable"].to_string().contains("403") || state["unavailable"].to_string().contains("orbidden"),
            "{state}"
        );
        world.app.stop().await;
    });
}

#[test]
fn with_the_api_server_gone_the_last_table_keeps_serving() {
    with_program(&[], &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")]);
        world.until_served_by("a.test", "/", "o").await;
        for resource in ["ingresses", "services", "endpointslices", "secrets", "nodes", "ingressclasses"] {
            for verb in [Verb::List, Verb::Watch] {
                world.fail(verb, resource, 1_000_000, Fault::Internal);
            }
            world.cut(resource);
        }
        for _ in 0..50 {
            assert_eq!(world.get("a.test", "/").await.status, 200);
        }
        assert_eq!(get(world.admin(), "localhost", "/ready").await.status, 200);
        world.cluster.faults().clear();
        world.apply([ingress("n", "j", "b.test", "/", "s")]);
        world.until_served_by("b.test", "/", "o").await;
    });
}

#[test]
fn slow_answers_of_the_api_server_only_delay() {
    with_program(&[], &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.cluster.faults().delay(Calls::of(Verb::List, "ingresses"), std::time::Duration::from_millis(200));
        world.fail(Verb::Watch, "ingresses", 2, Fault::TooManyRequests(std::time::Duration::ZERO));
        world.cluster.faults().cut_watches("ingresses", Cut::Expired);
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")]);
        world.until_served_by("a.test", "/", "o").await;
    });
}
