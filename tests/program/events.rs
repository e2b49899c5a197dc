//! Events: one Warning per bad object, one `Programmed` when it is served, and nothing twice.
use crate::support::objects::{annotated, ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{World, eventually, in_system, start_cluster, start_program, with_program};
use pilotage::apiserver::ApiServer;
use serde_json::{Value, json};

/// Type, reason, message, count of all Events about the Ingress of that name.
pub(super) fn events(cluster: &ApiServer, name: &str) -> Vec<(String, String, String, i64)> {
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let all = cluster.store().list("Event");
    let about = all.iter().filter(|event| event["involvedObject"]["name"] == name);
    about
        .map(|event| {
            let count = event["count"].as_i64().unwrap();
            (text(event, "type"), text(event, "reason"), text(event, "message"), count)
        })
        .collect()
}

/// Eight Ingresses with a fault each: name, object, reason, field, and a word of the remedy.
fn faulty() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    const PREFIX: &str = "traefik.ingress.kubernetes.io/";
    let good = |name: &str| ingress("n", name, &format!("{name}.test"), "/", "good");
    let with = |name: &str, key: &str, value: &str| annotated(good(name), &format!("{PREFIX}{key}"), value);
    let changed = |name: &str, pointer: &str, value: Value| {
        let mut object = good(name);
        *object.pointer_mut(pointer).unwrap() = value;
        object
    };
    let backend = "/spec/rules/0/http/paths/0/backend";
    let place = "spec.rules[0].http.paths[0].backend";
    let mut no_secret = good("no-secret");
    no_secret["spec"]["tls"] = json!([{"secretName": "ghost"}]);
    vec![
        (ingress("n", "no-service", "no-service.test", "/", "ghost"), "ServiceNotFound", place, "create"),
        (
            changed("no-port", &format!("{backend}/service/port/number"), json!(81)),
            "ServicePortNotFound",
            place,
            "port",
        ),
        (ingress("n", "no-endpoints", "no-endpoints.test", "/", "empty"), "NoEndpoints", place, "start pods"),
        (
            changed("resource", backend, json!({"resource": {"kind": "A", "name": "b"}})),
            "UnsupportedBackend",
            place,
            "use service",
        ),
        (with("bad-priority", "router.priority", "high"), "InvalidAnnotation", "router.priority", "number"),
        (
            with("no-middleware", "router.middlewares", "default-auth@kubernetescrd"),
            "MiddlewareNotFound",
            "router.middlewares",
            "remove",
        ),
        (with("no-entry-point", "router.entrypoints", "webb"), "NoEntryPoint", "router.entrypoints", "name one"),
        (no_secret, "SecretNotFound", "spec.tls", "create"),
    ]
}

#[test]
fn eight_faults_have_one_warning_each_and_programmed_when_they_are_mended() {
    with_program(&[], &[service("n", "good"), service("n", "empty")], async |world: &World| {
        let origin = Origin::start("good").await;
        world.apply([slice("n", "good", &[origin.address]), ingress("n", "marker", "marker.test", "/", "good")]);
        world.until_served_by("marker.test", "/", "good").await;
        let cases = faulty();
        world.apply(cases.iter().map(|(object, ..)| object.clone()));
        for (object, reason, field, remedy) in &cases {
            let name = object["metadata"]["name"].as_str().unwrap();
            let said = eventually(async || Some(events(&world.cluster, name)).filter(|said| !said.is_empty())).await;
            let [(kind, said_reason, message, 1)] = &said[..] else { panic!("{name}: {said:?}") };
            assert_eq!(kind, "Warning", "{name}: {said:?}");
            assert_eq!(said_reason, reason, "{name}: {message}");
            assert!(message.contains(field) && message.contains(remedy), "{name}: {message}");
        }
        for (object, ..) in &cases {
            let name = object["metadata"]["name"].as_str().unwrap();
            world
                .apply([ingress("n", name, &format!("{name}.test"), "/", "good")].into_iter().map(without_annotations));
        }
        for (object, ..) in &cases {
            let name = object["metadata"]["name"].as_str().unwrap();
            let normal =
                eventually(async || events(&world.cluster, name).into_iter().find(|(kind, ..)| kind == "Normal")).await;
            assert_eq!((&*normal.1, normal.3), ("Programmed", 1), "{name}");
            assert_eq!(world.get(&format!("{name}.test"), "/").await.status, 200, "said before it was so: {name}");
            assert_eq!(events(&world.cluster, name).len(), 2, "{name}: one Warning and one Programmed");
        }
    });
}

/// `apply` keeps nothing of the old object, but says so.
fn without_annotations(mut object: Value) -> Value {
    object["metadata"]["annotations"] = json!({});
    object
}

#[test]
fn a_finding_that_stands_is_not_said_again_at_a_restart_and_one_that_comes_back_is_counted() {
    in_system(async || {
        let cluster = start_cluster().await;
        for object in [service("n", "s"), ingress("n", "i", "a.test", "/", "ghost")] {
            cluster.store().apply(object).unwrap();
        }
        let said = async |wanted: &[(&str, i64)]| {
            let wanted: Vec<(String, i64)> =
                wanted.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
            eventually(async || {
                let mut said: Vec<_> =
                    events(&cluster, "i").into_iter().map(|(_, reason, _, count)| (reason, count)).collect();
                said.sort();
                (said == wanted).then_some(())
            })
            .await;
        };
        let app = start_program(&cluster, &[]).await;
        said(&[("ServiceNotFound", 1)]).await;
        app.stop().await;
        let app = start_program(&cluster, &[]).await;
        // The second one comes after the first in the queue of the recorder.
        let origin = Origin::start("o").await;
        cluster.store().apply(slice("n", "s", &[origin.address])).unwrap();
        cluster.store().apply(ingress("n", "marker", "m.test", "/", "s")).unwrap();
        let programmed = |(_, reason, ..): &(String, String, String, i64)| reason == "Programmed";
        eventually(async || events(&cluster, "marker").iter().any(programmed).then_some(())).await;
        said(&[("ServiceNotFound", 1)]).await;
        cluster.store().apply(ingress("n", "i", "a.test", "/", "s")).unwrap();
        said(&[("Programmed", 1), ("ServiceNotFound", 1)]).await;
        cluster.store().apply(ingress("n", "i", "a.test", "/", "ghost")).unwrap();
        said(&[("Programmed", 1), ("ServiceNotFound", 2)]).await;
        cluster.store().apply(ingress("n", "i", "a.test", "/", "s")).unwrap();
        said(&[("Programmed", 2), ("ServiceNotFound", 2)]).await;
        app.stop().await;
        cluster.shutdown().await;
    });
}
