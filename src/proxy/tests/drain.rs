//! The end of the proxy: nothing new, nothing lost that is under way, nothing for ever.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use crate::proxy::Grace;
use std::time::Duration;
use tokio::net::TcpStream;

#[test]
fn a_drain_finishes_what_runs_closes_what_is_idle_and_takes_nothing_new() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut client, _| {
            let mut gone = gone.clone();
            async move {
                while let Some(request) = client.message(false).await {
                    if request.first_line().contains("/slow") {
                        gone.wait_for(|go| *go).await.unwrap();
                    }
                    client.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
                }
            }
        })
        .await;
        let mut rig = Rig::to(&[origin.address]);
        let mut idle = rig.client().await;
        idle.send(GET).await;
        assert_eq!(idle.answer().await.status(), 200);
        let mut busy = rig.client().await;
        busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
        until(|| rig.totals().requests == 2).await;

        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::Configured));
        assert!(idle.is_closed().await);
        while TcpStream::connect(rig.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(!drained.is_finished());
        go.send(true).unwrap();
        let answer = busy.answer().await;
        assert_eq!((answer.text(), answer.header("connection").as_deref()), ("done", Some("close")));
        assert!(busy.is_closed().await);
        drained.await.unwrap();
        assert_eq!(rig.totals().connections_open, 0);
    });
}

#[test]
fn what_outlives_its_grace_is_cut_tunnels_included() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            if client.message(false).await.unwrap().header("upgrade").is_some() {
                client.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n").await;
            }
            client.rest().await;
        })
        .await;
        let mut rig = Rig::to(&[origin.address]);
        let mut tunnel = rig.client().await;
        tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n").await;
        assert_eq!(tunnel.answer().await.status(), 101);
        let mut stuck = rig.client().await;
        stuck.send(GET).await;
        until(|| rig.totals().requests == 2).await;
        rig.proxy.drain(Grace::AtMost(Duration::from_millis(50))).await;
        assert!(stuck.is_closed().await);
        assert!(tunnel.is_closed().await);
    });
}

#[test]
fn connections_are_still_taken_during_the_accept_grace() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let mut rig = Rig::with(&["--entrypoints.web.transport.lifecycle.requestacceptgracetimeout=2s"], plan);
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::Configured));
        assert_eq!(rig.ask(GET).await.status(), 200);
        drained.await.unwrap();
        assert!(TcpStream::connect(rig.address).await.is_err());
    });
}

#[test]
fn a_drain_before_the_start_lets_go_of_the_addresses() {
    run(async {
        let crate::config::Command::Run(config) = crate::config::from_args(
            ["--entrypoints.web.address=127.0.0.1:0", "--providers.kubernetesingress"].map(str::to_owned),
        )
        .unwrap() else {
            panic!("no run")
        };
        let mut proxy =
            crate::proxy::Proxy::bind(&config, std::sync::Arc::new(crate::proxy::internal::NoInternalService)).unwrap();
        let address = proxy.addresses()[0].1;
        proxy.drain(Grace::Configured).await;
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn a_worker_that_panics_is_noticed_and_drains_nevertheless() {
    run(async {
        let origin = Origin::echoing().await;
        let mut rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.status(), 200);
        assert!(rig.proxy.is_alive());
        rig.proxy.break_workers();
        until(|| !rig.proxy.is_alive()).await;
        // The connections it has are served until the drain.
        client.send(GET).await;
        assert_eq!(client.answer().await.status(), 200);
        rig.proxy.drain(Grace::Configured).await;
        assert!(client.is_closed().await);
    });
}

#[test]
fn a_panic_in_a_request_costs_its_connection_and_no_other() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut other = rig.client().await;
        other.send(GET).await;
        assert_eq!(other.answer().await.status(), 200);
        for path in ["/panic/claims", "/panic/answer"] {
            let mut client = rig.client().await;
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            assert!(client.is_closed().await, "{path}");
        }
        other.send(GET).await;
        assert_eq!(other.answer().await.status(), 200);
        assert!(rig.proxy.is_alive());
        until(|| rig.totals().connections_open == 1).await;
        rig.stop().await;
    });
}
