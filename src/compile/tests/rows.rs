//! The rows of spec/ingress.md 17, in which one line says what comes out.
use super::world::{World, options};
use crate::compile::Options;
use crate::model::plan::{BlocRank, HostRank, PathRank, Precedence, Scheme};
use crate::model::rule::Syntax;
use crate::parse::testing::{Object, class, ingress, node, service, slice};
use serde_json::json;

struct Row {
    name: &'static str,
    options: Options,
    objects: Vec<Object>,
    routers: &'static [&'static str],
    balancers: &'static [&'static str],
}

/// Service `testing/service1`, port 80, one endpoint behind 8080.
fn service1() -> Vec<Object> {
    vec![
        service("testing", "service1").service_port("", 80),
        slice("testing", "service1-abc", "service1").slice_port("", 8080).endpoint(&["10.10.0.1"]),
    ]
}

fn bare() -> Object {
    ingress("testing", "")
}

fn with_service1(ingresses: impl IntoIterator<Item = Object>) -> Vec<Object> {
    ingresses.into_iter().chain(service1()).collect()
}

fn bar() -> Object {
    bare().path("", "/bar", "Prefix", "service1", "80")
}

const ONE: &[&str] = &["testing-service1-80: http://10.10.0.1:8080"];
const BAR: &[&str] = &[r#"testing-bar: PathPrefix("/bar") -> testing-service1-80"#];

fn run(rows: Vec<Row>) {
    for row in rows {
        let world = World::of(row.options, &row.objects);
        assert_eq!(world.routers(), row.routers, "{}: {:?}", row.name, world.findings());
        assert_eq!(world.balancers(), row.balancers, "{}: {:?}", row.name, world.findings());
    }
}

fn row(
    name: &'static str,
    objects: Vec<Object>,
    routers: &'static [&'static str],
    balancers: &'static [&'static str],
) -> Row {
    Row { name, options: options(), objects, routers, balancers }
}

#[test]
fn rules_and_names() {
    run(vec![
        row("1 no objects", vec![], &[], &[]),
        row("2 no http", with_service1([bare().push("/spec/rules", json!({"host": "a"}))]), &[], &[]),
        row("3 path", with_service1([bar()]), BAR, ONE),
        row(
            "5 two rules",
            with_service1([bar().path("", "/foo", "Prefix", "service1", "80")]),
            &[
                r#"testing-bar: PathPrefix("/bar") -> testing-service1-80"#,
                r#"testing-foo: PathPrefix("/foo") -> testing-service1-80"#,
            ],
            ONE,
        ),
        row(
            "6 name-sakes by host",
            with_service1([bare()
                .path("*.bar", "/bar", "Prefix", "service1", "80")
                .path("bar", "/bar", "Prefix", "service1", "80")]),
            &[
                r#"testing-bar-bar-41871576e140babe40bd: Host("*.bar") && PathPrefix("/bar") -> testing-service1-80"#,
                r#"testing-bar-bar-605945111a3c9f84dc65: Host("bar") && PathPrefix("/bar") -> testing-service1-80"#,
            ],
            ONE,
        ),
        row(
            "10 host without path",
            with_service1([bare().path("example.com", "", "", "service1", "80")]),
            &[r#"testing-example-com: Host("example.com") -> testing-service1-80"#],
            ONE,
        ),
        row(
            "40 wildcard in v2",
            with_service1([bare().annotation("router.rulesyntax", "v2").path(
                "*.foobar.com",
                "/bar",
                "Prefix",
                "service1",
                "80",
            )]),
            &[concat!(
                r#"testing-foobar-com-bar: HostRegexp("{subdomain:[a-zA-Z0-9-]+}.foobar.com") && PathPrefix("/bar")"#,
                " -> testing-service1-80"
            )],
            ONE,
        ),
        row(
            "43 annotation decides for open path types",
            with_service1([bare().annotation("router.pathmatcher", "Path").path("", "/bar", "", "service1", "80")]),
            &[r#"testing-bar: Path("/bar") -> testing-service1-80"#],
            ONE,
        ),
        row(
            "53 no matcher",
            with_service1([bare().annotation("router.pathmatcher", "Host(\"injection\") || PathPrefix").path(
                "",
                "/bar",
                "ImplementationSpecific",
                "service1",
                "80",
            )]),
            &[],
            ONE,
        ),
        Row {
            options: Options { strict_prefix_matching: true, ..options() },
            ..row(
                "52 strict prefix",
                with_service1([bar()]),
                &[r#"testing-bar: (Path("/bar") || PathPrefix("/bar/")) -> testing-service1-80"#],
                ONE,
            )
        },
        row(
            "a rule that does not parse is shown and disabled",
            with_service1([bare().path("", "", "Prefix", "service1", "80").path("h", "x", "Exact", "service1", "80")]),
            &[r#"testing-hx: Host("h") && Path("x") -> testing-service1-80 !"#, "testing:  -> testing-service1-80 !"],
            ONE,
        ),
    ]);
}

#[test]
fn backends_that_are_none() {
    let empty = Options { allow_empty_services: true, ..options() };
    let resource = json!({"resource": {"apiGroup": "a", "kind": "K", "name": "r"}});
    let path = |backend| json!({"http": {"paths": [{"path": "/bar", "backend": backend}]}});
    let with = |name, objects| Row { options: empty.clone(), ..row(name, objects, &[], &[]) };
    run(vec![
        with("15 resource", with_service1([bare().push("/spec/rules", path(resource.clone()))])),
        with("16 empty", with_service1([bare().push("/spec/rules", path(json!({})))])),
        with("17 default is a resource", with_service1([bare().set("/spec/defaultBackend", resource)])),
        with("18 default is empty", with_service1([bare().set("/spec/defaultBackend", json!({}))])),
        row("19 no slice", vec![bar(), service("testing", "service1").service_port("", 80)], &[], &[]),
        row("27 unknown port name", with_service1([bare().path("", "/bar", "", "service1", "toto")]), &[], &[]),
        row("28 unknown port", with_service1([bare().path("", "/bar", "", "service1", "21")]), &[], &[]),
        row("no port", with_service1([bare().path("", "/bar", "", "service1", "0")]), &[], &[]),
        row("no service", vec![bar()], &[], &[]),
    ]);
}

#[test]
fn default_backends() {
    let with = |name: &str, second| ingress("testing", name).created(second).default_backend("service1", "80");
    let taken = ["Ingress testing/b spec.defaultBackend DefaultBackendTaken"];
    let world = World::of(options(), &with_service1([with("b", 9), with("z", 3)]));
    assert_eq!(world.routers(), [r#"default-router: PathPrefix("/") -> default-backend"#]);
    assert_eq!(world.balancers(), ["default-backend: http://10.10.0.1:8080"]);
    assert_eq!((&*world.router().origin.ingress.name, world.router().shown_priority()), ("z", -2147483648));
    assert_eq!((&*world.router().shown_syntax, world.findings()), ("default", taken.map(String::from).to_vec()));
    let failing = ingress("testing", "old").created(0).default_backend("none", "80");
    let world = World::of(options(), &with_service1([with("b", 9), with("z", 3), failing]));
    assert_eq!(&*world.router().origin.ingress.name, "z", "the first that compiles wins");
    let annotated = with("b", 9).annotation("router.priority", "7").annotation("router.rulesyntax", "v2");
    let world = World::of(options(), &with_service1([annotated]));
    assert_eq!((world.router().shown_priority(), &*world.router().shown_syntax), (-2147483648, "default"));
    let beside = bar().default_backend("service1", "80");
    assert_eq!(World::of(options(), &with_service1([beside])).routers(), BAR, "beside rules it does not count");
}

#[test]
fn named_ports() {
    let two = || {
        vec![
            service("testing", "service1").service_port("carotte", 8082).service_port("tchouk", 80),
            slice("testing", "a", "service1")
                .slice_port("carotte", 8090)
                .slice_port("tchouk", 8089)
                .endpoint(&["10.10.0.1", "10.21.0.1"]),
        ]
    };
    let by = |port: &str| [vec![bare().path("", "/bar", "", "service1", port)], two()].concat();
    const TCHOUK: &[&str] = &["testing-service1-tchouk: http://10.10.0.1:8089 http://10.21.0.1:8089"];
    run(vec![
        row("21 by number", by("80"), BAR, &["testing-service1-80: http://10.10.0.1:8089 http://10.21.0.1:8089"]),
        row("22 by name", by("tchouk"), &[r#"testing-bar: PathPrefix("/bar") -> testing-service1-tchouk"#], TCHOUK),
        row(
            "25 only on some pods",
            vec![
                bare().path("", "/bar", "", "service1", "b"),
                service("testing", "service1").service_port("a", 1).service_port("b", 2),
                slice("testing", "x", "service1").slice_port("a", 81).slice_port("b", 82).endpoint(&["10.0.0.1"]),
                slice("testing", "y", "service1").slice_port("a", 81).endpoint(&["10.0.0.2"]),
            ],
            &[r#"testing-bar: PathPrefix("/bar") -> testing-service1-b"#],
            &["testing-service1-b: http://10.0.0.1:82"],
        ),
        row(
            "29 an address counts once",
            vec![
                bar(),
                service("testing", "service1").service_port("a", 80),
                slice("testing", "x", "service1").created(2).slice_port("a", 81).endpoint(&["10.0.0.1", "10.0.0.2"]),
                slice("testing", "y", "service1").created(1).slice_port("a", 91).endpoint(&["10.0.0.2"]),
            ],
            BAR,
            &["testing-service1-80: http://10.0.0.2:91 http://10.0.0.1:81"],
        ),
    ]);
}

#[test]
fn endpoints() {
    let some = |objects: Vec<Object>| [vec![bar()], objects].concat();
    let empty = Options { allow_empty_services: true, ..options() };
    let port = || service("testing", "service1").service_port("a", 80);
    let with_slice = |slice: Object| some(vec![port(), slice.endpoint(&["10.0.0.1"])]);
    let of = || slice("testing", "x", "service1");
    const NONE: &[&str] = &["testing-service1-80:"];
    let nothing = |name, slice| Row { options: empty.clone(), ..row(name, with_slice(slice), BAR, NONE) };
    run(vec![
        row(
            "51 conditions",
            some(vec![
                service("testing", "service1").service_port("", 80),
                of().slice_port("", 8080)
                    .conditions(&["10.0.0.1"], json!({"ready": true, "serving": true, "terminating": false}))
                    .conditions(&["10.0.0.3"], json!({"ready": false, "serving": true, "terminating": true}))
                    .conditions(&["10.0.0.5"], json!({"ready": false, "serving": false, "terminating": true})),
            ]),
            BAR,
            &["testing-service1-80: http://10.0.0.1:8080 http://10.0.0.3:8080+"],
        ),
        nothing("14 null ports", of()),
        nothing("54 slice port without name", of().push("/ports", json!({"port": 8080}))),
        nothing("55 slice port without number", of().push("/ports", json!({"name": "a"}))),
        nothing("out of range", of().slice_port("a", 65536)),
        row(
            "58 IPv6",
            with_slice(of().slice_port("a", 81).endpoint(&["2001:0db8::2f"])),
            BAR,
            &["testing-service1-80: http://[2001:0db8::2f]:81 http://10.0.0.1:81"],
        ),
    ]);
}

#[test]
fn schemes() {
    let with = |object: Object| {
        vec![
            bar(),
            object,
            slice("testing", "x", "service1")
                .slice_port("", 1)
                .slice_port("https-foo", 1)
                .slice_port("http", 1)
                .endpoint(&["10.0.0.1"]),
        ]
    };
    let by = |port: &str, object| {
        let mut objects = with(object);
        objects[0] = bare().path("", "/bar", "", "service1", port);
        objects
    };
    let scheme = |objects: Vec<Object>| World::of(options(), &objects).balancer().servers[0].url.to_string();
    let start = || service("testing", "service1");
    assert_eq!(scheme(by("443", start().service_port("", 443))), "https://10.0.0.1:1");
    assert_eq!(scheme(by("8443", start().service_port("https-foo", 8443))), "https://10.0.0.1:1");
    assert_eq!(scheme(by("http", start().service_port("http", 443))), "https://10.0.0.1:1");
    assert_eq!(scheme(by("80", start().service_port("http", 80))), "http://10.0.0.1:1");
    let upper = start().service_port("", 443).annotation("service.serversscheme", "H2C");
    let world = World::of(options(), &by("443", upper));
    let server = &world.balancer().servers[0];
    assert_eq!((&*server.url, &server.scheme), ("H2C://10.0.0.1:1", &Scheme::H2c));
    let annotated = start().service_port("", 443).annotation("service.serversscheme", "protocol");
    assert_eq!(scheme(by("443", annotated)), "protocol://10.0.0.1:1");
}

#[test]
fn servers_that_are_no_endpoints() {
    let external = |name: &str| {
        service("testing", "service1")
            .service_port("", 8080)
            .set("/spec/type", "ExternalName")
            .set("/spec/externalName", name)
    };
    let path = || bare().path("", "/bar", "", "service1", "8080");
    let allowed = Options { allow_external_name_services: true, ..options() };
    let native = Options { native_lb_by_default: true, ..options() };
    let ready = || slice("testing", "x", "service1").slice_port("", 9).endpoint(&["10.9.0.1"]);
    let port = || service("testing", "service1").service_port("", 8080);
    let nodes = || {
        port()
            .set("/spec/type", "NodePort")
            .set("/spec/ports/0/nodePort", 32456)
            .annotation("service.nodeportlb", "true")
    };
    const ROUTER: &[&str] = &[r#"testing-bar: PathPrefix("/bar") -> testing-service1-8080"#];
    let with = |name, options: &Options, service: Object, balancers: &'static [&'static str]| Row {
        name,
        options: options.clone(),
        objects: vec![path(), service, ready(), node("n1", "172.16.4.4"), node("n2", "fd00::4")],
        routers: if balancers.is_empty() { &[] } else { ROUTER },
        balancers,
    };
    run(vec![
        with("56 external name, off", &options(), external("traefik.wtf"), &[]),
        with(
            "57 external name",
            &allowed,
            external("traefik.wtf"),
            &["testing-service1-8080: http://traefik.wtf:8080"],
        ),
        with(
            "59 external IPv6",
            &allowed,
            external("2001:db8::1"),
            &["testing-service1-8080: http://[2001:db8::1]:8080"],
        ),
        with("external nonsense", &allowed, external("a b/c"), &[]),
        with("external nothing", &allowed, external(""), &[]),
        with(
            "60 native",
            &options(),
            port().annotation("service.nativelb", "true"),
            &["testing-service1-8080: http://10.0.0.1:8080"],
        ),
        with("61 native by default", &native, port(), &["testing-service1-8080: http://10.0.0.1:8080"]),
        with(
            "62 not native",
            &native,
            port().annotation("service.nativelb", "false"),
            &["testing-service1-8080: http://10.9.0.1:9"],
        ),
        with("headless", &native, port().set("/spec/clusterIP", "None"), &[]),
        with("no cluster IP", &native, port().set("/spec/clusterIP", ""), &[]),
        with(
            "63 node port",
            &options(),
            nodes(),
            &["testing-service1-8080: http://172.16.4.4:32456 http://[fd00::4]:32456"],
        ),
        with("64 node port, no cluster scope", &Options { disable_cluster_scope: true, ..options() }, nodes(), &[]),
        with(
            "node port of another type",
            &options(),
            nodes().set("/spec/type", "LoadBalancer"),
            &["testing-service1-8080: http://10.9.0.1:9"],
        ),
        with("no node port", &options(), nodes().set("/spec/ports/0/nodePort", 0), &[]),
    ]);
}

#[test]
fn external_names_of_the_cluster_are_resolved_across_namespaces() {
    let cross = Options { allow_cross_namespace: true, ..options() };
    let external = |name: &str| {
        let object = service("testing", "service1").service_port("", 80);
        object.set("/spec/type", "ExternalName").set("/spec/externalName", name)
    };
    let other = || service("other", "target").service_port("web", 80);
    let ready = || slice("other", "x", "target").slice_port("web", 8080).endpoint(&["10.3.0.1"]);
    let found = |objects: Vec<Object>| {
        let world = World::of(cross.clone(), &[vec![bar()], objects].concat());
        (world.balancers(), world.findings())
    };
    let good = vec!["testing-service1-80: http://10.3.0.1:8080".to_owned()];
    for name in ["target.other.svc", "target.other.svc.cluster.local."] {
        assert_eq!(found(vec![external(name), other(), ready()]), (good.clone(), vec![]));
    }
    let failed = |objects, reason: &str| {
        let want = format!("Ingress testing/ spec.rules[0].http.paths[0].backend {reason}");
        assert_eq!(found(objects), (vec![], vec![want]));
    };
    let name = "target.other.svc";
    failed(vec![external(name), ready()], "ExternalNameTargetNotFound");
    failed(vec![external(name), other()], "NoEndpoints");
    let moved = service("other", "target").service_port("web", 81);
    failed(vec![external(name), moved, ready()], "ExternalNameTargetNotFound");
    let again = other().set("/spec/type", "ExternalName").set("/spec/externalName", name);
    failed(vec![external(name), again, ready()], "ExternalNameTargetNotFound");
    failed(vec![external("example.com")], "ExternalNameNotAllowed");
}

#[test]
fn classes() {
    let foreign = class("foo").set("/spec/controller", "other");
    let named = |name: &str| bar().set("/spec/ingressClassName", name);
    let annotated = |text: &str| bar().raw_annotation("kubernetes.io/ingress.class", text);
    let no_lookup = Options { disable_ingress_class_lookup: true, ..options() };
    let no_scope = Options { disable_cluster_scope: true, ..options() };
    let of = |name: &str| Options { ingress_class: name.into(), ..options() };
    let cases = [
        ("none", options(), bar(), class("x"), true),
        ("empty annotation", options(), annotated(""), class("x"), true),
        ("35", options(), annotated("traefik"), class("x"), true),
        ("36", options(), annotated("tchouk"), class("x"), false),
        ("option traefik, none", of("traefik"), bar(), class("x"), false),
        ("option x, annotation x", of("x"), annotated("x"), class("y"), true),
        ("37", of("tchouk"), annotated("toto"), class("x"), false),
        ("38", of("tchouk"), annotated("traefik"), class("x"), false),
        ("46", options(), named("foo"), class("foo"), true),
        (
            "annotation is not looked at beside a name",
            options(),
            named("foo").raw_annotation("kubernetes.io/ingress.class", "other"),
            class("foo"),
            true,
        ),
        ("foreign controller", options(), named("foo"), foreign, false),
        ("49", options(), named("foo"), class("bar"), false),
        ("empty name", options(), named(""), class("bar"), false),
        ("option bar, name foo", of("bar"), named("foo"), class("foo"), false),
        ("option bar, name bar", of("bar"), named("bar"), class("bar"), true),
        ("47", no_lookup.clone(), named("foo"), class("foo"), false),
        ("47 cluster scope", no_scope, named("foo"), class("foo"), false),
        ("45", no_lookup, annotated("traefik"), class("foo"), true),
    ];
    for (name, options, object, class, ours) in cases {
        let world = World::of(options, &[with_service1([object]), vec![class]].concat());
        assert_eq!(world.routers().len(), usize::from(ours), "{name}");
        assert!(world.findings().is_empty(), "{name}: a foreign Ingress leaves no finding");
    }
}

#[test]
fn routers_carry_what_annotations_say() {
    let object = bar()
        .annotation("router.entrypoints", "websecure,nope,websecure")
        .annotation("router.priority", "42")
        .annotation("router.tls.domains.0.main", "a.test")
        .annotation("router.observability.metrics", "false");
    let world = World::of(options(), &with_service1([object]));
    let router = world.router();
    assert_eq!(&*router.entry_points, &["websecure".into()]);
    assert_eq!((router.precedence.clone(), router.status().as_str()), (Precedence::Ranked(42), "warning"));
    assert_eq!(router.errors, ["entryPoint \"nope\" doesn't exist".into()]);
    assert_eq!(&*router.tls.as_ref().unwrap().domains[0].main, "a.test");
    assert_eq!(router.observability.as_ref().unwrap().metrics, Some(false));
    let told = |annotation: &str, reason: &str| {
        format!("Ingress testing/ metadata.annotations[traefik.ingress.kubernetes.io/{annotation}] {reason}")
    };
    let want = [told("router.entrypoints", "EntryPointNotFound"), told("router.tls.domains", "DomainsWithoutResolver")];
    assert_eq!(world.findings(), want);
}

#[test]
fn precedence_without_a_priority_is_by_host_and_path() {
    let rank = |host, path_length, path| Precedence::Bloc(BlocRank { host, path_length, path });
    let cases = [
        ("", "/bar", "Exact", Syntax::V3, rank(HostRank::None, 4, PathRank::Exact)),
        ("*", "/bar", "Prefix", Syntax::V3, rank(HostRank::None, 4, PathRank::Prefix)),
        ("*.a", "/bar", "Prefix", Syntax::V2, rank(HostRank::Wildcard, 4, PathRank::Prefix)),
        ("b.a", "", "Exact", Syntax::V3, rank(HostRank::Exact, 0, PathRank::Prefix)),
    ];
    for (host, path, path_type, syntax, want) in cases {
        let object = bare().annotation("router.priority", "0").path(host, path, path_type, "service1", "80");
        let options = Options { default_rule_syntax: syntax, ..options() };
        let world = World::of(options, &with_service1([object]));
        assert_eq!(world.router().precedence, want, "{host}{path}");
        let shown = if syntax == Syntax::V2 { "v2" } else { "" };
        assert_eq!(&*world.router().shown_syntax, shown);
    }
}

#[test]
fn the_later_of_two_equal_rules_wins_and_the_earlier_is_told() {
    let two = vec![
        service("testing", "s2").service_port("", 80),
        slice("testing", "s2-x", "s2").slice_port("", 1).endpoint(&["10.0.0.2"]),
    ];
    let object = bar().path("", "/bar", "Prefix", "s2", "80");
    let world = World::of(options(), &[with_service1([object]), two].concat());
    assert_eq!(world.routers(), [r#"testing-bar-a5ca8faea551f4d3b79d: PathPrefix("/bar") -> testing-s2-80"#]);
    assert_eq!(world.findings(), ["Ingress testing/ spec.rules[0].http.paths[0] DuplicateRule"]);
    assert_eq!(world.balancers().len(), 2, "the replaced path's service stays in the configuration");
}

#[test]
fn the_same_service_in_two_namespaces_is_two() {
    let both = |namespace: &str, address: &str| {
        vec![
            ingress(namespace, namespace).path("traefik.tchouk", "/bar", "", "service1", "80").path(
                "traefik.tchouk",
                "/baz",
                "",
                "service1",
                "nope",
            ),
            service(namespace, "service1").service_port("", 80),
            slice(namespace, "x", "service1").slice_port("", 1).endpoint(&[address]),
        ]
    };
    let world = World::of(options(), &[both("a", "10.0.0.1"), both("b", "10.0.0.2")].concat());
    assert_eq!(world.balancers(), ["a-service1-80: http://10.0.0.1:1", "b-service1-80: http://10.0.0.2:1"]);
    assert_eq!(world.routers().len(), 2);
}

#[test]
fn pass_host_and_cookies_are_as_annotated_or_by_default() {
    use crate::model::plan::{HostHeader, Sticky};
    let off = Options { disable_pass_host_headers: true, ..options() };
    let host = |options: &Options, annotation: Option<&str>| {
        let mut objects = with_service1([bar()]);
        if let Some(text) = annotation {
            objects[1] = objects[1].clone().annotation("service.passhostheader", text);
        }
        World::of(options.clone(), &objects).balancer().options.host_header
    };
    assert_eq!(host(&options(), None), HostHeader::Pass);
    assert_eq!(host(&options(), Some("false")), HostHeader::OfServer);
    assert_eq!(host(&off, None), HostHeader::OfServer);
    assert_eq!(host(&off, Some("true")), HostHeader::Pass);
    let cookie = |annotations: [(&str, &str); 1]| {
        let mut objects = with_service1([bar()]);
        for (key, value) in annotations {
            objects[1] = objects[1].clone().annotation(key, value);
        }
        match World::of(options(), &objects).balancer().options.sticky.clone() {
            Some(Sticky::Cookie(cookie)) => cookie.name.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(cookie([("service.sticky.cookie", "true")]), "_7583d");
    assert_eq!(cookie([("service.sticky.cookie.name", "a b")]), "a_b");
    assert_eq!(cookie([("service.sticky", "true")]), "Some(Empty)");
}
