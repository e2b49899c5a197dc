//! The end of the process with many connections open: everybody is told, nobody is cut before the grace time is over.
use super::raw::*;
use crate::proxy::Grace;
use crate::proxy::tests::rig::*;
use tokio::io::AsyncWriteExt;

/// Of either kind.
const MANY: usize = 250;
const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
/// WebSocket's close frame with status 1001, going away: a server's, and the masked one of a client.
const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xe9];
const CLOSE_BACK: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

#[test]
fn of_500_connections_none_is_lost_before_the_grace_time_is_over() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut server, _| {
            let mut gone = gone.clone();
            async move {
                let Some(request) = server.message(false).await else { return };
                if request.header("upgrade").is_none() {
                    gone.wait_for(|go| *go).await.unwrap();
                    return server.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").await;
                }
                server.send(SWITCHED).await;
                let mut byte = [0];
                tokio::io::AsyncReadExt::read_exact(&mut server.tcp, &mut byte).await.unwrap();
                server.tcp.write_all(&byte).await.unwrap();
                gone.wait_for(|go| *go).await.unwrap();
                server.tcp.write_all(&CLOSE).await.unwrap();
                assert_eq!(server.rest().await, CLOSE_BACK);
            }
        })
        .await;
        let mut rig = Rig::to(&[origin.address]);
        let (mut raws, mut sockets) = (Vec::new(), Vec::new());
        for _ in 0..MANY {
            let mut raw = Raw::open(rig.address).await;
            raw.send(&[get(1)]).await;
            raws.push(raw);
            let mut socket = rig.client().await;
            socket.send(UPGRADE).await;
            assert_eq!(socket.answer().await.status(), 101);
            sockets.push(socket);
        }
        until(|| rig.totals().requests == 2 * MANY as u64).await;
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::Configured));
        for raw in &mut raws {
            let goodbye = raw.find(|frame| frame.kind == GOAWAY).await.expect("a goodbye");
            assert_eq!(goodbye.number(4), NO_ERROR);
        }
        // Tunnels go on: this byte comes back.
        for socket in &mut sockets {
            socket.tcp.write_all(b"?").await.unwrap();
            let mut byte = [0];
            tokio::io::AsyncReadExt::read_exact(&mut socket.tcp, &mut byte).await.unwrap();
            assert_eq!(&byte, b"?");
        }
        assert_eq!(rig.totals().connections_open, 2 * MANY as u64);
        assert!(!drained.is_finished());
        go.send(true).unwrap();
        for raw in &mut raws {
            assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
            assert_eq!(raw.body(1).await, b"done");
        }
        for socket in &mut sockets {
            let mut close = [0; 4];
            tokio::io::AsyncReadExt::read_exact(&mut socket.tcp, &mut close).await.unwrap();
            assert_eq!(close, CLOSE);
            socket.tcp.write_all(&CLOSE_BACK).await.unwrap();
            socket.tcp.shutdown().await.unwrap();
        }
        drained.await.unwrap();
        assert_eq!(rig.totals().connections_open, 0);
    });
}

/// A stream that began before the client could know of the end is served.
#[test]
fn a_stream_that_crosses_the_goodbye_is_served() {
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
        let mut rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[get(1)]).await;
        until(|| rig.totals().requests == 1).await;
        let drained = tokio::task::spawn_local(rig.proxy.drain(Grace::Configured));
        // The goodbye is on its way with a PING behind it; only its answer says that the client has seen it.
        let goodbye = raw.find(|frame| frame.kind == GOAWAY).await.expect("a goodbye");
        assert_eq!((goodbye.number(0), goodbye.number(4)), (i32::MAX as u32, NO_ERROR));
        raw.send(&[get(3)]).await;
        until(|| rig.totals().requests == 2).await;
        go.send(true).unwrap();
        for _ in 0..2 {
            let data = raw.find(|frame| frame.kind == DATA && frame.flags & END_STREAM != 0).await.expect("an answer");
            assert_eq!(data.payload, b"done");
        }
        drained.await.unwrap();
        assert_eq!(rig.totals().connections_open, 0);
    });
}
