//! Absurd objects and absurd requests: a finding or a refusal, and the neighbours are unharmed.
use crate::support::http::{raw, raw_status};
use crate::support::objects::{annotated, ingress, service, slice, yaml};
use crate::support::origin::Origin;
use crate::support::world::{World, with_program};
use serde_json::{Value, json};

/// A good site that every test asks for after the bad thing happened.
async fn good_site(world: &World) -> Origin {
    let origin = Origin::start("good").await;
    world.apply(vec![
        service("n", "good"),
        slice("n", "good", &[origin.address]),
        ingress("n", "good", "good.test", "/", "good"),
    ]);
    world.until_served_by("good.test", "/", "good").await;
    origin
}

/// The good site is still served, and a change of it still arrives.
async fn unharmed(world: &World) {
    assert_eq!(world.get("good.test", "/").await.status, 200);
    world.apply([ingress("n", "good", "good.test", "/changed", "good")]);
    world.until_status("good.test", "/", 404).await;
    world.until_served_by("good.test", "/changed", "good").await;
    world.apply([ingress("n", "good", "good.test", "/", "good")]);
    world.until_served_by("good.test", "/", "good").await;
}

/// Every way to leave a field out of `object`, and to fill it with something of another type.
fn mutilations(object: &Value) -> Vec<Value> {
    fn walk(value: &Value, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
            _ => vec![],
        };
        for (key, child) in children {
            path.push(key);
            paths.push(path.clone());
            walk(child, path, paths);
            path.pop();
        }
    }
    let mut paths = Vec::new();
    for part in ["spec", "endpoints", "ports", "data"] {
        if let Some(value) = object.get(part) {
            paths.push(vec![part.to_owned()]);
            walk(value, &mut vec![part.to_owned()], &mut paths);
        }
    }
    let absurd = [Value::Null, json!("text"), json!(-7), json!(1e99), json!([]), json!({}), json!([[{}]]), json!(true)];
    let mut all = Vec::new();
    for path in paths {
        let pointer = format!("/{}", path.join("/"));
        for replacement in &absurd {
            let mut copy = object.clone();
            *copy.pointer_mut(&pointer).unwrap() = replacement.clone();
            all.push(copy);
        }
        let (last, parent) = path.split_last().unwrap();
        let mut copy = object.clone();
        let place =
            if parent.is_empty() { Some(&mut copy) } else { copy.pointer_mut(&format!("/{}", parent.join("/"))) };
        if let Some(Value::Object(fields)) = place {
            fields.remove(last);
            all.push(copy);
        }
    }
    all
}

#[test]
fn objects_with_any_field_missing_or_absurd_harm_nobody() {
    with_program(&[], &[], async |world: &World| {
        let origin = good_site(world).await;
        let mut originals = vec![
            service("n", "bad"),
            slice("n", "bad", &[origin.address]),
            ingress("n", "bad", "bad.test", "/", "bad"),
        ];
        originals.extend(yaml(
            "{apiVersion: v1, kind: Secret, metadata: {namespace: 'n', name: bad}, data: {tls.crt: eA==, tls.key: eA==}}\n---\n\
             {apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: bad}, spec: {controller: x, parameters: {kind: A, name: b}}}\n---\n\
             {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {namespace: 'n', name: bad2}, spec: {ingressClassName: bad, defaultBackend: {service: {name: bad, port: {name: http}}}, tls: [{secretName: bad, hosts: [a]}]}}",
        ));
        let mut count = 0;
        for original in originals {
            for (n, mut bad) in mutilations(&original).into_iter().enumerate() {
                bad["metadata"]["name"] = format!("bad-{n}").into();
                world.apply([bad]);
                count += 1;
            }
        }
        assert!(count > 300, "{count}");
        unharmed(world).await;
    });
}

#[test]
fn a_malformed_ingress_is_reported_with_its_field_and_mended() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        let mut bad = ingress("n", "bad", "bad.test", "/", "good");
        bad["spec"]["rules"][0]["http"]["paths"] = "none".into();
        world.apply([bad]);
        let finding = world.until_finding("bad").await;
        assert!(finding["text"].as_str().unwrap().contains("spec.rules[0].http.paths"), "{finding}");
        unharmed(world).await;
        world.apply([ingress("n", "bad", "bad.test", "/", "good")]);
        world.until_served_by("bad.test", "/", "good").await;
        crate::support::world::eventually(async || world.findings().await.is_empty().then_some(())).await;
    });
}

#[test]
fn an_annotation_of_a_megabyte_is_cut_short_where_it_is_told() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        let huge = "x".repeat(1 << 20);
        let key = "traefik.ingress.kubernetes.io/router.priority";
        world.apply([annotated(ingress("n", "huge", "huge.test", "/", "good"), key, &huge)]);
        let finding = world.until_finding("huge").await;
        assert!(finding.to_string().len() < 2000, "{} bytes", finding.to_string().len());
        let middlewares = annotated(
            ingress("n", "wide", "wide.test", "/", "good"),
            "traefik.ingress.kubernetes.io/router.middlewares",
            &huge,
        );
        world.apply([middlewares]);
        world.until_status("wide.test", "/", 503).await;
        unharmed(world).await;
    });
}

#[test]
fn ten_thousand_paths_in_one_ingress_are_served() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        let paths: Vec<Value> = (0..10_000)
            .map(|n| json!({"path": format!("/p/{n}/"), "pathType": "Prefix", "backend": {"service": {"name": "good", "port": {"number": 80}}}}))
            .collect();
        let mut many = ingress("n", "many", "many.test", "/", "good");
        many["spec"]["rules"][0]["http"]["paths"] = paths.into();
        world.apply([many]);
        world.until_served_by("many.test", "/p/9999/x", "good").await;
        world.until_served_by("many.test", "/p/0/", "good").await;
        assert_eq!(world.get("many.test", "/p/10000/").await.status, 404);
        unharmed(world).await;
    });
}

#[test]
fn ports_out_of_range_are_findings() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        for (name, port) in [("zero", 0), ("huge", 70_000), ("negative", -1)] {
            let mut bad = slice("n", name, &[]);
            bad["ports"][0]["port"] = port.into();
            bad["endpoints"] = json!([{"addresses": ["127.0.0.1"]}]);
            world.apply(vec![service("n", name), bad, ingress("n", name, &format!("{name}.test"), "/", name)]);
            let finding = world.until_finding(name).await;
            assert!(!finding["text"].as_str().unwrap().is_empty());
            assert_eq!(world.get(&format!("{name}.test"), "/").await.status, 404);
        }
        unharmed(world).await;
    });
}

#[test]
fn names_that_read_the_same_when_joined_stay_apart() {
    with_program(&[], &[], async |world: &World| {
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        world.apply(vec![
            service("a-b", "c"),
            slice("a-b", "c", &[one.address]),
            ingress("a-b", "i", "one.test", "/", "c"),
        ]);
        world.apply(vec![
            service("a", "b-c"),
            slice("a", "b-c", &[two.address]),
            ingress("a", "i", "two.test", "/", "b-c"),
        ]);
        world.until_served_by("one.test", "/", "one").await;
        world.until_served_by("two.test", "/", "two").await;
        let raw = world.api("/api/rawdata").await;
        let shown: Vec<&String> =
            raw["services"].as_object().unwrap().keys().filter(|name| name.ends_with("@kubernetes")).collect();
        assert_eq!(shown.len(), 2, "both are shown: {shown:?}");
        // One that goes does not take the other along.
        world.delete("Ingress", "a-b", "i");
        world.until_status("one.test", "/", 404).await;
        assert_eq!(world.get("two.test", "/").await.header("x-origin"), Some("two"));
    });
}

#[test]
fn a_malformed_certificate_is_a_finding_on_the_ingress_that_uses_it_and_never_shown() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        // "hunter2" in base64, in both entries.
        world.apply(yaml("{apiVersion: v1, kind: Secret, metadata: {namespace: 'n', name: broken}, data: {tls.crt: aHVudGVyMg==, tls.key: aHVudGVyMg==}}"));
        let mut with_tls = ingress("n", "secure", "secure.test", "/", "good");
        with_tls["spec"]["tls"] = json!([{"secretName": "broken"}]);
        world.apply([with_tls]);
        let finding = world.until_finding("secure").await;
        assert!(finding["text"].as_str().unwrap().contains("tls.crt"), "{finding}");
        world.until_served_by("secure.test", "/", "good").await;
        for page in ["/debug/findings", "/debug/actors", "/api/rawdata"] {
            let text = world.api(page).await.to_string();
            assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{page}");
        }
        unharmed(world).await;
    });
}

#[test]
fn odd_host_headers_are_served_or_refused_as_specified() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        let cases: [(&str, &[u8], u16); 10] = [
            ("absent", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
            ("doubled", b"GET / HTTP/1.1\r\nHost: good.test\r\nHost: good.test\r\nConnection: close\r\n\r\n", 400),
            ("with port", b"GET / HTTP/1.1\r\nHost: good.test:8080\r\nConnection: close\r\n\r\n", 200),
            ("trailing dot", b"GET / HTTP/1.1\r\nHost: good.test.\r\nConnection: close\r\n\r\n", 200),
            ("upper case", b"GET / HTTP/1.1\r\nHost: GOOD.TEST\r\nConnection: close\r\n\r\n", 200),
            ("not UTF-8", b"GET / HTTP/1.1\r\nHost: good\xff.test\r\nConnection: close\r\n\r\n", 400),
            ("with a blank", b"GET / HTTP/1.1\r\nHost: good test\r\nConnection: close\r\n\r\n", 400),
            ("empty", b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 404),
            ("HTTP/1.0 without", b"GET / HTTP/1.0\r\n\r\n", 404),
            (
                "target names it",
                b"GET http://good.test/ HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n",
                200,
            ),
        ];
        for (name, bytes, status) in cases {
            assert_eq!(raw_status(world.web(), bytes).await, status, "{name}");
        }
        unharmed(world).await;
    });
}

#[test]
fn bytes_that_are_no_request_are_refused_and_the_next_client_is_served() {
    with_program(&[], &[], async |world: &World| {
        let _origin = good_site(world).await;
        let heads: [&[u8]; 8] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"nonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: good.test\r\nX-A: a\x00b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: good.test\r\nX-A : b\r\n\r\n",
            b"GET /\x01 HTTP/1.1\r\nHost: good.test\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"POST / HTTP/1.1\r\nHost: good.test\r\nContent-Length: +1\r\n\r\na",
            b"GET /a%zz HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n",
        ];
        for head in heads {
            let mut bytes = head.to_vec();
            bytes.extend(b"GET / HTTP/1.1\r\nHost: good.test\r\nConnection: close\r\n\r\n");
            let answer = raw(world.web(), &bytes).await;
            let text = String::from_utf8_lossy(&answer);
            assert!(text.is_empty() || text.starts_with("HTTP/1.1 400"), "{:?}: {text}", String::from_utf8_lossy(head));
        }
        unharmed(world).await;
    });
}
