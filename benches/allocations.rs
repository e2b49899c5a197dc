//! Allocations per request, of the whole process: `cargo bench --bench allocations`. Writes `benches/allocations.md`.
//!
//! The proxy runs in this process, with one worker; client and server are plain threads that allocate nothing once they
//! run, so what is counted is the proxy's. Counts are the same on every machine and in every build that is optimised.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot be set up has nothing to measure")]
use pilotage::compile::{Compiler, Options};
use pilotage::config::{Command, from_args};
use pilotage::model::keys::ServiceKey;
use pilotage::model::patch::{Change, ModelPatch};
use pilotage::parse;
use pilotage::proxy::Proxy;
use pilotage::proxy::internal::NoInternalService;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requests before anything is counted, and those that are.
const WARM: usize = 2_000;
const COUNTED: usize = 20_000;
const LARGE: usize = 100 * 1024;

/// What is asked for again and again over one connection.
struct Case {
    name: &'static str,
    request: Vec<u8>,
    /// Bytes of the answer's body.
    body: usize,
}

fn cases() -> Vec<Case> {
    let browser = "Host: a.test\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: text/html,application/xhtml+xml\r\n\
                   Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\nCookie: session=0123456789abcdef\r\n";
    let upload = format!("POST /form HTTP/1.1\r\n{browser}Content-Length: 1024\r\n\r\n{}", "x".repeat(1024));
    vec![
        Case {
            name: "GET, Host alone, 10 bytes",
            request: b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec(),
            body: 10,
        },
        Case {
            name: "GET with a browser's headers, 10 bytes",
            request: format!("GET / HTTP/1.1\r\n{browser}\r\n").into_bytes(),
            body: 10,
        },
        Case { name: "POST of 1 kB, 10 bytes", request: upload.into_bytes(), body: 10 },
        Case {
            name: "GET, 100 kB",
            request: format!("GET /large HTTP/1.1\r\n{browser}\r\n").into_bytes(),
            body: LARGE,
        },
        Case { name: "no router: 404", request: b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n".to_vec(), body: 19 },
    ]
}

fn main() {
    let origin = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = origin.local_addr().expect("an address");
    std::thread::spawn(move || origin.incoming().flatten().for_each(serve));
    let proxy = start(server);
    let mut page = String::from(
        "# Allocations per request\n\nWritten by `cargo bench --bench allocations`: the whole path through the proxy, client and server on kept \
         connections of\nHTTP/1.1. A usual request allocates nothing: its buffers are lent by the worker, the memory of its headers \
         goes through the answer's\ninto the next request's. What is left is a new read buffer when parts of the last one are still in use, \
         and the answers that the\nproxy makes itself.\n\n| Request | Allocations | Bytes |\n| --- | ---: | ---: |\n",
    );
    for case in cases() {
        let mut client = TcpStream::connect(proxy).expect("a connection");
        client.set_nodelay(true).expect("a socket");
        let mut room = vec![0; 256 * 1024];
        (0..WARM).for_each(|_| ask(&mut client, &case, &mut room));
        let before = ALLOCATOR.stats();
        (0..COUNTED).for_each(|_| ask(&mut client, &case, &mut room));
        let spent = ALLOCATOR.stats() - before;
        let each = |count: usize| count as f64 / COUNTED as f64;
        let allocations = each(spent.allocations + spent.reallocations);
        writeln!(page, "| {} | {allocations:.2} | {:.0} |", case.name, each(spent.bytes_allocated)).expect("room");
    }
    println!("{page}");
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/allocations.md"), page).expect("a file");
    std::process::exit(0);
}

/// One request and its whole answer.
fn ask(client: &mut TcpStream, case: &Case, room: &mut [u8]) {
    client.write_all(&case.request).expect("a connection");
    let mut filled = 0;
    loop {
        let count = client.read(&mut room[filled..]).expect("an answer");
        assert!(count > 0, "the connection ended");
        filled += count;
        let head = room[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if head.is_some_and(|head| filled >= head + 4 + case.body) {
            return;
        }
    }
}

/// Answers every request on `stream`.
fn serve(mut stream: TcpStream) {
    let small = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\n0123456789".to_vec();
    let large =
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n").into_bytes(), vec![b'x'; LARGE]].concat();
    let mut room = vec![0; 64 * 1024];
    std::thread::spawn(move || {
        let mut filled = 0;
        while let Ok(count @ 1..) = stream.read(&mut room[filled..]) {
            filled += count;
            let Some(head) = room[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
            let body = if room.starts_with(b"POST") { 1024 } else { 0 };
            if filled >= head + 4 + body {
                let answer = if room.starts_with(b"GET /large") { &large } else { &small };
                if stream.write_all(answer).is_err() {
                    return;
                }
                filled = 0;
            }
        }
    });
}

/// Starts the proxy with one router to `server`, for the rest of the process.
fn start(server: SocketAddr) -> SocketAddr {
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        actix::System::new().block_on(async move {
            let args = ["--entrypoints.web.address=127.0.0.1:0", "--workers=1", "--providers.kubernetesingress"];
            let Ok(Command::Run(config)) = from_args(args.map(str::to_owned)) else { panic!("bad options") };
            let mut proxy = Proxy::bind(&config, Arc::new(NoInternalService)).expect("a port");
            proxy.start().expect("a worker");
            let entry_points: Vec<Arc<str>> = vec!["web".into()];
            let options = Options {
                entry_points: entry_points.clone(),
                default_entry_points: entry_points,
                ..Options::default()
            };
            proxy.publisher().install(&Compiler::new(options).apply(objects(server)).plan);
            told.send(proxy.addresses().first().expect("an entry point").1).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    heard.recv().expect("the proxy starts")
}

fn objects(server: SocketAddr) -> ModelPatch {
    let mut patch = ModelPatch::default();
    let ingress = parse::ingress::parse(&object(json!({
        "metadata": {"namespace": "default", "name": "i"},
        "spec": {"rules": [{"host": "a.test", "http": {"paths": [{
            "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}
        }]}}]}
    })));
    patch.ingresses.insert(ingress.key.clone(), Change::Put(Arc::new(ingress)));
    let service = parse::service::parse(&object(json!({
        "metadata": {"namespace": "default", "name": "s"}, "spec": {"ports": [{"port": 80}]}
    })));
    patch.services.insert(service.key.clone(), Change::Put(Arc::new(service)));
    let slice = parse::endpoint_slice::parse(&object(json!({
        "addressType": "IPv4",
        "metadata": {"namespace": "default", "name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "ports": [{"name": "", "port": server.port()}],
        "endpoints": [{"addresses": [server.ip().to_string()]}]
    })));
    let key = ServiceKey::new("default", "s");
    let endpoints = parse::endpoint_slice::join(key.clone(), vec![Arc::new(slice)]);
    patch.endpoints.insert(key, Change::Put(Arc::new(endpoints)));
    patch
}

fn object<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("objects of the benchmark are objects of their kind")
}
