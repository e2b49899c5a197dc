//! What a person sees: debug pages, API, probes.
use crate::support::http::{get, get_request, send};
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{World, eventually, with_program};

#[test]
fn every_actor_shows_its_state() {
    with_program(&[], &[], async |world: &World| {
        world.until_actor("proxy-listener", |state| state["ready"] == true).await;
        let wanted = [
            "api-server",
            "compiler",
            "debug",
            "event-recorder",
            "ingress",
            "ingress_class",
            "node",
            "proxy-listener",
            "secret",
            "service",
            "status-writer",
            "throttler",
        ];
        let all = eventually(async || {
            let all = world.api("/debug/actors").await;
            (all.as_array().map(Vec::len) == Some(wanted.len())).then_some(all)
        })
        .await;
        let names: Vec<&str> = all.as_array().unwrap().iter().map(|one| one["actor"].as_str().unwrap()).collect();
        assert_eq!(names, wanted);
        for one in all.as_array().unwrap() {
            for field in ["last_message", "handled", "queued", "restarts", "last_error", "state"] {
                assert!(one.get(field).is_some() || one.get(camel(field)).is_some(), "{one} has no {field}");
            }
        }
    });
}

fn camel(field: &str) -> String {
    let mut parts = field.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part[..1].to_uppercase() + &part[1..])
}

#[test]
fn the_api_shows_what_the_proxy_runs() {
    with_program(&[], &[], async |world: &World| {
        let a = Origin::start("a").await;
        world.apply(vec![service("n", "s"), slice("n", "s", &[a.address]), ingress("n", "web", "s.test", "/p", "s")]);
        world.until_served_by("s.test", "/p", "a").await;
        let raw = world.api("/api/rawdata").await;
        let router = &raw["routers"]["n-web-s-test-p@kubernetes"];
        assert_eq!(router["rule"], "Host(\"s.test\") && PathPrefix(\"/p\")");
        assert_eq!(router["status"], "enabled");
        assert_eq!(router["service"], "n-s-80");
        let url = format!("http://{}", a.address);
        assert_eq!(raw["services"]["n-s-80@kubernetes"]["loadBalancer"]["servers"][0]["url"], url);
        let one = world.api("/api/http/routers/n-web-s-test-p@kubernetes").await;
        assert_eq!(one["name"], "n-web-s-test-p@kubernetes");
        let overview = world.api("/api/overview").await;
        assert!(overview["http"]["routers"]["total"].as_u64() >= Some(1), "{overview}");
        for page in
            ["/api/version", "/api/entrypoints", "/api/http/routers", "/api/http/services", "/api/http/middlewares"]
        {
            world.api(page).await;
        }
        let missing = get(world.admin(), "localhost", "/api/http/routers/ghost@kubernetes").await;
        assert_eq!(missing.status, 404);
    });
}

#[test]
fn a_browser_gets_a_page_and_names_of_objects_are_no_markup() {
    with_program(&[], &[], async |world: &World| {
        world.until_actor("throttler", |_| true).await;
        let mut request = get_request("localhost", "/debug/actors");
        request.headers_mut().insert("accept", "text/html,application/xhtml+xml".parse().unwrap());
        let page = send(world.admin(), request).await;
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.body.contains("throttler"));
    });
}

#[test]
fn the_debug_page_counts_traffic_without_any_change_of_the_cluster() {
    with_program(&[], &[], async |world: &World| {
        world.until_status("a.test", "/", 404).await;
        let before = world.until_actor("proxy-listener", |_| true).await["traffic"]["requests"].as_u64().unwrap();
        for _ in 0..5 {
            world.get("a.test", "/").await;
        }
        let enough = |state: &serde_json::Value| state["traffic"]["requests"].as_u64() >= Some(before + 5);
        world.until_actor("proxy-listener", enough).await;
    });
}

#[test]
fn probes_answer() {
    with_program(&[], &[], async |world: &World| {
        eventually(async || (get(world.admin(), "x", "/ready").await.status == 200).then_some(())).await;
        let ping = get(world.admin(), "x", "/ping").await;
        assert_eq!((ping.status, ping.body.as_str()), (200, "OK"));
    });
}
