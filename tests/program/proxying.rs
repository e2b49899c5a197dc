//! What the assembled program does with requests, end to end. The details of headers and failures are tested in `proxy/`.
use crate::support::http::{Connection, get, send};
use crate::support::objects::{annotated, ingress, service, slice, slice_named};
use crate::support::origin::Origin;
use crate::support::world::{World, with_program};
use bytes::Bytes;
use http_body_util::Full;
use std::collections::BTreeMap;

#[test]
fn servers_take_turns_across_workers_and_connections() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        let (b, c) = (a.sibling("b", 2).await, a.sibling("c", 3).await);
        world.apply(vec![
            service("n", "s"),
            slice("n", "s", &[a.address, b.address, c.address]),
            ingress("n", "s", "s.test", "/", "s"),
        ]);
        world.until_status("s.test", "/", 200).await;
        let mut tally = BTreeMap::new();
        for _ in 0..30 {
            let answer = world.get("s.test", "/").await;
            *tally.entry(answer.header("x-origin").unwrap().to_owned()).or_insert(0) += 1;
        }
        assert_eq!(tally.into_values().collect::<Vec<_>>(), [10, 10, 10]);
    });
}

#[test]
fn a_sticky_session_stays_on_its_server_even_while_that_drains() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        let b = a.sibling("b", 2).await;
        let key = "traefik.ingress.kubernetes.io/service.sticky.cookie";
        world.apply(vec![
            annotated(service("n", "s"), key, "true"),
            slice("n", "s", &[a.address, b.address]),
            ingress("n", "s", "s.test", "/", "s"),
        ]);
        let first = world.until_status("s.test", "/", 200).await;
        let server = first.header("x-origin").unwrap().to_owned();
        let cookie = first.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let again = || {
            let request = http::Request::get("/").header("host", "s.test").header("cookie", &cookie);
            request.body(Full::<Bytes>::default()).unwrap()
        };
        for _ in 0..6 {
            let answer = send(world.web(), again()).await;
            assert_eq!(answer.header("x-origin"), Some(&*server));
            assert!(answer.header("set-cookie").is_none());
        }
        // Its pod terminates but serves: this client stays, a new one goes elsewhere.
        let mut draining = slice("n", "s", &[a.address, b.address]);
        let index = usize::from(server == "b");
        draining["endpoints"][index]["conditions"] =
            serde_json::json!({"ready": false, "serving": true, "terminating": true});
        world.apply([draining]);
        let other = if server == "a" { "b" } else { "a" };
        let mut elsewhere = 0;
        while elsewhere < 8 {
            let answer = world.get("s.test", "/").await;
            elsewhere = if answer.header("x-origin") == Some(other) { elsewhere + 1 } else { 0 };
        }
        assert_eq!(send(world.web(), again()).await.header("x-origin"), Some(&*server));
    });
}

#[test]
fn a_pod_that_refuses_connections_costs_no_request() {
    with_program(&[], &[], async |world: &World| {
        let live = Origin::start("live").await;
        let closed = Origin::start("closed").await;
        let gone = closed.address;
        drop(closed);
        world.apply(vec![
            service("n", "s"),
            slice_named("n", "s", "s-1", &[live.address]),
            slice_named("n", "s", "s-2", &[std::net::SocketAddr::from(([127, 0, 0, 9], gone.port()))]),
            ingress("n", "s", "s.test", "/", "s"),
        ]);
        world.until_status("s.test", "/", 200).await;
        for _ in 0..20 {
            let request =
                http::Request::post("/").header("host", "s.test").body(Full::new(Bytes::from_static(b"body"))).unwrap();
            let answer = send(world.web(), request).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body.ends_with("\nbody"), "{}", answer.body);
        }
    });
}

#[test]
fn connections_to_servers_are_kept_and_reused() {
    with_program(&["--workers=1"], &[], async |world: &World| {
        let a = Origin::start("a").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[a.address]), ingress("n", "s", "s.test", "/", "s")]);
        world.until_status("s.test", "/", 200).await;
        let mut connection = Connection::open(world.web()).await;
        for _ in 0..100 {
            assert_eq!(connection.get("s.test", "/").await.unwrap().status, 200);
        }
        assert!(a.connections() <= 2, "{} connections for {} requests", a.connections(), a.requests());
    });
}

#[test]
fn exact_beats_prefix_and_a_named_host_beats_a_wildcard() {
    with_program(&[], &[], async |world: &World| {
        let (a, b, c) = (Origin::start("a").await, Origin::start("b").await, Origin::start("c").await);
        for (name, origin) in [("a", &a), ("b", &b), ("c", &c)] {
            world.apply(vec![service("n", name), slice("n", name, &[origin.address])]);
        }
        let mut exact = ingress("n", "exact", "x.test", "/p", "b");
        exact["spec"]["rules"][0]["http"]["paths"][0]["pathType"] = "Exact".into();
        world.apply([
            ingress("n", "prefix", "x.test", "/p", "a"),
            exact,
            ingress("n", "wild", "*.test", "/p/long/enough", "c"),
        ]);
        world.until_served_by("y.test", "/p/long/enough", "c").await;
        world.until_served_by("x.test", "/p", "b").await;
        world.until_served_by("x.test", "/p/long/enough", "a").await;
    });
}

#[test]
fn the_server_sees_who_asked_and_not_what_a_stranger_claims() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[a.address]), ingress("n", "s", "s.test", "/", "s")]);
        world.until_status("s.test", "/", 200).await;
        let request = http::Request::get("/")
            .header("host", "s.test")
            .header("x-forwarded-for", "6.6.6.6")
            .header("x-real-ip", "6.6.6.6");
        let answer = send(world.web(), request.body(Full::default()).unwrap()).await;
        assert!(answer.body.contains("x-forwarded-for: 127.0.0.1\n"), "{}", answer.body);
        assert!(answer.body.contains("x-real-ip: 127.0.0.1\n"), "{}", answer.body);
        assert!(answer.body.contains("x-forwarded-host: s.test\n"), "{}", answer.body);
        assert!(!answer.body.contains("6.6.6.6"));
    });
}

#[test]
fn an_external_name_inside_the_cluster_leads_to_the_endpoints_when_allowed() {
    let args = ["--providers.kubernetesingress.allowcrossnamespace=true"];
    with_program(&args, &[], async |world: &World| {
        let a = Origin::start("a").await;
        let alias = serde_json::json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "n", "name": "alias"},
            "spec": {"type": "ExternalName", "externalName": "s.other.svc.cluster.local", "ports": [{"name": "http", "port": 80}]}});
        world.apply(vec![
            service("other", "s"),
            slice("other", "s", &[a.address]),
            alias,
            ingress("n", "i", "s.test", "/", "alias"),
        ]);
        world.until_served_by("s.test", "/", "a").await;
        // The endpoints of the other namespace are followed, too.
        let b = Origin::start("b").await;
        world.apply([slice("other", "s", &[b.address])]);
        world.until_served_by("s.test", "/", "b").await;
    });
}

#[test]
fn the_host_header_of_the_server_is_sent_where_the_old_option_says_so() {
    let args = ["--providers.kubernetesingress.disablepasshostheaders=true"];
    with_program(&args, &[], async |world: &World| {
        let a = Origin::start("a").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[a.address]), ingress("n", "s", "s.test", "/", "s")]);
        let answer = world.until_status("s.test", "/", 200).await;
        assert!(answer.body.contains(&format!("host: {}\n", a.address)), "{}", answer.body);
    });
}

#[test]
fn internal_paths_belong_to_users_on_their_entry_points() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[a.address]), ingress("n", "s", "s.test", "/", "s")]);
        world.until_served_by("s.test", "/api/rawdata", "a").await;
        assert_eq!(world.get("s.test", "/ping").await.header("x-origin"), Some("a"));
        assert_eq!(
            get(world.admin(), "s.test", "/").await.status,
            404,
            "users' routers are not on the admin entry point"
        );
    });
}
