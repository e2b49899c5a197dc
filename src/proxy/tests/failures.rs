//! What clients get when something does not work, and what is tried again.
use super::rig::*;
use crate::model::plan::{HostHeader, PlanPatch, Scheme};
use std::cell::RefCell;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;

#[test]
fn before_the_first_table_everything_is_503_but_the_programs_own() {
    run(async {
        let rig = Rig::unready(&[]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (503, "Service Unavailable\n"));
        assert_eq!(rig.ask("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n").await.status(), 200);
        rig.proxy.publisher().install(&PlanPatch { generation: 1, ..PlanPatch::default() });
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (404, "404 page not found\n"));
        assert_eq!(answer.header("content-type").as_deref(), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"));
        rig.stop().await;
    });
}

#[test]
fn a_service_without_servers_is_503() {
    run(async {
        let rig = Rig::to(&[]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (503, "no available server\n"));
        rig.stop().await;
    });
}

#[test]
fn a_server_that_refuses_or_hangs_up_is_502_without_content_type() {
    run(async {
        let hanging_up = Origin::replying(|_| Vec::new()).await;
        for address in [closed_address(), hanging_up.address] {
            let rig = Rig::to(&[address]);
            for request in [GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlost"] {
                let answer = rig.ask(request).await;
                assert_eq!((answer.status(), answer.text()), (502, "Bad Gateway"));
                assert_eq!(answer.header("content-type"), None);
            }
            rig.stop().await;
        }
        // A new connection is not tried again: the server may have acted on the request.
        assert_eq!(hanging_up.connections.get(), 2);
    });
}

#[test]
fn failures_carry_the_cookie_of_the_server_that_failed() {
    run(async {
        let hanging_up = Origin::replying(|_| Vec::new()).await;
        for address in [closed_address(), hanging_up.address] {
            let mut plan = plan([server(Scheme::Http, address)], HostHeader::Pass);
            make_sticky(&mut plan);
            let rig = Rig::with(&[], plan);
            let answer = rig.ask(GET).await;
            assert_eq!(answer.status(), 502);
            assert!(answer.header("set-cookie").unwrap().starts_with("n="), "{}", answer.head);
            rig.stop().await;
        }
    });
}

#[test]
fn an_answer_in_a_coding_that_is_not_chunked_is_500() {
    run(async {
        for coding in ["identity", "gzip, chunked", "gzip"] {
            let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\ncontent-length: 2\r\n\r\n");
            let origin = Origin::replying(move |_| [head.as_bytes(), b"hi"].concat()).await;
            let rig = Rig::to(&[origin.address]);
            let answer = rig.ask(GET).await;
            assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"), "{coding}");
            rig.stop().await;
        }
    });
}

#[test]
fn heads_without_end_are_500() {
    run(async {
        for (begin, more) in [
            ("", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\nx-a: ", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            ("HTTP/1.1 200 OK\r\n", "x-a: 1\r\n"),
        ] {
            let origin = Origin::scripted(move |mut client, _| async move {
                client.message(false).await;
                let block = more.repeat(500);
                let mut bytes = begin.as_bytes();
                while client.tcp.write_all(bytes).await.is_ok() {
                    bytes = block.as_bytes();
                }
            })
            .await;
            let rig = Rig::to(&[origin.address]);
            let mut client = rig.client().await;
            client.send(GET).await;
            let mut answer = client.answer().await;
            while answer.status() == 103 {
                answer = client.answer().await;
            }
            assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"), "{more}");
            rig.stop().await;
        }
    });
}

#[test]
fn a_broken_header_line_of_a_server_is_left_out() {
    run(async {
        let head = "HTTP/1.1 200 OK\r\nX A: 1\r\nx-b : 2\r\nx-c: 3\r\n 4\r\ncontent-length: 2\r\n\r\nhi";
        let origin = Origin::replying(move |_| head.as_bytes().to_vec()).await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (200, "hi"));
        assert_eq!(answer.header("x-b").as_deref(), Some("2"));
        assert_eq!(answer.header("x-c").as_deref(), Some("3 4"));
        rig.stop().await;
    });
}

#[test]
fn a_refused_connection_moves_on_to_the_next_server_even_with_a_body() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[closed_address(), origin.address, closed_address()]);
        for _ in 0..6 {
            let answer = rig.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody").await;
            assert_eq!(answer.status(), 200);
            assert_eq!(origin.last().body, b"body");
        }
        assert_eq!(origin.connections.get(), 1);
        rig.stop().await;
    });
}

#[test]
fn nonsense_for_an_answer_is_500() {
    run(async {
        let answers: [&[u8]; 3] =
            [b"SSH-2.0-nonsense\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 101 Switching\r\nupgrade: foo\r\n\r\n"];
        for bytes in answers {
            let origin = Origin::replying(|_| bytes.to_vec()).await;
            let rig = Rig::to(&[origin.address]);
            let answer = rig.ask(GET).await;
            assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"));
            rig.stop().await;
        }
    });
}

#[test]
fn an_unknown_scheme_is_500() {
    run(async {
        let plan = plan([server(Scheme::Unknown("ftp".into()), closed_address())], HostHeader::Pass);
        let rig = Rig::with(&[], plan);
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"));
        rig.stop().await;
    });
}

#[test]
fn a_server_that_takes_too_long_is_504() {
    run(async {
        let origin =
            Origin::scripted(|mut client, _| async move { while client.message(false).await.is_some() {} }).await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--serverstransport.forwardingtimeouts.responseheadertimeout=80ms"], plan);
        for request in [GET, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"] {
            let answer = rig.ask(request).await;
            assert_eq!((answer.status(), answer.text()), (504, "Gateway Timeout"));
        }
        rig.stop().await;
    });
}

#[test]
fn a_slow_body_is_499_and_a_broken_one_500() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.transport.respondingtimeouts.readtimeout=500ms"], plan);
        let answer = rig.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nslow").await;
        assert_eq!((answer.first_line(), answer.text()), ("HTTP/1.1 499 status code 499", "Client Closed Request"));
        let answer = rig.ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n").await;
        assert_eq!((answer.status(), answer.text()), (500, "Internal Server Error"));
        assert_eq!(answer.header("connection").as_deref(), Some("close"));
        rig.stop().await;
    });
}

#[test]
fn a_pooled_connection_that_was_closed_is_replaced_for_any_method() {
    run(async {
        // Each connection serves one request and is then closed without a word.
        let origin = Origin::scripted(|mut client, _| async move {
            if client.message(false).await.is_some() {
                client.tcp.write_all(&ok(b"once")).await.unwrap();
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        for _ in 0..5 {
            assert_eq!(rig.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await.text(), "once");
        }
        rig.stop().await;
    });
}

#[test]
fn a_pooled_connection_that_closes_under_the_request_is_replaced_if_that_is_harmless() {
    run(async {
        // Every connection answers its first request and hangs up on the second one.
        let origin = Origin::scripted(|mut client, _| async move {
            if client.message(false).await.is_some() {
                client.tcp.write_all(&ok(b"first")).await.unwrap();
            }
            client.message(false).await;
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        for _ in 0..4 {
            assert_eq!(rig.ask(GET).await.text(), "first");
        }
        assert!(rig.totals().retries >= 1);
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
        let answers = [rig.ask(post).await.status(), rig.ask(post).await.status()];
        assert!(answers.contains(&502), "{answers:?}");
        rig.stop().await;
    });
}

#[test]
fn a_request_that_is_sent_again_is_the_same_to_the_last_header() {
    for options in [&[][..], &["--entrypoints.web.forwardedheaders.insecure=true"]] {
        run(async {
            let heads: Rc<RefCell<Vec<String>>> = Rc::default();
            let noted = heads.clone();
            // Every connection answers its first request and hangs up on the second one.
            let origin = Origin::scripted(move |mut client, _| {
                let noted = noted.clone();
                async move {
                    for answer in [&ok(b"first")[..], b""] {
                        let Some(request) = client.message(false).await else { return };
                        noted.borrow_mut().push(request.head.clone());
                        client.tcp.write_all(answer).await.unwrap();
                    }
                }
            })
            .await;
            let rig = Rig::with(options, plan([server(Scheme::Http, origin.address)], HostHeader::Pass));
            let get = "GET /x?y=1 HTTP/1.1\r\nHost: a.test:81\r\nX-One: 1\r\nX-Two: a\r\nX-Two: b\r\nCookie: c=d\r\n\
                       X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nConnection: x-gone\r\nX-Gone: 1\r\n\r\n";
            for _ in 0..2 {
                assert_eq!(rig.ask(get).await.text(), "first");
            }
            assert_eq!(rig.totals().retries, 1);
            let sorted = |head: &String| {
                let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            let heads: Vec<Vec<String>> = heads.borrow().iter().map(sorted).collect();
            assert_eq!(heads.len(), 3, "once, once into the closed connection, and once again");
            assert_eq!(heads[1], heads[0]);
            assert_eq!(heads[2], heads[0]);
            rig.stop().await;
        });
    }
}

#[test]
fn a_server_that_dies_in_its_answer_cuts_the_client_off() {
    run(async {
        let origin =
            Origin::replying(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf".to_vec())
                .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        let bytes = client.rest().await;
        assert!(bytes.ends_with(b"\r\n\r\nhalf"), "{}", String::from_utf8_lossy(&bytes));
        rig.stop().await;
    });
}

#[test]
fn a_client_that_leaves_ends_the_request_at_the_server() {
    run(async {
        let (told, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let origin = Origin::scripted(move |mut client, _| {
            let told = told.clone();
            async move {
                client.message(false).await;
                told.send("asked").unwrap();
                assert!(client.is_closed().await);
                told.send("closed").unwrap();
            }
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(GET).await;
        assert_eq!(asked.recv().await, Some("asked"));
        drop(client);
        assert_eq!(asked.recv().await, Some("closed"));
        rig.stop().await;
    });
}
