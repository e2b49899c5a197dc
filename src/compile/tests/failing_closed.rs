//! What refuses instead of falling through, and TLS Secrets.
use super::world::{World, options};
use crate::compile::{CrossProvider, Options};
use crate::model::plan::{Action, MAX_USER_PRIORITY, OptionsStanding, Precedence, Router, Secured};
use crate::parse::testing::{Object, ingress, pair, secret, service, slice};

fn objects(ingress: Object, service: Object) -> Vec<Object> {
    vec![ingress, service, slice("n", "x", "s").slice_port("", 8080).endpoint(&["10.0.0.1"])]
}

fn path() -> Object {
    ingress("n", "i").path("a.test", "/", "Prefix", "s", "80")
}

fn port() -> Object {
    service("n", "s").service_port("", 80)
}

#[test]
fn references_to_what_does_not_exist_refuse() {
    let ingresses = [
        ("router.middlewares", "auth", "middleware \"auth@kubernetes\" does not exist"),
        ("router.middlewares", "auth@file", "middleware \"auth@file\" does not exist"),
        ("router.tls.options", "foo", "building router handler: unknown TLS options: foo@kubernetes"),
        (
            "router.priority",
            "9223372036854774808",
            "the router priority 9223372036854774808 exceeds the max user-defined priority 9223372036854774807",
        ),
        ("router.entrypoints", "", ""),
        ("router.tls.options", "default", ""),
        ("router.priority", "9223372036854774807", ""),
    ];
    for (key, value, want) in ingresses {
        let world = World::of(options(), &objects(path().annotation(key, value), port()));
        let router = world.router();
        let refused = matches!(router.action, Action::Refuse(_));
        assert_eq!(
            (refused, router.errors.iter().any(|error| **error == *want)),
            (!want.is_empty(), !want.is_empty()),
            "{key}"
        );
        assert_eq!(world.findings().is_empty(), want.is_empty(), "{key}");
    }
    let services = [
        ("service.middlewares", "auth", "middleware \"auth@kubernetes\" does not exist"),
        ("service.serverstransport", "t@file", "getting RoundTripper: servers transport not found t@file"),
        ("service.serverstransport", "default@internal", ""),
    ];
    for (key, value, want) in services {
        let world = World::of(options(), &objects(path(), port().annotation(key, value)));
        let router = world.router();
        assert_eq!(matches!(router.action, Action::Refuse(_)), !want.is_empty(), "{key}");
        assert_eq!(router.errors.iter().any(|error| **error == *want), !want.is_empty(), "{key} {:?}", router.errors);
        assert!(world.findings().iter().all(|found| found.starts_with("Service n/s ")), "{key}");
    }
}

/// What TLS requests of each router meet: `name: entry point, options`, and `!` where they are refused.
fn secured(world: &World) -> Vec<String> {
    let of = |router: &Router| {
        let shown = |secured: &Secured| {
            let sign = if secured.standing == OptionsStanding::Refused { "!" } else { "" };
            format!("{}: {} {}{sign}", router.origin.ingress.name, secured.entry_point, secured.options)
        };
        router.secured.iter().map(shown).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = world.table.routers.values().flat_map(|router| of(router)).collect();
    all.sort();
    all
}

#[test]
fn unknown_options_of_an_entry_point_refuse_its_tls_with_a_host_or_without() {
    let options = Options { secured_entry_points: [("websecure".into(), "ghost@file".into())].into(), ..options() };
    let all = ingress("n", "all").path("", "/", "Prefix", "s", "80");
    let own = ingress("n", "own").path("a.test", "/own", "Prefix", "s", "80").annotation("router.tls", "true");
    let world = World::of(options.clone(), &[objects(path(), port()), vec![all, own]].concat());
    let want = ["all: websecure ghost@file!", "i: websecure ghost@file!", "own: web default", "own: websecure default"];
    assert_eq!(secured(&world), want);
    let place = "entryPoints.websecure.http.tls.options";
    let want = ["all", "i"].map(|name| format!("Ingress n/{name} {place} TlsOptionsNotFound"));
    assert_eq!(world.findings(), want);
    assert!(world.table.routers.values().all(|router| router.status().as_str() == "enabled"), "`web` goes on serving");

    let alone = path().annotation("router.entrypoints", "websecure");
    let world = World::of(options, &objects(alone, port()));
    assert!(matches!(world.router().action, Action::Refuse(_)));
    assert_eq!(world.router().errors, ["building router handler: unknown TLS options: ghost@file".into()]);
}

#[test]
fn options_that_are_there_are_kept_beside_a_router_that_wants_others_in_vain() {
    let named = |name: &str, options: &str| {
        ingress("n", name)
            .path("a.test", &format!("/{name}"), "Prefix", "s", "80")
            .annotation("router.tls.options", options)
    };
    let mut world = World::new(options());
    world.compiler.define_tls_options("strict@file");
    world.put(&[objects(named("good", "strict@file"), port()), vec![named("vain", "ghost@file")]].concat());
    let refuses = |name: &str| {
        let mut routers = world.table.routers.values();
        matches!(routers.find(|router| &*router.origin.ingress.name == name).unwrap().action, Action::Refuse(_))
    };
    assert_eq!((refuses("good"), refuses("vain")), (false, true));
    let want = [
        "good: web strict@file",
        "good: websecure strict@file",
        "vain: web ghost@file!",
        "vain: websecure ghost@file!",
    ];
    assert_eq!(secured(&world), want);
}

#[test]
fn options_that_may_not_be_referred_to_have_no_say_in_those_of_a_host() {
    let cross_provider = CrossProvider::Only(vec!["n".into()]);
    let mut world = World::new(Options { cross_provider, ..options() });
    world.compiler.define_tls_options("strict@file");
    let good = path().annotation("router.tls.options", "strict@file");
    let foreign = ingress("m", "foreign").path("a.test", "/x", "Prefix", "t", "80");
    let foreign = foreign.annotation("router.tls.options", "default");
    let backend =
        [service("m", "t").service_port("", 80), slice("m", "x", "t").slice_port("", 8080).endpoint(&["10.0.0.2"])];
    world.put(&[objects(good, port()), vec![foreign], backend.to_vec()].concat());
    let want =
        ["foreign: web default!", "foreign: websecure default!", "i: web strict@file", "i: websecure strict@file"];
    assert_eq!(secured(&world), want);
}

#[test]
fn a_priority_above_the_limit_does_not_stand_above_our_own_routers() {
    let world = World::of(options(), &objects(path().annotation("router.priority", "9223372036854775807"), port()));
    assert_eq!(world.router().precedence, Precedence::Ranked(MAX_USER_PRIORITY));
}

#[test]
fn a_router_without_any_entry_point_is_shown_and_disabled() {
    let world = World::of(options(), &objects(path().annotation("router.entrypoints", "nope"), port()));
    assert_eq!((world.router().status().as_str(), world.router().entry_points.len()), ("disabled", 0));
    let want = ["entryPoint \"nope\" doesn't exist".into(), "no valid entryPoint for this router".into()];
    assert_eq!(world.router().errors, want);
    let none = Options { default_entry_points: vec![], ..options() };
    assert_eq!(World::of(none, &objects(path(), port())).router().status().as_str(), "disabled");
}

#[test]
fn references_across_providers_refuse_where_they_are_not_allowed() {
    let (crt, key) = pair(&["a.test"]);
    let certificate = || secret("n", "c").data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes());
    let lists = [
        (CrossProvider::Any, true),
        (CrossProvider::Only(vec![]), false),
        (CrossProvider::Only(vec!["n".into()]), true),
        (CrossProvider::Only(vec!["other".into()]), false),
    ];
    for (cross_provider, allowed) in lists {
        let options = Options { cross_provider, ..options() };
        let cases = [
            (path().annotation("router.middlewares", "md"), port()),
            (path().annotation("router.tls.options", "default"), port()),
            (path(), port().annotation("service.serverstransport", "default@internal")),
            (path(), port().annotation("service.middlewares", "md")),
        ];
        for (number, (ingress, service)) in cases.into_iter().enumerate() {
            let world = World::of(options.clone(), &[objects(ingress.tls("c"), service), vec![certificate()]].concat());
            let told = world.router().errors.iter().any(|error| error.contains("cannot be referred to from namespace"));
            assert_eq!(told, !allowed, "{options:?} {number}");
            assert_eq!(matches!(world.router().action, Action::Refuse(_)), !allowed || number % 3 == 0, "{number}");
            // As in the reference, Secrets of an Ingress that refers across are not read; of its Service, they are.
            assert_eq!(world.table.certificates.len(), usize::from(allowed || number > 1), "{options:?} {number}");
        }
    }
}

#[test]
fn domains_are_told_to_have_no_effect_with_a_resolver_or_without() {
    let domains = path().annotation("router.tls.domains.0.main", "a.test");
    let place =
        |annotation: &str| format!("Ingress n/i metadata.annotations[traefik.ingress.kubernetes.io/{annotation}]");
    let world = World::of(options(), &objects(domains.clone(), port()));
    assert_eq!(world.findings(), [place("router.tls.domains") + " DomainsWithoutResolver"]);
    let world = World::of(options(), &objects(domains.annotation("router.tls.certresolver", "le"), port()));
    assert_eq!(world.findings(), [place("router.tls.certresolver") + " CertResolverNotFound"]);
}

#[test]
fn annotations_that_do_not_read_leave_the_ingress_out() {
    let (crt, key) = pair(&["a.test"]);
    let certificate = secret("n", "c").data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes());
    let broken = path().tls("c").annotation("router.priority", "high").path("b.test", "/", "", "none", "80");
    let world = World::of(options(), &[objects(broken, port()), vec![certificate]].concat());
    assert!(world.routers().is_empty() && world.balancers().is_empty() && world.table.certificates.is_empty());
    let place = "metadata.annotations[traefik.ingress.kubernetes.io/router.priority]";
    assert_eq!(world.findings(), [format!("Ingress n/i {place} InvalidAnnotation")]);
}

#[test]
fn annotations_of_a_service_that_do_not_read_leave_its_paths_out() {
    let world = World::of(options(), &objects(path(), port().annotation("service.foo", "x")));
    assert!(world.routers().is_empty() && world.balancers().is_empty());
    let place = "metadata.annotations[traefik.ingress.kubernetes.io/service.foo]";
    let want = [
        "Ingress n/i spec.rules[0].http.paths[0].backend InvalidService".to_owned(),
        format!("Service n/s {place} UnknownAnnotation"),
    ];
    assert_eq!(world.findings(), want);
}

#[test]
fn secrets_become_certificates_until_one_is_missing() {
    let (crt, key) = pair(&["a.test"]);
    let good = |name: &str| secret("n", name).data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes());
    let bad = good("bad").data("tls.key", b"nonsense");
    let cases: [(&str, Object, &str); 5] = [
        ("missing", good("other"), "secret n/x does not exist"),
        ("no crt", secret("n", "x").data("tls.key", b"k"), "missing data entries: tls.crt"),
        ("no key", secret("n", "x").data("tls.crt", b"c"), "missing data entries: tls.key"),
        ("neither", secret("n", "x"), "missing data entries: tls.crt, tls.key"),
        ("empty", secret("n", "x").data("tls.crt", b"").data("tls.key", b""), "empty data entries: tls.crt, tls.key"),
    ];
    for (name, object, want) in cases {
        let entries = path().tls("first").tls("bad").tls("x").tls("later");
        let secrets = vec![good("first"), bad.clone(), good("later"), object];
        let world = World::of(options(), &[objects(entries, port()), secrets].concat());
        let keys: Vec<&str> = world.table.certificates.keys().map(|key| &*key.name).collect();
        assert_eq!(keys, ["first"], "{name}");
        assert!(
            world.table.findings.iter().any(|found| found.text.contains(want)),
            "{name}: {:?}",
            world.table.findings
        );
        assert!(world.table.findings.iter().any(|found| found.reason == "InvalidCertificate"), "{name}");
        assert_eq!(world.routers().len(), 1, "{name}: rules are served all the same");
    }
}
