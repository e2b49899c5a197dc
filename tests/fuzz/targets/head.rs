//! What a client sends, against the assembled entry point: real sockets, the real workers, a server behind it that reads
//! strictly. Whatever goes in, what comes out on both sides is well-formed HTTP, and the next client is served.
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
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

/// No answer takes longer, or the proxy hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Behind each input, so that most connections end at once: the last request, or the end of what will be refused.
const LAST: &[u8] = b"\r\n\r\nGET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/// Where the proxy listens, once it does: for the input, and with the usual time limits for the request that must work.
static PROXY: OnceLock<[SocketAddr; 2]> = OnceLock::new();
/// What a server saw that it should never see.
static WRONG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One input: the bytes of one connection.
pub fn run(data: &[u8]) {
    let [address, probed] = *PROXY.get_or_init(start);
    let answer = talk(address, &[data, LAST].concat());
    check_answers(&answer, data);
    let good = talk(probed, GOOD);
    assert!(good.starts_with(b"HTTP/1.1 200 OK\r\n"), "the next client got {:?}", String::from_utf8_lossy(&good));
    let wrong = WRONG.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(wrong.is_empty(), "{wrong:?} from {:?}", String::from_utf8_lossy(data));
}

fn talk(address: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let mut answer = Vec::new();
    // Refused in the middle of it, the rest may not be taken any more. The end of the input is not shown: a client that
    // leaves gets no answer.
    stream.write_all(data).unwrap_or_default();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("no end of the answer"),
        // What was read before a reset is there.
        _ => answer,
    }
}

/// All that came back is answers, one after the other.
fn check_answers(mut bytes: &[u8], data: &[u8]) {
    let shown = || format!("{:?} to {:?}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(data));
    while !bytes.is_empty() {
        assert!(bytes.starts_with(b"HTTP/1.1 ") || bytes.starts_with(b"HTTP/1.0 "), "no answer: {}", shown());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        assert!(!head.contains('\0') && !head.replace("\r\n", "").contains(['\r', '\n']), "{}", shown());
        bytes = &bytes[end + 4..];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        match length {
            _ if head.starts_with("http/1.1 100") => {}
            // Answers to HEAD have a length and no body; what follows then is the next answer.
            Some(_) if bytes.starts_with(b"HTTP/1.") => {}
            Some(length) => bytes = bytes.get(length..).unwrap_or_default(),
            // A refusal lasts until the end.
            None => return,
        }
    }
}

/// Starts the proxy, and a server behind it, for the rest of the process.
fn start() -> [SocketAddr; 2] {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = server.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
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
            proxy.publisher().install(&plan(origin));
            let address = |wanted: &str| proxy.addresses().iter().find(|(name, _)| &**name == wanted).expect(wanted).1;
            told.send([address("web"), address("probed")]).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    heard.recv().expect("the proxy starts")
}

fn serve(mut stream: TcpStream) {
    let mut buffer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some(used) = match one_request(&buffer) {
            Ok(used) => used,
            Err(what) => {
                let text = format!("{what}: {:?}", String::from_utf8_lossy(&buffer));
                WRONG.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                return;
            }
        } {
            let head_only = buffer.starts_with(b"HEAD ");
            buffer.drain(..used);
            let body: &[u8] = if head_only { b"" } else { b"ok" };
            let answer = [&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"[..], body].concat();
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => buffer.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
}

/// Length of the request at the start of `bytes`; `None` if it is not all there.
fn one_request(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let words: Vec<&[u8]> = lines.next().unwrap_or_default().split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = words[..] else { return Err("request line") };
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if method.is_empty() || !method.iter().all(token) {
        return Err("method");
    }
    // A query is forwarded as it came, raw bytes included (spec/http.md 1.6).
    let query = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let good = |(at, byte): (usize, &u8)| byte.is_ascii_graphic() || (at > query && *byte >= 0x80);
    if !target.starts_with(b"/") || target.starts_with(b"//") || !target.iter().enumerate().all(good) {
        return Err("target");
    }
    let (mut length, mut chunked, mut hosts) = (None, false, 0);
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').ok_or("header line")?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.is_empty() || !name.iter().all(|byte| token(byte) && !byte.is_ascii_uppercase()) {
            return Err("header name");
        }
        if value.iter().any(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
            return Err("header value");
        }
        match name {
            b"host" => hosts += 1,
            b"content-length" => {
                let text = std::str::from_utf8(value).map_err(|_| "length")?;
                let number = text.parse::<usize>().map_err(|_| "length")?;
                if length.replace(number).is_some() || text.starts_with('+') {
                    return Err("two lengths");
                }
            }
            b"transfer-encoding" if chunked || value != b"chunked" => return Err("coding"),
            b"transfer-encoding" => chunked = true,
            b"keep-alive" | b"proxy-connection" | b"proxy-authorization" => return Err("a hop-by-hop header"),
            _ => {}
        }
    }
    match (length, chunked) {
        _ if hosts != 1 => Err("hosts"),
        (Some(_), true) => Err("length and coding"),
        (None, false) => Ok(Some(end + 4)),
        (Some(length), false) => Ok((bytes.len() >= end + 4 + length).then_some(end + 4 + length)),
        (None, true) => Ok(chunks(&bytes[end + 4..])?.map(|length| end + 4 + length)),
    }
}

/// Length of a chunked body, trailers included.
fn chunks(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
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

fn plan(origin: SocketAddr) -> PlanPatch {
    let ingress = IngressKey::new("default", "all");
    let key = BalancerKey::Port { service: ServiceKey::new("default", "s"), port: PortRef::Number(80) };
    let rule = rule::parse("PathPrefix(`/`)", Syntax::V3).expect("a rule");
    let router = Router {
        key: RouterKey::Path { ingress: ingress.clone(), rule: rule.text().into() },
        name: "all".into(),
        origin: Origin { ingress, created: Created(0) },
        entry_points: ["web".into(), "probed".into()].into(),
        missing_entry_points: Vec::new(),
        rule: RouterRule::Parsed(Arc::new(rule)),
        shown_syntax: "".into(),
        precedence: Precedence::Ranked(1),
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
    PlanPatch {
        generation: 1,
        routers: vec![(router.key.clone(), Some(Arc::new(router)))],
        balancers: vec![(key, Some(Arc::new(balancer)))],
        certificates: Vec::new(),
        transports: Vec::new(),
        tls_options: Vec::new(),
        tls_hosts: Vec::new(),
    }
}
