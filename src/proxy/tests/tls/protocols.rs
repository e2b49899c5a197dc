//! What is spoken over TLS: HTTP/1.1 and HTTP/2 as ALPN says, what servers learn of it, and how it ends.
use super::rig::*;
use crate::base::io::{LocalExecutor, TokioIo};
use crate::model::tls::TlsOptionsKey;
use crate::proxy::Grace;
use crate::proxy::tests::rig::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

type H2 = SendRequest<Full<Bytes>>;

async fn h2_over<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S) -> H2 {
    let (sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(stream)).await.unwrap();
    drop(tokio::task::spawn_local(async move { connection.await.ok() }));
    sender
}

async fn h2(address: SocketAddr, name: &str) -> H2 {
    let stream = connect(address, &Arc::new(client(&["h2", "http/1.1"])), name).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    h2_over(stream).await
}

fn get(host: &str, path: &str) -> http::Request<Full<Bytes>> {
    http::Request::get(format!("https://{host}{path}")).body(Full::default()).unwrap()
}

async fn text(response: http::Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap().to_lowercase()
}

#[test]
fn http_1_1_is_spoken_without_alpn_and_http_2_where_both_can() {
    run(async {
        let rig = rig_with(vec![("a", pair("a", &["a.test"]))]).await;
        for (offered, want) in
            [(vec![], None), (vec!["http/1.1"], Some("http/1.1")), (vec!["http/1.1", "h2"], Some("h2"))]
        {
            let stream = connect(rig.address, &Arc::new(client(&offered)), "a.test").await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap());
            assert_eq!(agreed.as_deref(), want, "{offered:?}");
        }
        let refused = connect(rig.address, &Arc::new(client(&["spdy/1"])), "a.test").await.unwrap_err();
        assert!(refused.to_string().contains("NoApplicationProtocol"), "{refused}");
        rig.stop().await;
    });
}

#[test]
fn servers_learn_that_the_client_came_over_tls() {
    run(async {
        let rig = rig_with(vec![("a", pair("a", &["a.test"]))]).await;
        let mut stream = connect(rig.address, &Arc::new(client(&[])), "a.test").await.unwrap();
        let seen = ask(&mut stream, "a.test").await.unwrap().to_lowercase();
        assert!(seen.contains("x-forwarded-proto: https\r\n") && seen.contains("x-forwarded-port: 443\r\n"), "{seen}");
        let mut stream = connect(rig.address, &Arc::new(client(&[])), "a.test").await.unwrap();
        let upgrade =
            "GET /x HTTP/1.1\r\nHost: a.test:8443\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        // hyper lets go of a connection that asked for an upgrade and did not get it without saying goodbye.
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut seen).await.ok();
        let seen = String::from_utf8(seen).unwrap().to_lowercase();
        assert!(seen.contains("x-forwarded-proto: wss\r\n") && seen.contains("x-forwarded-port: 8443\r\n"), "{seen}");
        let mut h2 = h2(rig.address, "a.test").await;
        let seen = text(h2.send_request(get("a.test", "/y")).await.unwrap()).await;
        assert!(seen.starts_with("get /y http/1.1\r\n") && seen.contains("x-forwarded-proto: https\r\n"), "{seen}");
        assert!(seen.contains("host: a.test\r\n") && seen.contains("x-forwarded-host: a.test\r\n"), "{seen}");
        drop(h2);
        rig.stop().await;
    });
}

#[test]
fn streams_of_one_connection_are_served_side_by_side_with_bodies_and_cookies() {
    run(async {
        let rig = rig_with(vec![("a", pair("a", &["a.test"]))]).await;
        let h2 = h2(rig.address, "a.test").await;
        let asking: Vec<_> = (0..20)
            .map(|number| {
                let mut h2 = h2.clone();
                tokio::task::spawn_local(async move {
                    let request = http::Request::post(format!("https://a.test/{number}"))
                        .header("cookie", "a=1")
                        .header("cookie", "b=2")
                        .body(Full::from(vec![b'x'; 10_000 * number]))
                        .unwrap();
                    let response = h2.send_request(request).await.unwrap();
                    assert_eq!(response.status(), 200);
                    (number, text(response).await)
                })
            })
            .collect();
        for asked in asking {
            let (number, seen) = asked.await.unwrap();
            assert!(seen.starts_with(&format!("post /{number} http/1.1")) && seen.contains("cookie: a=1; b=2"));
            assert!(seen.ends_with(&"x".repeat(10_000 * number)), "{number}");
        }
        assert_eq!((rig.totals().connections_open, rig.totals().requests), (1, 20));
        drop(h2);
        rig.stop().await;
    });
}

#[test]
fn http_2_with_prior_knowledge_is_spoken_on_plain_connections() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let tcp = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        let mut h2 = h2_over(tcp).await;
        let request = http::Request::get("http://a.test/x").body(Full::default()).unwrap();
        let seen = text(h2.send_request(request).await.unwrap()).await;
        assert!(seen.starts_with("get /x http/1.1\r\n") && seen.contains("x-forwarded-proto: http\r\n"), "{seen}");
        drop(h2);
        rig.stop().await;
    });
}

#[test]
fn a_drain_says_goodbye_and_finishes_the_streams_that_run() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut server, _| {
            let mut gone = gone.clone();
            async move {
                while server.message(false).await.is_some() {
                    gone.wait_for(|go| *go).await.unwrap();
                    server.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
                }
            }
        })
        .await;
        let mut rig = Rig::with(&[], tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default));
        let mut h2 = h2(rig.address, "a.test").await;
        let running = tokio::task::spawn_local(h2.send_request(get("a.test", "/slow")));
        until(|| rig.totals().requests == 1).await;
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::Configured));
        while tokio::net::TcpStream::connect(rig.address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        go.send(true).unwrap();
        assert_eq!(text(running.await.unwrap().unwrap()).await, "done");
        drained.await.unwrap();
        assert!(h2.ready().await.is_err(), "the connection is over");
        assert_eq!(rig.totals().connections_open, 0);
    });
}

#[test]
fn a_stream_that_waits_too_long_for_its_server_is_504_and_the_others_go_on() {
    run(async {
        let origin = Origin::scripted(|mut server, _| async move {
            while let Some(request) = server.message(false).await {
                if request.first_line().contains("/slow") {
                    std::future::pending::<()>().await;
                }
                server.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfast").await;
            }
        })
        .await;
        let plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
        let rig = Rig::with(&["--serverstransport.forwardingtimeouts.responseheadertimeout=1s"], plan);
        let mut h2 = h2(rig.address, "a.test").await;
        let slow = h2.send_request(get("a.test", "/slow"));
        let fast = h2.send_request(get("a.test", "/fast"));
        assert_eq!(fast.await.unwrap().status(), 200);
        assert_eq!(slow.await.unwrap().status(), 504);
        assert_eq!(h2.send_request(get("a.test", "/fast")).await.unwrap().status(), 200);
        drop(h2);
        rig.stop().await;
    });
}

#[test]
fn an_idle_http_2_connection_is_closed_after_the_idle_limit() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.idletimeout=100ms"], plan);
        let mut h2 = h2(rig.address, "a.test").await;
        assert_eq!(h2.send_request(get("a.test", "/")).await.unwrap().status(), 200);
        until(|| rig.totals().connections_open == 0).await;
        assert!(h2.ready().await.is_err());
        rig.stop().await;
    });
}
