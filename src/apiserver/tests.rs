//! The server as its clients see it: kube-rs over a socket, faults, shutdown. kubectl has a file of its own.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PartialObjectMeta, Patch, PatchParams,
    PostParams, WatchEvent, WatchParams,
};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::faults::{Answer, Call, Calls, Cut, Network, Verb};
use super::*;

mod hostile;
mod kubectl;

async fn server() -> ApiServer {
    server_with(Options::default()).await
}

async fn server_with(options: Options) -> ApiServer {
    ApiServer::start(options).await.expect("started")
}

fn client(server: &ApiServer) -> Client {
    let config = kube::Config::new(server.url().parse().expect("a uri"));
    Client::try_from(config).expect("a client")
}

/// Everything here takes milliseconds; a test that hangs fails.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {"v": value}})
}

fn typed(value: Value) -> ConfigMap {
    serde_json::from_value(value).expect("a config map")
}

fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("no answer of the API: {other}"),
    }
}

/// The watcher's view: what it has seen so far, by name.
#[derive(Default)]
struct Seen {
    objects: BTreeMap<String, String>,
    relists: usize,
}

impl Seen {
    fn take(&mut self, event: watcher::Event<ConfigMap>) {
        let entry = |it: ConfigMap| {
            (it.metadata.name.unwrap_or_default(), it.data.unwrap_or_default().remove("v").unwrap_or_default())
        };
        match event {
            watcher::Event::Init => {
                self.objects.clear();
                self.relists += 1;
            }
            watcher::Event::InitApply(it) | watcher::Event::Apply(it) => self.objects.extend([entry(it)]),
            watcher::Event::Delete(it) => drop(self.objects.remove(&entry(it).0)),
            watcher::Event::InitDone => {}
        }
    }

    /// Follows the stream until the condition holds; errors are retried by the watcher.
    async fn until<E: std::fmt::Debug>(
        &mut self,
        stream: &mut (impl Stream<Item = Result<watcher::Event<ConfigMap>, E>> + Unpin),
        condition: impl Fn(&Self) -> bool,
    ) {
        let following = async {
            while !condition(self) {
                if let Some(Ok(event)) = stream.next().await {
                    self.take(event);
                }
            }
        };
        soon(following).await;
    }
}

#[tokio::test]
async fn kube_reads_and_writes_objects() {
    let server = server().await;
    let api: Api<ConfigMap> = Api::namespaced(client(&server), "default");
    let created = api.create(&PostParams::default(), &typed(config_map("a", "1"))).await.expect("created");
    assert!(created.metadata.uid.is_some() && created.metadata.creation_timestamp.is_some());
    let again = api.create(&PostParams::default(), &typed(config_map("a", "1"))).await.expect_err("exists");
    assert!(matches!(&again, kube::Error::Api(status) if status.is_already_exists()), "{again}");

    let mut changed = created.clone();
    changed.data = Some(BTreeMap::from([("v".to_owned(), "2".to_owned())]));
    api.replace("a", &PostParams::default(), &changed).await.expect("replaced");
    let stale = api.replace("a", &PostParams::default(), &created).await.expect_err("stale");
    assert!(matches!(&stale, kube::Error::Api(status) if status.is_conflict()), "{stale}");

    let list = api.list(&ListParams::default().limit(1)).await.expect("listed");
    assert_eq!(list.items.len(), 1);
    assert!(api.get_opt("nobody").await.expect("answered").is_none());
    let gone = api.delete("a", &DeleteParams::default()).await.expect("deleted");
    assert!(gone.right().is_some_and(|status| status.is_success()));
    assert_eq!(code(&api.delete("a", &DeleteParams::default()).await.expect_err("gone")), 404);
    assert_eq!(server.store().get("ConfigMap", "default", "a"), None);
    server.shutdown().await;
}

#[tokio::test]
async fn kube_patches_status_and_applies() {
    let server = server().await;
    let ingresses: Api<Ingress> = Api::namespaced(client(&server), "default");
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
        "spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}});
    let params = PatchParams::apply("tester");
    ingresses.patch("web", &params, &Patch::Apply(&ingress)).await.expect("applied");
    let status =
        json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}, "spec": {"ingressClassName": "no"}});
    let patched =
        ingresses.patch_status("web", &PatchParams::default(), &Patch::Merge(&status)).await.expect("patched");
    let balancer = patched.status.and_then(|it| it.load_balancer).and_then(|it| it.ingress).expect("addresses");
    assert_eq!(balancer[0].ip.as_deref(), Some("10.0.0.1"));
    assert_eq!(patched.spec.and_then(|it| it.ingress_class_name), None);
    let managers = ingresses.get("web").await.expect("there").metadata.managed_fields.expect("recorded");
    assert_eq!(managers[0].manager.as_deref(), Some("tester"));
    let wrong =
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": {"rules": [{"host": "UPPER"}]}});
    assert_eq!(code(&ingresses.patch("web", &params, &Patch::Apply(&wrong)).await.expect_err("invalid")), 422);

    let custom = ApiResource::from_gvk(&GroupVersionKind::gvk("traefik.io", "v1alpha1", "Middleware"));
    let middlewares: Api<DynamicObject> = Api::namespaced_with(client(&server), "default", &custom);
    let middleware = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "spec": {"stripPrefix": {"prefixes": ["/a"]}}});
    middlewares.patch("strip", &params, &Patch::Apply(&middleware)).await.expect("applied");
    assert_eq!(middlewares.list(&ListParams::default()).await.expect("listed").items.len(), 1);
}

#[tokio::test]
async fn a_lease_can_be_taken_by_one_only() {
    let server = server().await;
    let api: Api<Lease> = Api::namespaced(client(&server), "default");
    let lease = |holder: &str| -> Lease {
        serde_json::from_value(
            json!({"metadata": {"name": "leader"}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15}}),
        )
        .expect("a lease")
    };
    let first = api.create(&PostParams::default(), &lease("one")).await.expect("created");
    let take = |holder: &str| {
        let mut it = lease(holder);
        it.metadata.resource_version.clone_from(&first.metadata.resource_version);
        it
    };
    let (params, one, two) = (PostParams::default(), take("two"), take("three"));
    let (one, two) = tokio::join!(api.replace("leader", &params, &one), api.replace("leader", &params, &two));
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn recorded_events_show_up_in_both_apis() {
    let server = server().await;
    let secrets: Api<Secret> = Api::namespaced(client(&server), "default");
    let secret: Secret =
        serde_json::from_value(json!({"metadata": {"name": "s"}, "stringData": {"a": "b"}})).expect("a secret");
    let secret = secrets.create(&PostParams::default(), &secret).await.expect("created");
    let recorder = Recorder::new(client(&server), Reporter { controller: "pilotage".into(), instance: None });
    let event = Event {
        type_: EventType::Warning,
        reason: "Broken".into(),
        note: Some("no key".into()),
        action: "Read".into(),
        secondary: None,
    };
    recorder.publish(&event, &secret.object_ref(&())).await.expect("recorded");
    recorder.publish(&event, &secret.object_ref(&())).await.expect("recorded again, as a series");
    let core: Api<k8s_openapi::api::core::v1::Event> = Api::namespaced(client(&server), "default");
    let found = core
        .list(&ListParams::default().fields("involvedObject.name=s,involvedObject.kind=Secret"))
        .await
        .expect("listed");
    assert_eq!(found.items[0].message.as_deref(), Some("no key"));
}

#[tokio::test]
async fn a_watcher_follows_what_happens() {
    for config in [watcher::Config::default().page_size(1), watcher::Config::default().streaming_lists()] {
        let server = server().await;
        let store = server.store();
        for name in ["a", "b", "c"] {
            store.apply(config_map(name, "1")).expect("applied");
        }
        let api: Api<ConfigMap> = Api::all(client(&server));
        let mut stream = pin!(watcher(api, config));
        let mut seen = Seen::default();
        seen.until(&mut stream, |seen| seen.objects.len() == 3).await;
        store.apply(config_map("a", "2")).expect("applied");
        store.delete("ConfigMap", "default", "b").expect("deleted");
        store.apply(config_map("d", "1")).expect("applied");
        seen.until(&mut stream, |seen| seen.objects.contains_key("d")).await;
        assert_eq!(
            seen.objects,
            [("a", "2"), ("c", "1"), ("d", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
        assert_eq!(seen.relists, 1);
    }
}

#[tokio::test]
async fn a_watcher_outlives_cuts_and_lists_again_when_it_must() {
    let server = server().await;
    server.store().apply(config_map("a", "1")).expect("applied");
    let api: Api<ConfigMap> = Api::all(client(&server));
    let mut stream = pin!(watcher(api, watcher::Config::default()).default_backoff());
    let mut seen = Seen::default();
    seen.until(&mut stream, |seen| seen.objects.len() == 1).await;

    server.faults().cut_watches("configmaps", Cut::Cleanly);
    server.store().apply(config_map("b", "1")).expect("applied");
    seen.until(&mut stream, |seen| seen.objects.contains_key("b")).await;
    assert_eq!(seen.relists, 1, "a clean end is resumed");

    server.faults().cut_watches("configmaps", Cut::Broken);
    server.store().apply(config_map("c", "1")).expect("applied");
    seen.until(&mut stream, |seen| seen.objects.contains_key("c")).await;

    server.faults().cut_watches("configmaps", Cut::Expired);
    server.store().apply(config_map("d", "1")).expect("applied");
    seen.until(&mut stream, |seen| seen.objects.contains_key("d") && seen.relists == 2).await;

    server.faults().answer_next(1, Calls::of(Verb::Watch, "configmaps"), Answer::Expired);
    server.faults().cut_watches("configmaps", Cut::Cleanly);
    server.store().apply(config_map("e", "1")).expect("applied");
    seen.until(&mut stream, |seen| seen.objects.contains_key("e")).await;
    assert_eq!(seen.relists, 2, "kube-rs tries an HTTP 410 at the start of a watch again without a list");

    let mut others = (0..20).map(|number| config_map("f", &number.to_string()));
    server.faults().set_network(Network::HalfOpen);
    others.by_ref().take(10).for_each(|object| drop(server.store().apply(object).expect("applied")));
    server.faults().drop_connections();
    server.store().compact();
    server.faults().set_network(Network::Fine);
    seen.until(&mut stream, |seen| seen.objects.get("f").is_some_and(|value| value == "9")).await;
    assert_eq!(seen.relists, 3, "what was missed is gone from the history");
}

#[tokio::test]
async fn a_version_before_the_compaction_is_gone() {
    let server = server().await;
    let api: Api<ConfigMap> = Api::all(client(&server));
    let old = api.list(&ListParams::default()).await.expect("listed").metadata.resource_version.expect("a version");
    server.store().apply(config_map("a", "1")).expect("applied");
    server.store().compact();
    let mut stream = pin!(api.watch(&WatchParams::default(), &old).await.expect("answered"));
    let first = soon(stream.try_next()).await.expect("an event").expect("not the end");
    assert!(matches!(&first, WatchEvent::Error(status) if status.code == 410), "{first:?}");
}

#[tokio::test]
async fn a_watch_is_scoped_and_selected() {
    let server = server().await;
    let api: Api<ConfigMap> = Api::namespaced(client(&server), "other");
    let params = WatchParams::default().labels("app=web").timeout(3);
    let mut stream = pin!(api.watch(&params, "0").await.expect("started"));
    let put = |namespace: &str, label: &str| {
        let mut object = config_map("a", label);
        object["metadata"]["namespace"] = json!(namespace);
        object["metadata"]["labels"] = json!({"app": label});
        server.store().apply(object).expect("applied");
    };
    put("default", "web");
    put("other", "api");
    put("other", "web");
    put("other", "api");
    let mut words = Vec::new();
    while let Some(event) = soon(stream.try_next()).await.expect("no error") {
        match event {
            WatchEvent::Added(_) => words.push("added"),
            WatchEvent::Modified(_) => words.push("modified"),
            WatchEvent::Deleted(_) => words.push("deleted"),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => panic!("{status}"),
        }
    }
    assert_eq!(words, ["added", "deleted"], "and the watch ended at its timeout");
}

#[tokio::test]
async fn metadata_alone_can_be_watched() {
    let server = server().await;
    server.store().apply(config_map("a", "1")).expect("applied");
    let api: Api<PartialObjectMeta<ConfigMap>> = Api::all(client(&server));
    let mut stream = pin!(watcher(api, watcher::Config::default()).applied_objects());
    let first = soon(stream.try_next()).await.expect("no error").expect("an object");
    assert_eq!(first.metadata.name.as_deref(), Some("a"));
}

#[tokio::test]
async fn calls_are_counted_as_rbac_sees_them() {
    let server = server().await;
    let api: Api<Service> = Api::namespaced(client(&server), "n");
    for _ in 0..2 {
        api.list(&ListParams::default()).await.expect("listed");
    }
    drop(api.patch_status("a", &PatchParams::default(), &Patch::Merge(json!({}))).await);
    let call = |verb, subresource: &str| Call {
        verb,
        group: String::new(),
        resource: "services".to_owned(),
        subresource: subresource.to_owned(),
        namespace: "n".to_owned(),
    };
    assert_eq!(server.faults().calls(), BTreeMap::from([(call(Verb::List, ""), 2), (call(Verb::Patch, "status"), 1)]));
    server.faults().forget_calls();
    assert!(server.faults().calls().is_empty());
}

#[tokio::test]
async fn ordered_answers_reach_the_client() {
    let server = server().await;
    let api: Api<Service> = Api::all(client(&server));
    let answers =
        [(Answer::Unauthorized, 401), (Answer::Forbidden, 403), (Answer::Conflict, 409), (Answer::Internal, 500)];
    for (answer, want) in answers {
        // The client tries some of them again by itself.
        server.faults().answer_next(1_000, Calls::on("services"), answer);
        let error = soon(api.list(&ListParams::default())).await.map(drop).err();
        assert_eq!(error.as_ref().map(code), Some(want));
        server.faults().clear();
    }
}

#[tokio::test]
async fn connections_can_be_refused_dropped_and_frozen() {
    let server = server().await;
    let get = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut connection = TcpStream::connect(server.addr()).await.expect("connected");
    let mut answer = [0; 512];
    connection.write_all(get).await.expect("sent");
    assert!(soon(connection.read(&mut answer)).await.expect("answered") > 0);

    server.faults().set_network(Network::HalfOpen);
    connection.write_all(get).await.expect("still open");
    let silence = tokio::time::timeout(Duration::from_millis(100), connection.read(&mut answer)).await;
    assert!(silence.is_err(), "not a byte");
    server.faults().set_network(Network::Fine);
    assert!(soon(connection.read(&mut answer)).await.expect("answered") > 0);

    server.faults().drop_connections();
    assert_eq!(soon(connection.read(&mut answer)).await.unwrap_or(0), 0);

    server.faults().set_network(Network::Refusing);
    let mut refused = TcpStream::connect(server.addr()).await.expect("the kernel accepts");
    drop(refused.write_all(get).await);
    assert_eq!(soon(refused.read(&mut answer)).await.unwrap_or(0), 0);
    server.faults().set_network(Network::Fine);
    assert!(soon(client(&server).apiserver_version()).await.is_ok());
}

#[tokio::test]
async fn delays_hold_requests_back() {
    let server = server().await;
    server.faults().delay(Calls::on("services"), Duration::from_secs(3_600));
    let api: Api<Service> = Api::all(client(&server));
    let waiting = tokio::time::timeout(Duration::from_millis(50), api.list(&ListParams::default())).await;
    assert!(waiting.is_err());
    server.faults().clear();
    assert!(soon(api.list(&ListParams::default())).await.is_ok());
}

#[tokio::test]
async fn a_shutdown_ends_watches_cleanly_and_frees_the_port() {
    let server = server().await;
    let addr = server.addr();
    let api: Api<ConfigMap> = Api::all(client(&server));
    let mut stream = pin!(api.watch(&WatchParams::default(), "0").await.expect("started"));
    soon(server.shutdown()).await;
    let rest: Vec<_> = soon(stream.by_ref().collect()).await;
    assert!(rest.iter().all(Result::is_ok), "no error, just the end: {rest:?}");
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    let server = server().await;
    let addr = server.addr();
    let mut connection = TcpStream::connect(addr).await.expect("connected");
    connection.write_all(b"GET /api/v1/services?watch=1 HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let mut head = [0; 64];
    soon(connection.read(&mut head)).await.expect("the watch has begun");
    drop(server);
    drop(soon(connection.read_to_end(&mut answer)).await);
    let closed = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon(closed).await;
}

#[tokio::test]
async fn garbage_from_the_network_is_answered_or_dropped() {
    let server = server().await;
    let huge = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000));
    let inputs: [&[u8]; 6] = [
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /api/v1/namespaces/n/configmaps HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /api/v1/namespaces/n/configmaps HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999999\r\n\r\n{}",
        huge.as_bytes(),
    ];
    for input in inputs {
        let mut connection = TcpStream::connect(server.addr()).await.expect("connected");
        drop(connection.write_all(input).await);
        drop(connection.shutdown().await);
        let mut answer = Vec::new();
        drop(soon(connection.read_to_end(&mut answer)).await);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    assert!(client(&server).apiserver_version().await.is_ok());
}
