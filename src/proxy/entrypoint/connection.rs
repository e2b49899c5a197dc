//! One client connection: what is known about it, and the task that runs it from the first byte to the last.
//!
//! The task looks at its [`Order`] before each step. The worker's sweeper and the drain give orders and wake it; nothing
//! else reaches in. The connection counts as open until the last holder lets go of it.
use super::http1::{ClientIo, Open, Other};
use super::proxy_header::{self, Taken};
use super::room::{Place, Waiting};
use super::watchdog::{Pace, Sight, Verdict, millis, verdict};
use super::wire::{Phase, Wire};
use super::{EntryPoint, http1, http2};
use crate::base::clock::{Clock, SystemClock};
use crate::config::KeepAlive;
use crate::model::tls::TlsOptionsKey;
use crate::proxy::http;
use crate::proxy::table::ConnectionKind;
use crate::proxy::tls::{self, Prefixed, Secured};
use crate::proxy::worker::Worker;
use ::http::HeaderValue;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Requests that a client of HTTP/2 may give up, more than it lets be answered, before it has to connect anew, and twice as
/// many before it is cut: each costs a connection to a server, and nothing else would make a client wait (CVE-2023-44487).
const MOST_GIVEN_UP: u32 = 100;

/// Longest time in which a request tries further servers, where their transport has no dial timeout.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// What the task has to do apart from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Go on.
    Serve,
    /// End after the present request; at once if there is none.
    Close,
    /// The same, and a tunnel tells both sides that it ends, if what they speak has a word for it.
    Part,
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
    /// What the client is to be told before the answer.
    pub(crate) interim: http::Interim,
    /// Whether its head was not finished in time.
    head_late: Cell<bool>,
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

/// How a stream of HTTP/2 ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By an answer, or by us.
    Answered,
    /// By its client, which wanted no answer any more.
    GivenUp,
}

/// What a [`Conn`] stands for.
enum Role {
    /// A connection, with the number of its HTTP/2 streams, and how often its client has asked in vain: requests it gave up
    /// before the answer, less those that were answered.
    Connection { streams: Cell<u32>, given_up: Cell<u32> },
    /// One stream of this connection.
    Stream { connection: Rc<Conn> },
}

impl Conn {
    /// A connection that was accepted just now.
    pub(in crate::proxy) fn new(worker: Rc<Worker>, entry: Rc<EntryPoint>, peer: SocketAddr) -> Rc<Self> {
        let client = Known::new(peer, &entry);
        let conn = Self::made(
            worker,
            entry,
            client,
            Role::Connection { streams: Cell::new(0), given_up: Cell::new(0) },
            OnceCell::new(),
        );
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
            interim: http::Interim::default(),
            head_late: Cell::new(false),
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
    pub(crate) fn wire(&self) -> &Arc<Wire> {
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
        if let Role::Connection { streams, .. } = &self.role {
            streams.set(streams.get() + 1);
            self.wire.enter(Phase::Streams);
        }
        if self.is_worn_out(self.worker.ticks.now()) {
            // GOAWAY; the streams that are there are finished.
            self.give(Order::Close);
        }
    }

    fn stream_ended(&self, how: Ended) {
        let Role::Connection { streams, given_up } = &self.role else { return };
        given_up.set(match how {
            Ended::GivenUp => given_up.get() + 1,
            Ended::Answered => given_up.get().saturating_sub(1),
        });
        if given_up.get() > MOST_GIVEN_UP {
            // GOAWAY: a client that means it connects anew. One that goes on all the same is cut.
            self.give(if given_up.get() > 2 * MOST_GIVEN_UP { Order::Cut } else { Order::Close });
        }
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

    /// The answer to request number `request` is complete; the rest of it has still to leave. Without effect if the next
    /// request has begun.
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
            // Somebody else may have read it: from now on the connection's own task has to see whether the client leaves.
            wake(&self.task);
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

    /// The present order.
    pub(crate) fn present_order(&self) -> Order {
        self.order.get()
    }

    /// Whether it is cut because its head was not finished in time.
    pub(crate) fn is_head_late(&self) -> bool {
        self.head_late.get()
    }

    /// Whether it is one stream of a connection.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.role, Role::Stream { .. })
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
            block_since: self.wire.block_since(),
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
            Verdict::Cut => {
                self.head_late.set(sight.phase == Phase::Head);
                self.give(Order::Cut);
            }
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
                let in_vain = self.wire.phase() == Phase::Request && self.order.get() < Order::Cut;
                connection.stream_ended(if in_vain { Ended::GivenUp } else { Ended::Answered });
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

/// Runs one connection. It is taken for HTTP/1.1 unless its first bytes say something else.
pub(super) async fn run(tcp: TcpStream, conn: Rc<Conn>) {
    if let Some(trust) = &conn.entry.choices.proxy_protocol
        && Box::pin(proxy_header::take(&tcp, &conn, trust)).await == Taken::Nothing
    {
        return Box::pin(http1::dismiss(ClientIo::Plain(tcp), &conn)).await;
    }
    if let Some((ClientIo::Plain(tcp), read, other)) = http1::serve(ClientIo::Plain(tcp), &conn, Open::ToAll).await {
        let io = Prefixed::new(read, tcp);
        match other {
            Other::Http2 => Box::pin(http2::run(io, &conn)).await,
            Other::Tls => Box::pin(secure(io, conn)).await,
        }
    }
}

/// Does the handshake, then speaks what was agreed on.
async fn secure(io: Prefixed<TcpStream>, conn: Rc<Conn>) {
    conn.wire.enter(Phase::Handshake);
    conn.worker.begins_handshake(&conn);
    let mut handshake = Box::pin(tls::accept::handshake(&conn, io));
    let done = std::future::poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Cut => Poll::Ready(None),
        Order::Part | Order::Close | Order::Serve => handshake.as_mut().poll(cx).map(Some),
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
        drop(http1::serve(ClientIo::Tls(Box::new(stream)), &conn, Open::ToHttp1).await);
    }
}
