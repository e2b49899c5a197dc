//! The binary itself: arguments, exit status, signals, what it prints.
use crate::support::http::{Connection, get};
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{PATIENCE, eventually, in_system, start_cluster};
use pilotage::apiserver::faults::{Answer as Fault, Calls, Network, Verb};
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

pub(super) fn pilotage() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pilotage"));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy().to_uppercase();
        if ["KUBE", "TRAEFIK_", "PILOTAGE_", "XDG_CONFIG_HOME", "HOME"].iter().any(|ours| name.starts_with(ours)) {
            command.env_remove(key);
        }
    }
    command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn all_mistakes_are_told_at_once_and_nothing_is_started() {
    in_system(async || {
        let output = pilotage()
            .args(["--entrypoints.web.adress=:80", "--log.level=LOUD", "--ping=perhaps"])
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        for part in ["adress", "entrypoints.web.address", "LOUD", "perhaps"] {
            assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part} is not in: {text}");
        }
    });
}

#[test]
fn help_and_version_are_printed() {
    in_system(async || {
        let help = pilotage().arg("--help").output().await.unwrap();
        assert!(help.status.success());
        assert!(String::from_utf8_lossy(&help.stdout).to_lowercase().contains("standalone.manifests"));
        let version = pilotage().arg("version").output().await.unwrap();
        assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
    });
}

#[test]
fn whoever_reads_the_beginning_of_the_help_alone_is_told_of_no_error() {
    in_system(async || {
        let mut child = pilotage().arg("--help").spawn().unwrap();
        // As `| head` does.
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    });
}

#[test]
fn an_address_in_use_is_a_clear_error() {
    in_system(async || {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let output = pilotage().arg(format!("--entrypoints.web.address={address}")).output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("web") && text.contains(&address.to_string()), "{text}");
    });
}

/// Starts the binary against an API server; the addresses come from its log.
pub(super) async fn running(args: &[&str]) -> (Child, SocketAddr, Lines<BufReader<ChildStdout>>) {
    running_as(pilotage(), args).await
}

/// The same with another command that takes the arguments.
pub(super) async fn running_as(
    mut command: Command,
    args: &[&str],
) -> (Child, SocketAddr, Lines<BufReader<ChildStdout>>) {
    let mut child = command
        .args([
            "--entrypoints.web.address=127.0.0.1:0",
            "--providers.kubernetesingress=true",
            "--providers.providersthrottleduration=0s",
            "--log.nocolor=true",
        ])
        .args(args)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("it ended before it listened");
        if line.contains("listening") && line.contains("entrypoint=web") {
            let after = line.split("address=").nth(1).unwrap();
            break after.split_whitespace().next().unwrap().trim_matches('"').parse().unwrap();
        }
    };
    (child, address, lines)
}

#[test]
fn sigterm_finishes_running_requests_and_ends_with_zero() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        let endpoint = format!("--providers.kubernetesingress.endpoint=http://{}", cluster.addr());
        let (mut child, web, mut lines) =
            running(&[&endpoint, "--entrypoints.web.transport.lifecycle.gracetimeout=300s"]).await;
        eventually(async || (get(web, "a.test", "/").await.status == 200).then_some(())).await;
        let before = origin.requests();
        let slow = actix::spawn(async move { get(web, "a.test", "/?wait-ms=700").await });
        let mut idle = Connection::open(web).await;
        idle.get("a.test", "/").await.unwrap();
        eventually(async || (origin.requests() >= before + 2).then_some(())).await;
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        assert_eq!(slow.await.unwrap().status, 200, "a running request was cut");
        // Served for a moment more should the signal be late. One that stayed open would be cut only at the end of the grace.
        eventually(async || idle.get("a.test", "/").await.is_err().then_some(())).await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let mut log = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            log += &line;
        }
        assert!(log.contains("told to stop") && log.contains("drained"), "{log}");
        cluster.shutdown().await;
    });
}

#[test]
fn sigterm_is_obeyed_from_the_moment_that_clients_can_connect() {
    in_system(async || {
        for _ in 0..5 {
            let (mut child, ..) = running(&["--standalone.manifests=fixtures/demo"]).await;
            let pid = child.id().unwrap().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
            assert_eq!(child.wait().await.unwrap().code(), Some(0), "killed by the signal, or ignored as process 1");
        }
    });
}

#[test]
fn each_router_and_each_finding_is_one_line_of_the_log() {
    in_system(async || {
        let cluster = start_cluster().await;
        let (one, two) = (Origin::start("one").await, Origin::start("two").await);
        for (name, origin) in [("one", &one), ("two", &two)] {
            cluster.store().apply(service("n", name)).unwrap();
            cluster.store().apply(slice("n", name, &[origin.address])).unwrap();
        }
        let endpoint = format!("--providers.kubernetesingress.endpoint={}", cluster.url());
        let (mut child, web, mut lines) = running(&[&endpoint]).await;
        let served_by = async |wanted: Option<&str>| {
            eventually(async || (get(web, "a.test", "/").await.header("x-origin") == wanted).then_some(())).await;
        };
        eventually(async || (get(web, "a.test", "/").await.status == 404).then_some(())).await;
        cluster.store().apply(ingress("n", "i", "a.test", "/", "one")).unwrap();
        served_by(Some("one")).await;
        cluster.store().apply(ingress("n", "i", "a.test", "/", "two")).unwrap();
        served_by(Some("two")).await;
        cluster.store().apply(ingress("n", "bad", "bad.test", "/", "ghost")).unwrap();
        cluster.store().delete("Ingress", "n", "bad").unwrap();
        cluster.store().delete("Ingress", "n", "i").unwrap();
        served_by(None).await;
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let mut log = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            log += &format!("{line}\n");
        }
        let messages =
            ["router appeared", "router changed", "router gone", "object not served as written", "finding gone"];
        for message in messages {
            assert_eq!(log.matches(message).count(), 1, "{message}: {log}");
        }
        cluster.shutdown().await;
    });
}

#[test]
fn an_outage_is_one_line_at_its_beginning_and_one_at_its_end() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        // One kind that nobody may read is another matter, and one more line.
        cluster.faults().answer_next(3, Calls::of(Verb::List, "nodes"), Fault::Forbidden);
        let endpoint = format!("--providers.kubernetesingress.endpoint={}", cluster.url());
        let (mut child, web, mut lines) = running(&[&endpoint]).await;
        eventually(async || (get(web, "a.test", "/").await.status == 200).then_some(())).await;
        let mut log = String::new();
        let mut until = async |message: &str, log: &mut String| {
            while !log.contains(message) {
                let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
                let line = line.unwrap_or_else(|_| panic!("`{message}` is not in the log: {log}"));
                *log += &format!("{}\n", line.unwrap().expect(message));
            }
        };
        cluster.faults().set_network(Network::Refusing);
        cluster.faults().drop_connections();
        until("API server does not answer", &mut log).await;
        cluster.store().apply(ingress("n", "j", "b.test", "/", "s")).unwrap();
        cluster.store().compact();
        cluster.faults().set_network(Network::Fine);
        until("API server answers again", &mut log).await;
        eventually(async || (get(web, "b.test", "/").await.status == 200).then_some(())).await;
        until("watch works again", &mut log).await;
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        until("drained", &mut log).await;
        let once =
            ["API server does not answer", "API server answers again", "watch does not work", "watch works again"];
        for message in once {
            assert_eq!(log.matches(message).count(), 1, "{message}: {log}");
        }
        assert!(log.contains("away_seconds=") && log.contains("forbidden"), "{log}");
        assert_eq!(log.matches(" ERR ").count(), 0, "{log}");
        assert_eq!(log.matches(" WRN ").count(), 2, "{log}");
        cluster.shutdown().await;
    });
}
