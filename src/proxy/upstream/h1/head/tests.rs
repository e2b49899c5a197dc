use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8], method: &Method) -> Result<Parsed, HeadError> {
    parse(&mut BytesMut::from(bytes), method, &mut HeaderMap::new())
}

fn whole(bytes: &[u8], method: &Method) -> Head {
    match read(bytes, method) {
        Ok(Parsed::Whole(head)) => head,
        Ok(_) => panic!("not whole: {}", String::from_utf8_lossy(bytes)),
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(bytes)),
    }
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    headers.iter().map(line).collect()
}

#[test]
fn lengths_follow_from_status_method_and_headers() {
    use Length::{Bytes, Chunked, UntilClose};
    let cases: [(&str, &str, Method, Result<Length, HeadError>); 22] = [
        ("200 OK", "content-length: 5\r\n", Method::GET, Ok(Bytes(5))),
        ("200 OK", "content-length: 0\r\n", Method::GET, Ok(Bytes(0))),
        ("200 OK", "", Method::GET, Ok(UntilClose)),
        ("200 OK", "transfer-encoding: chunked\r\n", Method::GET, Ok(Chunked)),
        ("200 OK", "transfer-encoding: Chunked \r\ncontent-length: 5\r\n", Method::GET, Ok(Chunked)),
        ("200 OK", "transfer-encoding: chunked\r\ncontent-length: x\r\n", Method::GET, Ok(Chunked)),
        ("200 OK", "content-length: 5\r\ncontent-length: 5\r\n", Method::GET, Ok(Bytes(5))),
        ("200 OK", "content-length: 5, 5\r\n", Method::GET, Ok(Bytes(5))),
        ("200 OK", "content-length: 5\r\ncontent-length: 6\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length: 5, 6\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length: 5,\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length: +5\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length: -5\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length:\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "content-length: 18446744073709551616\r\n", Method::GET, Err(HeadError::Length)),
        ("200 OK", "transfer-encoding: gzip\r\n", Method::GET, Err(HeadError::Coding)),
        ("200 OK", "transfer-encoding: gzip, chunked\r\n", Method::GET, Err(HeadError::Coding)),
        ("200 OK", "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", Method::GET, Err(HeadError::Coding)),
        ("204 No Content", "content-length: 5\r\n", Method::GET, Ok(Bytes(0))),
        ("304 Not Modified", "transfer-encoding: chunked\r\n", Method::GET, Ok(Bytes(0))),
        ("200 OK", "content-length: 5\r\n", Method::HEAD, Ok(Bytes(0))),
        ("101 Switching Protocols", "", Method::GET, Ok(Bytes(0))),
    ];
    for (status, headers, method, want) in cases {
        let bytes = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
        let got = read(bytes.as_bytes(), &method).map(|parsed| match parsed {
            Parsed::Whole(head) => head.length,
            Parsed::Partial | Parsed::Interim(..) => panic!("not whole: {bytes}"),
        });
        assert_eq!(got, want, "{bytes}");
    }
    let old = read(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &Method::GET);
    assert!(matches!(old, Err(HeadError::Coding)));
}

#[test]
fn connections_are_kept_if_the_server_says_so() {
    let cases = [
        ("1.1", "", Keep::Open),
        ("1.1", "connection: close\r\n", Keep::Close),
        ("1.1", "connection: x, Close\r\nconnection: keep-alive\r\n", Keep::Close),
        ("1.1", "connection: closed\r\n", Keep::Open),
        ("1.0", "", Keep::Close),
        ("1.0", "connection: Keep-Alive\r\n", Keep::Open),
        ("1.0", "connection: keep-alive, close\r\n", Keep::Close),
        ("1.1", "transfer-encoding: chunked\r\ncontent-length: 5\r\n", Keep::Close),
    ];
    for (version, headers, want) in cases {
        let bytes = format!("HTTP/{version} 200 OK\r\n{headers}\r\n");
        assert_eq!(whole(bytes.as_bytes(), &Method::GET).keep, want, "{bytes}");
    }
}

#[test]
fn old_servers_are_understood() {
    let cases: [(&str, &[&str]); 8] = [
        ("X-A : 1\r\n", &["x-a: 1"]),
        ("x-a: 1\r\n 2\r\n\t3  \r\nx-b: 4\r\n", &["x-a: 1 2 3", "x-b: 4"]),
        ("x y: 1\r\nx-a: 2\r\n", &["x-a: 2"]),
        ("(: 1\r\nnonsense\r\nx-a: 2\r\n", &["x-a: 2"]),
        ("x-a:\r\nx-b: \t \r\n", &["x-a: ", "x-b: "]),
        ("x-a: 1\nx-b: 2\n", &["x-a: 1", "x-b: 2"]),
        ("content-length: 3, 3\r\n", &["content-length: 3"]),
        ("", &[]),
    ];
    for (headers, want) in cases {
        let head = whole(format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), &Method::GET);
        assert_eq!(lines(&head.headers), want, "{headers}");
    }
    let bodiless = whole(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", &Method::HEAD);
    assert_eq!(lines(&bodiless.headers), [""; 0]);
}

#[test]
fn reasons_are_kept_unless_they_are_the_usual_words() {
    let cases: [(&str, u16, Option<&[u8]>); 5] = [
        ("200 OK", 200, None),
        ("200 Fine", 200, Some(b"Fine")),
        ("200", 200, Some(b"")),
        ("799 Odd", 799, Some(b"Odd")),
        ("999 ", 999, Some(b"")),
    ];
    for (line, status, reason) in cases {
        let head = whole(format!("HTTP/1.1 {line}\r\n\r\n").as_bytes(), &Method::GET);
        assert_eq!(
            (head.status.as_u16(), head.reason.as_ref().map(ReasonPhrase::as_bytes)),
            (status, reason),
            "{line}"
        );
    }
}

#[test]
fn nonsense_is_refused() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(MAX_LINES + 1));
    let cases: [&[u8]; 8] = [
        b"SSH-2.0-nonsense\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"x",
        many.as_bytes(),
    ];
    for bytes in cases {
        assert!(read(bytes, &Method::GET).is_err(), "{}", String::from_utf8_lossy(bytes));
    }
    let fits = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(MAX_LINES));
    assert_eq!(whole(fits.as_bytes(), &Method::GET).headers.len(), MAX_LINES);
}

#[test]
fn interim_answers_are_taken_off_and_what_follows_a_head_stays() {
    let mut bytes =
        BytesMut::from(&b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nx-a: 1\r\n\r\nbody"[..]);
    let mut spare = HeaderMap::new();
    spare.insert("x-old", HeaderValue::from_static("1"));
    assert!(matches!(parse(&mut bytes, &Method::GET, &mut spare), Ok(Parsed::Interim(..))));
    assert_eq!(spare.len(), 1);
    let Ok(Parsed::Whole(head)) = parse(&mut bytes, &Method::GET, &mut spare) else { panic!("no answer") };
    assert_eq!((lines(&head.headers), &bytes[..]), (vec!["x-a: 1".to_owned()], &b"body"[..]));
    assert!(spare.is_empty());
}

proptest! {
    #[test]
    fn a_head_is_whole_with_its_last_byte_and_not_before(
        names in prop::collection::vec("[A-Za-z][A-Za-z0-9-]{0,12}", 0..10),
        value in "[ -~]{0,20}",
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
        for name in &names {
            bytes.extend_from_slice(format!("X-{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        for cut in 0..bytes.len() {
            prop_assert!(matches!(read(&bytes[..cut], &Method::GET), Ok(Parsed::Partial)));
        }
        let head = whole(&bytes, &Method::GET);
        prop_assert_eq!(head.headers.len(), names.len());
        for name in names {
            let got = head.headers.get(format!("x-{name}")).unwrap();
            prop_assert_eq!(got.as_bytes(), value.trim().as_bytes());
        }
    }

    #[test]
    fn no_bytes_whatever_are_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [b"HTTP/1.1 200 OK\r\n", bytes.as_slice()].concat();
        if let Ok(Parsed::Whole(head)) = read(&bytes, &Method::GET) {
            prop_assert!(head.headers.len() <= MAX_LINES);
        }
    }
}
