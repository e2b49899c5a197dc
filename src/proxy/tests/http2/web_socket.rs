//! WebSocket over TLS: by an upgrade of HTTP/1.1, and over a stream of HTTP/2 (RFC 8441).
use super::raw::*;
use crate::base::io::{LocalExecutor, TokioIo};
use crate::model::tls::TlsOptionsKey;
use crate::proxy::Grace;
use crate::proxy::tests::rig::*;
use crate::proxy::tests::tls::rig::{client, connect, tls_plan};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::Role;

/// Sends every message back; speaks `chat` if it is asked to.
#[allow(clippy::result_large_err, reason = "tungstenite's own type")]
async fn echoing() -> Origin {
    Origin::scripted(|server, _| async move {
        let note = |request: &Request, mut response: Response| {
            assert_eq!(request.headers().get("x-forwarded-proto").unwrap(), "wss");
            assert_eq!(request.headers().get("host").unwrap(), "a.test");
            if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
                response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
            }
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(server.tcp, note).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) {
    for message in [Message::text("hello"), Message::binary(vec![7; 300_000])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().is_close());
}

type Sender = SendRequest<Empty<Bytes>>;

async fn http2(rig: &Rig) -> Sender {
    let io = connect(rig.address, &Arc::new(client(&["h2"])), "a.test").await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(LocalExecutor, TokioIo::new(io)).await.unwrap();
    drop(tokio::task::spawn_local(async move { connection.await.ok() }));
    sender
}

/// Opens a WebSocket over a stream. What the server said, and the stream if it is open.
async fn open(sender: &mut Sender) -> (http::Response<()>, Option<WebSocketStream<TokioIo<Upgraded>>>) {
    let mut request = http::Request::connect("https://a.test/chat")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(Empty::new())
        .unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    // The server has to say first that it knows extended CONNECT.
    let response = loop {
        match sender.send_request(request.clone()).await {
            Ok(response) => break response,
            Err(error) => {
                assert!(!sender.is_closed(), "{error:?}");
                tokio::task::yield_now().await;
            }
        }
    };
    let (head, body) = response.into_parts();
    if head.status != 200 {
        return (http::Response::from_parts(head, ()), None);
    }
    let shown = http::Response::from_parts(head.clone(), ());
    let stream = hyper::upgrade::on(http::Response::from_parts(head, body)).await.unwrap();
    (shown, Some(WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, None).await))
}

#[test]
fn messages_pass_over_tls() {
    run(async {
        let origin = echoing().await;
        let rig = Rig::with(&[], tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default));
        let io = connect(rig.address, &Arc::new(client(&["http/1.1"])), "a.test").await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async("wss://a.test/chat", io).await.unwrap();
        talk(&mut socket).await;
        drop(socket);
        rig.stop().await;
    });
}

#[test]
fn messages_pass_over_streams_of_one_connection() {
    run(async {
        let origin = echoing().await;
        let rig = Rig::with(&[], tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default));
        let mut sender = http2(&rig).await;
        let (head, first) = open(&mut sender).await;
        assert_eq!(head.headers().get("sec-websocket-protocol").unwrap(), "chat");
        for gone in ["connection", "upgrade", "sec-websocket-accept"] {
            assert!(!head.headers().contains_key(gone), "{gone}");
        }
        let (_, second) = open(&mut sender).await;
        let (mut first, mut second) = (first.unwrap(), second.unwrap());
        tokio::join!(talk(&mut first), talk(&mut second));
        assert_eq!((rig.totals().connections_open, rig.totals().upgrades), (1, 2));
        drop((first, second, sender));
        rig.stop().await;
    });
}

/// Nothing but a 101 with the right proof opens a stream; refusals pass as they are.
#[test]
fn a_server_that_does_not_change_over_opens_no_stream() {
    run(async {
        let answers = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 500),
            ("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno", 403),
            (
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n",
                500,
            ),
            ("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n", 500),
        ];
        for (answer, want) in answers {
            let origin = Origin::replying(move |_| answer.as_bytes().to_vec()).await;
            let rig = Rig::with(&[], tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default));
            let mut sender = http2(&rig).await;
            let (head, stream) = open(&mut sender).await;
            assert_eq!((head.status().as_u16(), stream.is_none()), (want, true), "{answer}");
            drop(sender);
            rig.stop().await;
        }
    });
}

#[test]
fn other_protocols_are_not_spoken_over_streams() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        let settings = raw.find(|frame| frame.kind == SETTINGS && frame.flags == 0).await.unwrap();
        assert!(
            settings.payload.chunks(6).any(|setting| *setting == [0, 8, 0, 0, 0, 1]),
            "extended CONNECT is announced"
        );
        let head = [&[(":method", "CONNECT"), (":protocol", "connect-udp")], &USUAL[1..]].concat();
        raw.send(&[frame(HEADERS, END_HEADERS, 1, block(&head))]).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(501));
        assert!(raw.serves(3).await);
        assert_eq!(origin.seen.borrow().len(), 1);
        rig.stop().await;
    });
}

#[test]
fn at_the_end_a_web_socket_over_a_stream_is_told() {
    run(async {
        let origin = echoing().await;
        let mut rig = Rig::with(&[], tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default));
        let mut sender = http2(&rig).await;
        let (_, socket) = open(&mut sender).await;
        let mut socket = socket.unwrap();
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::AtMost(Duration::from_secs(5))));
        let close = socket.next().await.unwrap().unwrap();
        assert!(matches!(close, Message::Close(Some(close)) if u16::from(close.code) == 1001));
        while socket.next().await.is_some() {}
        drop((socket, sender));
        drained.await.unwrap();
        assert_eq!(rig.totals().connections_open, 0);
    });
}
