//! Several replicas against one API server: one writes, another takes over, nobody writes twice.
use crate::support::objects::{ingress, service};
use crate::support::world::{PATIENCE, eventually_within, in_system, start_cluster, start_program};
use pilotage::apiserver::ApiServer;
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::process::{Child, Command};

const FIXED: &str = "--providers.kubernetesingress.ingressendpoint.ip=203.0.113.7";

fn replica(cluster: &ApiServer, name: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
    for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("KUBE")) {
        command.env_remove(key);
    }
    command
        .env("POD_NAME", name)
        .arg("--entrypoints.web.address=127.0.0.1:0")
        .arg("--providers.providersthrottleduration=0s")
        .arg("--workers=1")
        .arg("--log.level=ERROR")
        .arg(FIXED)
        .arg(format!("--providers.kubernetesingress.endpoint={}", cluster.url()))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn holder(cluster: &ApiServer) -> String {
    let lease = cluster.store().get("Lease", "default", "pilotage-leader");
    let holder = lease.and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned));
    holder.unwrap_or_default().split('_').next().unwrap_or_default().to_owned()
}

fn status_writes(cluster: &ApiServer) -> u64 {
    let calls = cluster.faults().calls();
    calls.iter().filter(|(call, _)| call.subresource == "status").map(|(_, count)| count).sum()
}

async fn until_all_say(cluster: &ApiServer, names: &[&str]) {
    // A lease has to run out first, where its holder was killed.
    eventually_within(3 * PATIENCE, async || {
        let says = |name: &&str| {
            let object = cluster.store().get("Ingress", "n", name).unwrap();
            object["status"]["loadBalancer"]["ingress"] == json!([{"ip": "203.0.113.7"}])
        };
        names.iter().all(says).then_some(())
    })
    .await;
}

fn apply(cluster: &ApiServer, objects: impl IntoIterator<Item = Value>) {
    for object in objects {
        cluster.store().apply(object).unwrap();
    }
}

#[test]
fn of_two_processes_one_writes_and_the_other_takes_over_when_it_is_killed() {
    in_system(async || {
        let cluster = start_cluster().await;
        apply(
            &cluster,
            [service("n", "s"), ingress("n", "a", "a.test", "/", "s"), ingress("n", "b", "b.test", "/", "s")],
        );
        let mut first = replica(&cluster, "first");
        eventually_within(3 * PATIENCE, async || (holder(&cluster) == "first").then_some(())).await;
        let second = replica(&cluster, "second");
        until_all_say(&cluster, &["a", "b"]).await;
        assert_eq!(status_writes(&cluster), 2, "each once");
        first.kill().await.unwrap();
        apply(&cluster, [ingress("n", "c", "c.test", "/", "s")]);
        until_all_say(&cluster, &["a", "b", "c"]).await;
        assert_eq!(holder(&cluster), "second");
        assert_eq!(status_writes(&cluster), 3, "the new leader writes what is missing and nothing else");
        drop(second);
        cluster.shutdown().await;
    });
}

#[test]
fn a_replica_that_is_told_to_stop_gives_the_lease_back() {
    in_system(async || {
        let cluster = start_cluster().await;
        apply(&cluster, [service("n", "s"), ingress("n", "a", "a.test", "/", "s")]);
        let first = start_program(&cluster, &[FIXED]).await;
        until_all_say(&cluster, &["a"]).await;
        let second = start_program(&cluster, &[FIXED]).await;
        first.stop().await;
        let lease = cluster.store().get("Lease", "default", "pilotage-leader").unwrap();
        let transitions = lease["spec"]["leaseTransitions"].as_i64().unwrap();
        apply(&cluster, [ingress("n", "b", "b.test", "/", "s")]);
        until_all_say(&cluster, &["a", "b"]).await;
        assert!(transitions <= 1, "nobody fought for it: {lease}");
        assert_eq!(status_writes(&cluster), 2);
        second.stop().await;
        let lease = cluster.store().get("Lease", "default", "pilotage-leader").unwrap();
        assert_eq!(lease["spec"]["holderIdentity"], "");
        cluster.shutdown().await;
    });
}
