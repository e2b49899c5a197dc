//! Connections on both sides: how long they are kept, and who uses them again.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use tokio::io::AsyncWriteExt;

#[test]
fn requests_share_connections_on_both_sides() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        for _ in 0..10 {
            client.send(GET).await;
            assert_eq!(client.answer().await.status(), 200);
        }
        rig.ask(GET).await;
        let totals = rig.totals();
        assert_eq!((totals.connections, totals.requests, totals.answers[2]), (2, 11, 11));
        assert_eq!((totals.upstream_connects, totals.upstream_reuses, totals.retries), (1, 10, 0));
        assert_eq!(origin.connections.get(), 1);
        rig.stop().await;
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let origin = Origin::replying(|request| ok(request.first_line().as_bytes())).await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        let all: String = (0..20).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
        client.send(&all).await;
        for number in 0..20 {
            assert_eq!(client.answer().await.text(), format!("GET /{number} HTTP/1.1"));
        }
        rig.stop().await;
    });
}

#[test]
fn pipelined_answers_larger_than_any_buffer_arrive_whole() {
    run(async {
        const SIZE: usize = 3_000_000;
        let origin = Origin::replying(|_| ok(&vec![b'x'; SIZE])).await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(&GET.repeat(6)).await;
        until(|| rig.totals().requests > 0).await;
        for _ in 0..6 {
            assert_eq!(client.answer().await.body.len(), SIZE);
        }
        rig.stop().await;
    });
}

#[test]
fn connections_survive_a_change_of_the_table() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        for generation in 2..6 {
            client.send(GET).await;
            assert_eq!(client.answer().await.status(), 200);
            let mut patch = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
            patch.generation = generation;
            rig.proxy.publisher().install(&patch);
            assert_eq!(rig.proxy.publisher().table().generation(), generation);
        }
        assert_eq!((origin.connections.get(), rig.totals().connections), (1, 1));
        rig.stop().await;
    });
}

#[test]
fn no_more_idle_connections_are_kept_than_allowed() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--serverstransport.maxidleconnsperhost=-1"], plan);
        for _ in 0..3 {
            rig.ask(GET).await;
        }
        assert_eq!((origin.connections.get(), rig.totals().upstream_reuses), (3, 0));
        rig.stop().await;
    });
}

#[test]
fn idle_connections_to_servers_are_closed_in_time() {
    run(async {
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let origin = Origin::scripted(move |mut client, _| {
            let told = told.clone();
            async move {
                client.message(false).await;
                client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                assert!(client.is_closed().await);
                told.send(()).unwrap();
            }
        })
        .await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--serverstransport.forwardingtimeouts.idleconntimeout=50ms"], plan);
        rig.ask(GET).await;
        heard.recv().await.unwrap();
        rig.stop().await;
    });
}

#[test]
fn idle_connections_that_a_server_closes_are_closed_here_too() {
    run(async {
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let origin = Origin::scripted(move |mut client, _| {
            let told = told.clone();
            async move {
                client.message(false).await;
                client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                client.tcp.shutdown().await.unwrap();
                assert!(client.is_closed().await);
                told.send(()).unwrap();
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        rig.ask(GET).await;
        heard.recv().await.unwrap();
        rig.stop().await;
    });
}

#[test]
fn a_connection_in_use_is_kept_however_often_the_sweeper_comes() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            while client.message(false).await.is_some() {
                tokio::time::sleep(std::time::Duration::from_millis(60)).await;
                client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        })
        .await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        // The shortest limit sets the sweeper's pace: here every 10 ms.
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.idletimeout=80ms"], plan);
        for _ in 0..3 {
            assert_eq!(rig.ask(GET).await.status(), 200);
        }
        assert_eq!(origin.connections.get(), 1);
        rig.stop().await;
    });
}

#[test]
fn silent_clients_are_closed_by_phase() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let read = ["--entrypoints.web.transport.respondingtimeouts.readtimeout=60ms"];
        let idle = ["--entrypoints.web.transport.respondingtimeouts.idletimeout=90ms"];
        for (limit, begun) in [(&read, ""), (&read, "GET / HTTP/1.1\r\nHost: a"), (&idle, GET)] {
            let rig = Rig::with(limit, plan.clone());
            let mut client = rig.client().await;
            client.send(begun).await;
            if begun == GET {
                assert_eq!(client.answer().await.status(), 200);
            }
            assert!(client.is_closed().await, "{begun}");
            rig.stop().await;
        }
    });
}

#[test]
fn a_request_line_that_comes_too_late_is_refused() {
    run(async {
        let options = ["--entrypoints.web.transport.respondingtimeouts.readtimeout=500ms"];
        let rig = Rig::with(&options, plan([], HostHeader::Pass));
        for begun in ["GE", "GET / HTTP/1.1\r"] {
            let mut client = rig.client().await;
            client.send(begun).await;
            assert_eq!(client.answer().await.text(), "400 Bad Request", "{begun}");
            assert!(client.is_closed().await, "{begun}");
        }
        rig.stop().await;
    });
}

#[test]
fn an_answer_that_takes_too_long_is_cut_where_there_is_a_limit() {
    run(async {
        let origin =
            Origin::scripted(|mut client, _| async move { while client.message(false).await.is_some() {} }).await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.writetimeout=80ms"], plan);
        let mut client = rig.client().await;
        client.send(GET).await;
        assert!(client.is_closed().await);
        rig.stop().await;
    });
}

#[test]
fn many_clients_on_several_workers_are_all_served() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--workers=3"], plan);
        let address = rig.address;
        let clients: Vec<_> = (0..60)
            .map(|_| {
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(address).await;
                    for _ in 0..5 {
                        client.send(GET).await;
                        assert_eq!(client.answer().await.status(), 200);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        assert_eq!(rig.totals().answers[2], 300);
        let busy = rig.proxy.stats().iter().filter(|worker| worker.requests.get() > 0).count();
        assert!(busy > 1, "the kernel spread 60 connections over {busy} workers");
        rig.stop().await;
    });
}
