use super::testing::{
    Debug, Process, api, ask, balancer, clock, get, get_json, key_pair, key_pair_with_der, observation, options,
    router, text,
};
use super::*;
use crate::model::finding::Problem;
use crate::model::keys::IngressKey;
use crate::model::keys::ObjectRef;
use http::header::{ALLOW, CONTENT_TYPE};
use serde_json::json;
use std::sync::atomic::Ordering;

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn one_router() -> PlanView {
    PlanView {
        routers: vec![Arc::new(router("r", "i", "Host(\"a\")", "s"))],
        balancers: vec![Arc::new(balancer("s", &["10.0.0.1"]))],
        ..PlanView::default()
    }
}

#[test]
fn only_the_admin_entry_point_carries_the_api_and_only_when_it_is_insecure() {
    let insecure = api(options(), PlanView::default());
    let cases = [
        ("traefik", "/api/rawdata", Some(Claim::Api)),
        ("traefik", "/apix", Some(Claim::Api)),
        ("traefik", "/debug/actors", Some(Claim::Debug)),
        ("traefik", "/ping", Some(Claim::Ping)),
        ("traefik", "/pingpong", Some(Claim::Ping)),
        ("traefik", "/ready", Some(Claim::Ready)),
        ("traefik", "/readyx", None),
        ("traefik", "/", None),
        ("web", "/api/rawdata", None),
        ("web", "/ping", None),
    ];
    for (entry_point, path, want) in cases {
        assert_eq!(insecure.claim(entry_point, path), want, "{entry_point} {path}");
    }
    for exposure in [Exposure::Off, Exposure::Internal] {
        let api = api(ApiOptions { exposure, ..options() }, PlanView::default());
        assert_eq!(api.claim("traefik", "/api/rawdata"), None);
        assert_eq!(api.claim("traefik", "/debug/actors"), None);
        assert_eq!(api.claim("traefik", "/ping"), Some(Claim::Ping));
    }
}

#[test]
fn manual_routing_takes_ping_away_but_not_ready() {
    let ping = Ping { entry_point: "web".into(), routing: PingRouting::Manual, terminating: StatusCode::NO_CONTENT };
    let api = api(ApiOptions { ping: Some(ping), ..options() }, PlanView::default());
    assert_eq!(api.claim("web", "/ping"), None);
    assert_eq!(api.claim("web", "/ready"), Some(Claim::Ready));
    assert_eq!(api.claim("traefik", "/ready"), None);
}

#[tokio::test]
async fn a_base_path_stands_before_everything_but_the_probes() {
    let api = api(ApiOptions { base_path: "/admin/".into(), ..options() }, one_router());
    assert_eq!(api.claim("traefik", "/api/rawdata"), None);
    assert_eq!(api.claim("traefik", "/ping"), Some(Claim::Ping));
    let raw = get_json(&api, "/admin/api/rawdata").await;
    assert_eq!(raw["routers"]["api@internal"]["rule"], json!("PathPrefix(`/admin/api`)"));
    assert_eq!(get_json(&api, "/admin/debug/actors").await[0]["actor"], json!("ingress"));
}

#[tokio::test]
async fn ping_answers_any_method_until_the_process_was_told_to_stop() {
    let process = Arc::new(Process::default());
    let ping =
        Ping { entry_point: "traefik".into(), routing: PingRouting::Router, terminating: StatusCode::IM_A_TEAPOT };
    let options = ApiOptions { ping: Some(ping), ..options() };
    let api = Arc::new(Api::new(options, process.clone(), Arc::new(DebugActor::default()), clock()));
    for method in [Method::GET, Method::HEAD, Method::DELETE] {
        let response = ask(&api, method, "/ping", None).await.unwrap();
        assert_eq!((response.status(), text(&response).as_str()), (StatusCode::OK, "OK"));
        assert!(!response.headers().contains_key(CONTENT_TYPE));
    }
    process.draining.store(true, Ordering::SeqCst);
    assert_eq!(get(&api, "/ping").await, (418, "I'm a teapot".to_owned()));
}

#[tokio::test]
async fn ready_follows_the_first_table_and_the_drain() {
    let process = Arc::new(Process::default());
    let api = Arc::new(Api::new(options(), process.clone(), Arc::new(DebugActor::default()), clock()));
    let (status, reason) = get(&api, "/ready").await;
    assert_eq!(status, 503);
    assert!(reason.starts_with("starting: ") && !reason.contains('\n'), "{reason}");
    process.ready.store(true, Ordering::SeqCst);
    assert_eq!(get(&api, "/ready").await, (200, "ready".to_owned()));
    process.draining.store(true, Ordering::SeqCst);
    let (status, reason) = get(&api, "/ready").await;
    assert_eq!(status, 503);
    assert!(reason.starts_with("draining: "), "{reason}");
}

#[tokio::test]
async fn only_get_is_answered_and_unknown_paths_are_404_for_every_method() {
    let api = api(options(), one_router());
    for target in ["/api/rawdata", "/api/http/routers/r@kubernetes", "/debug/actors", "/debug/findings"] {
        for method in [Method::POST, Method::HEAD, Method::PUT, Method::OPTIONS] {
            let response = ask(&api, method, target, None).await.unwrap();
            assert_eq!((response.status(), response.body().len()), (StatusCode::METHOD_NOT_ALLOWED, 0), "{target}");
            assert_eq!(header(&response, ALLOW.as_str()), "GET");
        }
    }
    for target in ["/api", "/api/nope", "/debug/vars", "/apix"] {
        for method in [Method::GET, Method::POST] {
            let response = ask(&api, method, target, None).await.unwrap();
            assert_eq!(
                (response.status().as_u16(), text(&response).as_str()),
                (404, "404 page not found\n"),
                "{target}"
            );
            assert_eq!(header(&response, "content-type"), "text/plain; charset=utf-8");
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        }
    }
}

#[tokio::test]
async fn content_types_and_the_next_page_are_the_references() {
    let api = api(options(), one_router());
    let cases = [
        ("/api/rawdata", "application/json", ""),
        ("/api/overview", "application/json", ""),
        ("/api/version", "application/json; charset=UTF-8", ""),
        ("/api/http/routers", "application/json", "1"),
        ("/api/http/routers?per_page=1", "application/json", "2"),
        ("/api/http/routers/r@kubernetes", "application/json", ""),
        ("/api/entrypoints", "application/json", "1"),
        ("/api/http/routers/x", "text/plain; charset=utf-8", ""),
        ("/api/http/routers?page=9", "text/plain; charset=utf-8", ""),
    ];
    for (target, media, next) in cases {
        let response = ask(&api, Method::GET, target, None).await.unwrap();
        assert_eq!((header(&response, "content-type"), header(&response, "x-next-page")), (media, next), "{target}");
    }
    let answer = get(&api, "/api/http/routers?page=99").await;
    assert_eq!(answer, (400, "{\"message\":\"invalid request: page: 99, per_page: 100\"}\n".to_owned()));
}

#[tokio::test]
async fn the_version_is_that_of_the_crate() {
    let mut options = options();
    let plain = api(options.clone(), PlanView::default());
    let want = format!(
        "{{\"Version\":\"{}\",\"Codename\":\"pilotage\",\"startDate\":\"2026-11-20T08:26:53.353534466Z\"}}\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(get(&plain, "/api/version").await, (200, want));
    options.dashboard_name = "edge".into();
    options.dashboard_ad = DashboardAd::Disabled;
    let named = get_json(&api(options, PlanView::default()), "/api/version").await;
    assert_eq!((&named["disableDashboardAd"], &named["dashboardName"]), (&json!(true), &json!("edge")));
}

#[tokio::test]
async fn the_overview_counts_everything_that_is_shown() {
    let mut view = one_router();
    let warned = crate::model::plan::Router { errors: vec!["hm".into()], ..router("w", "w", "Host(\"w\")", "s") };
    view.routers.push(Arc::new(warned));
    view.certificates.push(key_pair(&["a.test"]));
    let (_, overview) = get(&api(options(), view), "/api/overview").await;
    let none = r#"{"total":0,"warnings":0,"errors":0}"#;
    let want = format!(
        concat!(
            r#"{{"http":{{"routers":{{"total":6,"warnings":1,"errors":0}},"services":{{"total":4,"warnings":0,"errors":0}},"#,
            r#""middlewares":{none}}},"tcp":{{"routers":{none},"services":{none},"middlewares":{none}}},"#,
            r#""udp":{{"routers":{none},"services":{none}}},"certificates":{{"total":1,"warnings":0,"errors":0}},"#,
            r#""features":{{"tracing":"","metrics":"","accessLog":false}},"providers":["KubernetesIngress"]}}"#,
            "\n"
        ),
        none = none
    );
    assert_eq!(overview, want);
}

#[tokio::test]
async fn no_answer_holds_a_key() {
    let (pair, der) = key_pair_with_der(&["a.test"]);
    let mut view = one_router();
    view.certificates.push(pair.clone());
    let api = api(options(), view);
    let secret: &[u8] = {
        // The last bytes of a PKCS#8 key are the public half; the secret ones lie before them.
        &der[36..36 + 32]
    };
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let listed = get_json(&api, "/api/certificates").await;
    let name = listed[0]["name"].as_str().unwrap().to_owned();
    let targets = ["/api/rawdata", "/api/overview", "/api/certificates", "/debug/actors", "/debug/findings"];
    for target in targets.map(str::to_owned).into_iter().chain([format!("/api/certificates/{name}")]) {
        let response = ask(&api, Method::GET, &target, None).await.unwrap();
        let body = response.body();
        assert!(!body.windows(secret.len()).any(|window| window == secret), "{target}");
        assert!(!text(&response).to_lowercase().contains(&hex) && !text(&response).contains("PRIVATE"), "{target}");
    }
}

#[tokio::test]
async fn names_that_look_like_markup_are_escaped_in_json() {
    let mut view = one_router();
    view.routers.push(Arc::new(router("x", "<script>alert(1)</script>", "Host(\"&\")", "s")));
    let (status, raw) = get(&api(options(), view), "/api/rawdata").await;
    assert_eq!(status, 200);
    assert!(!raw.contains(['<', '>', '&']), "{raw}");
    assert!(raw.contains(r"\u003cscript\u003ealert(1)"), "{raw}");
}

fn debugging(debug: Debug) -> Arc<Api> {
    Arc::new(Api::new(options(), Arc::new(Process::default()), Arc::new(debug), clock()))
}

#[tokio::test]
async fn actors_are_shown_by_name_as_json_and_as_a_page() {
    let api = debugging(Debug(Some(vec![observation("throttler"), observation("ingress")]), Vec::new()));
    let want = json!({
        "actor": "ingress", "last_message": "IngressApplied", "handled": 12, "queued": 1, "restarts": 0,
        "last_error": null, "state": {"objects": 3},
    });
    let all = get_json(&api, "/debug/actors").await;
    assert_eq!((&all[0], &all[1]["actor"]), (&want, &json!("throttler")));
    assert_eq!(get_json(&api, "/debug/actors/ingress").await, want);
    assert_eq!(get(&api, "/debug/actors/x").await, (404, "{\"message\":\"actor not found: x\"}\n".to_owned()));
    let page = ask(&api, Method::GET, "/debug/actors", Some("text/html,*/*;q=0.8")).await.unwrap();
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert!(header(&page, "content-security-policy").starts_with("default-src 'none'"));
    let body = text(&page);
    assert_eq!(get(&api, "/debug/actors?format=html").await, (200, body.clone()));
    let json = ask(&api, Method::GET, "/debug/actors?format=json", Some("text/html")).await.unwrap();
    assert_eq!(header(&json, "content-type"), "application/json");
    assert!(body.find("<td>ingress</td>").unwrap() < body.find("<td>throttler</td>").unwrap(), "{body}");
}

#[tokio::test]
async fn a_debug_actor_that_is_gone_is_an_error_and_findings_still_come() {
    let object = ObjectRef::from(&IngressKey::new("shop", "web"));
    let findings = vec![
        Problem::warning("spec.b", "Odd", "second").about(object.clone()),
        Problem::error("spec.a", "InvalidPath", "first").about(object),
    ];
    let api = debugging(Debug(None, findings));
    assert_eq!(get(&api, "/debug/actors").await, (503, "{\"message\":\"the debug actor is not there\"}\n".to_owned()));
    let found = get_json(&api, "/debug/findings").await;
    let want = json!({
        "object": {"kind": "Ingress", "namespace": "shop", "name": "web"}, "path": "spec.a", "severity": "error",
        "reason": "InvalidPath", "text": "first",
    });
    assert_eq!((&found[0], &found[1]["severity"]), (&want, &json!("warning")));
}
