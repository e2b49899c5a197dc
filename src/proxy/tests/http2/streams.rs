//! Many streams on one connection: how many, and that what ends one of them leaves the others alone.
use super::raw::*;
use crate::model::plan::{HostHeader, Scheme};
use crate::proxy::tests::rig::*;

const ENDLESS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";

/// Begins an answer to `/endless` that never ends, says `ok` to everything else.
async fn endless() -> Origin {
    Origin::scripted(|mut server, _| async move {
        while let Some(request) = server.message(false).await {
            if request.first_line().contains("/endless") {
                server.send(ENDLESS).await;
            } else {
                server.tcp.try_write(&ok(b"ok")).unwrap();
            }
        }
    })
    .await
}

#[test]
fn as_many_streams_are_served_as_were_announced_and_no_more() {
    run(async {
        let origin = Origin::scripted(|mut server, _| async move { drop(server.rest().await) }).await;
        for (options, limit) in [(&[][..], 250), (&["--entrypoints.web.http2.maxconcurrentstreams=3"], 3)] {
            let rig = Rig::with(options, plan([server(Scheme::Http, origin.address)], HostHeader::Pass));
            let mut raw = Raw::open(rig.address).await;
            let settings = raw.find(|frame| frame.kind == SETTINGS && frame.flags == 0).await.unwrap();
            let most = settings.payload.chunks(6).find(|setting| setting[..2] == [0, 3]).expect("a limit");
            assert_eq!(u32::from_be_bytes(most[2..].try_into().unwrap()), limit);
            let streams: Vec<Frame> = (0..=limit).map(|number| get(2 * number + 1)).collect();
            raw.send(&streams).await;
            assert_eq!(raw.outcome(2 * limit + 1).await, Outcome::Reset(REFUSED_STREAM));
            until(|| rig.totals().requests == u64::from(limit)).await;
            drop(raw);
            rig.stop().await;
        }
    });
}

#[test]
fn the_header_table_is_as_large_as_the_option_says() {
    run(async {
        let origin = Origin::echoing().await;
        let option = "--entrypoints.web.http2.maxdecoderheadertablesize";
        for (options, size) in
            [(vec![], None), (vec![format!("{option}=65536")], Some(65_536)), (vec![format!("{option}=0")], Some(0))]
        {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let rig = Rig::with(&options, plan([server(Scheme::Http, origin.address)], HostHeader::Pass));
            let mut raw = Raw::open(rig.address).await;
            let settings = raw.find(|frame| frame.kind == SETTINGS && frame.flags == 0).await.unwrap();
            let said = settings.payload.chunks(6).find(|setting| setting[..2] == [0, 1]);
            assert_eq!(said.map(|said| u32::from_be_bytes(said[2..].try_into().unwrap())), size);
            raw.send(&[get(1)]).await;
            assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
            drop(raw);
            rig.stop().await;
        }
    });
}

#[test]
fn an_answer_that_takes_too_long_is_cut_alone() {
    run(async {
        let origin = endless().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.writetimeout=1s"], plan);
        // With a window for the answer, and without: then the stream waits for its client when it is cut.
        for first_window in [65_535, 0] {
            let mut raw = Raw::with(rig.address, &[(4, first_window)]).await;
            raw.send(&[get_path(1, "/endless")]).await;
            assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
            assert_eq!(raw.outcome(1).await, Outcome::Reset(CANCEL));
            assert!(raw.serves(3).await);
        }
        rig.stop().await;
    });
}

#[test]
fn a_client_that_cancels_a_stream_cancels_the_request_behind_it() {
    run(async {
        let (left, mut leaving) = tokio::sync::mpsc::unbounded_channel();
        let origin = Origin::scripted(move |mut server, _| {
            let left = left.clone();
            async move {
                let Some(request) = server.message(false).await else { return };
                if request.first_line().contains("/endless") {
                    server.send(ENDLESS).await;
                    server.rest().await;
                    left.send(()).ok();
                } else {
                    server.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[get_path(1, "/endless")]).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
        raw.send(&[frame(RST_STREAM, 0, 1, CANCEL.to_be_bytes())]).await;
        leaving.recv().await.expect("the server sees it");
        assert!(raw.serves(3).await);
        rig.stop().await;
    });
}

/// The server dies in the middle of its answer: the stream is reset, so that nobody takes the part for the whole.
#[test]
fn a_server_that_dies_resets_its_stream_alone() {
    run(async {
        let origin = Origin::scripted(|mut server, _| async move {
            let Some(request) = server.message(false).await else { return };
            let dies = request.first_line().contains("/endless");
            server.send(if dies { ENDLESS } else { "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" }).await;
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        raw.send(&[get_path(1, "/endless")]).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
        assert!(matches!(raw.outcome(1).await, Outcome::Reset(_)));
        assert!(raw.serves(3).await);
        rig.stop().await;
    });
}

/// What a client sends as `expect` is no reason to wait for ever: RFC 9110 10.1.1 lets it go on by itself.
#[test]
fn a_body_that_was_announced_by_an_expectation_is_served() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut raw = Raw::open(rig.address).await;
        let head =
            [&[(":method", "POST")], &USUAL[1..], &[("expect", "100-continue"), ("content-length", "2")]].concat();
        raw.send(&[frame(HEADERS, END_HEADERS, 1, block(&head)), frame(DATA, END_STREAM, 1, *b"ab")]).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
        assert!(raw.body(1).await.ends_with(b"\n\nab"));
        rig.stop().await;
    });
}
