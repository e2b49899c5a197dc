//! What an entry point does beyond the usual when it is told to.
use super::rig::*;
use crate::base::io::{LocalExecutor, TokioIo};
use crate::model::plan::{HostHeader, Scheme};
use hyper::client::conn::http2;
use std::net::SocketAddr;

fn all_to(address: SocketAddr) -> crate::model::plan::PlanPatch {
    plan([server(Scheme::Http, address)], HostHeader::Pass)
}

/// A request for `target` with these header lines.
fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n{headers}\r\n")
}

#[test]
fn odd_header_names_are_deleted_or_refused() {
    run(async {
        let origin = Origin::echoing().await;
        let deletes = Rig::with(&["--entrypoints.web.http.aliasheadersstrategy=delete"], all_to(origin.address));
        let answer = deletes.ask(&get("/", "X_Auth_User: a\r\nX.Auth: b\r\nX-Auth-Role: c\r\n")).await;
        assert_eq!(answer.status(), 200);
        let seen = origin.last();
        assert_eq!(seen.header("x-auth-role").as_deref(), Some("c"));
        assert_eq!((seen.header("x_auth_user"), seen.header("x.auth")), (None, None));
        deletes
            .ask("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: x_a, x-b\r\n\r\n0\r\nx_a: 1\r\nx-b: 2\r\n\r\n")
            .await;
        assert_eq!(origin.last().trailers, ["x-b: 2"]);
        deletes.stop().await;

        let refuses = Rig::with(&["--entrypoints.web.http.underscoreheadersstrategy=reject"], all_to(origin.address));
        let mut client = refuses.client().await;
        client.send(&get("/", "X_Auth_User: a\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status(), answer.text()), (400, "Bad Request\n"));
        assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"));
        client.send(&get("/", "X.Auth: b\r\n")).await;
        assert_eq!(client.answer().await.status(), 200, "on the same connection");
        drop(client);
        refuses.stop().await;
    });
}

#[test]
fn denied_characters_end_a_request_that_has_a_router() {
    run(async {
        let origin = Origin::echoing().await;
        let patch = plan_for("Host(`a.test`)", [server(Scheme::Http, origin.address)], HostHeader::Pass);
        let option = "--entrypoints.web.http.encodedcharacters.allowencodedslash=false";
        let rig = Rig::with(&[option], patch);
        for (path, status) in [("/a%2fb", 400), ("/a%5Cb?x=%2F", 200), ("/ping%2F", 400)] {
            assert_eq!(rig.ask(&get(path, "")).await.status(), status, "{path}");
        }
        let answer = rig.ask(&get("/%2F", "")).await;
        assert_eq!((answer.text(), answer.header("content-type")), ("", None));
        let nobody = rig.ask("GET /a%2Fb HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
        assert_eq!(nobody.status(), 404);
        rig.stop().await;
    });
}

#[test]
fn the_chain_of_forwarders_can_stay_as_it_is() {
    run(async {
        let origin = Origin::echoing().await;
        let options = [
            "--entrypoints.web.forwardedheaders.notappendxforwardedfor",
            "--entrypoints.web.forwardedheaders.trustedips=127.0.0.1",
        ];
        let rig = Rig::with(&options, all_to(origin.address));
        for (headers, want) in
            [("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n", Some("1.1.1.1, 2.2.2.2")), ("", None)]
        {
            rig.ask(&get("/", headers)).await;
            assert_eq!(origin.last().header("x-forwarded-for").as_deref(), want);
        }
        rig.stop().await;
    });
}

#[test]
fn listed_connection_headers_are_seen_by_rules_and_by_no_server() {
    run(async {
        let origin = Origin::echoing().await;
        let rule = "Header(`X-Seen`, `1`) && Header(`Connection`, `X-Seen`) || Header(`X-Lost`, `1`)";
        let patch = plan_for(rule, [server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.forwardedheaders.connection=X-Seen"], patch);
        let both = "X-Seen: 1\r\nX-Lost: 1\r\nConnection: x-lost\r\nConnection: keep-alive, X-Seen\r\n";
        assert_eq!(rig.ask(&get("/", both)).await.status(), 200);
        let seen = origin.last();
        assert_eq!((seen.header("x-seen"), seen.header("x-lost"), seen.header("connection")), (None, None, None));
        let lost = rig.ask(&get("/", "X-Lost: 1\r\nConnection: x-lost\r\n")).await;
        assert_eq!(lost.status(), 404);
        rig.stop().await;
    });
}

#[test]
fn a_connection_serves_as_many_requests_as_it_may() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::with(&["--entrypoints.web.transport.keepalivemaxrequests=2"], all_to(origin.address));
        let mut client = rig.client().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.header("connection"), None);
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody").await;
        let last = client.answer().await;
        assert_eq!(last.header("connection").as_deref(), Some("close"));
        assert!(last.text().ends_with("body"));
        assert!(client.is_closed().await);
        rig.stop().await;
    });
}

#[test]
fn an_http_2_connection_serves_as_many_requests_as_it_may() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::with(&["--entrypoints.web.transport.keepalivemaxrequests=2"], all_to(origin.address));
        let tcp = tokio::net::TcpStream::connect(rig.address).await.unwrap();
        let (mut sender, connection) = http2::handshake(LocalExecutor, TokioIo::new(tcp)).await.unwrap();
        let ended = tokio::task::spawn_local(connection);
        for _ in 0..2 {
            let request =
                http::Request::get("http://a.test/").body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
        }
        // It said goodbye: nothing keeps it open but the client.
        ended.await.unwrap().unwrap();
        rig.stop().await;
    });
}

#[test]
fn an_old_connection_serves_one_more_request() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::with(&["--entrypoints.web.transport.keepalivemaxtime=500ms"], all_to(origin.address));
        let mut client = rig.client().await;
        let mut answers = 0;
        loop {
            client.send(GET).await;
            answers += 1;
            if client.answer().await.header("connection").is_some() {
                break;
            }
        }
        assert!(answers > 1 && client.is_closed().await);
        rig.stop().await;
    });
}

#[test]
fn a_last_request_may_still_change_over_to_another_protocol() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.message(false).await.unwrap();
            client.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nhello").await;
            assert_eq!(client.rest().await, b"bye");
        })
        .await;
        let rig = Rig::with(&["--entrypoints.web.transport.keepalivemaxrequests=1"], all_to(origin.address));
        let mut client = rig.client().await;
        client.send(&get("/", "Connection: Upgrade\r\nUpgrade: foo\r\n")).await;
        let answer = client.answer().await;
        let connection = answer.header("connection").unwrap_or_default();
        assert!(answer.status() == 101 && connection.starts_with("Upgrade"), "{connection}");
        client.send("bye").await;
        tokio::io::AsyncWriteExt::shutdown(&mut client.tcp).await.unwrap();
        assert_eq!(client.rest().await, b"hello");
        rig.stop().await;
    });
}

#[test]
fn a_missing_middleware_closes_every_router_and_the_programs_own_paths() {
    run(async {
        let origin = Origin::echoing().await;
        let patch = plan_for("Host(`a.test`)", [server(Scheme::Http, origin.address)], HostHeader::Pass);
        let rig = Rig::with(&["--entrypoints.web.http.middlewares=ghost@file"], patch);
        for (host, path, status) in [("a.test", "/", 503), ("a.test", "/ping", 503), ("b.test", "/", 404)] {
            let answer = rig.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            assert_eq!(answer.status(), status, "{host}{path}");
        }
        assert_eq!(origin.connections.get(), 0);
        rig.stop().await;
    });
}

#[test]
fn everything_that_names_a_host_is_redirected() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = Rig::with(&["--entrypoints.web.http.redirections.entrypoint.to=:8443"], all_to(origin.address));
        let cases = [
            ("GET", "/x/./y%2f?a=1;b=%zz", "A.test:99", 301, "https://A.test:8443/x/y%2F?a=1;b=%zz"),
            ("GET", "http://b.test:1/", "a.test", 301, "https://b.test:8443/"),
            ("GET", "/", "[::1]:80", 301, "https://[::1]:8443/"),
            ("POST", "/", "a.test", 308, "https://a.test:8443/"),
            ("HEAD", "/", "a.test", 308, "https://a.test:8443/"),
        ];
        for (method, target, host, status, location) in cases {
            let mut client = rig.client().await;
            client.send(&format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            let answer = client.message(method == "HEAD").await.unwrap();
            assert_eq!((answer.status(), answer.header("location").as_deref()), (status, Some(location)));
            assert_eq!(answer.header("content-type"), None);
        }
        assert_eq!(rig.ask(GET).await.text(), "Moved Permanently");
        assert_eq!(origin.connections.get(), 0);
        let nameless = rig.ask("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!((nameless.status(), origin.connections.get()), (200, 1));
        rig.stop().await;
    });
}

#[test]
fn a_redirection_competes_with_its_priority() {
    run(async {
        let origin = Origin::echoing().await;
        let redirected = |priority: &'static str| {
            let patch = all_to(origin.address);
            async move {
                let options = [
                    "--entrypoints.web.http.redirections.entrypoint.to=:443",
                    "--entrypoints.web.http.redirections.entrypoint.permanent=false",
                    priority,
                ];
                let rig = Rig::with(&options, patch);
                let answer = rig.ask(GET).await;
                rig.stop().await;
                (answer.status(), answer.header("location"))
            }
        };
        // The router has priority 1.
        let to_https = (302, Some("https://a.test/".to_owned()));
        assert_eq!(redirected("--entrypoints.web.http.redirections.entrypoint.priority=2").await, to_https);
        assert_eq!(redirected("--entrypoints.web.http.redirections.entrypoint.priority=1").await, to_https);
        assert_eq!(redirected("--entrypoints.web.http.redirections.entrypoint.priority=0").await, (200, None));
    });
}

#[test]
fn a_redirection_takes_the_api_unless_it_is_weaker_and_never_takes_a_probe() {
    run(async {
        let origin = Origin::echoing().await;
        let to = "--entrypoints.web.http.redirections.entrypoint.to=:443";
        let weaker = format!("--entrypoints.web.http.redirections.entrypoint.priority={}", i64::MAX - 2);
        for (options, api) in [(vec![to], 301), (vec![to, weaker.as_str()], 200)] {
            let rig = Rig::with(&options, all_to(origin.address));
            for (path, want) in [("/api", api), ("/ping", 200), ("/", 301)] {
                assert_eq!(rig.ask(&get(path, "")).await.status(), want, "{options:?} {path}");
            }
            let nameless = rig.ask("GET /api HTTP/1.0\r\n\r\n").await;
            assert_eq!(nameless.status(), 200, "a redirection takes no request without a host");
            rig.stop().await;
        }
        assert_eq!(origin.connections.get(), 0);
    });
}

#[test]
fn a_redirection_leaves_acme_challenges_out_and_never_leads_in_a_circle() {
    run(async {
        let origin = Origin::echoing().await;
        let options = [
            "--entrypoints.web.http.redirections.entrypoint.to=:443",
            "--entrypoints.web.allowacmebypass",
            "--entrypoints.web.forwardedheaders.insecure",
        ];
        let rig = Rig::with(&options, all_to(origin.address));
        assert_eq!(rig.ask(&get("/.well-known/acme-challenge/x", "")).await.status(), 200);
        assert_eq!(rig.ask(&get("/.well-known/acme-challenges", "")).await.status(), 301);
        let there_already = rig.ask(&get("/", "X-Forwarded-Proto: https\r\n")).await;
        assert_eq!((there_already.status(), there_already.text()), (418, ""));
        rig.stop().await;
    });
}
