//! TLS options: versions, suites, client certificates, strict names, sessions, and the check that a router is reached
//! with its own.
use super::rig::*;
use crate::model::plan::{PlanPatch, TlsHost};
use crate::model::tls::{
    Authorities, CipherSuite, ClientAuth, Curve, Tickets, TlsOptions, TlsOptionsKey, UnknownNames, Version,
};
use crate::proxy::tests::rig::*;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite as Suite, HandshakeKind, NamedGroup, SupportedProtocolVersion};
use std::sync::Arc;

const OK: &str = "HTTP/1.1 200 OK";

/// A proxy whose router for everything wants `options`, which all hosts get.
async fn rig_of(options: TlsOptions) -> Rig {
    let origin = Origin::echoing().await;
    let mut plan = tls_plan("PathPrefix(`/`)", &origin, named("own@file"));
    with_options(&mut plan, &named("own@file"), options, &["*"]);
    plan.certificates.push((secret("a"), Some(pair("a", &["a.test"]))));
    Rig::with(&[], plan)
}

#[test]
fn versions_are_bounded() {
    run(async {
        let cases =
            [(Version::Tls12, Version::Tls12, &TLS12, &TLS13), (Version::Tls13, Version::Tls13, &TLS13, &TLS12)];
        for (min_version, max_version, good, bad) in cases {
            let rig = rig_of(TlsOptions { min_version, max_version, ..TlsOptions::default() }).await;
            let with = |version: &'static SupportedProtocolVersion| client_of(&[version], &[], None);
            assert_eq!(status(&rig, with(good), "a.test", "a.test").await.unwrap(), OK);
            let refused = status(&rig, with(bad), "a.test", "a.test").await.unwrap_err();
            assert!(refused.contains("ProtocolVersion"), "{refused}");
            rig.stop().await;
        }
    });
}

#[test]
fn suites_and_curves_are_those_that_were_named_and_post_quantum_comes_first() {
    run(async {
        let rig =
            rig_of(TlsOptions { cipher_suites: Some(vec![CipherSuite::EcdsaAes128]), ..TlsOptions::default() }).await;
        let config = Arc::new(client_of(&[&TLS12], &[], None));
        let stream = connect(rig.address, &config, "a.test").await.unwrap();
        let agreed = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(agreed, Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
        drop(stream);
        let group = async |rig: &Rig| {
            let mut provider = aws_lc_rs::default_provider();
            // As browsers do it: post-quantum first, and a share of it.
            provider.kx_groups.sort_by_key(|group| group.name() != NamedGroup::X25519MLKEM768);
            let config = Arc::new(client_with(provider, &[&TLS13], &[], None));
            let stream = connect(rig.address, &config, "a.test").await.unwrap();
            stream.get_ref().1.negotiated_key_exchange_group().unwrap().name()
        };
        assert_eq!(group(&rig).await, NamedGroup::X25519MLKEM768);
        rig.stop().await;
        let rig = rig_of(TlsOptions { curves: vec![Curve::P384], ..TlsOptions::default() }).await;
        assert_eq!(group(&rig).await, NamedGroup::secp384r1, "after a HelloRetryRequest");
        rig.stop().await;
    });
}

#[test]
fn no_suite_of_tls_1_2_leaves_tls_1_3_alone() {
    run(async {
        let rig = rig_of(TlsOptions { cipher_suites: Some(Vec::new()), ..TlsOptions::default() }).await;
        assert_eq!(status(&rig, client_of(&[&TLS13], &[], None), "a.test", "a.test").await.unwrap(), OK);
        assert!(status(&rig, client_of(&[&TLS12], &[], None), "a.test", "a.test").await.is_err());
        rig.stop().await;
    });
}

#[test]
fn strict_names_refuse_strangers_with_unrecognized_name() {
    run(async {
        let rig = rig_of(TlsOptions { unknown_names: UnknownNames::Refused, ..TlsOptions::default() }).await;
        assert_eq!(status(&rig, client(&[]), "a.test", "a.test").await.unwrap(), OK);
        for stranger in ["b.test", "127.0.0.1"] {
            let refused = status(&rig, client(&[]), stranger, "a.test").await.unwrap_err();
            assert!(refused.contains("UnrecognisedName"), "{stranger}: {refused}");
        }
        rig.stop().await;
    });
}

#[test]
fn client_certificates_are_asked_for_and_verified_in_every_mode() {
    run(async {
        let (ours, theirs) = (Authority::new(), Authority::new());
        let authorities = || Authorities(vec![ours.der.clone()]);
        let identities = || {
            [
                ("none", None),
                ("good", Some(ours.identity(Valid::Now))),
                ("strange", Some(theirs.identity(Valid::Now))),
                ("expired", Some(ours.identity(Valid::LongAgo))),
            ]
        };
        let cases: [(ClientAuth, &[&str]); 5] = [
            (ClientAuth::None, &["none", "good", "strange", "expired"]),
            (ClientAuth::Request, &["none", "good", "strange", "expired"]),
            (ClientAuth::RequireAny, &["good", "strange", "expired"]),
            (ClientAuth::VerifyIfGiven(authorities()), &["none", "good"]),
            (ClientAuth::Require(authorities()), &["good"]),
        ];
        for (client_auth, admitted) in cases {
            let rig = rig_of(TlsOptions { client_auth: client_auth.clone(), ..TlsOptions::default() }).await;
            for version in [&TLS12, &TLS13] {
                for (name, identity) in identities() {
                    let config = client_of(&[version], &[], identity);
                    let outcome = status(&rig, config, "a.test", "a.test").await;
                    let is_admitted = outcome.as_deref() == Ok(OK);
                    assert_eq!(is_admitted, admitted.contains(&name), "{client_auth:?} {name}: {outcome:?}");
                }
            }
            rig.stop().await;
        }
    });
}

#[test]
fn sessions_are_resumed_under_their_own_options_only_and_never_past_a_verification() {
    run(async {
        let origin = Origin::echoing().await;
        let mut plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
        let authority = Authority::new();
        let strict = TlsOptions {
            client_auth: ClientAuth::VerifyIfGiven(Authorities(vec![authority.der])),
            ..TlsOptions::default()
        };
        with_options(&mut plan, &named("strict@file"), strict, &["strict.test"]);
        with_options(&mut plan, &named("other@file"), TlsOptions::default(), &["other.test"]);
        with_options(
            &mut plan,
            &named("mute@file"),
            TlsOptions { tickets: Tickets::Off, ..TlsOptions::default() },
            &["mute.test"],
        );
        let rig = Rig::with(&[], plan);
        for version in [&TLS12, &TLS13] {
            let config = Arc::new(client_of(&[version], &[], None));
            let kind = async |name: &str| {
                let mut stream = connect(rig.address, &config, name).await.unwrap();
                // Tickets of TLS 1.3 come with the first answer.
                ask(&mut stream, name).await.unwrap();
                stream.get_ref().1.handshake_kind().unwrap()
            };
            let is_resumed = async |name: &str| kind(name).await == HandshakeKind::Resumed;
            assert!(!is_resumed("a.test").await && is_resumed("a.test").await, "{version:?}");
            let host = |options| {
                let host = TlsHost { entry_point: "web".into(), host: "a.test".into() };
                PlanPatch { generation: 2, tls_hosts: vec![(host, options)], ..PlanPatch::default() }
            };
            // The same name is now made safe in another way: what was agreed on before is not taken up.
            rig.proxy.publisher().install(&host(Some(named("other@file"))));
            assert!(!is_resumed("a.test").await, "{version:?}");
            rig.proxy.publisher().install(&host(None));
            for name in ["strict.test", "mute.test"] {
                for _ in 0..2 {
                    assert!(!is_resumed(name).await, "{name} {version:?}");
                }
            }
        }
        rig.stop().await;
    });
}

#[test]
fn a_router_is_reached_only_over_connections_with_its_options() {
    run(async {
        let origin = Origin::echoing().await;
        let mut plan = tls_plan("Host(`a.test`)", &origin, named("strict@file"));
        with_options(&mut plan, &named("strict@file"), TlsOptions::default(), &["a.test"]);
        let more = tls_plan("Host(`b.test`)", &origin, TlsOptionsKey::Default);
        let lost = tls_plan("Host(`lost.test`)", &origin, named("ghost@file"));
        plan.routers.extend(more.routers.into_iter().chain(lost.routers));
        let rig = Rig::with(&[], plan);
        let cases = [
            ("a.test", "a.test", "HTTP/1.1 200 OK"),
            ("b.test", "b.test", "HTTP/1.1 200 OK"),
            ("c.test", "b.test", "HTTP/1.1 200 OK"),
            ("a.test", "b.test", "HTTP/1.1 421 Misdirected Request"),
            ("b.test", "a.test", "HTTP/1.1 421 Misdirected Request"),
            ("a.test", "c.test", "HTTP/1.1 404 Not Found"),
            ("lost.test", "lost.test", "HTTP/1.1 503 Service Unavailable"),
            ("a.test", "lost.test", "HTTP/1.1 503 Service Unavailable"),
        ];
        for (name, host, want) in cases {
            assert_eq!(status(&rig, client(&[]), name, host).await.unwrap(), want, "{name} {host}");
        }
        rig.stop().await;
    });
}

#[test]
fn options_that_go_close_their_routers_also_on_connections_made_with_them() {
    run(async {
        let rig = rig_of(TlsOptions::default()).await;
        let mut kept = connect(rig.address, &Arc::new(client(&[])), "a.test").await.unwrap();
        let gone = vec![(named("own@file"), None)];
        rig.proxy.publisher().install(&PlanPatch { generation: 2, tls_options: gone, ..PlanPatch::default() });
        let answer = ask(&mut kept, "a.test").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        rig.stop().await;
    });
}

#[test]
fn the_programs_own_endpoints_are_closed_while_the_options_of_their_entry_point_are_unknown() {
    run(async {
        let origin = Origin::echoing().await;
        for (options, want) in [("default", OK), ("mtls@file", "HTTP/1.1 503 Service Unavailable")] {
            let plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
            let rig = Rig::with(&[&format!("--entrypoints.web.http.tls.options={options}")], plan);
            let mut stream = connect(rig.address, &Arc::new(client(&[])), "a.test").await.unwrap();
            let answer = ask_for(&mut stream, "/ping", "a.test").await.unwrap();
            assert!(answer.starts_with(want), "{options}: {answer}");
            rig.stop().await;
        }
    });
}

#[test]
fn the_programs_own_endpoints_are_on_the_kind_of_connection_that_their_entry_point_has() {
    run(async {
        let origin = Origin::echoing().await;
        let cases: [(&[&str], &str, &str); 2] =
            [(&[], "answered here", "a router's"), (&["--entrypoints.web.http.tls=true"], "nobody's", "answered here")];
        for (options, plain, secure) in cases {
            let plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
            let rig = Rig::with(options, plan);
            let whose = |answer: &str| match () {
                () if answer.contains("GET /ping None a.test") => "answered here",
                () if answer.starts_with("HTTP/1.1 404 ") => "nobody's",
                () if answer.starts_with("HTTP/1.1 200 ") => "a router's",
                () => panic!("{answer}"),
            };
            let mut client = rig.client().await;
            client.send("GET /ping HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").await;
            assert_eq!(whose(&String::from_utf8(client.rest().await).unwrap()), plain, "{options:?}");
            let mut stream = connect(rig.address, &Arc::new(client_of(&[&TLS13], &[], None)), "a.test").await.unwrap();
            assert_eq!(whose(&ask_for(&mut stream, "/ping", "a.test").await.unwrap()), secure, "{options:?}");
            rig.stop().await;
        }
    });
}

#[test]
fn options_that_rustls_does_not_take_close_their_routers() {
    run(async {
        let broken = ClientAuth::Require(Authorities(vec![Arc::from(*b"no certificate")]));
        let rig = rig_of(TlsOptions { client_auth: broken, ..TlsOptions::default() }).await;
        let line = status(&rig, client(&[]), "a.test", "a.test").await.unwrap();
        assert_eq!(line, "HTTP/1.1 503 Service Unavailable");
        rig.stop().await;
    });
}

#[test]
fn a_client_without_our_groups_is_refused_and_the_next_one_served() {
    run(async {
        let rig = rig_of(TlsOptions { curves: vec![Curve::P256], ..TlsOptions::default() }).await;
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
        let refused = status(&rig, client_with(provider, &[&TLS13], &[], None), "a.test", "a.test").await.unwrap_err();
        assert!(refused.contains("HandshakeFailure"), "{refused}");
        assert_eq!(status(&rig, client(&[]), "a.test", "a.test").await.unwrap(), OK);
        rig.stop().await;
    });
}
