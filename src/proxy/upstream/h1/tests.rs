//! Exchanges over real sockets, with bodies and servers made for each.
use super::*;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use std::convert::Infallible;
use std::future::poll_fn;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

type Sent = UnsyncBoxBody<Bytes, Infallible>;

async fn pair() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (Connection::new(ServerStream::Plain(near), Rc::default()), far)
}

fn get() -> Request<Sent> {
    Request::get("/").body(Empty::new().boxed_unsync()).unwrap()
}

/// A POST with these frames, of unknown length.
fn post(frames: Vec<Frame<Bytes>>) -> Request<Sent> {
    let frames = futures_util::stream::iter(frames.into_iter().map(Ok));
    Request::post("/").header("trailer", "x-sum").body(StreamBody::new(frames).boxed_unsync()).unwrap()
}

async fn head(connection: &mut Connection, mut request: Request<Sent>) -> Result<Head, Failure<Infallible>> {
    connection.begin(&request);
    poll_fn(|cx| connection.poll_head(cx, &mut request, |_, _| {})).await
}

async fn body(connection: &mut Connection) -> Result<Vec<u8>, AnswerError> {
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| connection.poll_body(cx)).await {
        body.extend(frame?.into_data().unwrap_or_default());
    }
    Ok(body)
}

/// The first bytes from `stream`, as many as are wanted.
async fn heard(stream: &mut TcpStream, want: &str) -> String {
    let mut bytes = vec![0; want.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

const SENT: &str = "GET / HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_again_only_after_a_whole_exchange_with_nothing_left_over() {
    let cases: [(&str, bool); 13] = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-a: 1\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", true),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", false),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi!", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n\r\n", false),
        ("HTTP/1.1 204 No Content\r\n\r\nx", false),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false),
    ];
    for (answer, reusable) in cases {
        let (mut connection, mut far) = pair().await;
        far.write_all(answer.as_bytes()).await.unwrap();
        head(&mut connection, get()).await.unwrap();
        if connection.take_whole().is_none() {
            assert!(!connection.is_reusable(), "{answer}");
            body(&mut connection).await.unwrap();
        }
        assert_eq!(connection.is_reusable(), reusable, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_without_length_lasts_until_the_server_closes() {
    let (mut connection, mut far) = pair().await;
    far.write_all(b"HTTP/1.1 200 OK\r\n\r\nuntil the ").await.unwrap();
    head(&mut connection, get()).await.unwrap();
    assert!(connection.take_whole().is_none());
    far.write_all(b"end").await.unwrap();
    heard(&mut far, SENT).await;
    drop(far);
    assert_eq!(body(&mut connection).await.unwrap(), b"until the end");
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn answers_that_break_off_are_errors_and_end_the_connection() {
    let cases = [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
    ];
    for answer in cases {
        let (mut connection, mut far) = pair().await;
        far.write_all(answer.as_bytes()).await.unwrap();
        head(&mut connection, get()).await.unwrap();
        heard(&mut far, SENT).await;
        drop(far);
        assert!(connection.take_whole().is_none());
        assert!(body(&mut connection).await.is_err(), "{answer}");
        assert!(!connection.is_reusable(), "{answer}");
    }
}

#[tokio::test]
async fn it_is_known_how_far_a_failed_exchange_came() {
    for (answer, touched) in [("", Touched::Written), ("HTTP/1.1 2", Touched::Read), ("\r\n", Touched::Read)] {
        let (mut connection, mut far) = pair().await;
        far.write_all(answer.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        assert!(matches!(head(&mut connection, get()).await, Err(Failure::Closed)), "{answer}");
        assert_eq!(connection.touched(), touched, "{answer}");
    }
    // Closed for good, and known to be before anything is written.
    let (mut connection, far) = pair().await;
    far.set_zero_linger().unwrap();
    drop(far);
    while connection.is_quiet() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(head(&mut connection, get()).await, Err(Failure::Io(_))));
    assert_eq!(connection.touched(), Touched::Nothing);
}

#[tokio::test]
async fn idle_connections_on_which_anything_happens_are_not_quiet() {
    let (mut connection, mut far) = pair().await;
    assert!(connection.is_quiet() && connection.is_reusable());
    far.write_all(b"\r").await.unwrap();
    while connection.is_quiet() {
        tokio::task::yield_now().await;
    }
    let (mut connection, far) = pair().await;
    drop(far);
    while connection.is_quiet() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn bodies_leave_framed_with_their_trailers() {
    let data = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
    let mut sum = HeaderMap::new();
    sum.insert("x-sum", http::HeaderValue::from_static("7"));
    let head_of = "POST / HTTP/1.1\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n";
    let large: &'static str = Box::leak("x".repeat(300_000).into_boxed_str());
    let cases = [
        (post(vec![]), format!("{head_of}0\r\n\r\n")),
        (post(vec![data("ab"), data(""), data("c")]), format!("{head_of}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")),
        (post(vec![data("ab"), Frame::trailers(sum)]), format!("{head_of}2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n")),
        (post(vec![data(large), data("y")]), format!("{head_of}493e0\r\n{large}\r\n1\r\ny\r\n0\r\n\r\n")),
        (
            Request::post("/").body(Full::from("body").boxed_unsync()).unwrap(),
            "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody".to_owned(),
        ),
        (
            Request::post("/").body(Full::from(large).boxed_unsync()).unwrap(),
            format!("POST / HTTP/1.1\r\ncontent-length: 300000\r\n\r\n{large}"),
        ),
    ];
    for (request, want) in cases {
        let (mut connection, mut far) = pair().await;
        let server = async {
            let got = heard(&mut far, &want).await;
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            got
        };
        let (answer, got) = tokio::join!(head(&mut connection, request), server);
        assert_eq!(answer.unwrap().status, StatusCode::OK);
        assert!(got == want, "{}", got.get(..100).unwrap_or(&got));
        assert!(connection.is_reusable());
    }
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent_is_read_and_the_connection_not_used_again() {
    let (mut connection, mut far) = pair().await;
    let never = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>());
    far.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
    let request = Request::new(never.boxed_unsync());
    assert_eq!(head(&mut connection, request).await.unwrap().status, StatusCode::FORBIDDEN);
    assert!(connection.is_sending());
    assert_eq!(connection.take_whole().unwrap(), "no");
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn interim_answers_are_skipped_up_to_a_limit() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let last = "\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let most = usize::from(MAX_INTERIM);
    let (mut connection, mut far) = pair().await;
    far.write_all([&interim.repeat(most), last].concat().as_bytes()).await.unwrap();
    assert_eq!(head(&mut connection, get()).await.unwrap().status, StatusCode::OK);
    assert!(connection.take_whole().is_some() && connection.is_reusable());
    let (mut connection, mut far) = pair().await;
    far.write_all([&interim.repeat(most + 1), last].concat().as_bytes()).await.unwrap();
    assert!(matches!(head(&mut connection, get()).await, Err(Failure::Head(HeadError::TooLong))));
}

#[tokio::test]
async fn a_head_may_come_in_any_pieces_and_is_not_endless() {
    let whole = b"\r\n\nHTTP/1.1 200 OK\r\nx-a: 1\r\n 2\r\ncontent-length: 2\r\n\r\nhi";
    let (mut connection, mut far) = pair().await;
    far.set_nodelay(true).unwrap();
    let server = async {
        for byte in whole {
            far.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(head(&mut connection, get()), server);
    assert_eq!(answer.unwrap().headers["x-a"], "1 2");
    let rest = connection.take_whole();
    assert_eq!(if let Some(rest) = rest { rest.to_vec() } else { body(&mut connection).await.unwrap() }, b"hi");
    let (mut connection, mut far) = pair().await;
    let server = async {
        far.write_all(b"HTTP/1.1 200 OK\r\nx-a: ").await.unwrap();
        while far.write_all(&[b'x'; 4096]).await.is_ok() {}
    };
    let client = async move {
        let answer = head(&mut connection, get()).await;
        assert!(matches!(answer, Err(Failure::Head(HeadError::TooLong))));
    };
    tokio::join!(client, server);
}

#[tokio::test]
async fn what_came_with_a_101_is_the_beginning_of_the_tunnel() {
    let (mut connection, mut far) = pair().await;
    far.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\n\r\nhel").await.unwrap();
    assert_eq!(head(&mut connection, get()).await.unwrap().status, StatusCode::SWITCHING_PROTOCOLS);
    far.write_all(b"lo").await.unwrap();
    let mut tunnel = connection.into_tunnel();
    let mut bytes = [0; 5];
    tunnel.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hello");
    tunnel.write_all(b"bye").await.unwrap();
    assert_eq!(heard(&mut far, &[SENT, "bye"].concat()).await, [SENT, "bye"].concat());
}

#[tokio::test]
async fn idle_connections_hold_no_buffers() {
    let (mut connection, mut far) = pair().await;
    for _ in 0..3 {
        far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        head(&mut connection, get()).await.unwrap();
        if connection.take_whole().is_none() {
            body(&mut connection).await.unwrap();
        }
        assert!(connection.inbox.holds_nothing() && connection.outbox.holds_nothing());
    }
    assert_eq!(heard(&mut far, &SENT.repeat(3)).await, SENT.repeat(3));
}

#[tokio::test]
async fn a_head_request_has_no_body_whatever_its_answer_says() {
    let (mut connection, mut far) = pair().await;
    far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").await.unwrap();
    let mut request = get();
    *request.method_mut() = Method::HEAD;
    assert_eq!(head(&mut connection, request).await.unwrap().headers["content-length"], "9");
    assert_eq!(connection.take_whole().unwrap(), "");
    assert!(connection.is_reusable());
}
