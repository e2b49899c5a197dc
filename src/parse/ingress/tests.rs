use super::*;
use crate::parse::testing::ingress;
use serde_json::json;

#[test]
fn an_empty_object_is_an_ingress_without_anything() {
    let fact = parse(&api::Ingress::default());
    assert_eq!(fact.key, IngressKey::new("", ""));
    assert_eq!(fact.rules_present, RulesPresent::No);
    assert!(fact.options.is_ok() && fact.problems.is_empty() && fact.rules.is_empty());
}

#[test]
fn status_version_and_managed_fields_are_no_part_of_the_fact() {
    let object = ingress("n", "i").path("h", "/", "Prefix", "s", "80");
    let busy = object
        .clone()
        .set("/metadata/resourceVersion", "7")
        .set("/metadata/labels", json!({"a": "b"}))
        .set("/status/loadBalancer/ingress", json!([{"ip": "1.2.3.4"}]));
    assert_eq!(parse(&object.typed()), parse(&busy.typed()));
}

#[test]
fn backends_are_services_resources_or_missing() {
    let service = |port| Backend::Service { service: ServiceKey::new("n", "s"), port };
    let cases = [
        (json!({}), Backend::Missing),
        (json!({"resource": {"kind": "K", "name": "r"}, "service": {"name": "s"}}), Backend::Resource),
        (json!({"service": {"name": "s", "port": {"number": 80}}}), service(PortRef::Number(80))),
        (json!({"service": {"name": "s", "port": {"name": "web"}}}), service(PortRef::Name("web".into()))),
        (
            json!({"service": {"name": "s", "port": {"name": "web", "number": 1}}}),
            service(PortRef::Either("web".into(), 1)),
        ),
        (json!({"service": {"name": "s"}}), service(PortRef::Number(0))),
    ];
    for (backend, want) in cases {
        let fact = parse(&ingress("n", "i").set("/spec/defaultBackend", backend.clone()).typed());
        assert_eq!(fact.default_backend, Some(want), "{backend}");
    }
}

#[test]
fn path_types_are_read_and_unknown_ones_remarked() {
    let cases = [
        ("Exact", PathType::Exact, 0),
        ("Prefix", PathType::Prefix, 0),
        ("ImplementationSpecific", PathType::Open, 0),
        ("", PathType::Open, 0),
        ("prefix", PathType::Prefix, 1),
    ];
    for (text, want, remarks) in cases {
        let fact = parse(&ingress("n", "i").path("", "/", text, "s", "80").typed());
        assert_eq!((fact.rules[0].paths[0].path_type, fact.problems.len()), (want, remarks), "{text}");
    }
}

#[test]
fn rules_without_http_count_as_rules_but_are_left_out() {
    let object = ingress("n", "i").push("/spec/rules", json!({"host": "a"})).default_backend("s", "80");
    let fact = parse(&object.path("b", "/", "Prefix", "s", "80").typed());
    assert_eq!((fact.rules.len(), fact.rules[0].index, fact.rules_present), (1, 1, RulesPresent::Yes));
    assert_eq!(fact.problems[0].reason, "IgnoredDefaultBackend");
}

#[test]
fn class_creation_and_secrets_are_read() {
    let object = ingress("n", "i")
        .created(5)
        .raw_annotation("kubernetes.io/ingress.class", "c")
        .set("/spec/ingressClassName", "d")
        .tls("one")
        .push("/spec/tls", json!({"hosts": ["x"]}))
        .tls("two");
    let fact = parse(&object.typed());
    assert_eq!((&*fact.class_annotation, fact.class_name.as_deref()), ("c", Some("d")));
    assert_eq!(fact.tls_secrets, [SecretKey::new("n", "one"), SecretKey::new("n", "two")]);
    assert_eq!(fact.created.0, parse(&ingress("n", "i").created(0).typed()).created.0 + 5);
}
