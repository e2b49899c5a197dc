//! The whole API server is away, silent, or does not know us any more: what is served stays, it is said once, and all is well
//! again without a restart.
use crate::support::http::get;
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{
    PROGRAM_ARGS, World, eventually, in_system, spare_address, start_cluster, start_program, start_with, with_program,
};
use pilotage::apiserver::faults::{Answer as Fault, Calls, Network, Verb};
use pilotage::apiserver::{ApiServer, Options, Validation};

/// No connection to it leads anywhere, as if its process were gone.
fn go_away(world: &World) {
    world.cluster.faults().set_network(Network::Refusing);
    world.cluster.faults().drop_connections();
}

#[test]
fn changes_of_an_outage_are_live_after_it_and_no_request_fails_meanwhile() {
    with_program(&[], &[], async |world: &World| {
        let origin = Origin::start("o").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address])]);
        for n in 0..100 {
            world.apply([ingress("n", &format!("i{n}"), &format!("h{n}.test"), "/", "s")]);
        }
        world.until_actor("ingress", |state| state["objects"] == 100).await;
        world.until_status("h99.test", "/", 200).await;
        go_away(world);
        let state = world.until_actor("api-server", |state| !state["away"].is_null()).await;
        assert!(state["staleSince"].is_string() && state["away"]["since"] == state["staleSince"], "{state}");
        for n in 0..100 {
            world.apply([ingress("n", &format!("new{n}"), &format!("new{n}.test"), "/", "s")]);
            world.delete("Ingress", "n", &format!("i{n}"));
            assert_eq!(world.get(&format!("h{n}.test"), "/").await.status, 200, "the last table serves");
        }
        assert_eq!(get(world.admin(), "localhost", "/ready").await.status, 200);
        // As etcd does every five minutes: the watches cannot go on from where they were.
        world.cluster.store().compact();
        world.cluster.faults().set_network(Network::Fine);
        for n in 0..100 {
            world.until_served_by(&format!("new{n}.test"), "/", "o").await;
            world.until_status(&format!("h{n}.test"), "/", 404).await;
        }
        let state = world.until_actor("api-server", |state| state["away"].is_null()).await;
        assert_eq!((&state["outages"], &state["staleSince"]), (&1.into(), &serde_json::Value::Null), "{state}");
    });
}

#[test]
fn an_api_server_that_comes_after_us_is_found() {
    in_system(async || {
        let listen = spare_address();
        let endpoint = format!("--providers.kubernetesingress.endpoint=http://{listen}");
        let args: Vec<&str> = PROGRAM_ARGS.iter().copied().chain([&*endpoint]).collect();
        let app = start_with(&args).await;
        let (web, admin) = (app.address("web").unwrap(), app.address("traefik").unwrap());
        eventually(async || {
            let state = get(admin, "localhost", "/debug/actors/api-server").await;
            (state.status == 200 && !state.json()["state"]["away"].is_null()).then_some(())
        })
        .await;
        assert_eq!(get(web, "a.test", "/").await.status, 503, "never 404 before the first table");
        assert_eq!(get(admin, "localhost", "/ready").await.status, 503);
        assert_eq!(get(admin, "localhost", "/ping").await.status, 200);
        let origin = Origin::start("o").await;
        let cluster =
            ApiServer::start(Options { listen, validation: Validation::Off, ..Options::default() }).await.unwrap();
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        assert_eq!(get(world.admin(), "localhost", "/ready").await.status, 200);
        world.app.stop().await;
    });
}

#[test]
fn an_api_server_that_accepts_and_says_nothing_only_delays_the_start() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        cluster.faults().set_network(Network::HalfOpen);
        let app = start_program(&cluster, &[]).await;
        let world = World { cluster, app };
        assert_eq!(world.get("a.test", "/").await.status, 503);
        assert_eq!(get(world.admin(), "localhost", "/ready").await.status, 503);
        world.cluster.faults().set_network(Network::Fine);
        world.until_served_by("a.test", "/", "o").await;
        world.app.stop().await;
    });
}

#[test]
fn an_expired_token_is_read_again_from_its_file() {
    in_system(async || {
        let cluster = start_cluster().await;
        cluster.faults().accept_only(Some("old"));
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "old\n").unwrap();
        let token = format!("--providers.kubernetesingress.token={}", path.display());
        let app = start_program(&cluster, &[&token]).await;
        let world = World { cluster, app };
        world.until_served_by("a.test", "/", "o").await;
        world.cluster.faults().accept_only(Some("new"));
        world.cluster.faults().drop_connections();
        let state = world.until_actor("api-server", |state| !state["away"].is_null()).await;
        assert!(state["away"]["error"].to_string().contains("401"), "{state}");
        let shown = get(world.admin(), "localhost", "/debug/actors").await.body;
        assert!(!shown.contains("old") && state["troubledWatches"].as_object().unwrap().is_empty(), "{shown}");
        // Also what is optional is not given up: the token is wrong, not the rights.
        let node = world.until_actor("node", |_| true).await;
        assert!(node["unavailable"].as_object().unwrap().is_empty(), "{node}");
        world.apply([ingress("n", "j", "b.test", "/", "s")]);
        assert_eq!(world.get("a.test", "/").await.status, 200);
        std::fs::write(&path, "new\n").unwrap();
        world.until_served_by("b.test", "/", "o").await;
        world.app.stop().await;
    });
}

#[test]
fn a_forbidden_kind_that_is_needed_is_named_until_the_right_is_granted() {
    in_system(async || {
        let cluster = start_cluster().await;
        cluster.faults().answer_next(1_000, Calls::of(Verb::List, "services"), Fault::Forbidden);
        let app = start_program(&cluster, &[]).await;
        let world = World { cluster, app };
        let state = world
            .until_actor("api-server", |state| state["troubledWatches"]["Service, all namespaces"].is_object())
            .await;
        assert!(state["away"].is_null(), "the server answers: {state}");
        assert!(
            state["troubledWatches"]["Service, all namespaces"]["error"].to_string().contains("forbidden"),
            "{state}"
        );
        assert_eq!(get(world.admin(), "localhost", "/ready").await.status, 503, "no half of a cluster is served");
        world.cluster.faults().clear();
        eventually(async || (get(world.admin(), "localhost", "/ready").await.status == 200).then_some(())).await;
        let state = world.until_actor("api-server", |state| state["staleSince"].is_null()).await;
        assert!(state["troubledWatches"].as_object().unwrap().is_empty(), "{state}");
        world.app.stop().await;
    });
}

#[test]
fn a_watch_that_is_ended_over_and_over_misses_nothing() {
    with_program(&[], &[], async |world: &World| {
        world.until_actor("proxy-listener", |state| state["ready"] == true).await;
        let origin = Origin::start("o").await;
        for n in 0..40 {
            world.cluster.faults().cut_watches("services", pilotage::apiserver::faults::Cut::Cleanly);
            world.apply([service("n", &format!("s{n}"))]);
            tokio::task::yield_now().await;
        }
        world.apply(vec![service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")]);
        world.until_served_by("a.test", "/", "o").await;
    });
}
