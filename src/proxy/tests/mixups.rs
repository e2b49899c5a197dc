//! Whether an answer can reach the wrong request, and a client's words the wrong server.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use tokio::io::AsyncWriteExt;

#[test]
fn what_a_server_says_unasked_answers_nobody() {
    run(async {
        let unasked: [&[u8]; 3] = [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale", b"x", b"\r\n"];
        for (request, answer) in [
            (GET, ok(b"first")),
            ("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_vec()),
            (GET, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            (GET, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n".to_vec()),
            (GET, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nf\r\n0\r\n\r\n".to_vec()),
        ] {
            for more in unasked {
                let first = [answer.as_slice(), more].concat();
                let origin = Origin::scripted(move |mut client, number| {
                    let first = first.clone();
                    async move {
                        while client.message(false).await.is_some() {
                            let bytes = if number == 0 { first.clone() } else { ok(b"right") };
                            client.tcp.write_all(&bytes).await.ok();
                        }
                    }
                })
                .await;
                let rig = Rig::to(&[origin.address]);
                let mut client = rig.client().await;
                client.send(request).await;
                assert!(client.message(request.starts_with("HEAD")).await.unwrap().status() < 400);
                for _ in 0..2 {
                    assert_eq!(rig.ask(GET).await.text(), "right", "{}", String::from_utf8_lossy(&answer));
                }
                drop(client);
                rig.stop().await;
            }
        }
    });
}

#[test]
fn a_connection_on_which_a_body_is_still_being_sent_serves_nobody_else() {
    run(async {
        let origin = Origin::scripted(|mut client, number| async move {
            client.message(true).await;
            client.tcp.write_all(&ok(b"early")).await.unwrap();
            if number > 0 {
                client.rest().await;
                return;
            }
            while client.buffer.len() < 100 {
                client.tcp.readable().await.unwrap();
                if tokio::io::AsyncReadExt::read_buf(&mut client.tcp, &mut client.buffer).await.unwrap() == 0 {
                    return;
                }
            }
            assert!(client.buffer.iter().all(|byte| *byte == b'z'), "another request in the middle of a body");
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nzzzzzzzzzz").await;
        assert_eq!(client.answer().await.text(), "early");
        assert_eq!(rig.ask(GET).await.text(), "early");
        assert_eq!(origin.connections.get(), 2);
        client.send(&"z".repeat(90)).await;
        rig.stop().await;
    });
}

#[test]
fn a_client_cannot_say_in_trailers_what_it_may_not_say_in_headers() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        rig.ask(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
             Trailer: X-In, X-Forwarded-For, X_Real_Ip, Connection\r\n\r\n\
             2\r\nab\r\n0\r\nX-In: 5\r\nX-Forwarded-For: 1.2.3.4\r\nX_Real_Ip: 1.2.3.4\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert_eq!(origin.last().trailers, ["x-in: 5"]);
        rig.stop().await;
    });
}

#[test]
fn a_length_beside_a_coding_reaches_no_server() {
    run(async {
        let origin = Origin::echoing().await;
        let http2 = Origin::scripted(|client, _| super::secure::serve_http2(client.tcp)).await;
        let rig = Rig::to(&[origin.address]);
        let rig2 = Rig::with(&[], plan([server(Scheme::H2c, http2.address)], HostHeader::Pass));
        for lines in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
            "Connection: content-length\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
            "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
        ] {
            let request = format!("POST /x HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
            assert_eq!(rig.ask(&request).await.status(), 200, "{lines}");
            let last = origin.last();
            assert_eq!((last.text(), last.header("content-length")), ("hi", None), "{lines}");
            assert_eq!(rig2.ask(&request).await.text(), "HTTP/2.0 a.test /x hi", "{lines}");
        }
        rig.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 2\r\n\r\nhi").await;
        assert_eq!((origin.last().text(), origin.last().header("content-length").as_deref()), ("hi", Some("2")));
        rig.stop().await;
        rig2.stop().await;
    });
}

#[test]
fn an_answer_of_our_own_reaches_clients_that_are_still_sending() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan_for("PathPrefix(`/known`)", [server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&[], plan);
        for (path, want) in [("/unknown", 404), ("/ping", 200), ("/bad%zz", 400)] {
            let mut client = rig.client().await;
            client.send(&format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")).await;
            client.tcp.readable().await.unwrap();
            // A client that looks at the answer only when it has sent everything.
            for _ in 0..20 {
                assert!(
                    client.tcp.write_all(&[b'x'; 10_000]).await.is_ok(),
                    "{path}: reset, which may cost the answer"
                );
                tokio::task::yield_now().await;
            }
            let answer = client.message(false).await.map(|answer| answer.status());
            assert_eq!(answer, Some(want), "{path}");
        }
        rig.stop().await;
    });
}
