//! Connections that change over to another protocol.
use super::rig::*;
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: foo\r\n\r\n";

#[test]
#[allow(clippy::result_large_err, reason = "tungstenite's own type")]
fn web_socket_messages_pass_in_both_directions() {
    run(async {
        let origin = Origin::scripted(|client, _| async move {
            let mut proto = None;
            let note = |request: &Request, response: Response| {
                proto = request.headers().get("x-forwarded-proto").cloned();
                Ok(response)
            };
            let mut socket = tokio_tungstenite::accept_hdr_async(client.tcp, note).await.unwrap();
            assert_eq!(proto.unwrap(), "ws");
            while let Some(Ok(frame)) = socket.next().await {
                if frame.is_text() {
                    socket.send(frame).await.unwrap();
                }
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let tcp = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async("ws://a.test/chat", tcp).await.unwrap();
        for number in 0..3 {
            let frame = Frame::text(format!("message {number}"));
            socket.send(frame.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), frame);
        }
        socket.close(None).await.unwrap();
        assert_eq!(rig.totals().upgrades, 1);
        drop(socket);
        until(|| rig.totals().connections_open == 0).await;
        rig.stop().await;
    });
}

#[test]
fn any_protocol_passes_and_bytes_sent_early_are_not_lost() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            let request = client.message(false).await.unwrap();
            assert_eq!(request.header("upgrade").as_deref(), Some("foo"));
            assert_eq!(request.header("connection").as_deref(), Some("Upgrade"));
            assert_eq!(request.header("x-forwarded-proto").as_deref(), Some("http"));
            client.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: Foo\r\n\r\nhello").await;
            assert_eq!(client.rest().await, b"bye");
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(UPGRADE).await;
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.header("upgrade").as_deref()), (101, Some("Foo")));
        client.tcp.write_all(b"bye").await.unwrap();
        client.tcp.shutdown().await.unwrap();
        assert_eq!(client.rest().await, b"hello");
        rig.stop().await;
    });
}

#[test]
fn a_server_may_decline_and_must_not_choose_another_protocol() {
    run(async {
        let declining = Origin::echoing().await;
        let rig = Rig::to(&[declining.address]);
        assert_eq!(rig.ask(UPGRADE).await.status(), 200);
        rig.stop().await;
        let choosing =
            Origin::replying(|_| b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: bar\r\n\r\n".to_vec())
                .await;
        let rig = Rig::to(&[choosing.address]);
        assert_eq!(rig.ask(UPGRADE).await.status(), 500);
        rig.stop().await;
    });
}
