//! Connections that change over to another protocol.
use super::rig::*;
use crate::proxy::Grace;
use futures_util::{SinkExt, StreamExt};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
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

/// A server that speaks WebSocket by hand: sends `first` at step 1, `rest` at step 2, and gives what it hears.
async fn halves(first: &'static [u8], rest: &'static [u8]) -> (Origin, Rc<RefCell<Vec<u8>>>, watch::Sender<u8>) {
    let heard: Rc<RefCell<Vec<u8>>> = Rc::default();
    let (go, gone) = watch::channel(0);
    let origin = Origin::scripted({
        let heard = heard.clone();
        move |mut server, _| {
            let (heard, mut gone) = (heard.clone(), gone.clone());
            async move {
                server.message(false).await.unwrap();
                server
                    .send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: WebSocket\r\n\r\n")
                    .await;
                gone.wait_for(|step| *step > 0).await.unwrap();
                server.tcp.write_all(first).await.unwrap();
                gone.wait_for(|step| *step > 1).await.unwrap();
                server.tcp.write_all(rest).await.unwrap();
                let said = server.rest().await;
                heard.borrow_mut().extend(said);
            }
        }
    })
    .await;
    (origin, heard, go)
}

const WEB_SOCKET: &str = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
/// A server's close frame with status 1001.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// The status of a client's close frame.
fn unmasked(frame: &[u8]) -> Option<[u8; 2]> {
    match frame {
        [0x88, 0x82, a, b, _, _, high, low] => Some([high ^ a, low ^ b]),
        _ => None,
    }
}

#[test]
fn at_the_end_both_sides_of_a_web_socket_are_told_between_two_frames() {
    run(async {
        // Five bytes are announced, three have come when the end is near.
        let (origin, heard, go) = halves(&[0x82, 5, 1, 2, 3], &[4, 5, 0x81, 1, b'x']).await;
        let mut rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(WEB_SOCKET).await;
        assert_eq!(client.answer().await.status(), 101);
        go.send(1).unwrap();
        let mut half = [0; 5];
        client.tcp.read_exact(&mut half).await.unwrap();
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::AtMost(Duration::from_secs(5))));
        // Of a frame of the client's own half has passed, too.
        client.tcp.write_all(&[0x81, 0x81, 0, 0, 0, 0]).await.unwrap();
        go.send(2).unwrap();
        let mut rest = [0; 5];
        client.tcp.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, [4, 5, 0x81, 1, b'x'], "served until the end");
        let mut close = [0; 4];
        client.tcp.read_exact(&mut close).await.unwrap();
        assert_eq!(close, GOING_AWAY);
        client.tcp.write_all(b"x").await.unwrap();
        client.tcp.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).await.unwrap();
        client.tcp.shutdown().await.unwrap();
        assert_eq!(client.rest().await, b"");
        drained.await.unwrap();
        let heard = heard.borrow();
        assert_eq!(heard.get(..7), Some(&[0x81, 0x81, 0, 0, 0, 0, b'x'][..]), "its last frame arrives whole");
        assert_eq!(unmasked(&heard[7..]), Some([0x03, 0xe9]), "{heard:?}");
    });
}

#[test]
fn a_web_socket_that_is_cut_at_once_is_told_nevertheless() {
    run(async {
        let (origin, _heard, go) = halves(&[], &[]).await;
        let mut rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(WEB_SOCKET).await;
        assert_eq!(client.answer().await.status(), 101);
        go.send(2).unwrap();
        rig.proxy.drain(Grace::AtMost(Duration::ZERO)).await;
        assert_eq!(client.rest().await, GOING_AWAY);
    });
}

#[test]
fn a_real_client_and_a_real_server_part_in_order() {
    run(async {
        let origin = Origin::scripted(|client, _| async move {
            let mut socket = tokio_tungstenite::accept_async(client.tcp).await.unwrap();
            let mut last = None;
            while let Some(Ok(frame)) = socket.next().await {
                last = Some(frame);
            }
            assert!(matches!(last, Some(Frame::Close(Some(close))) if u16::from(close.code) == 1001));
        })
        .await;
        let mut rig = Rig::to(&[origin.address]);
        let tcp = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async("ws://a.test/chat", tcp).await.unwrap();
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::AtMost(Duration::from_secs(5))));
        let close = socket.next().await.unwrap().unwrap();
        assert!(matches!(close, Frame::Close(Some(close)) if u16::from(close.code) == 1001));
        // No error but the end.
        assert!(socket.next().await.is_none());
        drained.await.unwrap();
        assert_eq!(rig.totals().connections_open, 0);
    });
}
