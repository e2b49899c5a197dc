//! As many connections as there is room for, and no more; what goes when more come.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use std::net::SocketAddr;

fn with_room(options: &[&str], origin: SocketAddr) -> Rig {
    Rig::with(options, plan([server(Scheme::Http, origin)], HostHeader::Pass))
}

#[test]
fn without_room_clients_wait_until_one_leaves() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut client, _| {
            let mut gone = gone.clone();
            async move {
                while client.message(false).await.is_some() {
                    gone.wait_for(|go| *go).await.unwrap();
                    client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            }
        })
        .await;
        let rig = with_room(&["--maxconnections=2"], origin.address);
        let mut busy = [rig.client().await, rig.client().await];
        for client in &mut busy {
            client.send(GET).await;
        }
        until(|| rig.totals().requests == 2).await;
        let mut more = Vec::new();
        for _ in 0..5 {
            let mut client = rig.client().await;
            client.send(GET).await;
            more.push(client);
        }
        // The kernel has accepted them all, the proxy has not.
        assert_eq!((rig.totals().connections_open, rig.totals().connections_evicted), (2, 0));
        go.send(true).unwrap();
        for client in busy.iter_mut().chain(&mut more) {
            assert_eq!(client.answer().await.status(), 200);
            assert!(rig.totals().connections_open <= 2);
        }
        rig.stop().await;
    });
}

#[test]
fn the_longest_idle_connection_makes_room() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = with_room(&["--maxconnections=3"], origin.address);
        let mut idle = Vec::new();
        for _ in 0..3 {
            let mut client = rig.client().await;
            client.send(GET).await;
            assert_eq!(client.answer().await.status(), 200);
            idle.push(client);
        }
        assert_eq!(rig.ask(GET).await.status(), 200);
        assert_eq!(rig.totals().connections_evicted, 1);
        let [first, rest @ ..] = &mut idle[..] else { panic!("none") };
        assert!(first.is_closed().await);
        for client in rest {
            client.send(GET).await;
            assert_eq!(client.answer().await.status(), 200);
        }
        rig.stop().await;
    });
}

#[test]
fn slow_heads_make_room_after_a_while() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = with_room(&["--maxconnections=4"], origin.address);
        let mut slow = Vec::new();
        for _ in 0..8 {
            let mut client = rig.client().await;
            client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
            slow.push(client);
        }
        // A minute of patience for a head is the default; with the room full it is two seconds.
        assert_eq!(rig.ask(GET).await.status(), 200);
        assert!(rig.totals().connections_evicted > 0);
        rig.stop().await;
    });
}

#[test]
fn the_programs_own_entry_point_is_reached_when_clients_hold_everything() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move { drop(client.message(false).await) }).await;
        let rig = with_room(&["--maxconnections=1", "--entrypoints.traefik.address=127.0.0.1:0"], origin.address);
        let mut clients = Vec::new();
        for _ in 0..4 {
            let mut client = rig.client().await;
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n").await;
            clients.push(client);
        }
        until(|| rig.totals().requests > 0).await;
        let admin = rig.proxy.addresses().iter().find(|(name, _)| &**name == "traefik").unwrap().1;
        let mut probe = Client::connect(admin).await;
        probe.send("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(probe.answer().await.status(), 200);
        rig.stop().await;
    });
}

#[test]
fn many_large_heads_at_once_are_cut_and_small_ones_served() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        // Each head may be 1 MiB, all together 64 MiB.
        let begun = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Large: {}", "x".repeat(1_000_000));
        let mut clients = Vec::new();
        for _ in 0..80 {
            let mut client = rig.client().await;
            // It may be cut while it sends.
            drop(tokio::io::AsyncWriteExt::write_all(&mut client.tcp, begun.as_bytes()).await);
            clients.push(client);
        }
        until(|| rig.totals().connections_open < 80).await;
        assert_eq!(rig.ask(GET).await.status(), 200);
        until(|| rig.totals().connections_open <= 67).await;
        drop(clients);
        until(|| rig.totals().connections_open == 0).await;
        let whole = format!("{begun}\r\n\r\n");
        for _ in 0..3 {
            assert_eq!(rig.ask(&whole).await.status(), 200, "their bytes are still counted");
        }
        rig.stop().await;
    });
}
