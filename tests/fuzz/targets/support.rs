//! What the targets that talk to the running proxy share: the proxy, servers behind it, and a client that is in no hurry.
use pilotage::config::{Command, from_args};
use pilotage::model::facts::{Created, ServerState};
use pilotage::model::keys::{BalancerKey, IngressKey, PortRef, RouterKey, ServiceKey, TransportKey};
use pilotage::model::plan::{
    Action, Balancer, BalancerOptions, BalancerOrigin, HostHeader, Origin, PlanPatch, Precedence, Router, RouterRule,
    Scheme, Server,
};
use pilotage::model::rule::{self, Syntax};
use pilotage::proxy::Proxy;
use pilotage::proxy::internal::NoInternalService;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// No answer takes longer, or the proxy hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What is under a path: this, for each connection.
pub type Route = (&'static str, fn(TcpStream));

/// Starts the proxy, and a server for each of `routes` behind it, for the rest of the process. Answers where it listens: for
/// the input, and with the usual time limits for the request that must work.
pub fn start(routes: &[Route]) -> [SocketAddr; 2] {
    let routes: Vec<(&str, SocketAddr)> = routes.iter().map(|(path, serve)| (*path, server(*serve))).collect();
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        actix::System::new().block_on(async move {
            let args = [
                "--entrypoints.web.address=127.0.0.1:0",
                "--entrypoints.probed.address=127.0.0.1:0",
                "--entrypoints.web.http.maxheaderbytes=16384",
                // For bodies that never end.
                "--entrypoints.web.transport.respondingtimeouts.readtimeout=80ms",
                "--workers=1",
                "--providers.kubernetesingress",
            ];
            let Ok(Command::Run(config)) = from_args(args.map(str::to_owned)) else { panic!("bad options") };
            let mut proxy = Proxy::bind(&config, Arc::new(NoInternalService)).expect("a port");
            proxy.start().expect("a worker");
            proxy.publisher().install(&plan(&routes));
            let address = |wanted: &str| proxy.addresses().iter().find(|(name, _)| &**name == wanted).expect(wanted).1;
            told.send([address("web"), address("probed")]).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    heard.recv().expect("the proxy starts")
}

fn server(serve: fn(TcpStream)) -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// All that comes back for `data` on a connection of its own.
pub fn talk(address: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut answer = Vec::new();
    // Refused in the middle of it, the rest may not be taken any more. The end of the input is not shown: a client that
    // leaves gets no answer.
    stream.write_all(data).unwrap_or_default();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            let shown = String::from_utf8_lossy;
            panic!("no end of the answer: {:?} to {:?}", shown(&answer), shown(data))
        }
        // What was read before a reset is there.
        _ => answer,
    }
}

/// Length of a chunked body, trailers included.
pub fn chunks(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let Some(line) = bytes[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&bytes[at..at + line]).map_err(|_| "chunk size")?;
        let size = usize::from_str_radix(size, 16).map_err(|_| "chunk size")?;
        at += line + 2;
        if size == 0 {
            break;
        }
        match bytes.get(at + size..at + size + 2) {
            Some(b"\r\n") => at += size + 2,
            Some(_) => return Err("end of a chunk"),
            None => return Ok(None),
        }
    }
    loop {
        let Some(line) = bytes[at..].windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        at += line + 2;
        if line == 0 {
            return Ok(Some(at));
        }
    }
}

fn plan(routes: &[(&str, SocketAddr)]) -> PlanPatch {
    let mut plan = PlanPatch { generation: 1, ..PlanPatch::default() };
    for (path, origin) in routes {
        add(&mut plan, path, *origin);
    }
    plan
}

/// A router for all below a path, and its balancer with one server.
fn add(plan: &mut PlanPatch, path: &str, origin: SocketAddr) {
    let ingress = IngressKey::new("default", "all");
    let key = BalancerKey::Port { service: ServiceKey::new("default", path), port: PortRef::Number(80) };
    let rule = rule::parse(&format!("PathPrefix(`{path}`)"), Syntax::V3).expect("a rule");
    let router = Router {
        key: RouterKey::Path { ingress: ingress.clone(), rule: rule.text().into() },
        name: "all".into(),
        origin: Origin { ingress, created: Created(0) },
        entry_points: ["web".into(), "probed".into()].into(),
        missing_entry_points: Vec::new(),
        rule: RouterRule::Parsed(Arc::new(rule)),
        shown_syntax: "".into(),
        precedence: Precedence::Ranked(i64::try_from(path.len()).expect("a short path")),
        tls: None,
        secured: Arc::default(),
        middlewares: Vec::new(),
        action: Action::Forward(key.clone()),
        observability: None,
        errors: Vec::new(),
    };
    let server = Server {
        url: format!("http://{origin}").into(),
        scheme: Scheme::Http,
        host: origin.ip().to_string().into(),
        port: origin.port(),
        state: ServerState::Active,
    };
    let balancer = Balancer {
        key: key.clone(),
        name: "s".into(),
        origin: BalancerOrigin { namespace: "default".into(), service: "s".into(), port: "80".into() },
        options: Arc::new(BalancerOptions {
            host_header: HostHeader::Pass,
            sticky: None,
            transport: "".into(),
            transport_key: TransportKey::Default,
            middlewares: Vec::new(),
        }),
        servers: vec![server].into(),
    };
    plan.routers.push((router.key.clone(), Some(Arc::new(router))));
    plan.balancers.push((key, Some(Arc::new(balancer))));
}
