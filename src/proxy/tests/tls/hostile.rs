//! Handshakes that nobody means: cut off, oversized, slow, nonsense. Each ends, and the next client is served.
use super::rig::*;
use crate::proxy::tests::rig::*;
use std::sync::Arc;

/// A TLS record of a handshake.
fn record(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x16, 3, 1], length.as_slice(), payload].concat()
}

/// A ClientHello that names `name`, as rustls writes it.
fn hello(name: &str) -> Vec<u8> {
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = rustls::ClientConnection::new(Arc::new(client(&["http/1.1"])), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

async fn is_served(rig: &Rig) -> bool {
    shown_for(rig, "a.test").await == "a"
}

async fn rig(options: &[&str]) -> Rig {
    let origin = Origin::echoing().await;
    let mut plan = tls_plan("PathPrefix(`/`)", &origin, crate::model::tls::TlsOptionsKey::Default);
    plan.certificates.push((secret("a"), Some(pair("a", &["a.test"]))));
    Rig::with(options, plan)
}

#[test]
fn nonsense_is_answered_with_an_alert_or_closed() {
    run(async {
        let rig = rig(&[]).await;
        let with_name = |from: &[u8], to: &[u8]| {
            let mut bytes = hello("a.test");
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
            bytes
        };
        let huge = {
            // Says that it is 16 MB long, and begins.
            let mut bytes = Vec::new();
            for number in 0..20 {
                let start: &[u8] = if number == 0 { &[1, 0xff, 0xff, 0xff] } else { &[] };
                bytes.extend(record(&[start, &[0; 16_000][..]].concat()));
            }
            bytes
        };
        let cases = [
            ("an empty record", record(&[])),
            ("no handshake", [&[0x16][..], b"GET / HTTP/1.1\r\n\r\n"].concat()),
            ("a finished message", record(&[20, 0, 0, 4, 1, 2, 3, 4])),
            ("a hello of 16 MB", huge),
            ("a name that ends with a dot", with_name(b"a.test", b"a.tes.")),
            ("a name that is none", with_name(b"a.test", b"a\0test")),
            ("SSL 2", vec![0x16, 0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]),
        ];
        for (name, bytes) in cases {
            let mut client = rig.client().await;
            // The other side may close before all of it was sent.
            tokio::io::AsyncWriteExt::write_all(&mut client.tcp, &bytes).await.ok();
            let answer = client.rest().await;
            assert!(answer.is_empty() || answer[0] == 21, "{name}: {answer:?}");
            assert!(answer.len() < 20, "{name}");
        }
        assert!(is_served(&rig).await);
        rig.stop().await;
    });
}

#[test]
fn a_server_name_that_is_an_address_counts_as_none() {
    run(async {
        let rig = rig(&[]).await;
        let mut bytes = hello("111.111.111.test");
        let name = b"111.111.111.test";
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
        bytes[at..at + name.len()].copy_from_slice(b"100.100.100.1234".as_slice());
        bytes[at..at + name.len()].copy_from_slice(b"1111:2222:3:4::5");
        let mut client = rig.client().await;
        tokio::io::AsyncWriteExt::write_all(&mut client.tcp, &bytes).await.unwrap();
        let mut first = [0; 1];
        tokio::io::AsyncReadExt::read_exact(&mut client.tcp, &mut first).await.unwrap();
        assert_eq!(first, [0x16], "the handshake goes on");
        drop(client);
        rig.stop().await;
    });
}

#[test]
fn a_hello_in_single_bytes_is_understood_and_half_of_one_is_cut_after_the_read_limit() {
    run(async {
        let rig = rig(&["--entrypoints.web.transport.respondingtimeouts.readtimeout=1s"]).await;
        let bytes = hello("a.test");
        let mut whole = rig.client().await;
        whole.tcp.set_nodelay(true).unwrap();
        for byte in bytes.chunks(64) {
            tokio::io::AsyncWriteExt::write_all(&mut whole.tcp, byte).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut first = [0; 1];
        tokio::io::AsyncReadExt::read_exact(&mut whole.tcp, &mut first).await.unwrap();
        assert_eq!(first, [0x16]);
        let mut half = rig.client().await;
        tokio::io::AsyncWriteExt::write_all(&mut half.tcp, &bytes[..bytes.len() / 2]).await.unwrap();
        assert!(half.is_closed().await, "cut without an answer");
        // The other one was answered and never went on.
        whole.rest().await;
        until(|| rig.totals().connections_open == 0).await;
        assert!(is_served(&rig).await);
        rig.stop().await;
    });
}

#[test]
fn of_too_many_handshakes_the_oldest_go_and_a_real_client_gets_through() {
    run(async {
        let rig = rig(&[]).await;
        let limit = crate::proxy::worker::MAX_HANDSHAKES;
        let mut dawdlers = Vec::new();
        for number in 0..limit + 3 {
            let mut client = rig.client().await;
            client.send("\x16\x03\x01").await;
            dawdlers.push(client);
            // In this order: the worker has taken it before the next one comes.
            until(|| rig.totals().connections > number as u64).await;
        }
        assert!(is_served(&rig).await);
        for dawdler in dawdlers.iter_mut().take(3) {
            assert!(dawdler.is_closed().await);
        }
        drop(dawdlers);
        rig.stop().await;
    });
}

#[test]
fn tls_on_a_connection_that_spoke_plain_http_is_refused() {
    run(async {
        let rig = rig(&[]).await;
        let mut client = rig.client().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.status(), 404, "there is no plain router");
        tokio::io::AsyncWriteExt::write_all(&mut client.tcp, &hello("a.test")).await.unwrap();
        assert_eq!(client.answer().await.status(), 400);
        rig.stop().await;
    });
}
