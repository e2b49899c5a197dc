//! Heads as bytes, and what is made of them.
use super::*;
use proptest::prelude::*;

fn parsed(text: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    let mut read = BytesMut::from(text);
    Ok(match parse(&mut read, &mut HeaderMap::new(), usize::MAX)? {
        Parsed::Partial => None,
        Parsed::Whole(head) => Some((head, read.len())),
    })
}

fn whole(text: &str) -> Head {
    parsed(text.as_bytes()).unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}")).expect("a whole head").0
}

fn refused(text: &str) -> Refusal {
    match parsed(text.as_bytes()) {
        Err(refusal) => refusal,
        Ok(_) => panic!("not refused: {text:?}"),
    }
}

#[test]
fn a_head_is_taken_off_and_what_follows_stays() {
    let (head, left) = parsed(b"POST /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:2\r\nContent-Length: 3\r\n\r\nabcGET")
        .unwrap()
        .unwrap();
    assert_eq!((head.method, head.uri.to_string(), head.version), (Method::POST, "/a?b".to_owned(), Version::HTTP_11));
    assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!((head.length, head.keep, head.expects), (Length::Bytes(3), Keep::Open, Expects::Nothing));
    assert_eq!(left, 6);
}

#[test]
fn half_a_head_is_left_as_it_is() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\nX-B: 1\r\n\r\n";
    for length in 0..text.len() {
        assert!(parsed(&text[..length]).unwrap().is_none(), "{length}");
    }
}

#[test]
fn the_length_of_a_body_is_said_in_one_way() {
    let cases = [
        ("HTTP/1.1\r\n", Some(Length::Bytes(0)), Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 7\r\n", Some(Length::Bytes(7)), Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 7\r\n", Some(Length::Bytes(7)), Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 007\r\n", Some(Length::Bytes(7)), Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n", Some(Length::Chunked), Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n", Some(Length::Chunked), Keep::Close),
        ("HTTP/1.1\r\nContent-Length: x\r\nTransfer-Encoding: chunked\r\n", Some(Length::Chunked), Keep::Close),
        ("HTTP/1.0\r\nContent-Length: 7\r\n", Some(Length::Bytes(7)), Keep::Close),
        ("HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 7\r\n", Some(Length::Bytes(7)), Keep::Open),
        ("HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n", Some(Length::Bytes(0)), Keep::Close),
        ("HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 8\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 7, 7\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length: +7\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length: -7\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 0x7\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length:\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: identity\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding:\r\n", None, Keep::Open),
        ("HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n", None, Keep::Open),
    ];
    for (text, length, keep) in cases {
        let text = format!("POST / {text}Host: a\r\n\r\n");
        match (parsed(text.as_bytes()), length) {
            (Ok(Some((head, _))), Some(length)) => {
                assert_eq!((head.length, head.keep), (length, keep), "{text}");
                let said = head.headers.get_all(CONTENT_LENGTH).iter().count()
                    + head.headers.get_all(TRANSFER_ENCODING).iter().count();
                assert!(said <= 1, "{text}");
            }
            (Err(_), None) => {}
            (given, _) => panic!("{text}: {}", given.is_ok()),
        }
    }
}

#[test]
fn connections_are_kept_as_client_and_version_say() {
    for (text, keep) in [
        ("HTTP/1.1\r\n", Keep::Open),
        ("HTTP/1.1\r\nConnection: foo, Close\r\n", Keep::Close),
        ("HTTP/1.1\r\nConnection: keep-alive\r\nConnection: close\r\n", Keep::Close),
        ("HTTP/1.0\r\n", Keep::Close),
        ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", Keep::Open),
        ("HTTP/1.0\r\nConnection: keep-alive, close\r\n", Keep::Close),
    ] {
        assert_eq!(whole(&format!("GET / {text}\r\n")).keep, keep, "{text}");
    }
}

#[test]
fn who_waits_for_a_word_is_told_only_if_there_is_a_body_to_wait_for() {
    for (text, expects) in [
        ("HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n", Expects::Continue),
        ("HTTP/1.1\r\nExpect: 100-continue\r\n", Expects::Nothing),
        ("HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n", Expects::Nothing),
        ("HTTP/1.1\r\nContent-Length: 1\r\nExpect: x\r\n", Expects::Nothing),
    ] {
        assert_eq!(whole(&format!("POST / {text}\r\n")).expects, expects, "{text}");
    }
}

#[test]
fn folded_lines_are_joined_with_one_blank() {
    let head = whole("GET / HTTP/1.1\r\nHost: a\r\nX-A: one\r\n  two \r\n\t three\r\nX-B: 1\r\n\r\n");
    assert_eq!(head.headers.get("x-a").unwrap(), "one two three");
    assert_eq!(head.headers.get("x-b").unwrap(), "1");
    // Nothing can hide in a fold: it is part of the line before it, for us and for everybody behind us.
    let head = whole("POST / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(
        (head.length, head.headers.get("x-a").unwrap().as_bytes()),
        (Length::Bytes(0), &b"1 Transfer-Encoding: chunked"[..])
    );
    let head = whole("POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n");
    assert_eq!(head.length, Length::Chunked);
    // An empty fold is no end of the head.
    let head = whole("GET / HTTP/1.1\r\nX-A: 1\r\n \r\nX-B: 2\r\n\r\n");
    assert!(head.headers["x-a"] == "1" && head.headers["x-b"] == "2", "{:?}", head.headers);
    assert_eq!(refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), Refusal::BAD_REQUEST);
    // Nothing else is mended on the way, so that a fold hides nothing that is refused without it.
    for head in [
        "Transfer-Encoding:\r\n \x0cchunked\r\n",
        "Transfer-Encoding: \x0b\r\n chunked\r\n",
        "A: b\r\n c\r\nContent-Length: 5\r\r\n \r\n",
        "A: b\r\n x\r\nB: c\r\n\r\r\n d\r\n",
        "A: b\r\n \0\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n");
        assert!(parsed(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn other_versions_of_http_1_are_served_and_no_others() {
    for minor in 2..=9 {
        assert_eq!(whole(&format!("GET / HTTP/1.{minor}\r\nHost: a\r\n\r\n")).version, Version::HTTP_11);
    }
    for version in ["HTTP/1.10", "HTTP/1", "http/1.1", "HTTP/x.1", "HTTP/1.1 x"] {
        assert_eq!(refused(&format!("GET / {version}\r\nHost: a\r\n\r\n")), Refusal::BAD_REQUEST, "{version}");
    }
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/3.1"] {
        assert_ne!(refused(&format!("GET / {version}\r\nHost: a\r\n\r\n")), Refusal::BAD_REQUEST, "{version}");
    }
}

#[test]
fn targets_are_brought_into_a_form_that_everybody_reads_alike() {
    let cases = [
        ("/a?b=c", "/a?b=c"),
        ("*", "*"),
        ("http://b.test/x?y", "http://b.test/x?y"),
        ("/a<b>`c", "/a%3Cb%3E%60c"),
        ("/a?b=<c>", "/a?b=%3Cc%3E"),
        ("/a?x#y", "/a?x%23y"),
        ("http:/x?y", "/x?y"),
        ("http:///x", "/x"),
        ("http://b.test/<", "http://b.test/%3C"),
        ("/caf\u{e9}", "/caf\u{e9}"),
    ];
    for (given, want) in cases {
        let head = whole(&format!("GET {given} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!((head.uri.to_string(), head.target), (want.to_owned(), RawTarget::Plain), "{given}");
    }
    for given in ["/a#b", "http:x", "mailto:a@b.test", "/a#b?c", "http://b.test/a#b"] {
        assert_eq!(whole(&format!("GET {given} HTTP/1.1\r\nHost: a\r\n\r\n")).target, RawTarget::Odd, "{given}");
    }
    for given in ["x", "#", "http://b.test#f", "1:x", ":x"] {
        assert_eq!(refused(&format!("GET {given} HTTP/1.1\r\nHost: a\r\n\r\n")), Refusal::BAD_REQUEST, "{given}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(MAX_TARGET));
    assert_eq!(refused(&long), Refusal::URI_TOO_LONG);
}

#[test]
fn a_head_that_came_at_once_is_not_longer_than_one_that_came_in_pieces() {
    let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (limit, fits) in [(text.len(), true), (text.len() - 1, false)] {
        let mut read = BytesMut::from(text.as_bytes());
        let parsed = parse(&mut read, &mut HeaderMap::new(), limit);
        assert_eq!(parsed.err(), (!fits).then_some(Refusal::TOO_LARGE));
    }
}

#[test]
fn the_memory_of_one_head_serves_the_next() {
    let mut spare = HeaderMap::with_capacity(100);
    let capacity = spare.capacity();
    let mut read = BytesMut::from(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..]);
    spare.insert("x-old", HeaderValue::from_static("1"));
    let Ok(Parsed::Whole(head)) = parse(&mut read, &mut spare, usize::MAX) else { panic!("no head") };
    assert_eq!((head.headers.len(), head.headers.capacity()), (1, capacity));
}

proptest! {
    /// However a head comes, it is the same head, and the parser never panics or takes bytes it does not own.
    #[test]
    fn no_bytes_whatever_are_trouble(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let before = bytes.len();
        let mut read = BytesMut::from(&bytes[..]);
        if let Ok(Parsed::Whole(_)) = parse(&mut read, &mut HeaderMap::new(), usize::MAX) {
            prop_assert!(read.len() < before);
        }
    }

    /// The same with what looks like a head.
    #[test]
    fn no_head_whatever_is_trouble(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "GET ", "/", "#", "?", " HTTP/1.", "1", "2", "0", "\r\n", "\n", " ", "\t", "Host: a", "X", ":", "http:",
                "//", "Content-Length: 5", "Transfer-Encoding: chunked", "\r", "<", "%", "\u{e9}", "Connection: close",
            ]),
            0..40,
        )
    ) {
        let text = parts.concat();
        let mut read = BytesMut::from(text.as_bytes());
        if let Ok(Parsed::Whole(head)) = parse(&mut read, &mut HeaderMap::new(), usize::MAX) {
            let said = head.headers.get_all(CONTENT_LENGTH).iter().count()
                + head.headers.get_all(TRANSFER_ENCODING).iter().count();
            prop_assert!(said <= 1);
            prop_assert!(!head.headers.values().any(|value| value.as_bytes().contains(&b'\n')));
        }
    }
}
