//! Bodies in both directions: lengths, chunks, trailers, back-pressure.
use super::rig::*;
use std::cell::Cell;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn bodies_reach_servers_with_length_or_in_chunks_as_they_came() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        rig.ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody").await;
        assert_eq!(
            (origin.last().body, origin.last().header("content-length").as_deref()),
            (b"body".to_vec(), Some("4"))
        );
        for method in ["GET", "POST"] {
            rig.ask(&format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n"
            ))
            .await;
            let seen = origin.last();
            assert_eq!(
                (seen.text(), seen.header("transfer-encoding").as_deref()),
                ("abc", Some("chunked")),
                "{method}"
            );
        }
        rig.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(origin.last().header("content-length").as_deref(), Some("0"));
        rig.ask(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        )
        .await;
        assert_eq!((origin.last().text(), origin.last().header("content-length")), ("x", None));
        rig.stop().await;
    });
}

#[test]
fn trailers_pass_in_both_directions() {
    run(async {
        let origin = Origin::replying(|_| {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n"
                .to_vec()
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig
            .ask(
                "POST / HTTP/1.1\r\nHost: a\r\nTe: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-In\r\n\r\n\
                 2\r\nab\r\n0\r\nX-In: 5\r\n\r\n",
            )
            .await;
        assert_eq!((answer.text(), answer.trailers.as_slice()), ("hi", &["x-sum: 7".to_owned()][..]));
        assert_eq!(origin.last().trailers, ["x-in: 5"]);
        rig.stop().await;
    });
}

#[test]
fn trailers_of_answers_need_not_be_announced_but_must_be_harmless() {
    run(async {
        let origin = Origin::replying(|_| {
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\nset-cookie: a=b\r\n\r\n"
                .to_vec()
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.text(), answer.trailers.as_slice()), ("hi", &["x-sum: 7".to_owned()][..]));
        rig.stop().await;
    });
}

#[test]
fn interim_answers_go_on_to_the_client_at_once() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut server, _| {
            let mut gone = gone.clone();
            async move {
                while server.message(false).await.is_some() {
                    server.send("HTTP/1.1 100 Continue\r\n\r\n").await;
                    server
                        .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 9\r\nConnection: x\r\nX: 1\r\n\r\n")
                        .await;
                    gone.wait_for(|go| *go).await.unwrap();
                    server.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
                }
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        let want = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
        let mut early = vec![0; want.len()];
        tokio::io::AsyncReadExt::read_exact(&mut client.tcp, &mut early).await.unwrap();
        assert_eq!(String::from_utf8(early).unwrap(), want);
        go.send(true).unwrap();
        assert_eq!(client.answer().await.text(), "hi");
        // Whoever knows none gets none, and the connection is not confused by them.
        let answer = rig.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
        assert_eq!((answer.status(), answer.text()), (200, "hi"));
        client.send(GET).await;
        let mut rest = vec![0; want.len()];
        tokio::io::AsyncReadExt::read_exact(&mut client.tcp, &mut rest).await.unwrap();
        assert_eq!(client.answer().await.text(), "hi");
        rig.stop().await;
    });
}

/// Bytes of which each tells where it belongs, as an answer with their number in front.
fn large(length: usize) -> Vec<u8> {
    let body: Vec<u8> = (0..length).map(|place| (place * 7 + place / 251) as u8).collect();
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes(), body].concat()
}

fn body_of(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    &answer[end + 4..]
}

#[test]
fn large_answers_pass_whole_from_socket_to_socket_and_both_connections_serve_on() {
    run(async {
        let origin = Origin::replying(|request| match request.first_line() {
            "GET /small HTTP/1.1" => ok(b"small"),
            _ => large(1_500_000),
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        for _ in 0..3 {
            client.send(GET).await;
            assert!(client.answer().await.body == body_of(&large(1_500_000)));
            client.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!(client.answer().await.text(), "small");
        }
        let totals = rig.totals();
        assert_eq!((totals.spliced, totals.connections, totals.upstream_connects), (3, 1, 1));
        rig.stop().await;
    });
}

#[test]
fn a_large_answer_that_breaks_off_ends_the_connection_where_it_broke() {
    run(async {
        let origin = Origin::scripted(|mut server, _| async move {
            if server.message(false).await.is_some() {
                server.tcp.write_all(&large(1_500_000)[..700_000]).await.unwrap();
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        let got = client.rest().await;
        let want = &large(1_500_000)[..700_000];
        assert!(body_of(&got) == body_of(want), "{} bytes", got.len());
        until(|| rig.totals().connections_open == 0).await;
        assert_eq!(rig.totals().spliced, 1);
        rig.stop().await;
    });
}

/// What is on its way to a client that leaves must not reach another one.
#[test]
fn what_a_client_left_behind_is_gone() {
    run(async {
        let endless = large(50_000_000);
        let origin = Origin::replying(move |request| match request.first_line() {
            "GET /other HTTP/1.1" => large(300_000),
            _ => endless.clone(),
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        for _ in 0..5 {
            let mut client = rig.client().await;
            client.send(GET).await;
            let mut some = [0; 1000];
            tokio::io::AsyncReadExt::read_exact(&mut client.tcp, &mut some).await.unwrap();
            drop(client);
            until(|| rig.totals().connections_open == 0).await;
            let mut client = rig.client().await;
            client.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert!(client.answer().await.body == body_of(&large(300_000)));
            drop(client);
            until(|| rig.totals().connections_open == 0).await;
        }
        rig.stop().await;
    });
}

#[test]
fn answers_without_length_are_chunked_and_those_to_head_keep_theirs() {
    run(async {
        let origin = Origin::replying(|request| {
            if request.first_line().starts_with("HEAD") {
                return b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".to_vec();
            }
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end".to_vec()
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.header("transfer-encoding").as_deref(), answer.text()), (Some("chunked"), "until the end"));
        let mut client = rig.client().await;
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.message(true).await.unwrap();
        assert_eq!(answer.header("content-length").as_deref(), Some("1234"));
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.message(true).await.unwrap().status(), 200);
        rig.stop().await;
    });
}

#[test]
fn a_length_beside_a_coding_is_not_believed() {
    run(async {
        let origin = Origin::replying(|_| {
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"
                .to_vec()
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.text(), answer.header("content-length")), ("whole", None));
        rig.stop().await;
    });
}

#[test]
fn answers_that_have_no_body_leave_the_connection_usable() {
    run(async {
        let origin = Origin::replying(|request| match request.first_line() {
            "GET /304 HTTP/1.1" => b"HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n".to_vec(),
            _ => b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n".to_vec(),
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        for (path, status) in [("/204", 204), ("/304", 304), ("/204", 204)] {
            client.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            assert_eq!(client.answer().await.status(), status);
        }
        assert_eq!(origin.connections.get(), 1);
        rig.stop().await;
    });
}

#[test]
fn a_client_that_waits_for_100_gets_it_and_the_server_the_body() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await;
        assert_eq!(client.answer().await.status(), 100);
        client.send("hi").await;
        assert_eq!(client.answer().await.status(), 200);
        assert_eq!(
            (origin.last().body, origin.last().header("expect").as_deref()),
            (b"hi".to_vec(), Some("100-continue"))
        );
        rig.stop().await;
    });
}

/// Keeps the kernel from taking much in the sender's name: the receiver's buffer grows with what is under way, up to
/// 32 MiB on the usual Linux, and would be mistaken for what the proxy holds.
fn hold_little(stream: &tokio::net::TcpStream) {
    socket2::SockRef::from(stream).set_send_buffer_size(64 * 1024).expect("a size that every system knows");
}

/// Writes until the other side takes no more, or `limit` bytes.
async fn flood(stream: &mut tokio::net::TcpStream, limit: usize, sent: &Cell<usize>) {
    hold_little(stream);
    let chunk = [b'x'; 16 * 1024];
    while sent.get() < limit {
        let Ok(count) = stream.write(&chunk[..chunk.len().min(limit - sent.get())]).await else { return };
        sent.set(sent.get() + count);
    }
}

/// Waits until `count` stops growing.
async fn settled(count: &Cell<usize>) -> usize {
    loop {
        let before = count.get();
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        if count.get() == before && before > 0 {
            return before;
        }
    }
}

const LARGE: usize = 64 * 1024 * 1024;
/// Buffers of four sockets and of hyper together stay well below.
const HELD: usize = 24 * 1024 * 1024;

#[test]
fn a_client_that_does_not_read_stops_the_server() {
    run(async {
        let sent: Rc<Cell<usize>> = Rc::default();
        let count = sent.clone();
        let origin = Origin::scripted(move |mut client, _| {
            let count = count.clone();
            async move {
                client.message(false).await;
                client.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n")).await;
                flood(&mut client.tcp, LARGE, &count).await;
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        let held = settled(&sent).await;
        assert!(held < HELD, "{held} bytes were taken from the server");
        assert_eq!(client.answer().await.body.len(), LARGE);
        rig.stop().await;
    });
}

#[test]
fn a_server_that_does_not_read_stops_the_client() {
    run(async {
        let (go, gone) = tokio::sync::watch::channel(false);
        let origin = Origin::scripted(move |mut client, _| {
            let mut gone = gone.clone();
            async move {
                gone.wait_for(|go| *go).await.unwrap();
                let mut left = LARGE;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.tcp.read_u8().await.unwrap());
                }
                let mut scratch = vec![0; 64 * 1024];
                while left > 0 {
                    left -= client.tcp.read(&mut scratch).await.unwrap();
                }
                client.tcp.write_all(&ok(b"all of it")).await.unwrap();
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n")).await;
        let sent = Cell::new(0);
        let (held, ()) = tokio::join!(
            async {
                let held = settled(&sent).await;
                go.send(true).unwrap();
                held
            },
            flood(&mut client.tcp, LARGE, &sent)
        );
        assert!(held < HELD, "{held} bytes were taken from the client");
        assert_eq!(client.answer().await.text(), "all of it");
        rig.stop().await;
    });
}

#[test]
fn a_client_may_send_everything_before_it_reads_an_answer_that_came_early() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.message(true).await;
            // More than all buffers on the way to a client that does not read.
            hold_little(&client.tcp);
            let (mut reading, mut writing) = client.tcp.split();
            let answer = async {
                writing
                    .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {HELD}\r\n\r\n").as_bytes())
                    .await
                    .unwrap();
                writing.write_all(&vec![b'y'; HELD]).await.unwrap();
            };
            let request = async {
                let (mut left, mut scratch) = (LARGE - client.buffer.len(), vec![0; 64 * 1024]);
                while left > 0 {
                    left -= reading.read(&mut scratch).await.unwrap();
                }
            };
            tokio::join!(answer, request);
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n")).await;
        client.tcp.readable().await.unwrap();
        flood(&mut client.tcp, LARGE, &Cell::new(0)).await;
        assert_eq!(client.answer().await.body.len(), HELD);
        assert_eq!(rig.ask("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n").await.status(), 200);
        rig.stop().await;
    });
}

/// The client may send the rest of its body when it likes, and it may look like anything.
#[test]
fn the_rest_of_a_body_behind_an_early_answer_is_never_taken_for_a_request() {
    run(async {
        let answers = [
            ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n", "0\r\n\r\n"],
            ["HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nearly", "er"],
            ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly", ""],
        ];
        for [begin, end] in answers {
            let (go, gone) = tokio::sync::watch::channel(false);
            let origin = Origin::scripted(move |mut server, _| {
                let mut gone = gone.clone();
                async move {
                    server.message(true).await;
                    server.send(begin).await;
                    gone.wait_for(|go| *go).await.unwrap();
                    server.send(end).await;
                    server.rest().await;
                }
            })
            .await;
            let rig = Rig::to(&[origin.address]);
            let mut client = rig.client().await;
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc").await;
            while !client.buffer.windows(5).any(|bytes| bytes == b"early") {
                assert!(client.tcp.read_buf(&mut client.buffer).await.unwrap() > 0);
            }
            go.send(true).unwrap();
            assert!(client.answer().await.text().starts_with("early"));
            // It may be closed by now.
            drop(client.tcp.write_all(b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n").await);
            let mut more = Vec::new();
            drop(client.tcp.read_to_end(&mut more).await);
            assert_eq!(String::from_utf8_lossy(&more), "", "{begin:?}");
            assert_eq!((rig.totals().requests, origin.connections.get()), (1, 1), "{begin:?}");
            rig.stop().await;
        }
    });
}

#[test]
fn a_client_that_sends_on_behind_its_last_request_sees_the_end_of_the_answer() {
    run(async {
        let origin = Origin::replying(|_| ok(b"last")).await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(&format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{}", "x".repeat(100_000))).await;
        let answer = client.answer().await;
        assert_eq!((answer.text(), answer.header("connection").as_deref()), ("last", Some("close")));
        assert_eq!(client.tcp.read(&mut [0]).await.unwrap(), 0, "no reset");
        rig.stop().await;
    });
}

#[test]
fn a_request_that_breaks_off_under_an_early_answer_ends_both() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.message(true).await;
            client.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n").await;
            client.rest().await;
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
        while !client.buffer.ends_with(b"early\r\n") {
            assert!(client.tcp.read_buf(&mut client.buffer).await.unwrap() > 0);
        }
        client.send("no size\r\n").await;
        let rest = client.rest().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "an end that the server never said");
        rig.stop().await;
    });
}
