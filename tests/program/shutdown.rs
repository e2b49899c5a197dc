//! The end of a process and the beginning of the next: signals, what load balancers see, and a port that two processes share.
use super::command::running;
use crate::support::http::{Connection, get};
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{eventually, in_system, spare_address, start_cluster};
use pilotage::apiserver::ApiServer;
use std::cell::Cell;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::rc::Rc;
use tokio::process::{Child, Command};

async fn cluster_with(origin: &Origin) -> (ApiServer, String) {
    let cluster = start_cluster().await;
    for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
        cluster.store().apply(object).unwrap();
    }
    let endpoint = format!("--providers.kubernetesingress.endpoint={}", cluster.url());
    (cluster, endpoint)
}

async fn serves(web: SocketAddr) {
    eventually(async || {
        // A shared port is listened on from the first table on.
        let stream = tokio::net::TcpStream::connect(web).await.ok()?;
        let answer = Connection::over(stream).await.get("a.test", "/").await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
}

async fn terminate(child: &Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
}

async fn ended(mut child: Child) -> ExitStatus {
    child.wait().await.unwrap()
}

#[test]
fn during_the_accept_grace_requests_are_served_and_probes_say_no() {
    in_system(async || {
        let origin = Origin::start("o").await;
        let (cluster, endpoint) = cluster_with(&origin).await;
        let admin = spare_address();
        let grace = "transport.lifecycle.requestacceptgracetimeout=5s";
        let (child, web, _lines) = running(&[
            &endpoint,
            "--ping=true",
            &format!("--entrypoints.traefik.address={admin}"),
            &format!("--entrypoints.web.{grace}"),
            &format!("--entrypoints.traefik.{grace}"),
        ])
        .await;
        serves(web).await;
        assert_eq!(get(admin, "x", "/ready").await.status, 200);
        let mut kept = Connection::open(web).await;
        terminate(&child).await;
        eventually(async || (get(admin, "x", "/ready").await.status == 503).then_some(())).await;
        assert_eq!(get(admin, "x", "/ping").await.status, 503);
        assert_eq!(get(web, "a.test", "/").await.status, 200, "a new connection");
        let answer = kept.get("a.test", "/").await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, None), "a kept connection");
        assert_eq!(ended(child).await.code(), Some(0));
        assert!(tokio::net::TcpStream::connect(web).await.is_err());
        cluster.shutdown().await;
    });
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    in_system(async || {
        let origin = Origin::start("o").await;
        let (cluster, endpoint) = cluster_with(&origin).await;
        let grace = "--entrypoints.web.transport.lifecycle.gracetimeout=300s";
        let (child, web, mut lines) = running(&[&endpoint, grace]).await;
        serves(web).await;
        let before = origin.requests();
        let slow = actix::spawn(async move { Connection::open(web).await.get("a.test", "/?wait-ms=600000").await });
        eventually(async || (origin.requests() > before).then_some(())).await;
        terminate(&child).await;
        while !lines.next_line().await.unwrap().expect("it ended").contains("told to stop") {}
        terminate(&child).await;
        assert_eq!(ended(child).await.code(), Some(1), "running requests were cut");
        assert!(slow.await.unwrap().is_err());
        cluster.shutdown().await;
    });
}

/// Clients of both sorts that ask all the time, and what came of it.
#[derive(Clone, Default)]
struct Load {
    stop: Rc<Cell<bool>>,
    answered: Rc<Cell<usize>>,
    failed: Rc<Cell<usize>>,
}

impl Load {
    fn note(&self, worked: bool) {
        let count = if worked { &self.answered } else { &self.failed };
        count.set(count.get() + 1);
    }

    /// A new connection for each request; nothing is tried again.
    async fn connecting(self, web: SocketAddr) {
        while !self.stop.get() {
            let connected = tokio::net::TcpStream::connect(web).await;
            let worked = match connected {
                Ok(stream) => Connection::over(stream).await.get("a.test", "/").await.is_ok_and(|it| it.status == 200),
                Err(_) => false,
            };
            self.note(worked);
        }
    }

    /// One connection as long as it lasts. As browsers, curl and Go do (RFC 9110 9.2.2, RFC 9112 9.3.1): a GET on a kept
    /// connection that ends without an answer is tried again on a new one.
    async fn keeping(self, web: SocketAddr) {
        let mut kept: Option<Connection> = None;
        while !self.stop.get() {
            if let Some(connection) = &mut kept
                && let Ok(answer) = connection.get("a.test", "/").await
            {
                self.note(answer.status == 200);
                continue;
            }
            let mut fresh = match tokio::net::TcpStream::connect(web).await {
                Ok(stream) => Connection::over(stream).await,
                Err(_) => {
                    self.note(false);
                    continue;
                }
            };
            self.note(fresh.get("a.test", "/").await.is_ok_and(|answer| answer.status == 200));
            kept = Some(fresh);
        }
    }
}

#[test]
fn the_next_process_takes_a_shared_port_over_without_a_failed_request() {
    in_system(async || {
        let origin = Origin::start("o").await;
        let (cluster, endpoint) = cluster_with(&origin).await;
        let address = format!("--entrypoints.web.address={}", spare_address());
        let args = [&*endpoint, &address, "--entrypoints.web.reuseport=true", "--workers=2"];
        let (mut present, web, _) = running(&args).await;
        serves(web).await;
        let load = Load::default();
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(actix::spawn(load.clone().connecting(web)));
            clients.push(actix::spawn(load.clone().keeping(web)));
        }
        let mut previous = 0;
        for _ in 0..3 {
            eventually(async || (load.answered.get() > previous + 100).then_some(())).await;
            let (next, _, lines) = running_and_ready(&args).await;
            terminate(&present).await;
            assert_eq!(ended(present).await.code(), Some(0));
            previous = load.answered.get();
            present = next;
            drop(lines);
        }
        eventually(async || (load.answered.get() > previous + 100).then_some(())).await;
        load.stop.set(true);
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(load.failed.get(), 0, "of {}", load.answered.get());
        terminate(&present).await;
        assert_eq!(ended(present).await.code(), Some(0));
        cluster.shutdown().await;
    });
}

type Running = (Child, SocketAddr, tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>);

/// Starts a process; until its first table it answers 503 on the port that it shares, so its log tells when it is ready.
async fn running_and_ready(args: &[&str]) -> Running {
    let (child, web, mut lines) = running(args).await;
    while !lines.next_line().await.unwrap().expect("it ended").contains("plan installed") {}
    (child, web, lines)
}
