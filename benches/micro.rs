//! Single steps, each with as much around it as shall not matter: `cargo bench --bench micro [-- NAME]`.
//!
//! Of a request: the choice of its router and its server, the rewriting of its headers, the connection it is sent over. Of
//! a change: one Ingress among many, the endpoints of one Service among many. `benches/callgrind.rs` counts instructions
//! of the first, `benches/peers/` measures whole requests.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]
mod world;

use divan::{Bencher, black_box};
use http::{HeaderMap, HeaderValue};
use pilotage::config::{Command, from_args};
use pilotage::model::facts::{ServerState, StickyCookie};
use pilotage::model::keys::{BalancerKey, PortRef, ServiceKey, TransportKey};
use pilotage::model::patch::{Change, ModelPatch};
use pilotage::model::plan::{Balancer, BalancerOptions, BalancerOrigin, HostHeader, Scheme, Server, Sticky};
use pilotage::proxy::balancer::{LiveBalancer, Tried};
use pilotage::proxy::bench::{Checkout, Rewriting};
use std::sync::Arc;
use world::{World, host, numbers_below, path};

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many different requests are asked in turn.
const REQUESTS: usize = 4096;

fn main() {
    divan::main();
}

/// A router among many hosts, of which one is asked for at random.
#[divan::bench(args = [10, 1_000, 100_000])]
fn route_among_hosts(bencher: Bencher<'_, '_>, hosts: usize) {
    let world = World::with_hosts(hosts);
    let asked: Vec<String> = numbers_below(hosts, REQUESTS).into_iter().map(host).collect();
    let headers = HeaderMap::new();
    let mut turn = asked.iter().cycle();
    bencher.bench_local(|| {
        let routed = turn.next().is_some_and(|host| world::is_routed(&world.table, &headers, black_box(host), "/"));
        assert!(routed);
    });
}

/// A router among many paths of one host, of which one is asked for at random.
#[divan::bench(args = [10, 1_000])]
fn route_among_paths_of_one_host(bencher: Bencher<'_, '_>, paths: usize) {
    let world = World::with_paths(paths);
    let asked: Vec<String> = numbers_below(paths, REQUESTS).into_iter().map(path).collect();
    let (headers, host) = (HeaderMap::new(), host(0));
    let mut turn = asked.iter().cycle();
    bencher.bench_local(|| {
        let routed = turn.next().is_some_and(|path| world::is_routed(&world.table, &headers, &host, black_box(path)));
        assert!(routed);
    });
}

/// One Ingress among many gets another path: compiled and installed.
#[divan::bench(args = [10, 10_000, 100_000])]
fn patch_one_ingress(bencher: Bencher<'_, '_>, ingresses: usize) {
    let mut world = World::with_hosts(ingresses);
    let mut numbers = numbers_below(ingresses, REQUESTS).into_iter().cycle();
    let mut edit = 0_u64;
    bencher
        .with_inputs(|| {
            edit += 1;
            let number = numbers.next().unwrap_or(0);
            let fact = world::ingress(number, &host(number), &[format!("/edit-{edit}")]);
            let mut patch = ModelPatch::default();
            patch.ingresses.insert(fact.key.clone(), Change::Put(Arc::new(fact)));
            patch
        })
        .bench_local_values(|patch| assert_eq!(world.apply(patch), 1));
}

/// One Service among many gets another endpoint: compiled and installed.
#[divan::bench(args = [10, 20_000])]
fn endpoint_change_of_one_service(bencher: Bencher<'_, '_>, services: usize) {
    let mut world = World::with_hosts(services);
    let mut numbers = numbers_below(services, REQUESTS).into_iter().cycle();
    let mut edit = 0_u64;
    bencher
        .with_inputs(|| {
            edit += 1;
            let addresses = ["10.0.0.1".to_owned(), format!("10.1.{}.{}", edit / 250 % 250, edit % 250)];
            world::endpoints(numbers.next().unwrap_or(0), &addresses.each_ref().map(String::as_str))
        })
        .bench_local_values(|patch| world.apply(patch));
}

/// The next server in turn.
#[divan::bench(args = [3, 1_000])]
fn pick_round_robin(bencher: Bencher<'_, '_>, servers: usize) {
    let balancer = balancer(servers, None);
    let (headers, tried) = (HeaderMap::new(), Tried::new());
    bencher.bench_local(|| balancer.pick(black_box(&headers), &tried).map(|picked| picked.index));
}

/// The next server in turn, for a client that gets a cookie with it.
#[divan::bench(args = [3, 1_000])]
fn pick_sticky_for_a_new_client(bencher: Bencher<'_, '_>, servers: usize) {
    let balancer = balancer(servers, Some(Sticky::Cookie(cookie())));
    let (headers, tried) = (HeaderMap::new(), Tried::new());
    bencher.bench_local(|| balancer.pick(black_box(&headers), &tried).map(|picked| picked.set_cookie));
}

/// The server that the client's cookie names, the last of three cookies.
#[divan::bench(args = [3, 1_000])]
fn pick_sticky_for_a_known_client(bencher: Bencher<'_, '_>, servers: usize) {
    let balancer = balancer(servers, Some(Sticky::Cookie(cookie())));
    let given = balancer.pick(&HeaderMap::new(), &Tried::new()).and_then(|picked| picked.set_cookie).unwrap();
    let named = given.to_str().unwrap().split(';').next().unwrap();
    let mut headers = HeaderMap::new();
    let line = format!("session=0123456789abcdef; theme=dark; {named}");
    headers.insert(http::header::COOKIE, HeaderValue::from_str(&line).unwrap());
    let tried = Tried::new();
    bencher.bench_local(|| balancer.pick(black_box(&headers), &tried).map(|picked| picked.index));
}

/// The headers of a browser's request.
#[divan::bench]
fn rewrite_request_headers(bencher: Bencher<'_, '_>) {
    let args = ["--entrypoints.web.address=127.0.0.1:0", "--providers.kubernetesingress", "--workers=1"];
    let Ok(Command::Run(config)) = from_args(args.map(str::to_owned)) else { return };
    let rewriting = Rewriting::new(&config, ([127, 0, 0, 1], 40_000).into()).expect("a free port");
    let headers = headers(&[
        ("host", "shop.example.com"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("connection", "keep-alive"),
        ("cookie", "session=0123456789abcdef"),
    ]);
    bencher.with_inputs(|| headers.clone()).bench_local_values(|mut headers| {
        assert!(rewriting.request(&mut headers));
        headers
    });
}

/// The headers of a usual answer.
#[divan::bench]
fn rewrite_answer_headers(bencher: Bencher<'_, '_>) {
    let args = ["--entrypoints.web.address=127.0.0.1:0", "--providers.kubernetesingress", "--workers=1"];
    let Ok(Command::Run(config)) = from_args(args.map(str::to_owned)) else { return };
    let rewriting = Rewriting::new(&config, ([127, 0, 0, 1], 40_000).into()).expect("a free port");
    let headers = headers(&[
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", "1024"),
        ("connection", "keep-alive"),
        ("cache-control", "no-cache"),
        ("etag", "\"0123456789abcdef\""),
    ]);
    bencher.with_inputs(|| headers.clone()).bench_local_values(|mut headers| {
        rewriting.answer(&mut headers);
        headers
    });
}

/// A connection to a server is taken and given back.
#[divan::bench(args = [1, 64])]
fn upstream_checkout(bencher: Bencher<'_, '_>, idle: usize) {
    let checkout = Checkout::new(&server(0), idle).expect("connections in memory");
    bencher.bench_local(|| assert!(checkout.exchange()));
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
}

fn cookie() -> StickyCookie {
    StickyCookie {
        name: "lb".into(),
        secure: false,
        http_only: true,
        same_site: "".into(),
        max_age: 0,
        path: "/".into(),
        domain: "".into(),
    }
}

fn server(number: usize) -> Server {
    let host: Arc<str> = format!("10.0.{}.{}", number / 250, number % 250 + 1).into();
    let url = format!("http://{host}:8080").into();
    Server { url, scheme: Scheme::Http, host, port: 8080, state: ServerState::Active }
}

fn balancer(servers: usize, sticky: Option<Sticky>) -> LiveBalancer {
    let plan = Balancer {
        key: BalancerKey::Port { service: ServiceKey::new("default", "service"), port: PortRef::Number(80) },
        name: "service".into(),
        origin: BalancerOrigin { namespace: "default".into(), service: "service".into(), port: "80".into() },
        options: Arc::new(BalancerOptions {
            host_header: HostHeader::Pass,
            sticky,
            transport: "".into(),
            transport_key: TransportKey::Default,
            middlewares: Vec::new(),
        }),
        servers: (0..servers).map(server).collect(),
    };
    LiveBalancer::build(Arc::new(plan), Some(&Arc::default()), None)
}
