//! Many requests over HTTP/2 connections to servers: limits, refusals, the end of a connection.
use super::rig::*;
use super::secure::{serve_http2, tell};
use crate::base::io::{TokioExecutor, TokioIo};
use crate::model::keys::{ServersTransportKey, TransportKey};
use crate::model::plan::{HostHeader, Scheme};
use crate::model::transport::{ForwardingTimeouts, ServersTransport};
use crate::proxy::pool::shared::MOST_CONNECTIONS;
use h2::Reason;
use hyper::service::service_fn;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Barrier;

const POST: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n";
const POST_BODY: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi";

fn to(origin: &Origin) -> Rig {
    Rig::with(&[], plan([server(Scheme::H2c, origin.address)], HostHeader::Pass))
}

/// The answers to so many requests at once.
async fn crowd(rig: &Rig, count: usize) -> Vec<u16> {
    let address = rig.address;
    let clients: Vec<_> = (0..count)
        .map(|_| {
            tokio::task::spawn_local(async move {
                let mut client = Client::connect(address).await;
                client.send(GET).await;
                client.answer().await.status()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    answers
}

/// A server that takes `most` requests at a time on a connection and answers none before `together` are there.
async fn holding(most: u32, together: usize) -> Origin {
    let barrier = Arc::new(Barrier::new(together));
    Origin::scripted(move |client, _| {
        let barrier = barrier.clone();
        async move {
            let mut connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            connection.max_concurrent_streams(most);
            let service = service_fn(move |request| {
                let barrier = barrier.clone();
                async move {
                    barrier.wait().await;
                    tell(request).await
                }
            });
            connection.serve_connection(TokioIo::new(client.tcp), service).await.ok();
        }
    })
    .await
}

#[test]
fn beyond_what_a_server_takes_on_one_connection_another_is_opened() {
    run(async {
        let origin = holding(2, 6).await;
        let rig = to(&origin);
        assert_eq!(crowd(&rig, 6).await, [200; 6]);
        assert_eq!(origin.connections.get(), 3);
        assert_eq!(crowd(&rig, 6).await, [200; 6]);
        assert_eq!(origin.connections.get(), 3, "places are free again");
        rig.stop().await;
    });
}

#[test]
fn connections_to_one_server_are_bounded_and_the_rest_waits() {
    run(async {
        let origin = holding(1, MOST_CONNECTIONS).await;
        let rig = to(&origin);
        assert_eq!(crowd(&rig, 2 * MOST_CONNECTIONS).await, vec![200; 2 * MOST_CONNECTIONS]);
        assert_eq!(origin.connections.get(), MOST_CONNECTIONS);
        rig.stop().await;
    });
}

/// A server that refuses the first `refusals` requests of all.
async fn refusing(refusals: usize) -> (Origin, Rc<Cell<usize>>) {
    let seen: Rc<Cell<usize>> = Rc::default();
    let count = seen.clone();
    let origin = Origin::scripted(move |client, _| {
        let count = count.clone();
        async move {
            let Ok(mut connection) = h2::server::handshake(client.tcp).await else { return };
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                count.set(count.get() + 1);
                if count.get() <= refusals {
                    answer.send_reset(Reason::REFUSED_STREAM);
                } else {
                    answer.send_response(http::Response::new(()), true).unwrap();
                }
            }
        }
    })
    .await;
    (origin, seen)
}

#[test]
fn a_request_that_is_refused_unseen_goes_out_again() {
    run(async {
        for (request, refusals, want, sent) in
            [(GET, 1, 200, 2), (POST, 2, 200, 3), (GET, 9, 502, 3), (POST_BODY, 1, 502, 1)]
        {
            let (origin, seen) = refusing(refusals).await;
            let rig = to(&origin);
            assert_eq!(rig.ask(request).await.status(), want, "{request}");
            assert_eq!((seen.get(), origin.connections.get()), (sent, sent), "{request}");
            rig.stop().await;
        }
    });
}

#[test]
fn a_refusal_beside_other_requests_leaves_their_connection_in_use() {
    run(async {
        let held = Arc::new(tokio::sync::Notify::new());
        let release = held.clone();
        let origin = Origin::scripted(move |client, number| {
            let held = held.clone();
            async move {
                let mut connection = h2::server::handshake(client.tcp).await.unwrap();
                let mut requests = 0;
                while let Some(Ok((_, mut answer))) = connection.accept().await {
                    requests += 1;
                    match (number, requests) {
                        (0, 1) => {
                            let held = held.clone();
                            drop(tokio::task::spawn_local(async move {
                                held.notified().await;
                                answer.send_response(http::Response::new(()), true).unwrap();
                            }));
                        }
                        (0, 2) => answer.send_reset(Reason::REFUSED_STREAM),
                        _ => drop(answer.send_response(http::Response::new(()), true).unwrap()),
                    }
                }
            }
        })
        .await;
        let rig = to(&origin);
        let mut first = rig.client().await;
        first.send(GET).await;
        until(|| origin.connections.get() == 1 && rig.totals().requests == 1).await;
        assert_eq!(rig.ask(GET).await.status(), 200, "over another connection");
        assert_eq!(origin.connections.get(), 2);
        release.notify_one();
        assert_eq!(first.answer().await.status(), 200);
        rig.stop().await;
    });
}

/// One frame (RFC 9113 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// Reads up to the head of the first request.
async fn until_request(client: &mut Client) -> Option<()> {
    let mut preface = [0; 24];
    client.tcp.read_exact(&mut preface).await.ok()?;
    client.tcp.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    loop {
        let mut head = [0; 9];
        client.tcp.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.tcp.read_exact(&mut payload).await.ok()?;
        if head[3] == HEADERS {
            return Some(());
        }
    }
}

/// A server that says goodbye on its first connection when it has the first request, having looked at all up to `last`.
async fn leaving(last: u32) -> Origin {
    Origin::scripted(move |mut client, number| async move {
        if number > 0 {
            return serve_http2(client.tcp).await;
        }
        let Some(()) = until_request(&mut client).await else { return };
        let payload = [last.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        client.tcp.write_all(&frame(GOAWAY, 0, 0, &payload)).await.ok();
    })
    .await
}

#[test]
fn a_request_that_a_leaving_server_has_not_looked_at_goes_out_again() {
    run(async {
        for (request, last, want, connections) in [
            (POST, 0, 200, 2),
            (GET, 0, 200, 2),
            (POST, 1, 502, 1),
            // Its connection was new, so it was not the server's idle time that ended it.
            (GET, 1, 502, 1),
            (POST_BODY, 0, 502, 1),
        ] {
            let origin = leaving(last).await;
            let rig = to(&origin);
            assert_eq!(rig.ask(request).await.status(), want, "{request} {last}");
            assert_eq!(origin.connections.get(), connections, "{request} {last}");
            rig.stop().await;
        }
    });
}

#[test]
fn a_connection_that_breaks_after_long_service_costs_no_repeatable_request() {
    run(async {
        let origin = Origin::scripted(|client, number| async move {
            let Ok(mut connection) = h2::server::handshake(client.tcp).await else { return };
            let mut requests = 0;
            while let Some(Ok((_, mut answer))) = connection.accept().await {
                requests += 1;
                if number == 0 && requests == 2 {
                    return;
                }
                answer.send_response(http::Response::new(()), true).unwrap();
            }
        })
        .await;
        let rig = to(&origin);
        assert_eq!(rig.ask(GET).await.status(), 200);
        assert_eq!(rig.ask(GET).await.status(), 200, "sent again");
        assert_eq!(origin.connections.get(), 2);
        rig.stop().await;
    });
}

#[test]
fn a_server_that_answers_no_ping_is_given_up() {
    run(async {
        let over: Rc<Cell<usize>> = Rc::default();
        let ended = over.clone();
        let origin = Origin::scripted(move |mut client, _| {
            let ended = ended.clone();
            async move {
                until_request(&mut client).await.expect("a request");
                client.rest().await;
                ended.set(ended.get() + 1);
            }
        })
        .await;
        let timeouts = ForwardingTimeouts {
            read_idle: Some(Duration::from_millis(400)),
            ping: Duration::from_millis(400),
            ..ForwardingTimeouts::default()
        };
        let key = TransportKey::Object(ServersTransportKey::new("default", "t"));
        let pinging = ServersTransport { key, timeouts, ..ServersTransport::default() };
        let plan = plan([server(Scheme::H2c, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&[], reaching(plan, pinging));
        assert_eq!(rig.ask(GET).await.status(), 504);
        until(|| over.get() == 1).await;
        rig.stop().await;
    });
}

#[test]
fn a_server_that_does_not_speak_http_2_is_502() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            client.rest().await;
        })
        .await;
        let rig = to(&origin);
        assert_eq!(rig.ask(GET).await.status(), 502);
        rig.stop().await;
    });
}

/// As in `bodies.rs`, with a server that speaks HTTP/2.
#[test]
fn the_rest_of_a_body_that_a_server_did_not_want_is_never_taken_for_a_request() {
    run(async {
        let origin = Origin::scripted(|client, _| async move {
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                // It is neither read nor refused: what sends it to the server waits for its client, as long as that takes.
                drop(tokio::task::spawn_local(async move {
                    let _held = request;
                    std::future::pending::<()>().await;
                }));
                Ok::<_, std::convert::Infallible>(http::Response::new("early".to_owned()))
            });
            let connection = hyper::server::conn::http2::Builder::new(crate::base::io::LocalExecutor);
            connection.serve_connection(TokioIo::new(client.tcp), service).await.ok();
        })
        .await;
        let rig = to(&origin);
        let mut client = rig.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc").await;
        assert_eq!(client.answer().await.text(), "early");
        drop(client.tcp.write_all(b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").await);
        let mut more = Vec::new();
        drop(client.tcp.read_to_end(&mut more).await);
        assert_eq!((String::from_utf8_lossy(&more).as_ref(), rig.totals().requests), ("", 1));
        rig.stop().await;
    });
}

/// Somebody else reads the body of such a request, and the connection's own task has to look again when it is over.
#[test]
fn a_client_that_leaves_behind_its_body_is_noticed() {
    run(async {
        let (began, begun) = tokio::sync::watch::channel(false);
        let began = Rc::new(began);
        let origin = Origin::scripted(move |client, _| {
            let began = began.clone();
            async move {
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let began = began.clone();
                    async move {
                        began.send(true).unwrap();
                        http_body_util::BodyExt::collect(request.into_body()).await.unwrap();
                        std::future::pending::<Result<http::Response<String>, std::convert::Infallible>>().await
                    }
                });
                let connection = hyper::server::conn::http2::Builder::new(crate::base::io::LocalExecutor);
                connection.serve_connection(TokioIo::new(client.tcp), service).await.ok();
            }
        })
        .await;
        let rig = to(&origin);
        let mut client = rig.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await;
        begun.clone().wait_for(|began| *began).await.unwrap();
        client.send("def").await;
        client.tcp.shutdown().await.unwrap();
        until(|| rig.totals().connections_open == 0).await;
        rig.stop().await;
    });
}
