use super::*;
use crate::parse::testing::service;
use serde_json::json;

#[test]
fn an_empty_object_is_a_service_without_ports() {
    let fact = parse(&api::Service::default());
    assert_eq!((fact.service_type, fact.ports.len(), &*fact.cluster_ip), (ServiceType::ClusterIp, 0, ""));
}

#[test]
fn types_are_read() {
    let cases = [
        (json!({}), ServiceType::ClusterIp),
        (json!({"type": ""}), ServiceType::ClusterIp),
        (json!({"type": "ClusterIP"}), ServiceType::ClusterIp),
        (json!({"type": "NodePort"}), ServiceType::NodePort),
        (json!({"type": "LoadBalancer"}), ServiceType::LoadBalancer),
        (json!({"type": "ExternalName", "externalName": "a.b"}), ServiceType::ExternalName("a.b".into())),
        (json!({"type": "Foo"}), ServiceType::Other("Foo".into())),
    ];
    for (spec, want) in cases {
        assert_eq!(parse(&service("n", "s").set("/spec", spec.clone()).typed()).service_type, want, "{spec}");
    }
}

#[test]
fn ports_out_of_range_are_kept_and_reported() {
    let mut object = service("n", "s");
    for number in [0, -1, 70000, 1, 65535] {
        object = object.service_port("", number);
    }
    let fact = parse(&object.push("/spec/ports", json!({"port": 80, "nodePort": -5})).typed());
    assert_eq!(fact.ports.len(), 6);
    let paths: Vec<&str> = fact.problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(paths, ["spec.ports[0].port", "spec.ports[1].port", "spec.ports[2].port", "spec.ports[5].nodePort"]);
}

#[test]
fn the_path_of_a_cookie_may_be_switched_off() {
    for (path, want) in [(None, "/"), (Some(""), ""), (Some("/p"), "/p")] {
        let mut object = service("n", "s").annotation("service.sticky.cookie", "true");
        if let Some(path) = path {
            object = object.annotation("service.sticky.cookie.path", path);
        }
        let options = parse(&object.typed()).options.unwrap();
        let cookie = options.sticky.as_ref().and_then(|sticky| sticky.cookie.as_ref()).unwrap();
        assert_eq!(&*cookie.path, want, "{path:?}");
    }
}

#[test]
fn all_service_annotations_are_read() {
    let object = service("n", "s")
        .annotation("service.serversscheme", "protocol")
        .annotation("service.serverstransport", "foobar@file")
        .annotation("service.passhostheader", "false")
        .annotation("service.middlewares", "middleware1,middleware2")
        .annotation("service.nativelb", "true")
        .annotation("service.nodeportlb", "T")
        .annotation("service.sticky.cookie", "true")
        .annotation("service.sticky.cookie.name", "foobar")
        .annotation("service.sticky.cookie.secure", "true")
        .annotation("service.sticky.cookie.httponly", "true")
        .annotation("service.sticky.cookie.samesite", "none")
        .annotation("service.sticky.cookie.maxage", "-1")
        .annotation("service.sticky.cookie.path", "/foobar")
        .annotation("service.sticky.cookie.domain", "foo.com");
    let cookie = StickyCookie {
        name: "foobar".into(),
        secure: true,
        http_only: true,
        same_site: "none".into(),
        max_age: -1,
        path: "/foobar".into(),
        domain: "foo.com".into(),
    };
    let want = ServiceOptions {
        servers_scheme: "protocol".into(),
        servers_transport: "foobar@file".into(),
        pass_host_header: Some(false),
        middlewares: vec!["middleware1".into(), "middleware2".into()],
        sticky: Some(StickyOptions { cookie: Some(cookie) }),
        native_lb: Some(true),
        node_port_lb: true,
    };
    assert_eq!(*parse(&object.typed()).options.unwrap(), want);
}

#[test]
fn load_balancer_fields_that_cannot_be_set_are_errors() {
    let fact = parse(&service("n", "s").annotation("service.loadbalancer.strategy", "p2c").typed());
    assert_eq!(fact.options.unwrap_err()[0].reason, "UnknownAnnotation");
}
