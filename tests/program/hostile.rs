//! Clients that mean harm to the process as a whole. What they can do to one connection is tested in `proxy/`.
use super::command::running_as;
use crate::support::http::{Connection, get};
use crate::support::objects::{ingress, service, slice};
use crate::support::origin::Origin;
use crate::support::world::{eventually, in_system, spare_address, start_cluster};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

/// Open files that the process may have, and clients that each take one.
const FILES: usize = 96;
const CLIENTS: usize = 200;

#[test]
fn without_file_descriptors_it_pauses_and_serves_again_when_there_are_some() {
    in_system(async || {
        let cluster = start_cluster().await;
        let origin = Origin::start("o").await;
        for object in [service("n", "s"), slice("n", "s", &[origin.address]), ingress("n", "i", "a.test", "/", "s")] {
            cluster.store().apply(object).unwrap();
        }
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_pilotage")]);
        command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
        let endpoint = format!("--providers.kubernetesingress.endpoint={}", cluster.url());
        let admin = spare_address();
        let (mut child, web, mut lines) = running_as(
            command,
            &[
                &endpoint,
                "--workers=1",
                "--api.insecure=true",
                // More than there are files for: the limit of connections is not what holds.
                "--maxconnections=100000",
                &format!("--entrypoints.traefik.address={admin}"),
            ],
        )
        .await;
        eventually(async || (get(web, "a.test", "/").await.status == 200).then_some(())).await;
        let mut attack = Vec::new();
        for _ in 0..CLIENTS {
            let mut stream = TcpStream::connect(web).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ").await.unwrap();
            attack.push(stream);
        }
        while !lines.next_line().await.unwrap().expect("it ended").contains("cannot accept connections") {}
        // Whoever takes too long over a head has to go, so that others are served while the attack lasts.
        let stream = TcpStream::connect(web).await.unwrap();
        assert_eq!(Connection::over(stream).await.get("a.test", "/").await.unwrap().status, 200);
        drop(attack);
        assert_eq!(get(web, "a.test", "/").await.status, 200);
        let traffic = eventually(async || {
            let answer = get(admin, "localhost", "/debug/actors/proxy-listener").await;
            let state = (answer.status == 200).then(|| answer.json()["state"]["traffic"].take())?;
            (state["accept_errors"].as_u64()? > 0).then_some(state)
        })
        .await;
        let errors = traffic["accept_errors"].as_u64().unwrap();
        assert!(errors < 2_000, "{errors} failed accepts: it spins");
        child.kill().await.unwrap();
        cluster.shutdown().await;
    });
}
