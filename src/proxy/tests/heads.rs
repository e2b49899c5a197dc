//! Request heads: what is refused, what servers see, how hosts and targets are read.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};

#[test]
fn broken_heads_are_refused_with_the_documented_bodies() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(1_100_000));
        let cases = [
            ("GET / HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "400 Bad Request"),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "400 Bad Request: malformed Host header"),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
            ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX A: 1\r\n\r\n", 400, "400 Bad Request: invalid header name"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX-A : 1\r\n\r\n", 400, "400 Bad Request: invalid header name"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX(A): 1\r\n\r\n", 400, "400 Bad Request"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "400 Bad Request: missing required Host header"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n", 400, "400 Bad Request"),
            ("GET /api%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
            ("GET http://b.test:x/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "400 Bad Request"),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "400 Bad Request"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "400 Bad Request"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "400 Bad Request"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400, "400 Bad Request"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Unsupported transfer encoding"),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                501,
                "Unsupported transfer encoding",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                501,
                "Unsupported transfer encoding",
            ),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "505 HTTP Version Not Supported: unsupported protocol version"),
            ("PRI * HTTP/2.0\r\nHost: a\r\n\r\n", 505, "505 HTTP Version Not Supported: unsupported protocol version"),
            (&long, 431, "431 Request Header Fields Too Large"),
        ];
        for (request, status, body) in cases {
            let name = &request[..request.len().min(100)];
            let mut client = rig.client().await;
            client.send(request).await;
            let answer = client.answer().await;
            assert_eq!((answer.status(), answer.text()), (status, body), "{name}");
            assert_eq!(answer.header("content-type").as_deref(), Some("text/plain; charset=utf-8"), "{name}");
            assert_eq!(answer.header("connection").as_deref(), Some("close"), "{name}");
            assert!(client.is_closed().await, "{name}");
        }
        assert_eq!(origin.connections.get(), 0);
        rig.stop().await;
    });
}

#[test]
fn a_reason_stands_in_the_status_line() {
    run(async {
        let rig = Rig::to(&[]);
        let answer = rig.ask("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").await;
        assert_eq!(answer.first_line(), "HTTP/1.1 400 Bad Request: malformed Host header");
        rig.stop().await;
    });
}

#[test]
fn a_broken_request_after_a_good_one_does_not_spoil_the_first_answer() {
    run(async {
        let origin = Origin::replying(|_| ok(b"first")).await;
        let rig = Rig::to(&[origin.address]);
        let mut client = rig.client().await;
        client.send(&format!("{GET}G(T / HTTP/1.1\r\n\r\n")).await;
        assert_eq!(client.answer().await.text(), "first");
        assert_eq!(client.answer().await.status(), 400);
        rig.stop().await;
    });
}

#[test]
fn odd_targets_have_their_own_answers() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let cases = [
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""),
            ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 404, "404 page not found\n"),
            ("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 501, ""),
            ("CONNECT /x HTTP/1.1\r\nHost: nobody.test\r\n\r\n", 501, ""),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, ""),
            ("GET /ping?x=1 HTTP/1.1\r\nHost: A.test:80\r\n\r\n", 200, "GET /ping Some(\"x=1\") a.test"),
        ];
        for (request, status, body) in cases {
            let answer = rig.ask(request).await;
            assert_eq!((answer.status(), answer.text()), (status, body), "{request}");
        }
        assert_eq!(origin.connections.get(), 0);
        rig.stop().await;
    });
}

#[test]
fn servers_learn_about_the_client_and_not_what_it_claims() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        rig.ask(
            "GET / HTTP/1.1\r\nHost: a.test:8080\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 2\r\nX-Real-Ip: 3\r\n\
             X-Forwarded-Prefix: /p\r\nX_Other: stays\r\nConnection: X-Gone, X-Forwarded-For\r\nX-Gone: 1\r\n\r\n",
        )
        .await;
        let seen = origin.last();
        let header = |name| seen.header(name).unwrap_or_default();
        assert_eq!(header("host"), "a.test:8080");
        assert_eq!(header("x-forwarded-for"), "127.0.0.1");
        assert_eq!(header("x-real-ip"), "127.0.0.1");
        assert_eq!(header("x-forwarded-host"), "a.test:8080");
        assert_eq!(header("x-forwarded-port"), "8080");
        assert_eq!(header("x-forwarded-proto"), "http");
        assert_eq!(header("x_other"), "stays");
        assert!(!header("x-forwarded-server").is_empty());
        for gone in ["connection", "x-gone", "x_forwarded_for", "x-forwarded-prefix", "accept-encoding", "user-agent"] {
            assert_eq!(seen.header(gone), None, "{gone}");
        }
        rig.stop().await;
    });
}

#[test]
fn trusted_peers_are_believed_and_appended() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.forwardedheaders.trustedips=127.0.0.0/8"], plan);
        rig.ask(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\nX-Forwarded-For: 3.3.3.3\r\n\
             X-Forwarded-Proto: https\r\nX-Real-Ip: 9.9.9.9\r\nX-Forwarded-Host: other.test\r\nX-Forwarded-Server: s\r\n\r\n",
        )
        .await;
        let seen = origin.last();
        let header = |name| seen.header(name).unwrap_or_default();
        assert_eq!(header("x-forwarded-for"), "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1");
        assert_eq!(header("x-forwarded-proto"), "https");
        assert_eq!(header("x-forwarded-port"), "443");
        assert_eq!(header("x-real-ip"), "9.9.9.9");
        assert_eq!(header("x-forwarded-host"), "other.test");
        assert_ne!(header("x-forwarded-server"), "s");
        rig.stop().await;
    });
}

#[test]
fn the_host_of_the_server_replaces_the_clients_where_asked_for() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan([server(Scheme::Http, origin.address)], HostHeader::OfServer);
        let rig = Rig::with(&[], plan);
        rig.ask(GET).await;
        assert_eq!(origin.last().header("host"), Some(origin.address.to_string()));
        assert_eq!(origin.last().header("x-forwarded-host").as_deref(), Some("a.test"));
        rig.stop().await;
    });
}

#[test]
fn old_clients_may_name_no_host_and_get_answers_they_understand() {
    run(async {
        let origin = Origin::replying(|request| match request.first_line() {
            "GET /chunked HTTP/1.1" => {
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n".to_vec()
            }
            _ => ok(b"hi"),
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!((answer.first_line(), answer.text()), ("HTTP/1.0 200 OK", "hi"));
        assert_eq!(origin.last().header("host"), Some(origin.address.to_string()));
        assert_eq!(origin.last().header("x-forwarded-host"), None);
        let answer = rig.ask("GET /chunked HTTP/1.0\r\nHost: a.test\r\n\r\n").await;
        assert_eq!((answer.header("transfer-encoding"), answer.text()), (None, "hi"));
        assert_eq!(origin.last().first_line(), "GET /chunked HTTP/1.1");
        rig.stop().await;
    });
}

#[test]
fn absolute_targets_name_the_host_and_reach_servers_as_paths() {
    run(async {
        let origin = Origin::echoing().await;
        let plan = plan_for("Host(`a.test`)", [server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&[], plan);
        let answer = rig.ask("GET http://A.test:8080?x=1 HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(origin.last().first_line(), "GET /?x=1 HTTP/1.1");
        assert_eq!(origin.last().header("host").as_deref(), Some("A.test:8080"));
        assert_eq!(rig.ask("GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n").await.status(), 404);
        rig.stop().await;
    });
}

#[test]
fn what_the_reference_mends_is_mended() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let cases = [
            ("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n  2\r\n\r\n", "GET / HTTP/1.1", Some("1 2")),
            ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/1.1", None),
            ("GET http:/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x?y HTTP/1.1", None),
            ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /x HTTP/1.1", None),
            ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "POST / HTTP/1.1", None),
        ];
        for (request, first_line, x_a) in cases {
            assert_eq!(rig.ask(request).await.status(), 200, "{request}");
            let seen = origin.last();
            assert_eq!((seen.first_line(), seen.header("x-a").as_deref()), (first_line, x_a), "{request}");
            assert_eq!((seen.header("transfer-encoding"), seen.header("host").as_deref()), (None, Some("a")));
        }
        rig.stop().await;
    });
}

#[test]
fn bare_line_feeds_a_hundred_headers_and_an_empty_host_are_accepted() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        assert_eq!(rig.ask("GET / HTTP/1.1\nHost: a.test\n\n").await.status(), 200);
        let many: String = (1..100).map(|number| format!("X-{number}: {number}\r\n")).collect();
        assert_eq!(rig.ask(&format!("GET / HTTP/1.1\r\nHost: a.test\r\n{many}\r\n")).await.status(), 200);
        assert_eq!(origin.last().header("x-99").as_deref(), Some("99"));
        assert_eq!(rig.ask(&format!("GET / HTTP/1.1\r\nHost: a.test\r\n{many}X-100: x\r\n\r\n")).await.status(), 431);
        assert_eq!(rig.ask("GET / HTTP/1.1\r\nHost:\r\n\r\n").await.status(), 200);
        assert_eq!(origin.last().header("host"), Some(origin.address.to_string()));
        rig.stop().await;
    });
}

#[test]
fn raw_bytes_in_targets_are_escaped_or_refused() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::to(&[origin.address]);
        let cases = [
            ("/a|b{c}\"^", "/a%7Cb%7Bc%7D%22%5E"),
            ("/caf\u{e9}", "/caf%C3%A9"),
            ("/[a]'(x);:@", "/[a]'(x);:@"),
            ("/a<b>`c", "/a%3Cb%3E%60c"),
            // The reference sends these raw; nobody reads the escapes differently.
            ("/a?b=<c>", "/a?b=%3Cc%3E"),
            ("/a?b#c", "/a?b%23c"),
        ];
        for (given, want) in cases {
            let answer = rig.ask(&format!("GET {given} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            assert_eq!(answer.status(), 200, "{given}");
            assert_eq!(origin.last().first_line(), format!("GET {want} HTTP/1.1"), "{given}");
        }
        for (head, status) in [
            (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000)), 414),
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
            ("GET http:x HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
            ("GET http://b.test#f HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1\r\nHost: a.test\r\n\r\n".to_owned(), 400),
        ] {
            assert_eq!(rig.ask(&head).await.status(), status, "{}", &head[..20]);
        }
        rig.stop().await;
    });
}

#[test]
fn hop_by_hop_headers_of_answers_end_here() {
    run(async {
        let origin = Origin::replying(|_| {
            b"HTTP/1.1 200 OK\r\nConnection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
              Upgrade: foo\r\nX-Stays: 1\r\nX-Stays: 2\r\nServer: origin\r\nContent-Length: 0\r\n\r\n"
                .to_vec()
        })
        .await;
        let rig = Rig::to(&[origin.address]);
        let answer = rig.ask(GET).await;
        for gone in ["connection", "x-gone", "keep-alive", "proxy-authenticate", "upgrade"] {
            assert_eq!(answer.header(gone), None, "{gone}");
        }
        assert_eq!(answer.header("x-stays").as_deref(), Some("1, 2"));
        assert_eq!(answer.header("server").as_deref(), Some("origin"));
        assert!(answer.header("date").is_some());
        rig.stop().await;
    });
}
