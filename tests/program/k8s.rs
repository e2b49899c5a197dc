//! The manifests of `k8s/`: each is of its type, its options are ours, its probes are answered, its rights are those in use.
use crate::support::http::{get, send};
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{World, eventually, in_system, start_cluster, start_with};
use pilotage::apiserver::faults::Call;
use pilotage::apiserver::kinds::{Scope, by_type};
use pilotage::apiserver::{ApiServer, Options};
use pilotage::config::{Command, from_args};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The two ways to install it.
const VARIANTS: [&str; 2] = ["cluster-wide", "namespaced"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k8s").join(name)
}

fn yaml(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names in a list of a kustomization.
fn listed(kustomization: &Value, list: &str) -> Vec<String> {
    let entries = kustomization[list].as_array().into_iter().flatten();
    entries.map(|entry| entry.as_str().or(entry["path"].as_str()).unwrap().to_owned()).collect()
}

/// All objects of a kustomization, as they stand in the files.
fn objects(name: &str) -> Vec<Value> {
    let resources = listed(&yaml(&folder(name).join("kustomization.yaml"))[0], "resources");
    let read = |resource: String| match resource.strip_prefix("../") {
        Some(base) => objects(base),
        None => yaml(&folder(name).join(resource)),
    };
    resources.into_iter().flat_map(read).collect()
}

fn of_kind(name: &str, kind: &str) -> Vec<Value> {
    objects(name).into_iter().filter(|object| object["kind"] == kind).collect()
}

/// The options of the Deployment, with what the patch of the variant adds.
fn options(name: &str) -> Vec<String> {
    let deployment = of_kind(name, "Deployment").remove(0);
    let mut all = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap().clone();
    for patch in listed(&yaml(&folder(name).join("kustomization.yaml"))[0], "patches") {
        for step in yaml(&folder(name).join(patch)).remove(0).as_array().unwrap() {
            assert_eq!(step["path"], "/spec/template/spec/containers/0/args/-", "this test knows no other patch");
            all.push(step["value"].clone());
        }
    }
    all.iter().map(|option| option.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_file_is_part_of_a_kustomization() {
    for name in ["base", "cluster-wide", "namespaced"] {
        let kustomization = yaml(&folder(name).join("kustomization.yaml")).remove(0);
        let mut known: BTreeSet<String> = listed(&kustomization, "resources").into_iter().collect();
        known.extend(listed(&kustomization, "patches"));
        known.insert("kustomization.yaml".to_owned());
        for entry in fs::read_dir(folder(name)).unwrap() {
            let file = entry.unwrap().file_name().to_string_lossy().into_owned();
            assert!(known.contains(&file), "k8s/{name}/{file} is in no list");
        }
    }
}

/// What the API server says of an object whose fields it looks at.
async fn create(server: &ApiServer, object: &Value) -> (u16, String) {
    let kind = by_type(object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap()).expect("a known kind");
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    let place = match (kind.scope, object["metadata"]["namespace"].as_str()) {
        (Scope::Cluster, None) => String::new(),
        (Scope::Namespaced, Some(namespace)) => format!("namespaces/{namespace}/"),
        (scope, namespace) => panic!("{scope:?} and namespace {namespace:?}: {object}"),
    };
    let path = format!("/{root}/{}/{place}{}?fieldValidation=Strict", kind.api_version(), kind.plural);
    let request = http::Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(object.to_string().into_bytes().into())
        .unwrap();
    let answer = send(server.addr(), request).await;
    (answer.status, answer.body)
}

#[test]
fn every_manifest_is_of_its_type_to_the_last_field() {
    in_system(async || {
        for name in VARIANTS {
            let server = ApiServer::start(Options::default()).await.unwrap();
            for object in objects(name) {
                let (status, body) = create(&server, &object).await;
                assert_eq!(status, 201, "{} {} of {name}: {body}", object["kind"], object["metadata"]["name"]);
            }
            let mut wrong = of_kind(name, "Deployment").remove(0);
            wrong["metadata"]["name"] = "wrong".into();
            wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = serde_json::json!({"a": 1});
            assert_eq!(create(&server, &wrong).await.0, 400, "nothing looks at the fields");
            server.shutdown().await;
        }
    });
}

#[test]
fn the_options_of_the_deployment_are_taken_without_a_remark() {
    for name in VARIANTS {
        match from_args(options(name)) {
            Ok(Command::Run(config)) => assert!(config.warnings.is_empty(), "{name}: {}", config.warnings[0]),
            Ok(_) => panic!("{name}: not a run"),
            Err(report) => panic!("{name}: {report}"),
        }
    }
}

#[test]
fn the_container_has_no_right_that_it_does_not_need() {
    let deployment = of_kind("cluster-wide", "Deployment").remove(0);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    let capabilities = &container["securityContext"]["capabilities"];
    assert_eq!(capabilities["drop"], serde_json::json!(["ALL"]));
    assert_eq!(capabilities["add"], serde_json::json!(["NET_BIND_SERVICE"]));
    let dockerfile = fs::read_to_string(folder("..").join("Dockerfile")).unwrap();
    let user = format!("USER {0}:{0}", pod["securityContext"]["runAsUser"]);
    assert!(dockerfile.contains(&user), "image and Deployment name different users");
    // Every port that the Service leads to is one of the container's, and one that an option opens.
    let ports = container["ports"].as_array().unwrap();
    for port in of_kind("cluster-wide", "Service")[0]["spec"]["ports"].as_array().unwrap() {
        let target = ports.iter().find(|it| it["name"] == port["targetPort"]).expect("a port of the container");
        let opens = format!("--entrypoints.{}.address=:{}", port["name"].as_str().unwrap(), target["containerPort"]);
        assert!(options("cluster-wide").contains(&opens), "{opens}");
    }
}

/// The options of a variant, on free ports and with an API server of ours.
async fn start(name: &str, cluster: ApiServer) -> World {
    let mut all = options(name);
    for option in &mut all {
        if let Some((entry_point, _)) = option.split_once(".address=") {
            *option = format!("{entry_point}.address=127.0.0.1:0");
        }
    }
    all.extend(surroundings(name).iter().map(|option| (*option).to_owned()));
    all.push(format!("--providers.kubernetesingress.endpoint={}", cluster.url()));
    all.extend(["--workers=1", "--log.level=ERROR", "--providers.providersthrottleduration=0s"].map(str::to_owned));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let app = start_with(&all).await;
    World { cluster, app }
}

#[test]
fn the_probes_are_answered_where_they_ask() {
    in_system(async || {
        let world = start("cluster-wide", start_cluster().await).await;
        let deployment = of_kind("cluster-wide", "Deployment").remove(0);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let asked = &container[probe]["httpGet"];
            assert_eq!(asked["port"], "admin");
            let path = asked["path"].as_str().unwrap();
            eventually(async || (get(world.admin(), "10.0.0.7:8080", path).await.status == 200).then_some(())).await;
        }
        world.app.stop().await;
    });
}

/// `verb group/resource[/subresource]` in a namespace; no namespace for the whole cluster.
type Right = (String, String);

fn text(call: &Call) -> String {
    let subresource = if call.subresource.is_empty() { String::new() } else { format!("/{}", call.subresource) };
    format!("{} {}/{}{subresource}", call.verb.as_str(), call.group, call.resource)
}

/// What the roles of a variant allow.
fn granted(name: &str) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for role in of_kind(name, "ClusterRole").into_iter().chain(of_kind(name, "Role")) {
        let namespace = role["metadata"]["namespace"].as_str().unwrap_or_default();
        let words = |rule: &Value, list: &str| -> Vec<String> {
            rule[list].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        for rule in role["rules"].as_array().unwrap() {
            for group in words(rule, "apiGroups") {
                for resource in words(rule, "resources") {
                    for verb in words(rule, "verbs") {
                        rights.insert((format!("{verb} {group}/{resource}"), namespace.to_owned()));
                    }
                }
            }
        }
    }
    rights
}

/// Rights that only an Event about a broken object of that kind takes, or one that happens again: `get` for the identity of
/// the object, without which `kubectl describe` does not find the Event. Shown in `events.rs`.
const FOR_RARE_EVENTS: &[&str] = &[
    "get /nodes",
    "get /secrets",
    "get /services",
    "get discovery.k8s.io/endpointslices",
    "get networking.k8s.io/ingressclasses",
    "patch /events",
];

/// What a pod knows, or its operator adds, and a test process has to be told.
fn surroundings(name: &str) -> &'static [&'static str] {
    match name {
        "cluster-wide" => &["--leaderelection.leasenamespace=pilotage"],
        _ => &[
            "--leaderelection.leasenamespace=pilotage",
            "--providers.kubernetesingress.ingressendpoint.hostname=apps.example.com",
        ],
    }
}

/// The Service of the manifests, as a cluster with a load balancer completes it.
fn published_service() -> Value {
    let mut service = of_kind("cluster-wide", "Service").remove(0);
    service["status"] = serde_json::json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    service
}

#[test]
fn every_call_is_allowed_and_every_right_is_used() {
    for name in VARIANTS {
        in_system(async || {
            let cluster = start_cluster().await;
            let origin = Origin::start("o").await;
            for object in [
                service("apps", "s"),
                slice("apps", "s", &[origin.address]),
                ingress("apps", "i", "a.test", "/", "s"),
                ingress("apps", "broken", "b.test", "/", "missing"),
                published_service(),
            ] {
                cluster.store().apply(object).unwrap();
            }
            let world = start(name, cluster).await;
            world.until_served_by("a.test", "/", "o").await;
            let granted = granted(name);
            let mut used = BTreeSet::new();
            // A watch follows its list: not all of them may be open yet.
            eventually(async || {
                used = world.cluster.faults().calls().into_keys().map(|call| (text(&call), call.namespace)).collect();
                // A right in the whole cluster may be used in one namespace.
                let is_used = |(what, place): &Right| {
                    used.iter().any(|(call, namespace)| call == what && (place == namespace || place.is_empty()))
                };
                let is_rare = |(what, _): &Right| FOR_RARE_EVENTS.contains(&what.as_str());
                let missing: Vec<_> = granted.iter().filter(|right| !is_used(right) && !is_rare(right)).collect();
                if !missing.is_empty() {
                    println!("{name}: not used yet: {missing:?}");
                }
                missing.is_empty().then_some(())
            })
            .await;
            for (what, namespace) in &used {
                // What the cluster allows holds in each namespace, too.
                let allowed =
                    [namespace.as_str(), ""].iter().any(|at| granted.contains(&(what.clone(), (*at).to_owned())));
                assert!(allowed, "{name}: no rule allows `{what}` in namespace {namespace:?}");
            }
            world.app.stop().await;
        });
    }
    let all: BTreeSet<String> = VARIANTS.iter().flat_map(|name| granted(name)).map(|(what, _)| what).collect();
    let strangers: Vec<_> = FOR_RARE_EVENTS.iter().filter(|what| !all.contains(**what)).collect();
    assert!(strangers.is_empty(), "granted nowhere, take them out of FOR_RARE_EVENTS: {strangers:?}");
}

#[test]
fn kubectl_would_apply_both_variants() {
    if std::process::Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        println!("skipped: there is no kubectl on this machine");
        return;
    }
    in_system(async || {
        let server = ApiServer::start(Options::default()).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        for name in VARIANTS {
            let output = tokio::process::Command::new("kubectl")
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("HOME", home.path())
                .arg(format!("--server={}", server.url()))
                .args(["apply", "--dry-run=server", "--validate=strict", "-k"])
                .arg(folder(name))
                .output()
                .await
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {text}");
            assert_eq!(text.matches("(server dry run)").count(), objects(name).len(), "{name}: {text}");
        }
        assert!(server.store().get("Namespace", "", "pilotage").is_none(), "a dry run leaves nothing behind");
        server.shutdown().await;
    });
}
