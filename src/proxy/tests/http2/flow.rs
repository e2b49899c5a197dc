//! Bodies take as much memory as the windows say, however slow one side is: per stream 256 kB towards a server (1 MB per
//! connection), 64 kB towards the client and what hyper reads from the server at once, plus the kernel's own buffers.
use super::raw::*;
use crate::proxy::tests::rig::*;
use std::cell::Cell;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;

/// Far more than all buffers on the way together, the kernel's included.
const MUCH: usize = 64 << 20;
const BOUND: usize = 24 << 20;

/// Waits until `count` stands still while other clients are served.
pub async fn stalls(rig: &Rig, count: impl Fn() -> usize) {
    let mut before = usize::MAX;
    while count() != before || before == 0 {
        before = count();
        for _ in 0..100 {
            assert!(rig.ask("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n").await.status() == 200);
        }
    }
}

#[test]
fn a_client_that_does_not_read_stops_its_server() {
    run(async {
        let written: Rc<Cell<usize>> = Rc::default();
        let count = written.clone();
        let origin = Origin::scripted(move |mut server, _| {
            let count = count.clone();
            async move {
                server.message(false).await.unwrap();
                server.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {MUCH}\r\n\r\n")).await;
                let piece = vec![b'x'; 64 * 1024];
                while count.get() < MUCH && server.tcp.write_all(&piece).await.is_ok() {
                    count.set(count.get() + piece.len());
                }
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[get(1)]).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
        stalls(&rig, || written.get()).await;
        assert!(written.get() < BOUND, "{}", written.get());
        // With the windows open all of it comes.
        raw.send(&[window(0, MUCH as u32), window(1, MUCH as u32)]).await;
        assert_eq!(raw.body(1).await.len(), MUCH);
        drop(raw);
        rig.stop().await;
    });
}

#[test]
fn a_server_that_does_not_read_stops_its_client() {
    run(async {
        let origin = Origin::scripted(|server, _| async move {
            std::future::pending::<()>().await;
            drop(server);
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[post(1)]).await;
        let sent: Rc<Cell<usize>> = Rc::default();
        let count = sent.clone();
        // Sends what the windows allow: those of RFC 9113 6.9.2 at first, then what the proxy grants.
        let client = tokio::task::spawn_local(async move {
            let (mut of_connection, mut of_stream, mut initial) = (65_535_i64, 65_535_i64, 65_535_i64);
            while count.get() < MUCH {
                while of_connection.min(of_stream) > 0 {
                    let length = of_connection.min(of_stream).min(16_384);
                    raw.send(&[frame(DATA, 0, 1, vec![b'x'; length as usize])]).await;
                    (of_connection, of_stream) = (of_connection - length, of_stream - length);
                    count.set(count.get() + length as usize);
                }
                match raw.next().await.expect("a frame") {
                    Frame { kind: WINDOW_UPDATE, stream: 0, payload, .. } => {
                        of_connection += i64::from(u32::from_be_bytes(payload.try_into().unwrap()));
                    }
                    Frame { kind: WINDOW_UPDATE, payload, .. } => {
                        of_stream += i64::from(u32::from_be_bytes(payload.try_into().unwrap()));
                    }
                    Frame { kind: SETTINGS, payload, .. } => {
                        for setting in payload.chunks(6).filter(|setting| setting[..2] == [0, 4]) {
                            let new = i64::from(u32::from_be_bytes(setting[2..].try_into().unwrap()));
                            of_stream += new - initial;
                            initial = new;
                        }
                    }
                    _ => {}
                }
            }
        });
        stalls(&rig, || sent.get()).await;
        assert!(sent.get() < BOUND, "{}", sent.get());
        client.abort();
        assert!(client.await.is_err());
        rig.stop().await;
    });
}
