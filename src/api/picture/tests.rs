use super::*;
use crate::api::json;
use crate::api::options::{EntryPointRules, Redirection};
use crate::api::testing::{balancer, entry_point, key_pair, options, port_80, router, server, tls};
use crate::model::facts::{Created, RouterObservability, RouterTls, ServerState, StickyCookie, TlsDomain};
use crate::model::keys::{BalancerKey, IngressKey, PortRef, RouterKey, ServiceKey, TransportKey};
use crate::model::plan::{
    Action, Balancer, BalancerOptions, BalancerOrigin, BlocRank, DEFAULT_ROUTER_PRIORITY, HostHeader, HostRank,
    OptionsStanding, PathRank, Precedence, Router, RouterRule, Secured, Sticky,
};
use crate::model::tls::TlsOptionsKey;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::SystemTime;

fn view(routers: Vec<Router>, balancers: Vec<Balancer>) -> PlanView {
    PlanView {
        routers: routers.into_iter().map(Arc::new).collect(),
        balancers: balancers.into_iter().map(Arc::new).collect(),
        ..PlanView::default()
    }
}

/// Entry points without anything built in.
fn plain(entry_points: &[&str]) -> ApiOptions {
    ApiOptions {
        entry_points: entry_points.iter().map(|name| entry_point(name)).collect(),
        ..ApiOptions::new(SystemTime::UNIX_EPOCH)
    }
}

fn raw(view: &PlanView, options: &ApiOptions) -> Value {
    serde_json::from_slice(&json::line(&Picture::of(view, options).raw()).unwrap()).unwrap()
}

/// The raw data without what is built in, as conformance compares it.
fn shown(view: &PlanView, options: &ApiOptions) -> Value {
    let mut raw = raw(view, options);
    for section in raw.as_object_mut().unwrap().values_mut() {
        section.as_object_mut().unwrap().retain(|name, _| !name.ends_with("@internal"));
    }
    raw
}

fn names(section: &Value) -> Vec<&str> {
    section.as_object().unwrap().keys().map(String::as_str).collect()
}

fn at(entry_points: &[&str]) -> Arc<[Arc<str>]> {
    entry_points.iter().map(|name| Arc::from(*name)).collect()
}

#[test]
fn a_default_backend_is_shown_as_the_reference_shows_it() {
    let mut default = router("default-router", "defaultbackend", "PathPrefix(\"/\")", "x");
    default.key = RouterKey::Default;
    default.entry_points = at(&["web", "websecure"]);
    default.shown_syntax = "default".into();
    default.precedence = Precedence::Ranked(DEFAULT_ROUTER_PRIORITY);
    default.action = Action::Forward(BalancerKey::Default);
    let mut backend = balancer("x", &["10.10.0.1"]);
    backend.key = BalancerKey::Default;
    backend.name = "default-backend".into();
    backend.origin =
        BalancerOrigin { namespace: "testing".into(), service: "defaultservice".into(), port: "8080".into() };
    let want = json!({
        "routers": {"default-router@kubernetes": {
            "entryPoints": ["web", "websecure"],
            "observability": {
                "accessLogs": true, "metrics": true, "tracing": true, "traceVerbosity": "minimal",
                "metadata": {"ingress": {"kind": "Ingress", "name": "defaultbackend", "namespace": "testing"}},
            },
            "priority": -2_147_483_648_i64, "rule": "PathPrefix(\"/\")", "ruleSyntax": "default",
            "service": "default-backend", "status": "enabled", "using": ["web", "websecure"],
        }},
        "services": {"default-backend@kubernetes": {
            "loadBalancer": {
                "passHostHeader": true, "responseForwarding": {"flushInterval": "100ms"},
                "servers": [{"url": "http://10.10.0.1:8080"}], "strategy": "wrr",
            },
            "observability": {"metadata": {"kubernetes": {
                "name": "defaultservice", "namespace": "testing", "port": "8080",
            }}},
            "serverStatus": {"http://10.10.0.1:8080": "UP"}, "status": "enabled",
            "usedBy": ["default-router@kubernetes"],
        }},
    });
    assert_eq!(shown(&view(vec![default], vec![backend]), &plain(&["web", "websecure"])), want);
}

/// The router of conformance/config/ingress/ingress-with-annotations: options that do not exist, and no host.
fn annotated() -> Router {
    let domain = |main: &str| TlsDomain {
        main: main.into(),
        sans: vec![format!("one.{main}").into(), format!("two.{main}").into()],
    };
    Router {
        entry_points: at(&["ep1", "ep2"]),
        middlewares: vec!["md1".into(), "md2".into()],
        shown_syntax: "v2".into(),
        precedence: Precedence::Ranked(42),
        action: Action::Refuse(port_80("testing", "service1")),
        errors: vec!["building router handler: unknown TLS options: foobar@kubernetes".into()],
        tls: Some(Arc::new(RouterTls {
            cert_resolver: "foobar".into(),
            domains: vec![domain("domain.com"), domain("example.com")],
            options: "foobar".into(),
        })),
        ..router("testing-bar", "", "Path(\"/bar\")", "service1")
    }
}

#[test]
fn a_router_with_options_and_no_host_is_shown_apart_on_each_entry_point() {
    let mut service = balancer("service1", &[]);
    service.options = Arc::new(BalancerOptions {
        host_header: HostHeader::OfServer,
        sticky: Some(Sticky::Cookie(StickyCookie {
            name: "foobar".into(),
            secure: true,
            http_only: true,
            same_site: "".into(),
            max_age: 0,
            path: "/".into(),
            domain: "".into(),
        })),
        transport: "foobar@file".into(),
        transport_key: TransportKey::Unknown,
        middlewares: vec!["default-strip".into()],
    });
    let shown = shown(&view(vec![annotated()], vec![service]), &plain(&["ep1", "ep2"]));
    let of = |entry_point: &str| {
        json!({
            "entryPoints": [entry_point],
            "error": [
                "building router handler: unknown TLS options: foobar@kubernetes",
                "no domain found in rule Path(\"/bar\"), the TLS option foobar@kubernetes cannot be applied",
            ],
            "middlewares": ["md1", "md2"],
            "observability": {
                "accessLogs": true, "metrics": true, "tracing": true, "traceVerbosity": "minimal",
                "metadata": {"ingress": {"kind": "Ingress", "namespace": "testing"}},
            },
            "priority": 42, "rule": "Path(\"/bar\")", "ruleSyntax": "v2", "service": "testing-service1-80",
            "status": "disabled",
            "tls": {
                "certResolver": "foobar",
                "domains": [
                    {"main": "domain.com", "sans": ["one.domain.com", "two.domain.com"]},
                    {"main": "example.com", "sans": ["one.example.com", "two.example.com"]},
                ],
                "options": "foobar",
            },
            "using": [entry_point],
        })
    };
    let want = json!({
        "ep1-conflicted-testing-bar@kubernetes": of("ep1"), "ep2-conflicted-testing-bar@kubernetes": of("ep2"),
    });
    assert_eq!(shown["routers"], want);
    let want = json!({
        "loadBalancer": {
            "passHostHeader": false, "responseForwarding": {"flushInterval": "100ms"}, "strategy": "wrr",
            "serversTransport": "foobar@file",
            "sticky": {"cookie": {"httpOnly": true, "name": "foobar", "path": "/", "secure": true}},
        },
        "middlewares": ["default-strip"],
        "observability": {"metadata": {"kubernetes": {"name": "service1", "namespace": "testing", "port": "80"}}},
        "status": "enabled",
        "usedBy": ["ep1-conflicted-testing-bar@kubernetes", "ep2-conflicted-testing-bar@kubernetes"],
    });
    assert_eq!(shown["services"]["testing-service1-80@kubernetes"], want);
}

#[test]
fn routers_that_disagree_on_the_options_of_a_host_are_shown_apart_on_that_entry_point_only() {
    let with_tls = |name: &str, rule: &str, options: &str, entry_points: &[&str]| Router {
        tls: tls(options),
        entry_points: at(entry_points),
        ..router(name, name, rule, "s")
    };
    let routers = vec![
        with_tls("strict", "Host(\"a.test\")", "strict@file", &["web", "other"]),
        with_tls("default", "Host(\"A.test\") && Path(\"/x\")", "", &["web"]),
        with_tls("wild", "Host(\"*.test\")", "strict@file", &["web"]),
        Router { tls: None, ..with_tls("plain", "Host(\"a.test\")", "", &["web"]) },
    ];
    let shown = shown(&view(routers, Vec::new()), &plain(&["web", "other"]));
    let routers = &shown["routers"];
    let want = [
        "plain@kubernetes",
        "strict@kubernetes",
        "web-conflicted-default@kubernetes",
        "web-conflicted-strict@kubernetes",
        "wild@kubernetes",
    ];
    assert_eq!(names(routers), want);
    let text = "router's TLSOptions configuration is conflicting with other routers on the same entrypoint and host, \
                default TLS options will be used instead";
    let strict = &routers["web-conflicted-strict@kubernetes"];
    assert_eq!(
        (&strict["error"], &strict["status"], &strict["using"]),
        (&json!([text]), &json!("warning"), &json!(["web"]))
    );
    assert_eq!(routers["web-conflicted-default@kubernetes"]["error"], Value::Null);
    assert_eq!(routers["strict@kubernetes"]["using"], json!(["other"]));
    assert_eq!(routers["strict@kubernetes"]["status"], json!("enabled"));
}

#[test]
fn a_remark_that_the_router_carries_already_is_not_repeated() {
    let remark = "no domain found in rule Path(\"/bar\"), the TLS option foobar@kubernetes cannot be applied";
    let mut router = annotated();
    router.errors.push(remark.into());
    let shown = shown(&view(vec![router], Vec::new()), &plain(&["ep1", "ep2"]));
    assert_eq!(shown["routers"]["ep1-conflicted-testing-bar@kubernetes"]["error"].as_array().unwrap().len(), 2);
}

#[test]
fn entry_points_with_rules_split_the_routers_of_several() {
    let rules = EntryPointRules {
        middlewares: vec!["first@file".into()],
        missing: Vec::new(),
        tls: tls(""),
        observability: Some(RouterObservability { metrics: Some(false), ..RouterObservability::default() }),
    };
    let mut options = plain(&["web", "websecure", "other", "third"]);
    options.entry_points[1].rules = Some(Arc::new(rules));
    let several = Router {
        entry_points: at(&["web", "websecure", "other"]),
        middlewares: vec!["own".into()],
        observability: Some(RouterObservability { tracing: Some(false), ..RouterObservability::default() }),
        ..router("several", "a", "Host(\"a\")", "s")
    };
    let single = Router { entry_points: at(&["websecure"]), ..router("single", "b", "Host(\"b\")", "s") };
    let shown = shown(&view(vec![several, single], vec![balancer("s", &[])]), &options);
    let routers = &shown["routers"];
    assert_eq!(names(routers), ["several@kubernetes", "single@kubernetes", "websecure-several@kubernetes"]);
    assert_eq!(routers["several@kubernetes"]["entryPoints"], json!(["web", "other"]));
    assert_eq!(routers["several@kubernetes"]["tls"], Value::Null);
    let apart = &routers["websecure-several@kubernetes"];
    assert_eq!(apart["middlewares"], json!(["first@file", "own@kubernetes"]));
    assert_eq!(
        (&apart["tls"], &apart["observability"]["metrics"], &apart["observability"]["tracing"]),
        (&json!({}), &json!(false), &json!(false))
    );
    assert_eq!(apart["observability"]["accessLogs"], json!(true));
    assert_eq!(routers["single@kubernetes"]["middlewares"], json!(["first@file"]));
    let used_by = json!(["several@kubernetes", "single@kubernetes", "websecure-several@kubernetes"]);
    assert_eq!(shown["services"]["testing-s-80@kubernetes"]["usedBy"], used_by);
}

#[test]
fn what_is_built_in_takes_the_tls_of_its_entry_point() {
    let mut options = options();
    options.entry_points[1].rules = Some(Arc::new(EntryPointRules { tls: tls(""), ..EntryPointRules::default() }));
    let shown = raw(&view(Vec::new(), Vec::new()), &options);
    for name in ["api@internal", "debug@internal", "ping@internal", "ready@internal"] {
        assert_eq!(shown["routers"][name]["tls"], json!({}), "{name}");
    }
}

#[test]
fn options_that_an_entry_point_wants_in_vain_disable_what_it_shows_and_conflict_with_nobody() {
    let mut options = plain(&["web", "websecure"]);
    options.entry_points[1].rules =
        Some(Arc::new(EntryPointRules { tls: tls("ghost@file"), ..EntryPointRules::default() }));
    let secured = |standing, options: TlsOptionsKey| {
        let secured = Secured { entry_point: "websecure".into(), options, standing };
        Arc::from([secured])
    };
    let vain = Router {
        entry_points: at(&["web", "websecure"]),
        secured: secured(OptionsStanding::Refused, TlsOptionsKey::Named("ghost@file".into())),
        ..router("vain", "a", "Host(\"a\")", "s")
    };
    let own = Router {
        entry_points: at(&["websecure"]),
        tls: tls(""),
        secured: secured(OptionsStanding::Usable, TlsOptionsKey::Default),
        ..router("own", "b", "Host(\"a\")", "s")
    };
    let shown = shown(&view(vec![vain, own], vec![balancer("s", &[])]), &options);
    let routers = &shown["routers"];
    assert_eq!(names(routers), ["own@kubernetes", "vain@kubernetes", "websecure-vain@kubernetes"]);
    let status = |name: &str| (routers[name]["status"].clone(), routers[name]["error"].clone());
    let error = json!(["building router handler: unknown TLS options: ghost@file"]);
    assert_eq!(status("websecure-vain@kubernetes"), (json!("disabled"), error));
    for name in ["own@kubernetes", "vain@kubernetes"] {
        assert_eq!(status(name), (json!("enabled"), Value::Null), "{name}");
    }
}

#[test]
fn an_entry_point_with_a_missing_middleware_disables_what_it_shows() {
    let rules = EntryPointRules {
        middlewares: vec!["ghost@file".into(), "near".into()],
        missing: vec!["ghost@file".into(), "near".into()],
        ..EntryPointRules::default()
    };
    let mut options = options();
    for entry_point in &mut options.entry_points {
        entry_point.rules = Some(Arc::new(rules.clone()));
    }
    options.redirections.push(Redirection {
        from: "web".into(),
        to: "8443".into(),
        scheme: "https".into(),
        port: "8443".into(),
        permanent: true,
        priority: 7,
        rule: "HostRegexp(`^.+$`)".into(),
    });
    let single = Router { entry_points: at(&["web"]), ..router("single", "b", "Host(\"b\")", "s") };
    let shown = raw(&view(vec![single], vec![balancer("s", &[])]), &options);
    for (name, near) in [
        ("single@kubernetes", "near@kubernetes"),
        ("web-to-8443@internal", "near@internal"),
        ("api@internal", "near@internal"),
    ] {
        let router = &shown["routers"][name];
        let errors =
            ["middleware \"ghost@file\" does not exist".to_owned(), format!("middleware \"{near}\" does not exist")];
        assert_eq!((&router["status"], &router["error"]), (&json!("disabled"), &json!(errors)), "{name}");
        assert_eq!(router["middlewares"][0], json!("ghost@file"), "{name}");
    }
    let redirect = json!(["ghost@file", "near@internal", "redirect-web-to-8443@internal"]);
    assert_eq!(shown["routers"]["web-to-8443@internal"]["middlewares"], redirect);
}

#[test]
fn objects_of_one_name_are_all_shown_and_routers_point_at_the_right_one() {
    let service = |namespace: &str, name: &str| Balancer {
        key: port_80(namespace, name),
        name: "a-b-c-80".into(),
        ..balancer("x", &[&format!("{name}.{namespace}")])
    };
    let ingress = |namespace: &str, name: &str, created: i64, service: BalancerKey| {
        let mut router = router("a-b-c", name, "Host(\"x\")", "s");
        let key = IngressKey::new(namespace, name);
        router.origin.ingress = key.clone();
        router.origin.created = Created(created);
        router.key = RouterKey::Path { ingress: key, rule: "Host(\"x\")".into() };
        router.action = Action::Forward(service);
        router
    };
    let older = ingress("a-b", "c", 1, port_80("a-b", "c"));
    let younger = ingress("a", "b-c", 2, port_80("a", "b-c"));
    let balancers = vec![service("a-b", "c"), service("a", "b-c")];
    let forward = shown(&view(vec![older.clone(), younger.clone()], balancers.clone()), &plain(&["web"]));
    let backward = shown(&view(vec![younger, older], balancers.into_iter().rev().collect()), &plain(&["web"]));
    assert_eq!(forward, backward, "order does not matter");
    // `-` sorts before `@`.
    let [digested, plain] = names(&forward["routers"])[..] else { panic!("two routers: {forward}") };
    // The older Ingress keeps the plain name although its key comes last.
    let namespace = |name: &str| forward["routers"][name]["observability"]["metadata"]["ingress"]["namespace"].clone();
    assert_eq!((namespace("a-b-c@kubernetes"), plain.len() + digested.len()), (json!("a-b"), 16 + 37));
    let digest = digested.trim_start_matches("a-b-c-").trim_end_matches("@kubernetes");
    assert!(digest.len() == 20 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{digested}");
    for router in [plain, digested] {
        let service = forward["routers"][router]["service"].as_str().unwrap();
        let shown = &forward["services"][format!("{service}@kubernetes")];
        assert_eq!(shown["usedBy"], json!([router]), "{forward}");
        let namespace = namespace(router);
        let url = shown["loadBalancer"]["servers"][0]["url"].as_str().unwrap();
        assert!(url.contains(&format!(".{}:", namespace.as_str().unwrap())), "{url} of {namespace}");
    }
}

#[test]
fn a_port_number_and_a_port_name_of_the_same_digits_are_two_services() {
    let key = |port| BalancerKey::Port { service: ServiceKey::new("testing", "s"), port };
    let of = |port| Balancer { key: key(port), ..balancer("s", &[]) };
    let shown = shown(&view(Vec::new(), vec![of(PortRef::Name("80".into())), of(PortRef::Number(80))]), &plain(&[]));
    assert_eq!(names(&shown["services"]).len(), 2);
}

#[test]
fn servers_have_a_state_when_a_router_that_serves_uses_them() {
    let mut draining = balancer("s", &["10.0.0.1"]);
    let fenced = crate::model::plan::Server { state: ServerState::Draining, ..server("10.0.0.2") };
    draining.servers = draining.servers.iter().cloned().chain([fenced]).collect();
    let refused = Router { action: Action::Refuse(port_80("testing", "s")), ..router("r", "i", "Host(\"a\")", "s") };
    let options = plain(&["web"]);
    let unused = shown(&view(Vec::new(), vec![draining.clone()]), &options);
    let unused = &unused["services"]["testing-s-80@kubernetes"];
    assert_eq!((&unused["serverStatus"], &unused["usedBy"]), (&Value::Null, &Value::Null));
    let closed = shown(&view(vec![refused.clone()], vec![draining.clone()]), &options);
    let closed = &closed["services"]["testing-s-80@kubernetes"];
    assert_eq!((&closed["serverStatus"], &closed["usedBy"]), (&Value::Null, &json!(["r@kubernetes"])));
    let serving = router("t", "j", "Host(\"b\")", "s");
    let open = shown(&view(vec![refused, serving], vec![draining]), &options);
    let open = &open["services"]["testing-s-80@kubernetes"];
    assert_eq!(open["serverStatus"], json!({"http://10.0.0.1:8080": "UP", "http://10.0.0.2:8080": "UP"}));
    let servers = json!([{"url": "http://10.0.0.1:8080"}, {"url": "http://10.0.0.2:8080", "fenced": true}]);
    assert_eq!(open["loadBalancer"]["servers"], servers);
}

#[test]
fn a_broken_rule_is_shown_as_disabled_even_without_text() {
    let router = Router {
        rule: RouterRule::Broken("".into()),
        entry_points: at(&[]),
        errors: vec!["empty rule".into()],
        action: Action::Refuse(port_80("a-b", "c.d")),
        tls: tls("strict@file"),
        ..router("r", "i", "Path(\"/x\")", "s")
    };
    let shown = shown(&view(vec![router], Vec::new()), &plain(&["web"]));
    let router = &shown["routers"]["r@kubernetes"];
    assert_eq!(
        (&router["status"], &router["error"], &router["rule"]),
        (&json!("disabled"), &json!(["empty rule"]), &Value::Null)
    );
    // The load balancer is gone, its name is not.
    assert_eq!(router["service"], json!("a-b-c-d-80"));
    assert_eq!((&router["using"], &router["entryPoints"]), (&Value::Null, &Value::Null));
}

#[test]
fn entry_points_that_do_not_exist_are_shown_but_not_used() {
    let missing = || vec!["nope".into()];
    let partly = Router { missing_entry_points: missing(), ..router("partly", "a", "Host(\"a\")", "s") };
    let wholly = Router {
        entry_points: at(&[]),
        missing_entry_points: missing(),
        precedence: Precedence::Bloc(BlocRank { host: HostRank::None, path_length: 1, path: PathRank::Prefix }),
        ..router("wholly", "b", "Host(\"b\")", "s")
    };
    let shown = shown(&view(vec![partly, wholly], Vec::new()), &plain(&["web"]));
    let partly = &shown["routers"]["partly@kubernetes"];
    assert_eq!((&partly["entryPoints"], &partly["using"]), (&json!(["web", "nope"]), &json!(["web"])));
    let wholly = &shown["routers"]["wholly@kubernetes"];
    assert_eq!((&wholly["entryPoints"], &wholly["using"]), (&json!(["nope"]), &Value::Null));
    assert_eq!(wholly["priority"], Value::Null);
}

#[test]
fn a_transport_is_shown_with_its_provider() {
    let mut plain_name = balancer("s", &[]);
    plain_name.options = Arc::new(BalancerOptions { transport: "t".into(), ..(*plain_name.options).clone() });
    let shown = shown(&view(Vec::new(), vec![plain_name]), &plain(&[]));
    let body = &shown["services"]["testing-s-80@kubernetes"]["loadBalancer"];
    assert_eq!(body["serversTransport"], json!("t@kubernetes"));
}

#[test]
fn a_sticky_block_without_a_cookie_is_shown_empty() {
    let mut sticky = balancer("s", &[]);
    sticky.options = Arc::new(BalancerOptions { sticky: Some(Sticky::Empty), ..(*sticky.options).clone() });
    let shown = shown(&view(Vec::new(), vec![sticky]), &plain(&[]));
    assert_eq!(shown["services"]["testing-s-80@kubernetes"]["loadBalancer"]["sticky"], json!({}));
}

#[test]
fn what_is_built_in_is_there_when_it_is_switched_on() {
    let mut options = options();
    options.redirections.push(Redirection {
        from: "web".into(),
        to: "websecure".into(),
        scheme: "https".into(),
        port: "8443".into(),
        permanent: true,
        priority: i64::MAX - 1,
        rule: "HostRegexp(`^.+$`)".into(),
    });
    let raw = raw(&PlanView::default(), &options);
    let built_in = |entry_point: &str, rule: &str, priority: i64, service: &str| {
        json!({
            "entryPoints": [entry_point], "service": service, "rule": rule, "ruleSyntax": "default",
            "priority": priority, "status": "enabled", "using": [entry_point],
            "observability": {"accessLogs": true, "metrics": true, "tracing": true, "traceVerbosity": "minimal"},
        })
    };
    let mut redirect = built_in("web", "HostRegexp(`^.+$`)", i64::MAX - 1, "noop@internal");
    redirect["middlewares"] = json!(["redirect-web-to-websecure@internal"]);
    let want = json!({
        "routers": {
            "api@internal": built_in("traefik", "PathPrefix(`/api`)", i64::MAX - 1, "api@internal"),
            "debug@internal": built_in("traefik", "PathPrefix(`/debug`)", i64::MAX - 1, "api@internal"),
            "ping@internal": built_in("traefik", "PathPrefix(`/ping`)", i64::MAX, "ping@internal"),
            "ready@internal": built_in("traefik", "Path(`/ready`)", i64::MAX, "ping@internal"),
            "web-to-websecure@internal": redirect,
        },
        "middlewares": {"redirect-web-to-websecure@internal": {
            "redirectScheme": {"scheme": "https", "port": "8443", "permanent": true},
            "status": "enabled", "usedBy": ["web-to-websecure@internal"],
        }},
        "services": {
            "api@internal": {"status": "enabled", "usedBy": ["api@internal", "debug@internal"]},
            "noop@internal": {"status": "enabled", "usedBy": ["web-to-websecure@internal"]},
            "ping@internal": {"status": "enabled", "usedBy": ["ping@internal", "ready@internal"]},
        },
    });
    assert_eq!(raw, want);
    let off = super::tests::raw(&PlanView::default(), &plain(&["web"]));
    assert_eq!(off, json!({"services": {"noop@internal": {"status": "enabled"}}}));
}

#[test]
fn no_key_is_ever_shown() {
    let pair = key_pair(&["a.test"]);
    let mut view = view(vec![router("r", "i", "Host(\"a\")", "s")], vec![balancer("s", &["10.0.0.1"])]);
    view.certificates.push(pair);
    let raw = raw(&view, &options()).to_string();
    assert!(!raw.contains("PRIVATE") && !raw.to_lowercase().contains("privatekey"), "{raw}");
}

proptest::proptest! {
    /// Whatever plans hold, nothing is lost and no name is used twice; the order of the plan has no say.
    #[test]
    fn every_object_is_shown_once_under_a_name_of_its_own(
        given in proptest::collection::vec((0u8..3, 0u8..4, 0i64..3, proptest::bool::ANY), 0..24),
        turn in 0usize..24,
    ) {
        let mut routers = std::collections::BTreeMap::new();
        for (name, ingress, created, strict) in given {
            let mut one = router(&format!("n{name}"), &format!("i{ingress}"), &format!("Host(\"h{name}\")"), "s");
            one.origin.created = Created(created);
            one.tls = tls(if strict { "strict@file" } else { "" });
            routers.insert(one.key.clone(), one);
        }
        let mut routers: Vec<Router> = routers.into_values().collect();
        let first = view(routers.clone(), vec![balancer("s", &[])]);
        let all = routers.len();
        routers.rotate_left(turn.min(all));
        let second = view(routers, vec![balancer("s", &[])]);
        let options = plain(&["web"]);
        let picture = Picture::of(&first, &options);
        let mut names: Vec<&str> = picture.routers.iter().map(|entry| entry.name.as_str()).collect();
        names.dedup();
        proptest::prop_assert_eq!(names.len(), all);
        proptest::prop_assert_eq!(raw(&first, &options), raw(&second, &options));
    }
}
