//! Servers transports: who is accepted, what is shown, what is closed, and whose connections are whose.
use super::pki::{Age, Authority, Https, Leaf, provider};
use super::rig::*;
use crate::config;
use crate::model::keys::{ServersTransportKey, TransportKey};
use crate::model::plan::{HostHeader, PlanPatch, Scheme};
use crate::model::tls::{CipherSuite, Version};
use crate::model::transport::{ForwardingTimeouts, Http2, Roots, ServersTransport, TransportTls, Verification};
use crate::proxy::Transport;
use crate::proxy::balancer::PeerKey;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::BodyState;
use crate::proxy::entrypoint::watchdog::Ticks;
use crate::proxy::pool::Pools;
use rustls::version::{TLS12, TLS13};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SPIFFE: &str = "spiffe://cluster.test/ns/shop/sa/web";

fn transport(tls: TransportTls) -> ServersTransport {
    let key = TransportKey::Object(ServersTransportKey::new("default", "t"));
    ServersTransport { key, tls, ..ServersTransport::default() }
}

fn trusting(authority: &Authority) -> TransportTls {
    TransportTls { roots: authority.roots(), ..TransportTls::default() }
}

fn unverified() -> TransportTls {
    TransportTls { verification: Verification::Skip, ..TransportTls::default() }
}

/// What a client gets from `origin` by way of `transport`.
async fn by(transport: ServersTransport, origin: &Origin) -> String {
    let plan = reaching(plan([server(Scheme::Https, origin.address)], HostHeader::Pass), transport);
    let rig = Rig::with(&[], plan);
    let answer = rig.ask(GET).await;
    rig.stop().await;
    format!("{} {}", answer.status(), answer.text())
}

#[test]
fn a_server_is_who_the_transport_says_or_it_gets_no_request() {
    run(async {
        let (ours, foreign) = (Authority::new("ours"), Authority::new("foreign"));
        let local = ours.issue(&["127.0.0.1"], Age::Fresh);
        let named = ours.issue(&["name.test", SPIFFE], Age::Fresh);
        let expired = ours.issue(&["127.0.0.1"], Age::Expired);
        let other = foreign.issue(&["127.0.0.1", SPIFFE], Age::Fresh);
        let called = |name: &str| TransportTls { server_name: Some(name.into()), ..trusting(&ours) };
        let uri = |uri: &str, tls: TransportTls| TransportTls { peer_uri: Some(uri.into()), ..tls };
        let skip = |tls: TransportTls| TransportTls { verification: Verification::Skip, ..tls };
        let nobody = || TransportTls { roots: Roots::Given(Arc::default()), ..TransportTls::default() };
        let cases = [
            ("known authority, address in the certificate", &local, trusting(&ours), 200),
            ("wrong name", &named, trusting(&ours), 500),
            ("the name of the transport", &named, called("name.test"), 200),
            ("another name of the transport", &local, called("name.test"), 500),
            ("expired", &expired, trusting(&ours), 500),
            ("unknown authority", &other, trusting(&ours), 500),
            ("authorities that could not be read", &local, nobody(), 500),
            ("authorities of the system", &local, TransportTls::default(), 500),
            ("unknown authority, not verified", &other, unverified(), 200),
            ("expired, not verified", &expired, unverified(), 200),
            ("the URI", &named, uri(SPIFFE, called("name.test")), 200),
            ("another URI", &named, uri("spiffe://cluster.test/ns/shop", called("name.test")), 500),
            ("no URI", &local, uri(SPIFFE, trusting(&ours)), 500),
            ("the URI beside a wrong name", &named, uri(SPIFFE, trusting(&ours)), 500),
            ("the URI, name not verified", &named, uri(SPIFFE, skip(trusting(&ours))), 200),
            ("the URI from an unknown authority, name not verified", &other, uri(SPIFFE, skip(trusting(&ours))), 500),
        ];
        for (case, leaf, tls, want) in cases {
            let origin = Https::default().start(leaf).await;
            let got = by(transport(tls), &origin).await;
            let want = if want == 200 { "200 HTTP/2.0 a.test / " } else { "500 Internal Server Error" };
            assert_eq!(got, want, "{case}");
        }
    });
}

#[test]
fn not_to_verify_still_means_that_the_server_owns_its_certificate() {
    run(async {
        let authority = Authority::new("ours");
        let (shown, own) = (authority.issue(&["127.0.0.1"], Age::Fresh), authority.issue(&["127.0.0.1"], Age::Fresh));
        for versions in [vec![&TLS12], vec![&TLS13]] {
            let origin = Https { versions, ..Https::default() }.showing(&shown, own.key()).await;
            assert_eq!(by(transport(unverified()), &origin).await, "500 Internal Server Error");
        }
    });
}

#[test]
fn a_server_that_demands_a_certificate_gets_the_one_that_suits_it() {
    run(async {
        let (ours, clients, foreign) = (Authority::new("ours"), Authority::new("clients"), Authority::new("foreign"));
        let leaf = ours.issue(&["127.0.0.1"], Age::Fresh);
        let (good, bad) = (clients.issue(&["me"], Age::Fresh), foreign.issue(&["me"], Age::Fresh));
        let cases: [(&str, Vec<&Leaf>, &str); 4] = [
            ("the right one", vec![&good], "200 HTTP/2.0 a.test / "),
            ("the right one behind another", vec![&bad, &good], "200 HTTP/2.0 a.test / "),
            ("none", vec![], "502 Bad Gateway"),
            ("one of a foreign authority", vec![&bad], "502 Bad Gateway"),
        ];
        for (case, shown, want) in cases {
            for versions in [vec![&TLS12], vec![&TLS13]] {
                let https = Https { versions, demands: Some(clients.der()), ..Https::default() };
                let origin = https.start(&leaf).await;
                let certificates = shown.iter().map(|leaf| leaf.for_client()).collect();
                let tls = TransportTls { certificates, ..trusting(&ours) };
                assert_eq!(by(transport(tls), &origin).await, want, "{case}");
            }
        }
    });
}

#[test]
fn versions_suites_and_protocols_are_those_of_the_transport() {
    run(async {
        let ours = Authority::new("ours");
        let leaf = ours.issue(&["127.0.0.1"], Age::Fresh);
        let limited = |min: Version, max: Version, suites: Option<Vec<CipherSuite>>| TransportTls {
            min_version: min,
            max_version: max,
            cipher_suites: suites,
            ..trusting(&ours)
        };
        let (tls12, tls13) = (Version::Tls12, Version::Tls13);
        let ok = "200 HTTP/2.0 a.test / ";
        let cases = [
            ("min 1.3, server 1.3", limited(tls13, tls13, None), &TLS13, ok),
            ("min 1.3, server 1.2", limited(tls13, tls13, None), &TLS12, "502 Bad Gateway"),
            ("max 1.2, server 1.3", limited(tls12, tls12, None), &TLS13, "502 Bad Gateway"),
            ("a suite that fits", limited(tls12, tls12, Some(vec![CipherSuite::EcdsaAes128])), &TLS12, ok),
            ("none that fits", limited(tls12, tls12, Some(vec![CipherSuite::RsaAes128])), &TLS12, "502 Bad Gateway"),
            ("TLS 1.3 whatever the suites", limited(tls12, tls13, Some(vec![CipherSuite::RsaAes128])), &TLS13, ok),
            ("min above max", limited(tls13, tls12, None), &TLS13, "503 Service Unavailable"),
        ];
        for (case, tls, version, want) in cases {
            let origin = Https { versions: vec![version], ..Https::default() }.start(&leaf).await;
            assert_eq!(by(transport(tls), &origin).await, want, "{case}");
        }
        let origin = Https { provider: provider(), ..Https::default() }.start(&leaf).await;
        let without = ServersTransport { http2: Http2::Disabled, ..transport(trusting(&ours)) };
        assert_eq!(by(without, &origin).await, "200 HTTP/1.1 a.test / ");
        let only_http2 = Https { protocols: vec!["h2"], ..Https::default() }.start(&leaf).await;
        let without = ServersTransport { http2: Http2::Disabled, ..transport(trusting(&ours)) };
        assert_eq!(by(without, &only_http2).await, "502 Bad Gateway");
    });
}

#[test]
fn a_service_whose_transport_is_missing_or_broken_is_closed_until_it_is_there() {
    run(async {
        let ours = Authority::new("ours");
        let origin = Https::default().start(&ours.issue(&["127.0.0.1"], Age::Fresh)).await;
        let good = transport(trusting(&ours));
        let broken =
            transport(TransportTls { min_version: Version::Tls13, max_version: Version::Tls12, ..trusting(&ours) });
        let nameless = transport(TransportTls { server_name: Some("no name".into()), ..trusting(&ours) });
        let mut first = reaching(plan([server(Scheme::Https, origin.address)], HostHeader::Pass), good.clone());
        first.transports.clear();
        let rig = Rig::with(&[], first);
        assert_eq!(rig.ask(GET).await.status(), 503, "missing");
        let steps = [(Some(&good), 200), (Some(&broken), 503), (Some(&good), 200), (Some(&nameless), 503), (None, 503)];
        for (generation, (settings, want)) in (2..).zip(steps) {
            let transports = vec![(good.key.clone(), settings.map(|settings| Arc::new(settings.clone())))];
            rig.proxy.publisher().install(&PlanPatch { generation, transports, ..PlanPatch::default() });
            assert_eq!(rig.ask(GET).await.status(), want, "{settings:?}");
        }
        rig.stop().await;
    });
}

#[test]
fn an_equal_transport_keeps_its_connections_and_a_changed_one_makes_new_ones() {
    run(async {
        let ours = Authority::new("ours");
        let origin = Https::default().start(&ours.issue(&["127.0.0.1"], Age::Fresh)).await;
        let settings = transport(trusting(&ours));
        let rig =
            Rig::with(&[], reaching(plan([server(Scheme::Https, origin.address)], HostHeader::Pass), settings.clone()));
        let more = ServersTransport { max_idle_per_host: 7, ..settings.clone() };
        for (generation, (settings, connections)) in
            (2..).zip([(&settings, 1), (&settings, 1), (&more, 2), (&settings, 2)])
        {
            let transports = vec![(settings.key.clone(), Some(Arc::new(settings.clone())))];
            rig.proxy.publisher().install(&PlanPatch { generation, transports, ..PlanPatch::default() });
            assert_eq!(rig.ask(GET).await.status(), 200);
            assert_eq!(origin.connections.get(), connections);
        }
        rig.stop().await;
    });
}

/// `base` with one field other each time. A field that is added has to be added here: nothing else compiles.
fn variations(base: &ServersTransport, ours: &Authority) -> Vec<(&'static str, ServersTransport)> {
    let ServersTransport { key: _, tls, http2: _, max_idle_per_host: _, timeouts } = base;
    let TransportTls {
        server_name: _,
        verification: _,
        roots: _,
        certificates: _,
        cipher_suites: _,
        min_version: _,
        max_version: _,
        peer_uri: _,
    } = tls;
    let ForwardingTimeouts { dial: _, response_header: _, idle: _, read_idle: _, ping: _ } = timeouts;
    let second = Some(Duration::from_secs(1));
    let mut all = vec![("nothing", base.clone())];
    let mut add = |field, change: &dyn Fn(&mut ServersTransport)| {
        let mut changed = base.clone();
        change(&mut changed);
        all.push((field, changed));
    };
    add("key", &|it| it.key = TransportKey::Object(ServersTransportKey::new("other", "t")));
    add("http2", &|it| it.http2 = Http2::Disabled);
    add("max_idle_per_host", &|it| it.max_idle_per_host = 3);
    add("server_name", &|it| it.tls.server_name = Some("b.test".into()));
    add("verification", &|it| it.tls.verification = Verification::Skip);
    add("roots", &|it| it.tls.roots = ours.roots());
    add("no roots", &|it| it.tls.roots = Roots::Given(Arc::default()));
    let (one, two) = (ours.issue(&["a"], Age::Fresh).for_client(), ours.issue(&["a"], Age::Fresh).for_client());
    add("certificates", &|it| it.tls.certificates = vec![one.clone()]);
    add("other certificates of the same fingerprint", &|it| it.tls.certificates = vec![two.clone()]);
    add("more certificates", &|it| it.tls.certificates = vec![one.clone(), two.clone()]);
    add("cipher_suites", &|it| it.tls.cipher_suites = Some(vec![CipherSuite::RsaAes128]));
    add("min_version", &|it| it.tls.min_version = Version::Tls13);
    add("max_version", &|it| it.tls.max_version = Version::Tls12);
    add("peer_uri", &|it| it.tls.peer_uri = Some(SPIFFE.into()));
    add("dial", &|it| it.timeouts.dial = second);
    add("response_header", &|it| it.timeouts.response_header = second);
    add("idle", &|it| it.timeouts.idle = second);
    add("read_idle", &|it| it.timeouts.read_idle = second);
    add("ping", &|it| it.timeouts.ping = Duration::from_secs(1));
    all
}

#[test]
fn transports_that_differ_in_one_field_never_share_a_pool() {
    let ours = Authority::new("ours");
    let base = transport(TransportTls::default());
    let target = server(Scheme::Https, "127.0.0.1:443".parse().unwrap());
    let key = |settings: &ServersTransport| {
        Arc::new(PeerKey::new(&target, &Arc::new(Transport::build(Arc::new(settings.clone())))))
    };
    let pools = Pools::new(10, Ticks::default());
    let all = variations(&base, &ours);
    for (one, settings) in &all {
        let pool = pools.peer(&key(settings));
        for (two, others) in &all {
            let same = Rc::ptr_eq(&pool, &pools.peer(&key(others)));
            assert_eq!(same, one == two, "{one} and {two}");
        }
    }
}

#[test]
fn idle_connections_end_with_the_time_of_their_transport() {
    run(async {
        for scheme in [Scheme::Http, Scheme::H2c] {
            let over: Rc<std::cell::Cell<usize>> = Rc::default();
            let ended = over.clone();
            let http2 = scheme == Scheme::H2c;
            let origin = Origin::scripted(move |mut client, _| {
                let ended = ended.clone();
                async move {
                    if http2 {
                        super::secure::serve_http2(client.tcp).await;
                    } else {
                        client.message(false).await.expect("a request");
                        client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                        client.rest().await;
                    }
                    ended.set(ended.get() + 1);
                }
            })
            .await;
            let timeouts =
                ForwardingTimeouts { idle: Some(Duration::from_millis(80)), ..ForwardingTimeouts::default() };
            let short = ServersTransport { timeouts, ..transport(TransportTls::default()) };
            let rig = Rig::with(&[], reaching(plan([server(scheme, origin.address)], HostHeader::Pass), short));
            assert_eq!(rig.ask(GET).await.status(), 200);
            until(|| over.get() == 1).await;
            assert_eq!(rig.ask(GET).await.status(), 200);
            assert_eq!(origin.connections.get(), 2);
            rig.stop().await;
        }
    });
}

#[test]
fn the_time_to_answer_is_that_of_the_transport() {
    run(async {
        let origin = Origin::scripted(|mut client, _| async move {
            client.rest().await;
        })
        .await;
        let limit = Some(Duration::from_millis(100));
        let timeouts = ForwardingTimeouts { response_header: limit, ..ForwardingTimeouts::default() };
        let impatient = ServersTransport { timeouts, ..transport(TransportTls::default()) };
        let rig = Rig::with(&[], reaching(plan([server(Scheme::Http, origin.address)], HostHeader::Pass), impatient));
        assert_eq!(rig.ask(GET).await.status(), 504);
        rig.stop().await;
    });
}

/// A listener whose queue is full: the kernel answers no further connection.
fn full() -> (socket2::Socket, Vec<std::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        waiting.push(stream);
    }
    (socket, waiting)
}

#[test]
fn a_server_that_cannot_be_dialled_in_time_is_504_and_a_request_does_not_wait_for_each_anew() {
    run(async {
        let silent: Vec<_> = (0..3).map(|_| full()).collect();
        let addresses = silent.iter().map(|(socket, _)| socket.local_addr().unwrap().as_socket().unwrap());
        let timeouts = ForwardingTimeouts { dial: Some(Duration::from_millis(100)), ..ForwardingTimeouts::default() };
        let impatient = ServersTransport { timeouts, ..transport(TransportTls::default()) };
        let servers: Vec<_> = addresses.map(|address| server(Scheme::Http, address)).collect();
        let rig = Rig::with(&[], reaching(plan(servers, HostHeader::Pass), impatient));
        let answer = rig.ask(GET).await;
        assert_eq!((answer.status(), answer.text()), (504, "Gateway Timeout"));
        assert_eq!(rig.totals().retries, 2, "the others were asked, in what was left of the time");
        rig.stop().await;
    });
}

#[test]
fn all_tries_of_a_request_share_the_time_to_connect() {
    run(async {
        let args = ["--entrypoints.web.address=127.0.0.1:0", "--workers=1", "--providers.kubernetesingress"];
        let config::Command::Run(config) = config::from_args(args.map(str::to_owned)).unwrap() else {
            panic!("options")
        };
        let (worker, entry) = crate::proxy::bench::worker(&config).unwrap();
        let conn = Conn::new(worker, Rc::new(entry), "127.0.0.1:1".parse().unwrap());
        let (dial, most) = (Some(Duration::from_secs(5)), Some(Duration::from_secs(30)));
        for given in [dial, None] {
            conn.begin(BodyState::Whole);
            assert_eq!(conn.time_to_connect(given), given, "the first try");
            let left = conn.time_to_connect(given);
            assert!(left.is_some() && left <= given.or(most), "{left:?}");
            assert!(conn.time_to_connect(given) <= left);
        }
    });
}

#[test]
fn openssl_is_understood_and_understands() {
    let ours = Authority::new("ours");
    let (leaf, me) = (ours.issue(&["127.0.0.1"], Age::Fresh), ours.issue(&["me"], Age::Fresh));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let both = file("server.pem", leaf.certificate.pem() + &leaf.key.serialize_pem());
    let authority = file("ca.pem", ours.pem());
    for (version, demands) in [("-tls1_2", false), ("-tls1_3", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", version, "-cert"]).arg(&both);
        if demands {
            command.args(["-Verify", "1", "-verify_return_error", "-CAfile"]).arg(&authority);
        }
        let Ok(mut child) = command.stdout(Stdio::piped()).stdin(Stdio::null()).stderr(Stdio::null()).spawn() else {
            eprintln!("skipped: there is no openssl on the path");
            return;
        };
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            eprintln!("skipped: this openssl does not tell where it listens");
            child.kill().and_then(|()| child.wait()).unwrap();
            return;
        };
        let status = run(async {
            let certificates = vec![me.for_client()];
            let settings = transport(TransportTls { certificates, ..trusting(&ours) });
            let rig = Rig::with(&[], reaching(plan([server(Scheme::Https, address)], HostHeader::Pass), settings));
            let answer = rig.ask(GET).await;
            rig.stop().await;
            answer.status()
        });
        child.kill().and_then(|()| child.wait()).unwrap();
        assert_eq!(status, 200, "{version}, client certificate demanded: {demands}");
    }
}
