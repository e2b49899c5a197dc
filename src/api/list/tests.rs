use super::*;
use crate::api::source::PlanView;
use crate::api::testing::{api, balancer, get, get_json, options, port_80, router};
use crate::api::{Api, ApiOptions};
use crate::model::plan::{Action, Router};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

fn query(text: &str) -> Result<ListQuery, BadQuery> {
    ListQuery::read(&Query::parse(text))
}

#[test]
fn pages_are_cut_as_the_reference_cuts_them() {
    struct Case {
        query: &'static str,
        items: usize,
        want: Result<(std::ops::Range<usize>, usize), &'static str>,
    }
    let cases = [
        Case { query: "", items: 0, want: Ok((0..0, 1)) },
        Case { query: "", items: 100, want: Ok((0..100, 1)) },
        Case { query: "", items: 101, want: Ok((0..100, 2)) },
        Case { query: "page=2", items: 101, want: Ok((100..101, 1)) },
        Case { query: "page=2&per_page=3", items: 7, want: Ok((3..6, 3)) },
        Case { query: "page=3&per_page=3", items: 7, want: Ok((6..7, 1)) },
        Case { query: "page=2&per_page=3", items: 6, want: Ok((3..6, 1)) },
        Case { query: "page=99", items: 12, want: Err("invalid request: page: 99, per_page: 100") },
        Case { query: "page=3&per_page=3", items: 6, want: Err("invalid request: page: 3, per_page: 3") },
        Case { query: "page=2", items: 0, want: Err("invalid request: page: 2, per_page: 100") },
        Case { query: "page=0", items: 1, want: Err("invalid request: page: 0") },
        Case { query: "page=-1", items: 1, want: Err("invalid request: page: -1") },
        Case { query: "per_page=x", items: 1, want: Err("invalid request: per_page: x") },
        Case {
            query: "page=18446744073709551615&per_page=18446744073709551615",
            items: 1,
            want: Err("invalid request: page: 18446744073709551615, per_page: 18446744073709551615"),
        },
    ];
    for Case { query: text, items, want } in cases {
        let got = query(text).and_then(|query| query.page((0..items).collect::<Vec<_>>()));
        let want = want.map(|(range, next)| (range.collect::<Vec<_>>(), next)).map_err(str::to_owned);
        assert_eq!(got.map_err(|error| error.to_string()), want, "{text} of {items}");
    }
}

proptest::proptest! {
    #[test]
    fn all_pages_together_are_the_list(items in 0usize..50, per_page in 1usize..12) {
        let (mut page, mut seen) = (1, Vec::new());
        loop {
            let asked = query(&format!("page={page}&per_page={per_page}")).unwrap();
            let (some, next) = asked.page((0..items).collect::<Vec<_>>()).unwrap();
            seen.extend(some);
            if next == 1 { break; }
            page = next;
        }
        proptest::prop_assert_eq!(seen, (0..items).collect::<Vec<_>>());
    }
}

/// Three routers of two services, one of them disabled, and nothing built in but the API itself.
fn shop() -> Arc<Api> {
    let routers = [
        router("shop", "shop", "Host(\"shop.test\")", "shop"),
        Router {
            middlewares: vec!["strip@file".into()],
            ..router("blog", "blog", "Host(\"Blog.test\") && Path(\"/x\")", "blog")
        },
        Router {
            action: Action::Refuse(port_80("testing", "shop")),
            errors: vec!["no".into()],
            ..router("closed", "closed", "Host(\"c\")", "shop")
        },
    ];
    let balancers = [balancer("shop", &["10.0.0.1", "10.0.0.2"]), balancer("blog", &["10.0.0.3"])];
    let view = PlanView {
        routers: routers.map(Arc::new).into(),
        balancers: balancers.map(Arc::new).into(),
        ..PlanView::default()
    };
    api(ApiOptions { ping: None, ..options() }, view)
}

async fn names(api: &Arc<Api>, target: &str) -> String {
    let list = get_json(api, target).await;
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    names.join(" ").replace("@kubernetes", "").replace("@internal", "!")
}

#[tokio::test]
async fn routers_are_searched_filtered_and_ordered() {
    let api = shop();
    let cases = [
        ("", "api! blog closed debug! shop"),
        ("?direction=desc", "shop debug! closed blog api!"),
        ("?search=BLOG", "blog"),
        ("?search=path%28", "blog"),
        ("?search=test", "blog shop"),
        ("?status=disabled", "closed"),
        ("?status=ENABLED&search=o", "blog shop"),
        ("?serviceName=testing-shop-80@kubernetes", "closed shop"),
        ("?serviceName=testing-shop-80", "closed shop"),
        ("?serviceName=api@internal", "api! debug!"),
        ("?serviceName=testing-shop", ""),
        ("?middlewareName=strip@file", "blog"),
        ("?middlewareName=strip@other", ""),
        ("?sortBy=priority", "closed shop blog api! debug!"),
        ("?sortBy=priority&direction=desc", "debug! api! blog shop closed"),
        ("?sortBy=provider", "api! debug! blog closed shop"),
        ("?sortBy=status", "closed api! blog debug! shop"),
        ("?sortBy=rule", "blog closed shop api! debug!"),
        ("?sortBy=service", "api! debug! blog closed shop"),
        ("?sortBy=entryPoints", "api! debug! blog closed shop"),
        ("?sortBy=nonsense", "api! blog closed debug! shop"),
        ("?per_page=2&page=2", "closed debug!"),
    ];
    for (parameters, want) in cases {
        assert_eq!(names(&api, &format!("/api/http/routers{parameters}")).await, want, "{parameters}");
    }
}

#[tokio::test]
async fn services_are_searched_filtered_and_ordered() {
    let api = shop();
    let cases = [
        ("", "api! noop! testing-blog-80 testing-shop-80"),
        ("?search=SHOP", "testing-shop-80"),
        ("?status=warning", ""),
        ("?sortBy=servers&direction=desc", "testing-shop-80 testing-blog-80 noop! api!"),
        ("?sortBy=type", "api! noop! testing-blog-80 testing-shop-80"),
    ];
    for (parameters, want) in cases {
        assert_eq!(names(&api, &format!("/api/http/services{parameters}")).await, want, "{parameters}");
    }
}

#[tokio::test]
async fn items_have_the_shape_and_field_order_of_the_reference() {
    let api = shop();
    let (_, router) = get(&api, "/api/http/routers/blog@kubernetes").await;
    let want = concat!(
        r#"{"entryPoints":["web"],"middlewares":["strip@file"],"service":"testing-blog-80","#,
        r#""rule":"Host(\"Blog.test\") \u0026\u0026 Path(\"/x\")","priority":31,"#,
        r#""observability":{"accessLogs":true,"metrics":true,"tracing":true,"traceVerbosity":"minimal","#,
        r#""metadata":{"ingress":{"namespace":"testing","name":"blog","kind":"Ingress"}}},"#,
        r#""status":"enabled","using":["web"],"name":"blog@kubernetes","provider":"kubernetes","priorityStr":"31"}"#,
        "\n"
    );
    assert_eq!(router, want);
    let (_, service) = get(&api, "/api/http/services/testing-blog-80@kubernetes").await;
    let want = concat!(
        r#"{"loadBalancer":{"servers":[{"url":"http://10.0.0.3:8080"}],"strategy":"wrr","passHostHeader":true,"#,
        r#""responseForwarding":{"flushInterval":"100ms"}},"#,
        r#""observability":{"metadata":{"kubernetes":{"namespace":"testing","name":"blog","port":"80"}}},"#,
        r#""status":"enabled","usedBy":["blog@kubernetes"],"name":"testing-blog-80@kubernetes","#,
        r#""provider":"kubernetes","type":"loadbalancer","serverStatus":{"http://10.0.0.3:8080":"UP"}}"#,
        "\n"
    );
    assert_eq!(service, want);
    let (_, built_in) = get(&api, "/api/http/services/api@internal").await;
    let want = concat!(
        r#"{"status":"enabled","usedBy":["api@internal","debug@internal"],"name":"api@internal","#,
        r#""provider":"internal"}"#,
        "\n"
    );
    assert_eq!(built_in, want);
    let api_router = get_json(&api, "/api/http/routers/api@internal").await;
    assert_eq!(api_router["priorityStr"], json!("9223372036854775806"));
}

#[tokio::test]
async fn lists_name_the_default_tls_options_and_the_raw_data_do_not() {
    let routers = vec![Arc::new(Router { tls: crate::api::testing::tls(""), ..router("r", "i", "Host(\"a\")", "s") })];
    let api = api(options(), PlanView { routers, ..PlanView::default() });
    assert_eq!(get_json(&api, "/api/http/routers/r@kubernetes").await["tls"], json!({"options": "default"}));
    assert_eq!(get_json(&api, "/api/rawdata").await["routers"]["r@kubernetes"]["tls"], json!({}));
}

#[tokio::test]
async fn an_item_that_is_not_there_is_named_in_the_error() {
    let api = shop();
    let cases = [
        ("/api/http/routers/nope@file", r#"{"message":"router not found: nope@file"}"#),
        ("/api/http/services/%3Cb%3E", r#"{"message":"service not found: \u003cb\u003e"}"#),
        ("/api/http/middlewares/m", r#"{"message":"middleware not found: m"}"#),
        ("/api/entrypoints/x", r#"{"message":"entry point not found: x"}"#),
        ("/api/certificates/00", r#"{"message":"certificate not found: 00"}"#),
        ("/api/tcp/routers/t", r#"{"message":"router not found: t"}"#),
        ("/api/udp/services/u", r#"{"message":"service not found: u"}"#),
    ];
    for (target, want) in cases {
        assert_eq!(get(&api, target).await, (404, format!("{want}\n")), "{target}");
    }
}

#[tokio::test]
async fn entry_points_are_listed_by_name_as_the_configuration_shows_them() {
    let api = shop();
    assert_eq!(names(&api, "/api/entrypoints").await, "traefik web");
    let web = get(&api, "/api/entrypoints/web").await;
    assert_eq!(web, (200, "{\"address\":\":80\",\"name\":\"web\"}\n".to_owned()));
}

#[tokio::test]
async fn kinds_that_are_not_served_have_empty_lists() {
    let api = api(
        ApiOptions { exposure: crate::api::Exposure::Insecure, ..ApiOptions::new(SystemTime::UNIX_EPOCH) },
        PlanView::default(),
    );
    for target in ["tcp/routers", "tcp/services", "tcp/middlewares", "udp/routers", "udp/services"] {
        assert_eq!(get_json(&api, &format!("/api/{target}")).await, Value::Array(Vec::new()), "{target}");
    }
    assert_eq!(get_json(&api, "/api/certificates").await, json!([]));
    assert_eq!(get_json(&api, "/api/http/middlewares").await, json!([]));
    assert_eq!(get(&api, "/api/tcp/routers?page=2").await.0, 400);
}
