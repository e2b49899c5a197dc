//! What the tests are made of: a proxy with a plan, raw clients, and servers that say what they are told to.
use crate::config::{self, Command};
use crate::model::facts::{Created, ServerState, StickyCookie};
use crate::model::keys::{BalancerKey, IngressKey, PortRef, RouterKey, ServiceKey, TransportKey};
use crate::model::plan::{
    Action, Balancer, BalancerOptions, BalancerOrigin, HostHeader, Origin as RouterOrigin, PlanPatch, Precedence,
    Router, RouterRule, Scheme, Server, Sticky,
};
use crate::model::rule::{self, Syntax};
use crate::model::transport::ServersTransport;
use crate::proxy::internal::{Claimed, InternalAnswer, InternalRequest, InternalService};
use crate::proxy::table::EntryPointId;
use crate::proxy::{Grace, Proxy, Totals};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test in an actix system, within the time that is reasonable.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let within = async { tokio::time::timeout(PATIENCE, test).await.expect("the test ends in time") };
    actix::System::new().block_on(within)
}

/// Waits for a condition.
pub async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A running proxy.
pub struct Rig {
    pub proxy: Proxy,
    pub address: SocketAddr,
}

impl Rig {
    /// One worker, one router for everything, these servers.
    pub fn to(servers: &[SocketAddr]) -> Self {
        Self::with(&[], plan(servers.iter().map(|address| server(Scheme::Http, *address)), HostHeader::Pass))
    }

    /// With further options and another plan.
    pub fn with(options: &[&str], plan: PlanPatch) -> Self {
        let rig = Self::unready(options);
        rig.proxy.publisher().install(&plan);
        rig
    }

    /// Without a plan.
    pub fn unready(options: &[&str]) -> Self {
        let usual = ["--entrypoints.web.address=127.0.0.1:0", "--workers=1", "--providers.kubernetesingress"];
        let args = usual.iter().chain(options).map(|arg| (*arg).to_owned());
        let Ok(Command::Run(config)) = config::from_args(args) else { panic!("bad options {options:?}") };
        let mut proxy = Proxy::bind(&config, Arc::new(Ping)).unwrap();
        proxy.start().unwrap();
        let address = proxy.addresses()[0].1;
        Self { proxy, address }
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub async fn ask(&self, request: &str) -> Message {
        let mut client = self.client().await;
        client.send(request).await;
        client.answer().await
    }

    pub fn totals(&self) -> Totals {
        self.proxy.totals()
    }

    pub async fn stop(mut self) {
        self.proxy.drain(Grace::AtMost(Duration::ZERO)).await;
        assert_eq!(self.proxy.totals().connections_open, 0, "connections left behind");
    }
}

/// Answers `/ping` and, as far as no redirection takes it, `/api`; panics at `/panic`.
struct Ping;

impl InternalService for Ping {
    fn claims(&self, _: EntryPointId, path: &str) -> Option<Claimed> {
        assert_ne!(path, "/panic/claims", "on purpose");
        match path {
            "/ping" | "/panic/answer" => Some(Claimed::Always),
            "/api" => Some(Claimed::Against(i64::MAX - 1)),
            _ => None,
        }
    }

    fn answer(&self, _: EntryPointId, request: InternalRequest) -> InternalAnswer {
        assert_ne!(request.path, "/panic/answer", "on purpose");
        let text = format!("{} {} {:?} {}", request.method, request.path, request.query, request.host);
        Box::pin(std::future::ready(http::Response::new(text.into())))
    }
}

pub fn server(scheme: Scheme, address: SocketAddr) -> Server {
    Server {
        url: format!("{}://{address}", scheme.as_str()).into(),
        scheme,
        host: address.ip().to_string().into(),
        port: address.port(),
        state: ServerState::Active,
    }
}

/// A plan whose only router takes every path, also without host.
pub fn plan(servers: impl IntoIterator<Item = Server>, host_header: HostHeader) -> PlanPatch {
    plan_for("PathPrefix(`/`)", servers, host_header)
}

pub fn plan_for(rule: &str, servers: impl IntoIterator<Item = Server>, host_header: HostHeader) -> PlanPatch {
    let ingress = IngressKey::new("default", "all");
    let key = BalancerKey::Port { service: ServiceKey::new("default", "s"), port: PortRef::Number(80) };
    let rule = rule::parse(rule, Syntax::V3).unwrap();
    let router = Router {
        key: RouterKey::Path { ingress: ingress.clone(), rule: rule.text().into() },
        name: "all".into(),
        origin: RouterOrigin { ingress, created: Created(0) },
        entry_points: ["web".into()].into(),
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
    let balancer = Balancer {
        key: key.clone(),
        name: "s".into(),
        origin: BalancerOrigin { namespace: "default".into(), service: "s".into(), port: "80".into() },
        options: Arc::new(BalancerOptions {
            host_header,
            sticky: None,
            transport: "".into(),
            transport_key: TransportKey::Default,
            middlewares: Vec::new(),
        }),
        servers: servers.into_iter().collect(),
    };
    PlanPatch {
        generation: 1,
        routers: vec![(router.key.clone(), Some(Arc::new(router)))],
        balancers: vec![(key, Some(Arc::new(balancer)))],
        ..PlanPatch::default()
    }
}

/// `plan`, with `transport` in it as the way to all servers.
pub fn reaching(mut plan: PlanPatch, transport: ServersTransport) -> PlanPatch {
    for (_, balancer) in &mut plan.balancers {
        let Some(balancer) = balancer.as_mut().map(Arc::make_mut) else { continue };
        Arc::make_mut(&mut balancer.options).transport_key = transport.key.clone();
    }
    plan.transports.push((transport.key.clone(), Some(Arc::new(transport))));
    plan
}

/// Gives the balancers of `plan` affinity by a cookie `n`.
pub fn make_sticky(plan: &mut PlanPatch) {
    let none: Arc<str> = "".into();
    let cookie = StickyCookie {
        name: "n".into(),
        secure: false,
        http_only: false,
        same_site: none.clone(),
        max_age: 0,
        path: none.clone(),
        domain: none,
    };
    for (_, balancer) in &mut plan.balancers {
        let Some(balancer) = balancer.as_mut().map(Arc::make_mut) else { continue };
        Arc::make_mut(&mut balancer.options).sticky = Some(Sticky::Cookie(cookie.clone()));
    }
}

/// An address where nobody listens, nor ever will: the port is held, so that it is given to no other test.
pub fn closed_address() -> SocketAddr {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// A request or an answer, as it came over the wire.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// First line and headers, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
    /// Lines after the last chunk.
    pub trailers: Vec<String>,
}

impl Message {
    pub fn first_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub fn status(&self) -> u16 {
        self.first_line().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// All values of a header, joined.
    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let values: Vec<&str> = lines.filter(|(present, _)| present.eq_ignore_ascii_case(name)).map(|l| l.1).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One end of a connection that reads whole messages.
pub struct Client {
    pub tcp: TcpStream,
    pub buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { tcp: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    pub async fn send(&mut self, text: &str) {
        self.tcp.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next message, `None` at the end. Answers without length last until the end.
    pub async fn message(&mut self, to_head: bool) -> Option<Message> {
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if self.more().await == 0 {
                return None;
            }
        };
        let head = String::from_utf8(self.buffer.drain(..head_end + 4).take(head_end).collect()).unwrap();
        let mut message = Message { head, ..Message::default() };
        let status = message.status();
        let is_answer = message.head.starts_with("HTTP/");
        if to_head || (is_answer && matches!(status, 100..=199 | 204 | 304)) {
            return Some(message);
        }
        if message.header("transfer-encoding").is_some() {
            self.chunks(&mut message).await?;
        } else if let Some(length) = message.header("content-length") {
            message.body = self.exactly(length.parse().unwrap()).await?;
        } else if is_answer {
            while self.more().await > 0 {}
            message.body = std::mem::take(&mut self.buffer);
        }
        Some(message)
    }

    async fn chunks(&mut self, message: &mut Message) -> Option<()> {
        loop {
            let size = usize::from_str_radix(&self.line().await?, 16).unwrap();
            if size == 0 {
                break;
            }
            let chunk = self.exactly(size).await?;
            message.body.extend(chunk);
            self.line().await?;
        }
        loop {
            match self.line().await? {
                line if line.is_empty() => return Some(()),
                line => message.trailers.push(line),
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                return String::from_utf8(self.buffer.drain(..at + 2).take(at).collect()).ok();
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if self.more().await == 0 {
                return None;
            }
        }
        Some(self.buffer.drain(..count).collect())
    }

    async fn more(&mut self) -> usize {
        self.tcp.read_buf(&mut self.buffer).await.unwrap_or(0)
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Message {
        self.message(false).await.expect("an answer")
    }

    /// Whether the other side closes without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && self.more().await == 0
    }

    /// All bytes up to the end.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.buffer)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A server.
#[derive(Clone)]
pub struct Origin {
    pub address: SocketAddr,
    pub connections: Rc<Cell<usize>>,
    pub seen: Rc<RefCell<Vec<Message>>>,
}

impl Origin {
    /// Answers each request with what `reply` says; an empty reply closes the connection.
    pub async fn replying(reply: impl Fn(&Message) -> Vec<u8> + 'static) -> Self {
        let seen: Rc<RefCell<Vec<Message>>> = Rc::default();
        let reply = Rc::new(reply);
        let noted = seen.clone();
        let origin = Self::scripted(move |mut client, _| {
            let (reply, noted) = (reply.clone(), noted.clone());
            async move {
                while let Some(request) = client.message(false).await {
                    noted.borrow_mut().push(request.clone());
                    let answer = reply(&request);
                    if answer.is_empty() || client.tcp.write_all(&answer).await.is_err() {
                        return;
                    }
                    if find(&answer, b"connection: close").is_some() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { seen, ..origin }
    }

    /// Answers each request with 200 and its own head and body.
    pub async fn echoing() -> Self {
        Self::replying(|request| {
            let body = [request.head.as_bytes(), b"\n\n", &request.body].concat();
            ok(&body)
        })
        .await
    }

    /// Does with each connection what `script` says.
    pub async fn scripted<F, Fut>(script: F) -> Self
    where
        F: Fn(Client, usize) -> Fut + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections: Rc<Cell<usize>> = Rc::default();
        let count = connections.clone();
        drop(tokio::task::spawn_local(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let number = count.get();
                count.set(number + 1);
                drop(tokio::task::spawn_local(script(Client { tcp, buffer: Vec::new() }, number)));
            }
        }));
        Self { address, connections, seen: Rc::default() }
    }

    /// The last request.
    pub fn last(&self) -> Message {
        self.seen.borrow().last().cloned().expect("a request")
    }
}

/// A 200 with `body`.
pub fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

pub const GET: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
