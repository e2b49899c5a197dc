//! Clients that send much and want little: nothing grows without bound, the connection ends or waits, and others are
//! served meanwhile.
use super::flow::stalls;
use super::raw::*;
use crate::model::plan::{HostHeader, Scheme};
use crate::proxy::tests::rig::*;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

#[test]
fn rapid_resets_end_the_connection_and_hardly_reach_a_server() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        let flood: Vec<Frame> = (0..2000)
            .map(|number| 2 * number + 1)
            .flat_map(|stream| [get(stream), frame(RST_STREAM, 0, stream, CANCEL.to_be_bytes())])
            .collect();
        raw.send(&flood).await;
        assert_eq!(raw.outcome(1).await, Outcome::GoneAway(ENHANCE_YOUR_CALM));
        assert!(rig.totals().requests < 100, "{}", rig.totals().requests);
        assert_eq!(rig.ask(GET).await.status(), 200);
        rig.stop().await;
    });
}

/// As above, but each request has reached a server before it is given up: h2 counts no such resets.
#[test]
fn requests_that_are_given_up_again_and_again_end_the_connection() {
    run(async {
        let origin = silent().await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        let mut sent = 0;
        while sent < 400 && rig.totals().requests == sent {
            let stream = u32::try_from(2 * sent + 1).unwrap();
            raw.send(&[get(stream)]).await;
            sent += 1;
            let reached = tokio::time::timeout(Duration::from_secs(3), until(|| rig.totals().requests == sent)).await;
            raw.send(&[frame(RST_STREAM, 0, stream, CANCEL.to_be_bytes())]).await;
            if reached.is_err() {
                break;
            }
        }
        // It does not answer the PING behind the first goodbye, so it is cut in the end.
        let end = raw.find(|frame| frame.kind == GOAWAY).await.expect("a goodbye");
        assert_eq!(end.number(4), NO_ERROR);
        until(|| rig.totals().connections_open == 0).await;
        assert!((100..210).contains(&rig.totals().requests), "{}", rig.totals().requests);
        rig.stop().await;
    });
}

/// Takes requests and answers none.
async fn silent() -> Origin {
    Origin::scripted(|mut client, _| async move {
        client.rest().await;
    })
    .await
}

/// A request with a head of 900 kB, as one block of headers.
fn large(stream: u32, last: u8) -> Vec<Frame> {
    let head = [block(&USUAL), header("x-large", &"y".repeat(16_000)).repeat(56)].concat();
    let mut pieces: Vec<Frame> = head.chunks(16_384).map(|piece| frame(CONTINUATION, 0, stream, piece)).collect();
    pieces[0].kind = HEADERS;
    pieces[0].flags = END_STREAM;
    pieces.last_mut().unwrap().flags |= last;
    pieces
}

#[test]
fn large_heads_together_have_a_bound() {
    run(async {
        let origin = silent().await;
        let rig = Rig::to(&[origin.address]);
        let mut raws = Vec::new();
        // 72 of them are the 64 MiB of a worker.
        for _ in 0..2 {
            let mut raw = Raw::open(rig.address).await;
            for stream in 0..40 {
                raw.send(&large(2 * stream + 1, END_HEADERS)).await;
            }
            raws.push(raw);
        }
        // A head that is finished is refused, one that is on its way costs the connection.
        let last = raws[1].outcome(79).await;
        assert!(matches!(last, Outcome::Answered(431) | Outcome::GoneAway(_) | Outcome::Closed), "{last:?}");
        assert!(rig.totals().requests < 75, "{}", rig.totals().requests);
        drop(raws);
        until(|| rig.totals().connections_open == 0).await;
        let mut raw = Raw::open(rig.address).await;
        let before = rig.totals().requests;
        raw.send(&large(1, END_HEADERS)).await;
        until(|| rig.totals().requests == before + 1).await;
        rig.stop().await;
    });
}

/// 80 connections, each of which sends `frames` and no end of a head: how many are kept?
fn unfinished_heads_are_kept_by_fewer_than(bound: u64, frames: &[Frame]) {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut raws = Vec::new();
        for _ in 0..80 {
            let mut raw = Raw::open(rig.address).await;
            raw.send(frames).await;
            raws.push(raw);
        }
        until(|| rig.totals().connections == 80).await;
        until(|| rig.totals().connections_open < bound).await;
        assert_eq!(rig.ask(GET).await.status(), 200);
        drop(raws);
        rig.stop().await;
    });
}

/// Few bytes on the wire: each stands for a header that is one of the usual ones (RFC 7541 6.1).
#[test]
fn unfinished_heads_count_as_what_they_are_unpacked() {
    unfinished_heads_are_kept_by_fewer_than(60, &[frame(HEADERS, END_STREAM, 1, vec![0x90; 16_000])]);
}

/// A stream that is alive beside it does not keep it.
#[test]
fn an_unfinished_head_is_waited_for_as_long_as_a_request() {
    run(async {
        let origin = silent().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.readtimeout=500ms"], plan);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[get(1)]).await;
        until(|| rig.totals().requests == 1).await;
        raw.send(&[frame(HEADERS, END_STREAM, 3, block(&USUAL))]).await;
        until(|| rig.totals().connections_open == 0).await;
        rig.stop().await;
    });
}

#[test]
fn unfinished_heads_together_have_a_bound() {
    unfinished_heads_are_kept_by_fewer_than(75, &large(1, 0));
}

/// As above, but it is we who have to reset: the client makes errors on its streams.
#[test]
fn resets_that_a_client_provokes_end_the_connection() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        let streams = (0..2000).map(|number| 2 * number + 1);
        let flood: Vec<Frame> = streams.flat_map(|stream| [post(stream), window(stream, i32::MAX as u32)]).collect();
        raw.send(&flood).await;
        let end = raw.find(|frame| frame.kind == GOAWAY).await.expect("the end");
        assert_eq!(end.number(4), ENHANCE_YOUR_CALM);
        assert_eq!(rig.ask(GET).await.status(), 200);
        rig.stop().await;
    });
}

/// Whoever does not read the answers to these frames is soon not read any more.
#[test]
fn frames_that_want_an_answer_are_read_as_fast_as_their_answers_are() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        for (name, frame) in [("PING", frame(PING, 0, 0, [7; 8])), ("SETTINGS", frame(SETTINGS, 0, 0, setting(3, 9)))] {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut tcp = socket.connect(rig.address).await.unwrap();
            let sent: Rc<Cell<usize>> = Rc::default();
            let total = 64 << 20;
            let flood = tokio::task::spawn_local({
                let sent = sent.clone();
                async move {
                    let piece = frame.to_bytes().repeat(1024);
                    tcp.write_all(&[PREFACE, &self::frame(SETTINGS, 0, 0, []).to_bytes()].concat()).await.unwrap();
                    while sent.get() < total && tcp.write_all(&piece).await.is_ok() {
                        sent.set(sent.get() + piece.len());
                    }
                }
            });
            stalls(&rig, || sent.get()).await;
            assert!(sent.get() < total, "{name}");
            flood.abort();
            assert!(flood.await.is_err());
        }
        rig.stop().await;
    });
}

#[test]
fn a_head_without_end_ends_the_connection() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        for (name, piece) in [("empty", vec![]), ("full", block(&[("x", &"y".repeat(16_000))]))] {
            let mut raw = Raw::open(rig.address).await;
            raw.send(&[frame(HEADERS, END_STREAM, 1, block(&USUAL))]).await;
            raw.send(&vec![frame(CONTINUATION, 0, 1, piece); 2000]).await;
            let got = raw.outcome(1).await;
            assert_eq!(got, Outcome::GoneAway(ENHANCE_YOUR_CALM), "{name}");
        }
        assert_eq!(rig.totals().requests, 0);
        rig.stop().await;
    });
}

/// A head of many lines is answered with 431, and the connection serves on. One that packs very much into few bytes ends
/// the connection: it is not unpacked to its end.
#[test]
fn a_head_beyond_the_limits_is_refused() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let stored = [&[0x40][..], &block(&[("x", &"y".repeat(4000))])[1..]].concat();
        let bomb = [block(&USUAL), stored, vec![0xbe; 8000]].concat();
        let many: Vec<u8> = (0..24_570).flat_map(|number| header(&format!("{number:x}"), "")).collect();
        let lines: Vec<u8> = (0..101).flat_map(|number| header(&format!("x{number}"), "y")).collect();
        let heads = [
            ("a bomb", bomb, Outcome::GoneAway(ENHANCE_YOUR_CALM)),
            ("a full map", [block(&USUAL), many].concat(), Outcome::Answered(431)),
            ("101 lines", [block(&USUAL), lines].concat(), Outcome::Answered(431)),
        ];
        for (name, head, want) in heads {
            let mut raw = Raw::open(rig.address).await;
            let mut pieces: Vec<Frame> = head.chunks(16_384).map(|piece| frame(CONTINUATION, 0, 1, piece)).collect();
            pieces[0].kind = HEADERS;
            pieces[0].flags = END_STREAM;
            pieces.last_mut().unwrap().flags |= END_HEADERS;
            raw.send(&pieces).await;
            assert_eq!(raw.outcome(1).await, want, "{name}");
            assert_eq!(raw.serves(3).await, want == Outcome::Answered(431), "{name}");
        }
        rig.stop().await;
    });
}

/// Frames of a body that say nothing or next to nothing, while nobody reads it: the connection ends before they pile up.
#[test]
fn frames_that_carry_next_to_nothing_end_the_connection() {
    run(async {
        let origin = Origin::scripted(|client, _| async move {
            std::future::pending::<()>().await;
            drop(client);
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[post(1)]).await;
        for _ in 0..100 {
            raw.send(&vec![frame(DATA, 0, 1, []); 1000]).await;
        }
        assert_eq!(raw.outcome(1).await, Outcome::GoneAway(ENHANCE_YOUR_CALM));
        drop(raw);
        rig.stop().await;
    });
}
