//! PROXY headers on real sockets: torn, broken, from strangers.
use super::rig::*;
use crate::model::plan::{HostHeader, Scheme};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const TRUSTING: &str = "--entrypoints.web.proxyprotocol.trustedips=127.0.0.0/8";
const LINE: &str = "PROXY TCP4 9.8.7.6 127.0.0.1 4321 80\r\n";

async fn rig(origin: &Origin, options: &[&str]) -> Rig {
    Rig::with(options, plan([server(Scheme::Http, origin.address)], HostHeader::Pass))
}

fn version_2(command: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, 0x11][..], &length, addresses].concat()
}

const V4: [u8; 12] = [1, 2, 3, 4, 127, 0, 0, 1, 0, 9, 0, 80];

/// Who the server thinks the client is.
fn client(seen: &Message) -> (Option<String>, Option<String>) {
    (seen.header("x-forwarded-for"), seen.header("x-real-ip"))
}

fn known_as(ip: &str) -> (Option<String>, Option<String>) {
    (Some(ip.to_owned()), Some(ip.to_owned()))
}

#[test]
fn a_trusted_peer_says_who_the_client_is() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = rig(&origin, &[TRUSTING]).await;
        let cases = [
            ("a line", LINE.as_bytes().to_vec(), "9.8.7.6"),
            ("IPv6", b"PROXY TCP6 2001:db8::1 ::1 4321 80\r\n".to_vec(), "2001:db8::1"),
            ("nothing known", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
            ("version 2", version_2(0x21, &V4), "1.2.3.4"),
            ("the load balancer itself", version_2(0x20, &V4), "127.0.0.1"),
            ("no header", Vec::new(), "127.0.0.1"),
        ];
        for (name, header, want) in cases {
            let mut connection = rig.client().await;
            connection.tcp.write_all(&[&header[..], GET.as_bytes()].concat()).await.unwrap();
            assert_eq!(connection.answer().await.status(), 200, "{name}");
            assert_eq!(client(&origin.last()), known_as(want), "{name}");
            // It holds for the connection.
            connection.send(GET).await;
            assert_eq!(connection.answer().await.status(), 200, "{name}");
            assert_eq!(client(&origin.last()), known_as(want), "{name}");
        }
        rig.stop().await;
    });
}

#[test]
fn a_header_may_come_byte_by_byte_and_so_may_what_only_looks_like_one() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = rig(&origin, &[TRUSTING]).await;
        let cases = [
            ([LINE, GET].concat().into_bytes(), "9.8.7.6"),
            ([&version_2(0x21, &V4)[..], GET.as_bytes()].concat(), "1.2.3.4"),
            (b"PROPFIND / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec(), "127.0.0.1"),
        ];
        for (bytes, want) in cases {
            let mut connection = rig.client().await;
            connection.tcp.set_nodelay(true).unwrap();
            for byte in &bytes {
                connection.tcp.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            assert_eq!(connection.answer().await.status(), 200);
            assert_eq!(client(&origin.last()), known_as(want));
        }
        rig.stop().await;
    });
}

#[test]
fn the_header_of_a_stranger_is_read_and_not_believed() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = rig(&origin, &["--entrypoints.web.proxyprotocol.trustedips=10.0.0.0/8"]).await;
        let answer = rig.ask(&[LINE, GET].concat()).await;
        assert_eq!((answer.status(), client(&origin.last())), (200, known_as("127.0.0.1")));
        rig.stop().await;
    });
}

#[test]
fn whether_forwarding_headers_are_believed_depends_on_the_client_that_was_named() {
    run(async {
        let origin = Origin::echoing().await;
        let options = [TRUSTING, "--entrypoints.web.forwardedheaders.trustedips=9.8.7.6"];
        let rig = rig(&origin, &options).await;
        let request = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 5.5.5.5\r\n\r\n";
        rig.ask(&[LINE, request].concat()).await;
        assert_eq!(origin.last().header("x-forwarded-for").as_deref(), Some("5.5.5.5, 9.8.7.6"));
        rig.ask(request).await;
        assert_eq!(origin.last().header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
        rig.stop().await;
    });
}

#[test]
fn a_broken_header_ends_the_connection_without_a_word() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = rig(&origin, &[TRUSTING]).await;
        let cases = [
            ("another address", b"PROXY TCP4 nobody 127.0.0.1 4321 80\r\n".to_vec()),
            ("nothing", b"PROXY\r\n".to_vec()),
            ("no blank", b"PROXYTCP4 9.8.7.6 127.0.0.1 4321 80\r\n".to_vec()),
            ("no end", [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200]].concat()),
            ("an unknown command", version_2(0x2F, &V4)),
            ("too long", version_2(0x21, &[0; 5000])),
            ("a wrong checksum", version_2(0x21, &[&V4[..], &[3, 0, 4, 1, 2, 3, 4]].concat())),
        ];
        for (name, header) in cases {
            let mut connection = rig.client().await;
            connection.tcp.write_all(&[&header[..], GET.as_bytes()].concat()).await.unwrap();
            // Closed, and not reset over what nobody read.
            let ended = tokio::io::AsyncReadExt::read(&mut connection.tcp, &mut [0]).await;
            assert_eq!(ended.unwrap(), 0, "{name}");
        }
        assert_eq!(origin.connections.get(), 0);
        rig.stop().await;
    });
}

#[test]
fn a_header_that_is_never_finished_is_waited_for_as_long_as_a_request() {
    run(async {
        let origin = Origin::echoing().await;
        let options = [TRUSTING, "--entrypoints.web.transport.respondingtimeouts.readtimeout=50ms"];
        let rig = rig(&origin, &options).await;
        for torn in ["PROXY TCP4 9.8", "PRO", "\r\n\r\n\0"] {
            let mut connection = rig.client().await;
            connection.send(torn).await;
            assert!(connection.is_closed().await, "{torn}");
        }
        rig.stop().await;
    });
}

#[test]
fn a_client_that_leaves_inside_its_header_leaves_nothing_behind() {
    run(async {
        let origin = Origin::echoing().await;
        let rig = rig(&origin, &[TRUSTING]).await;
        let mut connection = rig.client().await;
        connection.send("PROXY TCP4 9.8").await;
        connection.tcp.shutdown().await.unwrap();
        assert!(connection.is_closed().await);
        until(|| rig.totals().connections_open == 0).await;
        rig.stop().await;
    });
}

#[test]
fn a_drain_does_not_wait_for_a_header() {
    run(async {
        let origin = Origin::echoing().await;
        let mut rig = rig(&origin, &[TRUSTING]).await;
        let mut connection = rig.client().await;
        connection.send("PROXY TCP4 9.8").await;
        until(|| rig.totals().connections_open == 1).await;
        rig.proxy.drain(crate::proxy::Grace::AtMost(Duration::from_secs(20))).await;
        assert!(connection.is_closed().await);
        assert_eq!(rig.totals().connections_open, 0);
    });
}
