//! What an entry point does beyond the usual: options that most installations leave alone (spec/http.md 4.2 to 4.7).
//!
//! Each is absent by default, so that a request pays for it with one look at nothing. What is done with requests stands in
//! `http/strict.rs` and `http/redirect.rs`, with connections in [`super::proxy_header`].
use super::options::Trust;
use crate::config::{self, EncodedCharacter, KeepAlive, NameStrategy, OddNames};
use crate::proxy::http::Redirect;
use crate::proxy::table::ConnectionKind;
use http::HeaderName;

/// Bytes of a header table of which nothing is said (RFC 9113 6.5.2).
const USUAL_TABLE: u32 = 4096;

/// The choices of one entry point. The default is the usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// Whose PROXY headers are believed; `None`: nobody sends them.
    pub(crate) proxy_protocol: Option<Trust>,
    /// What becomes of headers with odd names.
    pub(crate) odd_names: Option<(OddNames, NameStrategy)>,
    /// Encoded characters that paths may not hold.
    pub(crate) denied: Option<Box<[EncodedCharacter]>>,
    /// Headers that rules see although `Connection` lists them.
    pub(crate) listed: Option<Box<[HeaderName]>>,
    /// Whether `X-Forwarded-For` grows by the peer.
    pub(crate) chain: Chain,
    /// HTTP/2 streams at a time, where that is given.
    pub(crate) max_streams: Option<u32>,
    /// Bytes of the header table for what HTTP/2 clients send, where it is not the usual one.
    pub(crate) decoder_table: Option<u32>,
    /// How long a connection serves.
    pub(crate) keep_alive: KeepAlive,
    /// Whether its routers may serve.
    pub(crate) guard: Guard,
    /// How the program's own endpoints are reached.
    pub(crate) own: Own,
    /// Where everything is sent that no router of a higher priority takes.
    pub(crate) redirect: Option<Box<Redirect>>,
}

/// What becomes of `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chain {
    /// The peer is appended.
    #[default]
    Extended,
    /// It is sent on as it was received and trusted.
    AsReceived,
}

/// Whether the routers of an entry point may serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Guard {
    /// They may.
    #[default]
    Open,
    /// They answer 503: something that the entry point names does not exist (architecture.md 3, difference 2).
    Closed,
}

/// How the program's own endpoints are reached on an entry point. Like a router without a TLS block they take the one of
/// the entry point (spec/http.md 1.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Over which connections alone.
    pub(crate) kind: ConnectionKind,
    /// Whether they may answer. Routers say for themselves whether the TLS options of the entry point are there; these,
    /// which every client reaches that gets a connection, must not be open while they are not.
    pub(crate) guard: Guard,
}

impl Default for Own {
    fn default() -> Self {
        Self { kind: ConnectionKind::Plain, guard: Guard::Open }
    }
}

impl Own {
    fn new(given: &config::EntryPoint) -> Self {
        let Some(tls) = &given.tls else { return Self::default() };
        // No object makes TLS options yet.
        let guard = if matches!(&*tls.options, "" | "default") { Guard::Open } else { Guard::Closed };
        Self { kind: ConnectionKind::Tls, guard }
    }
}

impl Choices {
    /// Those of `given`.
    pub(crate) fn new(given: &config::EntryPoint) -> Self {
        let listed = given.forwarded.connection.iter().filter_map(|name| name.parse().ok());
        let denied = given.encoded_characters.iter().flat_map(|characters| &characters.denied).copied();
        Self {
            proxy_protocol: given.proxy_protocol.as_ref().map(|protocol| match protocol.insecure {
                true => Trust::Everybody,
                false => Trust::Networks(protocol.trusted.as_slice().into()),
            }),
            odd_names: given.header_names.rule(),
            denied: some(denied.collect()),
            listed: some(listed.collect()),
            chain: if given.forwarded.not_append_x_forwarded_for { Chain::AsReceived } else { Chain::Extended },
            decoder_table: Some(given.http2.max_decoder_header_table_size).filter(|size| *size != USUAL_TABLE),
            max_streams: Some(given.http2.max_concurrent_streams).filter(|streams| *streams > 0),
            keep_alive: given.keep_alive,
            guard: if given.middlewares.is_empty() { Guard::Open } else { Guard::Closed },
            own: Own::new(given),
            redirect: Redirect::of(given).map(Box::new),
        }
    }
}

fn some<T>(items: Box<[T]>) -> Option<Box<[T]>> {
    (!items.is_empty()).then_some(items)
}
