//! What RFC 9113 and RFC 7541 demand of a server, case by case: each breaks one rule, and meets the error that the rule
//! names on the connection or on the stream. After a stream's error the connection serves on.
use super::raw::*;
use crate::proxy::tests::rig::*;
use Outcome::{Answered, Closed, GoneAway, Reset};

/// What h2 says where the RFC has a more exact code (FRAME_SIZE_ERROR, COMPRESSION_ERROR), or would have the stream reset
/// alone: PROTOCOL_ERROR for the connection. Nobody but the client that broke the rule notices.
const BLUNT: Outcome = GoneAway(PROTOCOL_ERROR);

/// Runs each case on a connection of its own, on stream 1, and says which went wrong.
async fn check(cases: Vec<(&str, Vec<Frame>, Outcome)>) {
    let origin = Origin::echoing().await;
    let rig = Rig::to(&[origin.address]);
    let mut wrong = Vec::new();
    for (name, frames, want) in cases {
        let mut raw = Raw::open(rig.address).await;
        raw.send(&frames).await;
        let got = raw.outcome(1).await;
        if got != want {
            wrong.push(format!("{name}: {got:?}, not {want:?}"));
        } else if matches!(want, Answered(_) | Reset(_)) {
            if !raw.serves(101).await {
                wrong.push(format!("{name}: serves no more"));
            }
        } else if raw.next().await.is_some_and(|frame| frame.kind != GOAWAY) {
            wrong.push(format!("{name}: goes on"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    rig.stop().await;
}

fn headers(flags: u8, headers: &[(&str, &str)]) -> Frame {
    frame(HEADERS, END_HEADERS | flags, 1, block(headers))
}

/// A request with a further header.
fn with(name: &str, value: &str) -> Vec<Frame> {
    vec![headers(END_STREAM, &[&USUAL[..], &[(name, value)]].concat())]
}

/// A request whose headers are of these bytes.
fn packed(bytes: &[u8]) -> Vec<Frame> {
    vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, bytes)]
}

#[test]
fn frames_have_their_sizes_and_places() {
    let big = vec![0; 16_385];
    run(check(vec![
        ("DATA beyond the largest frame", vec![post(1), frame(DATA, 0, 1, big.clone())], GoneAway(FRAME_SIZE_ERROR)),
        ("HEADERS beyond it", vec![frame(HEADERS, END_HEADERS, 1, big)], GoneAway(FRAME_SIZE_ERROR)),
        ("DATA on stream 0", vec![frame(DATA, 0, 0, *b"x")], GoneAway(PROTOCOL_ERROR)),
        ("HEADERS on stream 0", vec![frame(HEADERS, END_HEADERS, 0, block(&USUAL))], GoneAway(PROTOCOL_ERROR)),
        ("PRIORITY on stream 0", vec![frame(PRIORITY, 0, 0, [0; 5])], GoneAway(PROTOCOL_ERROR)),
        ("RST_STREAM on stream 0", vec![frame(RST_STREAM, 0, 0, [0; 4])], GoneAway(PROTOCOL_ERROR)),
        ("CONTINUATION on stream 0", vec![frame(CONTINUATION, END_HEADERS, 0, [])], GoneAway(PROTOCOL_ERROR)),
        ("SETTINGS on a stream", vec![frame(SETTINGS, 0, 1, [])], GoneAway(PROTOCOL_ERROR)),
        ("PING on a stream", vec![frame(PING, 0, 1, [0; 8])], GoneAway(PROTOCOL_ERROR)),
        ("GOAWAY on a stream", vec![frame(GOAWAY, 0, 1, [0; 8])], GoneAway(PROTOCOL_ERROR)),
        ("PING of 7 bytes", vec![frame(PING, 0, 0, [0; 7])], BLUNT),
        ("RST_STREAM of 3 bytes", vec![post(1), frame(RST_STREAM, 0, 1, [0; 3])], BLUNT),
        ("WINDOW_UPDATE of 3 bytes", vec![frame(WINDOW_UPDATE, 0, 0, [0; 3])], BLUNT),
        ("SETTINGS of 5 bytes", vec![frame(SETTINGS, 0, 0, [0; 5])], BLUNT),
        ("SETTINGS that acknowledge and say more", vec![frame(SETTINGS, ACK, 0, [0; 6])], BLUNT),
        ("PUSH_PROMISE from a client", vec![frame(PUSH_PROMISE, 4, 1, [0, 0, 0, 2])], GoneAway(PROTOCOL_ERROR)),
        ("more padding than DATA", vec![post(1), frame(DATA, PADDED, 1, [9, 0])], GoneAway(PROTOCOL_ERROR)),
        ("more padding than HEADERS", vec![frame(HEADERS, END_HEADERS | PADDED, 1, [9, 0])], GoneAway(PROTOCOL_ERROR)),
        ("a frame of an unknown type", vec![frame(0x42, 0xff, 0, *b"?"), get(1)], Answered(200)),
        ("unknown settings", vec![frame(SETTINGS, 0, 0, setting(0x99, 7)), get(1)], Answered(200)),
        ("the reserved bit of a stream's number", vec![frame(PING, 0, 1 << 31, [0; 8]), get(1)], Answered(200)),
        ("padding", vec![post(1), frame(DATA, PADDED | END_STREAM, 1, [2, b'x', 0, 0])], Answered(200)),
        (
            "a priority in HEADERS",
            packed(&[&[0, 0, 0, 3, 9], block(&USUAL).as_slice()].concat())
                .into_iter()
                .map(|frame| Frame { flags: frame.flags | PRIORITIZED, ..frame })
                .collect(),
            Answered(200),
        ),
    ]));
}

#[test]
fn settings_have_their_values() {
    let settings = |number, value| vec![frame(SETTINGS, 0, 0, setting(number, value))];
    run(check(vec![
        ("ENABLE_PUSH of 2", settings(2, 2), GoneAway(PROTOCOL_ERROR)),
        ("INITIAL_WINDOW_SIZE of 2^31", settings(4, 1 << 31), BLUNT),
        ("MAX_FRAME_SIZE of 16383", settings(5, 16_383), GoneAway(PROTOCOL_ERROR)),
        ("MAX_FRAME_SIZE of 2^24", settings(5, 1 << 24), GoneAway(PROTOCOL_ERROR)),
        ("an acknowledgement too many", vec![frame(SETTINGS, ACK, 0, []), get(1)], BLUNT),
    ]));
}

#[test]
fn streams_have_their_states() {
    let trailers = |flags| frame(HEADERS, END_HEADERS | flags, 1, block(&[("x", "y")]));
    run(check(vec![
        ("an even stream", vec![get(2)], GoneAway(PROTOCOL_ERROR)),
        ("a lower stream than before", vec![post(5), get(3)], GoneAway(PROTOCOL_ERROR)),
        ("DATA before HEADERS", vec![frame(DATA, 0, 1, *b"x")], GoneAway(PROTOCOL_ERROR)),
        ("RST_STREAM before HEADERS", vec![frame(RST_STREAM, 0, 1, [0; 4])], GoneAway(PROTOCOL_ERROR)),
        ("WINDOW_UPDATE before HEADERS", vec![window(1, 1)], GoneAway(PROTOCOL_ERROR)),
        ("CONTINUATION before HEADERS", vec![frame(CONTINUATION, END_HEADERS, 1, [])], GoneAway(PROTOCOL_ERROR)),
        (
            "another frame between HEADERS and CONTINUATION",
            vec![frame(HEADERS, END_STREAM, 1, block(&USUAL)), frame(PING, 0, 0, [0; 8])],
            GoneAway(PROTOCOL_ERROR),
        ),
        (
            "CONTINUATION of another stream",
            vec![frame(HEADERS, END_STREAM, 1, block(&USUAL)), frame(CONTINUATION, END_HEADERS, 3, [])],
            GoneAway(PROTOCOL_ERROR),
        ),
        ("CONTINUATION after the end", vec![get(1), frame(CONTINUATION, END_HEADERS, 1, [])], GoneAway(PROTOCOL_ERROR)),
        ("trailers that do not end", vec![post(1), trailers(0)], Reset(PROTOCOL_ERROR)),
        ("trailers", vec![post(1), trailers(END_STREAM)], Answered(200)),
        (
            "HEADERS in two pieces",
            vec![
                frame(HEADERS, END_STREAM, 1, block(&USUAL[..2])),
                frame(CONTINUATION, END_HEADERS, 1, block(&USUAL[2..])),
            ],
            Answered(200),
        ),
        ("a priority for a stream that is idle", vec![frame(PRIORITY, 0, 7, [0, 0, 0, 0, 1]), get(1)], Answered(200)),
    ]));
}

/// What happens to a stream that is still open while the client has said its end.
#[test]
fn a_stream_that_has_ended_takes_nothing_more() {
    run(async {
        let origin = Origin::scripted(|mut server, _| async move { drop(server.rest().await) }).await;
        let rig = Rig::to(&[origin.address]);
        for (name, late) in [("DATA", frame(DATA, 0, 1, *b"x")), ("HEADERS", get(1))] {
            let mut raw = Raw::open(rig.address).await;
            raw.send(&[get(1), late]).await;
            let got = raw.outcome(1).await;
            assert!(matches!(got, Reset(STREAM_CLOSED) | GoneAway(STREAM_CLOSED) | BLUNT), "{name}: {got:?}");
        }
        rig.stop().await;
    });
}

#[test]
fn windows_grow_within_bounds() {
    run(check(vec![
        ("nothing more for the connection", vec![window(0, 0)], GoneAway(PROTOCOL_ERROR)),
        ("nothing more for a stream", vec![post(1), window(1, 0)], BLUNT),
        ("too much for the connection", vec![window(0, i32::MAX as u32)], GoneAway(FLOW_CONTROL_ERROR)),
        ("too much for a stream", vec![post(1), window(1, i32::MAX as u32)], Reset(FLOW_CONTROL_ERROR)),
        (
            "too much by a setting",
            vec![post(1), window(1, i32::MAX as u32 - 65_535), frame(SETTINGS, 0, 0, setting(4, 65_536))],
            GoneAway(FLOW_CONTROL_ERROR),
        ),
    ]));
}

#[test]
fn packed_headers_must_unpack() {
    let usual = block(&USUAL);
    let after = |bytes: &[u8]| packed(&[usual.as_slice(), bytes].concat());
    run(check(vec![
        ("an index beyond both tables", after(&[0xff, 0x7f]), BLUNT),
        ("index 0", after(&[0x80]), BLUNT),
        ("a number without end", after(&[&[0xff][..], &[0xff; 12]].concat()), BLUNT),
        ("a table beyond our limit", packed(&[&[0x3f, 0xff, 0x7f], usual.as_slice()].concat()), BLUNT),
        ("a table size after headers", after(&[0x20]), BLUNT),
        ("a text cut short", after(&[0, 9, b'x']), BLUNT),
        ("Huffman's end of string", after(&[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]), BLUNT),
        ("padding of Huffman's code with zeros", after(&[0, 1, b'x', 0x81, 0]), BLUNT),
        ("padding of eight bits", after(&[0, 1, b'x', 0x82, 0x07, 0xff]), BLUNT),
    ]));
}

#[test]
fn heads_are_well_formed_or_reset() {
    let without = |name: &str| {
        let left: Vec<_> = USUAL.into_iter().filter(|(present, _)| *present != name).collect();
        vec![headers(END_STREAM, &left)]
    };
    let changed = |name: &str, value: &'static str| {
        let new: Vec<_> = USUAL.into_iter().map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect();
        vec![headers(END_STREAM, &new)]
    };
    let malformed = Reset(PROTOCOL_ERROR);
    run(check(vec![
        ("a name in upper case", with("X-Upper", "y"), BLUNT),
        ("a name with a blank", with("x y", "z"), BLUNT),
        ("a line feed in a value", with("x", "a\nb"), BLUNT),
        ("a zero byte in a value", with("x", "a\0b"), BLUNT),
        ("an empty name", with("", "x"), BLUNT),
        ("connection", with("connection", "close"), malformed),
        ("keep-alive", with("keep-alive", "1"), malformed),
        ("proxy-connection", with("proxy-connection", "keep-alive"), malformed),
        ("transfer-encoding", with("transfer-encoding", "chunked"), malformed),
        ("upgrade", with("upgrade", "websocket"), malformed),
        ("te of another kind", with("te", "gzip"), malformed),
        ("te: trailers", with("te", "trailers"), Answered(200)),
        ("an unknown pseudo-header", with(":x", "y"), BLUNT),
        ("the pseudo-header of answers", with(":status", "200"), malformed),
        ("a pseudo-header twice", with(":path", "/"), malformed),
        (
            "a pseudo-header after others",
            vec![headers(END_STREAM, &[&USUAL[..3], &[("x", "y"), USUAL[3]]].concat())],
            malformed,
        ),
        ("no method", without(":method"), malformed),
        ("no scheme", without(":scheme"), malformed),
        ("no path", without(":path"), malformed),
        ("an empty path", changed(":path", ""), malformed),
        ("a path without slash", changed(":path", "x"), malformed),
        // As in an absolute target of HTTP/1.1: the user is left out.
        ("a user in the authority", changed(":authority", "u@a.test"), Answered(200)),
        (
            "no authority, but a host",
            vec![headers(END_STREAM, &[&USUAL[..3], &[("host", "a.test")]].concat())],
            Answered(200),
        ),
        ("neither", without(":authority"), Answered(400)),
        (
            "a CONNECT with a path",
            vec![headers(END_STREAM, &[(":method", "CONNECT"), (":path", "/"), (":authority", "a:1")])],
            malformed,
        ),
        ("a CONNECT", vec![headers(0, &[(":method", "CONNECT"), (":authority", "a:1")])], Answered(501)),
        ("a :protocol without CONNECT", with(":protocol", "websocket"), malformed),
        ("a length beyond an empty body", with("content-length", "5"), malformed),
        ("a length that is none", with("content-length", "x"), malformed),
        (
            "two lengths",
            vec![headers(END_STREAM, &[&USUAL[..], &[("content-length", "0"), ("content-length", "1")]].concat())],
            malformed,
        ),
        // RFC 9113 8.1 calls it malformed; h2 leaves them out, so no server sees them.
        (
            "pseudo-headers in trailers",
            vec![post(1), frame(HEADERS, END_HEADERS | END_STREAM, 1, block(&[(":path", "/")]))],
            Answered(200),
        ),
    ]));
}

/// A body that is longer or shorter than its head says never counts as a whole one: the server never sees its end.
#[test]
fn a_body_must_have_the_length_that_its_head_says() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        for (name, body) in
            [("shorter", vec![&b"ab"[..]]), ("longer", vec![&b"abcdef"[..]]), ("in two", vec![b"ab", b"cdef"])]
        {
            let mut raw = Raw::open(rig.address).await;
            let head = [&[(":method", "POST")], &USUAL[1..], &[("content-length", "5")]].concat();
            raw.send(&[headers(0, &head)]).await;
            let last = body.len() - 1;
            for (number, piece) in body.into_iter().enumerate() {
                raw.send(&[frame(DATA, if number == last { END_STREAM } else { 0 }, 1, piece)]).await;
            }
            assert_eq!(raw.outcome(1).await, Reset(PROTOCOL_ERROR), "{name}");
            assert!(raw.serves(101).await, "{name}");
        }
        assert!(origin.seen.borrow().iter().all(|request| request.first_line().starts_with("GET ")));
        rig.stop().await;
    });
}

#[test]
fn a_preface_may_come_in_pieces_and_must_be_right() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        for cut in 1..PREFACE.len() {
            let mut raw = Raw::silent(rig.address).await;
            raw.send_bytes(&PREFACE[..cut]).await;
            // The proxy has read the first piece when it serves somebody who came later.
            assert_eq!(rig.ask(GET).await.status(), 200);
            raw.send_bytes(&[&PREFACE[cut..], &frame(SETTINGS, 0, 0, []).to_bytes()].concat()).await;
            assert!(raw.serves(1).await, "cut at {cut}");
        }
        let mut raw = Raw::silent(rig.address).await;
        raw.send_bytes(&PREFACE[..17]).await;
        assert_eq!(rig.ask(GET).await.status(), 200);
        raw.send_bytes(b"\nXX\r\n\r\n").await;
        assert!(matches!(raw.outcome(1).await, GoneAway(PROTOCOL_ERROR) | Closed));
        let mut client = rig.client().await;
        client.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
        assert_eq!(client.answer().await.status(), 505);
        rig.stop().await;
    });
}
