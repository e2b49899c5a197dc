//! One client connection: what is known about it, and the task that runs it from the first byte to the last.
//!
//! The task is hyper's connection future with one look at [`Order`] before each poll. The worker's sweeper and the drain
//! give orders and wake the task; nothing else reaches in. A tunnel (`http/upgrade.rs`) takes the [`Conn`] over and obeys
//! the same orders. The connection counts as open until the last holder lets go of it.
use super::proxy_header::{self, Taken};
use super::refusal::Refusal;
use super::room::{Place, Waiting};
use super::watchdog::{Pace, Sight, Verdict, millis, verdict};
use super::wire::{ClientStream, Phase, Transport, Wire};
use super::{EntryPoint, http2};
use crate::base::clock::{Clock, SystemClock};
use crate::base::io::TokioIo;
use crate::config::KeepAlive;
use crate::model::tls::TlsOptionsKey;
use crate::proxy::http;
use crate::proxy::table::ConnectionKind;
use crate::proxy::tls::{self, Prefixed, Secured};
use crate::proxy::worker::Worker;
use ::http::HeaderValue;
use bytes::Bytes;
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper::service::service_fn;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long, and for how many bytes, a closed connection is still read, so that the client gets to see its answer before
/// the kernel resets the connection over unread bytes.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 * 1024;

/// Longest time in which a request tries further servers, where their transport has no dial timeout.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// What the task has to do apart from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// End after the present request; at once if there is none.
    Close,
    /// End now.
    Cut,
}

/// How far the body of the present request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// Read to its end, or there is none.
    Whole,
    /// Being read.
    Reading,
    /// It took longer than the read limit.
    Late,
    /// Given up before its end.
    Abandoned,
}

/// The client, with the header values that depend on nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its address; IPv4 in IPv6 is taken out.
    pub(crate) ip: IpAddr,
    /// The same as text, for `X-Forwarded-For` and `X-Real-Ip`.
    pub(crate) ip_value: HeaderValue,
    /// Whether its forwarding headers are believed.
    pub(crate) trusted: Trusted,
}

/// Whether a client's forwarding headers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trusted {
    /// They are.
    Yes,
    /// They are deleted.
    No,
}

impl Client {
    fn new(peer: SocketAddr, entry: &EntryPoint) -> Self {
        let ip = peer.ip().to_canonical();
        let ip_value = HeaderValue::from_str(&ip.to_string()).unwrap_or(HeaderValue::from_static(""));
        let trusted = if entry.trust.includes(ip) { Trusted::Yes } else { Trusted::No };
        Self { ip, ip_value, trusted }
    }

    /// Whether its forwarding headers are believed.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted == Trusted::Yes
    }
}

/// The client, as far as it is known: the peer, until a PROXY header that is believed says who sent it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    peer: Client,
    announced: OnceCell<Client>,
}

impl Known {
    fn new(peer: SocketAddr, entry: &EntryPoint) -> Self {
        Self { peer: Client::new(peer, entry), announced: OnceCell::new() }
    }
}

impl Deref for Known {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.announced.get().unwrap_or(&self.peer)
    }
}

/// One client connection, or one stream of an HTTP/2 connection, which for a request is the same.
pub(crate) struct Conn {
    pub(crate) worker: Rc<Worker>,
    pub(crate) entry: Rc<EntryPoint>,
    pub(crate) client: Known,
    /// What the last request said about its host; the next one mostly says the same.
    pub(crate) host: RefCell<http::HostMemory>,
    /// The head of the present request, as far as it may have to be sent again.
    pub(crate) spare: RefCell<http::Spare>,
    role: Role,
    /// How it was made safe, if it was.
    secured: OnceCell<Secured>,
    wire: Arc<Wire>,
    opened: u64,
    order: Cell<Order>,
    task: Cell<Option<Waker>>,
    body: Cell<BodyState>,
    body_task: Cell<Option<Waker>>,
    requests: Cell<u64>,
    request_began: Cell<u64>,
    reading_since: Cell<u64>,
    waiting_since: Cell<Option<u64>>,
    answer_limit: Cell<Option<Duration>>,
    answer_late: Cell<bool>,
    /// When the request of this number began to connect to servers.
    connecting: Cell<Option<(u64, Instant)>>,
    /// Of a connection; its streams have none.
    _place: Option<Place>,
}

/// What a [`Conn`] stands for.
enum Role {
    /// A connection, with the number of its HTTP/2 streams.
    Connection { streams: Cell<u32> },
    /// One stream of this connection.
    Stream { connection: Rc<Conn> },
}

impl Conn {
    /// A connection that was accepted just now.
    pub(in crate::proxy) fn new(worker: Rc<Worker>, entry: Rc<EntryPoint>, peer: SocketAddr) -> Rc<Self> {
        let client = Known::new(peer, &entry);
        let conn = Self::made(worker, entry, client, Role::Connection { streams: Cell::new(0) }, OnceCell::new());
        conn.worker.opened(&conn);
        conn
    }

    /// A stream that `connection` just began.
    pub(crate) fn stream(connection: &Rc<Self>) -> Rc<Self> {
        let Self { worker, entry, client, .. } = &**connection;
        let role = Role::Stream { connection: connection.clone() };
        let stream = Self::made(worker.clone(), entry.clone(), client.clone(), role, connection.secured.clone());
        stream.worker.watch(&stream);
        connection.stream_began();
        stream
    }

    fn made(
        worker: Rc<Worker>,
        entry: Rc<EntryPoint>,
        client: Known,
        role: Role,
        secured: OnceCell<Secured>,
    ) -> Rc<Self> {
        let wire = Arc::new(Wire::new(worker.ticks.clone(), worker.heads.clone()));
        let place = matches!(role, Role::Connection { .. }).then(|| entry.room.enter());
        Rc::new(Self {
            client,
            opened: worker.ticks.now(),
            worker,
            entry,
            role,
            secured,
            host: RefCell::default(),
            spare: RefCell::default(),
            wire,
            order: Cell::new(Order::Serve),
            task: Cell::default(),
            body: Cell::new(BodyState::Whole),
            body_task: Cell::default(),
            requests: Cell::new(0),
            request_began: Cell::new(0),
            reading_since: Cell::new(0),
            waiting_since: Cell::new(None),
            answer_limit: Cell::new(None),
            answer_late: Cell::new(false),
            connecting: Cell::new(None),
            _place: place,
        })
    }

    /// In plain text, or TLS.
    pub(crate) fn kind(&self) -> ConnectionKind {
        if self.secured.get().is_some() { ConnectionKind::Tls } else { ConnectionKind::Plain }
    }

    /// Whether a router that wants these TLS options may serve it (spec/http.md 5.7). Plain ones have none.
    pub(crate) fn was_made_with(&self, options: &TlsOptionsKey) -> bool {
        self.secured.get().is_none_or(|secured| secured.options == *options)
    }

    /// What can be seen of it from outside.
    pub(super) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    /// Whether its TLS handshake is under way.
    pub(crate) fn is_in_handshake(&self) -> bool {
        self.wire.phase() == Phase::Handshake
    }

    /// From now on it speaks HTTP/2.
    pub(super) fn multiplexes(&self) {
        self.wire.enter(Phase::Resting);
    }

    /// We have said goodbye on HTTP/2.
    pub(super) fn leaves(&self) {
        if self.wire.phase() == Phase::Resting {
            self.wire.enter(Phase::Leaving);
        }
    }

    fn stream_began(&self) {
        self.requests.set(self.requests.get() + 1);
        if let Role::Connection { streams } = &self.role {
            streams.set(streams.get() + 1);
            self.wire.enter(Phase::Streams);
        }
        if self.is_worn_out(self.worker.ticks.now()) {
            // GOAWAY; the streams that are there are finished.
            self.give(Order::Close);
        }
    }

    fn stream_ended(&self) {
        let Role::Connection { streams } = &self.role else { return };
        streams.set(streams.get().saturating_sub(1));
        if streams.get() == 0 {
            let leaving = self.order.get() != Order::Serve;
            self.wire.enter(if leaving { Phase::Leaving } else { Phase::Resting });
        }
    }

    /// A PROXY header says who the client is. The first one counts.
    pub(super) fn announce(&self, client: SocketAddr) {
        self.client.announced.get_or_init(|| Client::new(client, &self.entry));
    }

    /// A request begins: its head was read.
    pub(crate) fn begin(&self, body: BodyState) {
        let now = self.worker.ticks.now();
        let first_byte = if self.wire.phase() == Phase::Head { self.wire.since() } else { now };
        self.reading_since.set(first_byte);
        self.request_began.set(now);
        self.requests.set(self.requests.get() + 1);
        self.body.set(body);
        self.answer_late.set(false);
        self.waiting_since.set(None);
        self.wire.enter(Phase::Request);
        if self.is_worn_out(now) {
            self.give(Order::Close);
        }
    }

    /// Whether it has served as many requests, or as long, as it may (spec/http.md 4.5).
    fn is_worn_out(&self, now: u64) -> bool {
        let KeepAlive { max_requests, max_time } = self.entry.choices.keep_alive;
        max_requests.is_some_and(|max| self.requests.get() >= max.get())
            || max_time.is_some_and(|max| now.saturating_sub(self.opened) >= millis(max))
    }

    /// The answer to request number `request` is complete; hyper still has to send the rest of it. Without effect if the
    /// next request has begun: with pipelining hyper may let go of an answer's body as late as that.
    pub(crate) fn answered(&self, request: u64) {
        if self.requests.get() == request && self.wire.phase() == Phase::Request {
            self.wire.enter(Phase::Flushing);
        }
    }

    /// From now on it speaks another protocol.
    pub(crate) fn upgraded(&self) {
        self.wire.enter(Phase::Upgraded);
    }

    /// Number of the present request, from 1.
    pub(crate) fn request_number(&self) -> u64 {
        self.requests.get()
    }

    /// How far the request's body is.
    pub(crate) fn body(&self) -> BodyState {
        self.body.get()
    }

    /// Notes how far the body of request number `request` is; without effect once it has ended or the next request has
    /// begun. From its end on the server has to answer in time.
    pub(crate) fn set_body(&self, request: u64, state: BodyState) {
        if self.requests.get() == request && self.body.get() == BodyState::Reading {
            self.body.set(state);
            if state == BodyState::Whole && self.waiting_since.get() == Some(u64::MAX) {
                self.waiting_since.set(Some(self.worker.ticks.now()));
            }
        }
    }

    /// Wakes the task of `waker` when the body is late.
    pub(crate) fn park_body(&self, waker: &Waker) {
        park(&self.body_task, waker);
    }

    /// A server was handed the request: its time to answer, at most `limit`, runs, or will with the end of the body.
    pub(crate) fn await_answer(&self, limit: Option<Duration>) {
        self.answer_limit.set(limit);
        let since = if self.body.get() == BodyState::Reading { u64::MAX } else { self.worker.ticks.now() };
        self.waiting_since.set(Some(since));
    }

    /// The server has answered, or will not be asked any more.
    pub(crate) fn answer_began(&self) {
        self.waiting_since.set(None);
    }

    /// How long the next try of the present request to connect may take, TLS not included. The first has the whole `dial`
    /// limit; further ones, on whichever server, have what is left of it, or of 30 s if there is none. With a limit each, a
    /// dozen servers that do not answer would hold a request for minutes.
    pub(crate) fn time_to_connect(&self, dial: Option<Duration>) -> Option<Duration> {
        let (request, now) = (self.requests.get(), SystemClock.now());
        match self.connecting.get().filter(|(of, _)| *of == request) {
            None => {
                self.connecting.set(Some((request, now)));
                dial
            }
            Some((_, began)) => {
                Some(dial.unwrap_or(CONNECT_LIMIT).saturating_sub(now.saturating_duration_since(began)))
            }
        }
    }

    /// Whether the server's time to answer is over.
    pub(crate) fn is_answer_late(&self) -> bool {
        self.answer_late.get()
    }

    /// Whether the answer to come must be the last on this connection.
    pub(crate) fn is_closing(&self) -> bool {
        // HTTP/2 has GOAWAY instead.
        let connection = matches!(self.role, Role::Connection { .. });
        connection && (self.order.get() != Order::Serve || self.worker.is_draining(self.entry.id))
    }

    /// The present order, for the task of `waker`, which is woken when it changes.
    pub(crate) fn order(&self, waker: &Waker) -> Order {
        park(&self.task, waker);
        self.order.get()
    }

    /// Gives an order. A harder one is never taken back.
    pub(crate) fn give(&self, order: Order) {
        if order > self.order.get() {
            self.order.set(order);
            wake(&self.task);
        }
    }

    /// Orders what the start of a drain means for this connection. A client that has just connected gets a moment for its
    /// request; the sweeper closes it if there is none.
    pub(crate) fn drain(&self) {
        if !matches!(self.wire.phase(), Phase::Idle | Phase::Handshake) || self.requests.get() > 0 {
            self.give(Order::Close);
        }
    }

    /// How it looks when there is no room for another one; streams go with their connection.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        let connection = matches!(self.role, Role::Connection { .. });
        let waiting = || Waiting { phase: self.wire.phase(), since: self.wire.since(), requests: self.requests.get() };
        connection.then(waiting)
    }

    /// Ends it because there is no room, unless a request has come meanwhile: that is served, and is the last.
    pub(crate) fn leave(&self) {
        let unfinished = matches!(self.wire.phase(), Phase::Head | Phase::Handshake);
        self.give(if unfinished { Order::Cut } else { Order::Close });
    }

    /// Looks whether anything has taken too long, and acts.
    pub(crate) fn sweep(&self, pace: Pace, now: u64) {
        let reading = matches!(self.body.get(), BodyState::Reading);
        let sight = Sight {
            phase: self.wire.phase(),
            since: self.wire.since(),
            requests: self.requests.get(),
            request_began: self.request_began.get(),
            reading_since: reading.then(|| self.reading_since.get()),
            waiting_since: self.waiting_since.get(),
        };
        match verdict(&sight, &self.entry.timeouts, self.answer_limit.get(), pace, now) {
            Verdict::Fine if sight.phase == Phase::Idle && self.worker.is_draining(self.entry.id) => {
                let settled = pace.is_over(Some(Duration::ZERO), sight.since, now);
                if settled {
                    self.give(Order::Close);
                }
            }
            Verdict::Fine => {}
            Verdict::Close => self.give(Order::Close),
            Verdict::Cut => self.give(Order::Cut),
            Verdict::BodyLate => {
                self.body.set(BodyState::Late);
                wake(&self.body_task);
                wake(&self.task);
            }
            Verdict::AnswerLate => {
                self.answer_late.set(true);
                wake(&self.task);
            }
        }
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        match &self.role {
            Role::Connection { .. } => self.worker.closed(),
            Role::Stream { connection } => {
                connection.stream_ended();
                self.worker.ended();
            }
        }
    }
}

fn park(place: &Cell<Option<Waker>>, waker: &Waker) {
    let waker = match place.take() {
        Some(parked) if parked.will_wake(waker) => parked,
        _ => waker.clone(),
    };
    place.set(Some(waker));
}

fn wake(place: &Cell<Option<Waker>>) {
    if let Some(waker) = place.take() {
        waker.wake();
    }
}

/// hyper's settings for the connections of one entry point. Header lines are limited to hyper's 100, with 431 for more:
/// for any other number its parser leaves the stack, for 256 at 40 ns per head.
fn http1_settings(entry: &EntryPoint) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // At most 100 header lines, hyper's own limit (HAProxy's is 101): with any other one its parser leaves the stack
        // and fills two tables on the heap for each request.
        .max_header_size(entry.max_head)
        .max_buf_size(entry.buffer_limit())
        // Time limits are the sweeper's; hyper would set up a timer per request.
        .header_read_timeout(None);
    builder
}

/// hyper's settings for the connections of one entry point.
pub(super) struct Settings {
    http1: http1::Builder,
}

impl Settings {
    /// Those of `entry`.
    pub(super) fn new(entry: &EntryPoint) -> Self {
        Self { http1: http1_settings(entry) }
    }
}

/// What a client speaks that does not begin with HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// A TLS handshake.
    Tls,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Other {
    /// The type of a TLS record that carries a handshake (RFC 8446 5.1). No method begins with it.
    const TLS_HANDSHAKE: u8 = 0x16;
    /// RFC 9113 3.4.
    const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// As much of it as hyper's parser stumbles over. The rest may still be on its way; HTTP/2 checks it.
    const HTTP2_SIGN: &[u8] = b"PRI * HTTP/2";

    fn of(read: &[u8]) -> Option<Self> {
        match read {
            [Self::TLS_HANDSHAKE, ..] => Some(Self::Tls),
            read if read.starts_with(Self::HTTP2_PREFACE) => Some(Self::Http2),
            read if read.starts_with(Self::HTTP2_SIGN) && Self::HTTP2_PREFACE.starts_with(read) => Some(Self::Http2),
            _ => None,
        }
    }
}

/// Whether a connection may turn out to speak something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    ToAll,
    ToHttp1,
}

/// Runs one connection. It is taken for HTTP/1.1, and what hyper's parser stumbles over at its very first byte may be TLS
/// or HTTP/2: so the usual connection is not looked at twice.
pub(super) async fn run(tcp: TcpStream, conn: Rc<Conn>, settings: Rc<Settings>) {
    if let Some(trust) = &conn.entry.choices.proxy_protocol
        && Box::pin(proxy_header::take(&tcp, &conn, trust)).await == Taken::Nothing
    {
        return;
    }
    if let Some((tcp, read, other)) = http1(tcp, &conn, &settings, Open::ToAll).await {
        let io = Prefixed::new(read, tcp);
        match other {
            Other::Http2 => Box::pin(http2::run(io, &conn)).await,
            Other::Tls => Box::pin(secure(io, conn, settings)).await,
        }
    }
}

/// Does the handshake, then speaks what was agreed on.
async fn secure(io: Prefixed<TcpStream>, conn: Rc<Conn>, settings: Rc<Settings>) {
    conn.wire.enter(Phase::Handshake);
    conn.worker.begins_handshake(&conn);
    let mut handshake = Box::pin(tls::accept::handshake(&conn, io));
    let done = std::future::poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Cut => Poll::Ready(None),
        Order::Close | Order::Serve => handshake.as_mut().poll(cx).map(Some),
    })
    .await;
    drop(handshake);
    let (secured, stream) = match done {
        Some(Ok(done)) => done,
        Some(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, cause, "no tls connection");
            return;
        }
        None => return,
    };
    // The cell is empty: a connection is made safe once.
    conn.secured.get_or_init(|| secured);
    conn.wire.enter(Phase::Idle);
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::run(stream, &conn).await;
    } else {
        drop(http1(stream, &conn, &settings, Open::ToHttp1).await);
    }
}

/// Speaks HTTP/1.1. What is left if the client speaks something else, with what was read of it.
async fn http1<T: Transport>(io: T, conn: &Rc<Conn>, settings: &Settings, open: Open) -> Option<(T, Bytes, Other)> {
    let stream = TokioIo::new(ClientStream::new(io, conn.wire.clone()));
    let service = service_fn({
        let conn = conn.clone();
        move |request| http::serve(conn.clone(), request)
    });
    let mut http = settings.http1.serve_connection(stream, service).with_upgrades();
    let mut order = Order::Serve;
    let end = std::future::poll_fn(|cx| poll(conn, &mut http, &mut order, cx)).await;
    let error = match end {
        End::Cut => return None,
        End::Done(ended) => ended.err(),
    };
    let refused = error.as_ref().filter(|error| error.is_parse() && conn.wire.phase() <= Phase::Head);
    // Given up on the way to a server, or never asked for, where the answer is ours.
    let unread = conn.body.get() != BodyState::Whole;
    if (refused.is_some() || unread)
        && let Some(parts) = http.into_parts()
    {
        let io = parts.io.into_inner().into_inner();
        let first = refused.is_some() && conn.requests.get() == 0 && open == Open::ToAll;
        if first && let Some(other) = Other::of(&parts.read_buf) {
            return Some((io, parts.read_buf, other));
        }
        let refusal = refused.map(|error| Refusal::new(error, &parts.read_buf));
        // Boxed: each connection would hold the room for it all its life.
        Box::pin(say_goodbye(io, refusal)).await;
    }
    if let Some(error) = &error {
        tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, "client connection ended");
    }
    None
}

enum End {
    Done(hyper::Result<()>),
    Cut,
}

fn poll<T, S, B>(
    conn: &Conn,
    http: &mut UpgradeableConnection<TokioIo<ClientStream<T>>, S>,
    obeyed: &mut Order,
    cx: &mut Context<'_>,
) -> Poll<End>
where
    T: Transport,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match conn.order(cx.waker()) {
        Order::Cut => return Poll::Ready(End::Cut),
        Order::Close if *obeyed == Order::Serve => {
            *obeyed = Order::Close;
            Pin::new(&mut *http).graceful_shutdown();
        }
        Order::Close | Order::Serve => {}
    }
    Pin::new(http).poll(cx).map(End::Done)
}

/// Sends the refusal, if there is one, and reads what the client is still sending for a short while.
async fn say_goodbye<T: Transport>(mut io: T, refusal: Option<Refusal>) {
    let talk = async {
        if let Some(refusal) = refusal {
            io.write_all(&refusal.to_bytes()).await?;
        }
        io.shutdown().await?;
        let mut read = 0;
        let mut scratch = [0; 4096];
        while read < LINGER_BYTES {
            match io.read(&mut scratch).await? {
                0 => break,
                count => read += count,
            }
        }
        Ok::<(), std::io::Error>(())
    };
    match tokio::time::timeout(LINGER, talk).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(%error, "client left before the end of its answer"),
        Err(_) => tracing::trace!("client kept sending after its answer"),
    }
}
