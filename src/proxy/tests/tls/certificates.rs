//! Which certificate a client is shown, and that a changed one touches no connection.
use super::rig::*;
use crate::model::plan::PlanPatch;
use crate::model::tls::{CipherSuite, TlsOptions, TlsOptionsKey, Version};
use crate::proxy::tests::rig::*;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn the_server_name_picks_the_certificate_in_any_case_and_the_default_one_covers_the_rest() {
    run(async {
        let rig = rig_with(vec![
            ("a", pair("exact", &["x.a.test"])),
            ("b", pair("wild", &["*.a.test"])),
            ("c", pair("address", &["127.0.0.1"])),
        ])
        .await;
        let cases = [
            ("x.a.test", "exact"),
            ("X.A.Test", "exact"),
            ("y.a.test", "wild"),
            ("a.test", "TRAEFIK DEFAULT CERT"),
            ("x.y.a.test", "TRAEFIK DEFAULT CERT"),
            // No server name: the address of the connection counts.
            ("127.0.0.1", "address"),
            ("192.0.2.1", "address"),
        ];
        for (name, want) in cases {
            assert_eq!(shown_for(&rig, name).await, want, "{name}");
        }
        rig.stop().await;
    });
}

#[test]
fn of_an_ecdsa_and_an_rsa_certificate_the_client_gets_the_one_it_can_check() {
    run(async {
        let rsa = pair_of(&rcgen::PKCS_RSA_SHA256, "rsa", &["a.test"]);
        let rig = rig_with(vec![("a", pair("ecdsa", &["a.test"])), ("b", rsa)]).await;
        for (schemes, want) in [("ECDSA", "ecdsa"), ("RSA", "rsa")] {
            let config = client_that_checks(schemes);
            let stream = connect(rig.address, &Arc::new(config), "a.test").await.unwrap();
            assert_eq!(shown(&stream), want);
        }
        rig.stop().await;
    });
}

#[test]
fn up_to_tls_1_2_the_certificate_fits_a_suite_that_both_sides_have() {
    run(async {
        let origin = Origin::echoing().await;
        let certificates = || {
            let rsa = pair_of(&rcgen::PKCS_RSA_SHA256, "rsa", &["a.test", "old.test", "few.test"]);
            let ecdsa = pair("ecdsa", &["a.test", "old.test", "few.test"]);
            [(secret("a"), Some(ecdsa)), (secret("b"), Some(rsa))]
        };
        let mut plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
        let old = TlsOptions { max_version: Version::Tls12, ..TlsOptions::default() };
        let few = TlsOptions { cipher_suites: Some(vec![CipherSuite::RsaAes128]), ..old.clone() };
        with_options(&mut plan, &named("old@file"), old, &["old.test"]);
        with_options(&mut plan, &named("few@file"), few, &["few.test"]);
        plan.certificates.extend(certificates());
        let alone = pair_of(&rcgen::PKCS_RSA_SHA256, "alone", &["alone.test"]);
        plan.certificates.push((secret("c"), Some(alone)));
        let rig = Rig::with(&[], plan);
        let both: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
        let cases: [(&str, &str, &[&SupportedProtocolVersion], &str); 9] = [
            ("a.test", "TLS_ECDHE_RSA", &[&TLS12], "rsa"),
            ("a.test", "TLS_ECDHE_ECDSA", &[&TLS12], "ecdsa"),
            ("a.test", "TLS_ECDHE_RSA", both, "rsa"),
            ("a.test", "TLS_ECDHE_", both, "ecdsa"),
            ("a.test", "none", &[&TLS13], "ecdsa"),
            ("alone.test", "TLS_ECDHE_ECDSA", both, "alone"),
            ("old.test", "TLS_ECDHE_RSA", both, "rsa"),
            ("few.test", "TLS_ECDHE_", both, "rsa"),
            ("few.test", "TLS_ECDHE_", &[&TLS12], "rsa"),
        ];
        for (name, suites, versions, want) in cases {
            let mut provider = rustls::crypto::aws_lc_rs::default_provider();
            provider
                .cipher_suites
                .retain(|suite| suite.tls13().is_some() || format!("{:?}", suite.suite()).starts_with(suites));
            let config = Arc::new(client_with(provider, versions, &[], None));
            let stream = connect(rig.address, &config, name).await.unwrap();
            assert_eq!(shown(&stream), want, "{name} {suites} {versions:?}");
        }
        rig.stop().await;
    });
}

#[test]
fn a_changed_certificate_is_shown_at_once_and_open_connections_stay() {
    run(async {
        let rig = rig_with(vec![("a", pair("old", &["a.test"]))]).await;
        let mut open = connect(rig.address, &Arc::new(client(&[])), "a.test").await.unwrap();
        let change =
            |pair| PlanPatch { generation: 2, certificates: vec![(secret("a"), pair)], ..PlanPatch::default() };
        rig.proxy.publisher().install(&change(Some(pair("new", &["a.test"]))));
        assert_eq!(shown_for(&rig, "a.test").await, "new");
        rig.proxy.publisher().install(&change(None));
        assert_eq!(shown_for(&rig, "a.test").await, "TRAEFIK DEFAULT CERT");
        for _ in 0..2 {
            open.write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await.unwrap();
            let mut some = [0; 12];
            open.read_exact(&mut some).await.unwrap();
            assert_eq!(&some, b"HTTP/1.1 200");
            let mut rest = vec![0; 4096];
            assert!(open.read(&mut rest).await.unwrap() > 0);
        }
        assert_eq!(shown(&open), "old");
        drop(open);
        rig.stop().await;
    });
}

#[test]
fn before_the_first_plan_a_client_is_told_503_over_tls_too() {
    run(async {
        let rig = Rig::unready(&[]);
        let line = status(&rig, client(&["http/1.1"]), "a.test", "a.test").await;
        assert_eq!(line.unwrap(), "HTTP/1.1 503 Service Unavailable");
        rig.stop().await;
    });
}
