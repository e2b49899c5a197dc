//! What an entry point does to every request besides routing it (`http.md` 4.2 and 4.7): redirections, characters that
//! paths may hold, names that headers may have, how long a connection serves.
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{duration, object, set};

/// `http.redirections.entryPoint`: everything is sent elsewhere, apart from what routers of a higher priority take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// Where to, as it was written: an entry point, or `:port`.
    pub to: Arc<str>,
    /// The port of the new location.
    pub port: u16,
    /// Its scheme. Default `https`.
    pub scheme: Arc<str>,
    /// 301 and 308 instead of 302 and 307. Default yes.
    pub permanent: bool,
    /// Priority of its router. Default: the second largest number.
    pub priority: i64,
}

impl Redirection {
    /// The target as it stands in the name of the router: the entry point, or the port.
    pub fn target(&self) -> &str {
        self.to.strip_prefix(':').unwrap_or(&self.to)
    }

    pub(super) fn to_api_json(&self) -> Value {
        let fields = object([
            ("to", Some(json!(&*self.to))),
            ("scheme", Some(json!(&*self.scheme))),
            ("permanent", set(self.permanent)),
            ("priority", (self.priority != 0).then(|| json!(self.priority))),
        ]);
        json!({ "entryPoint": fields })
    }
}

/// A character that can be refused in its encoded form (`http.encodedCharacters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodedCharacter {
    /// `%2F`.
    Slash,
    /// `%5C`.
    BackSlash,
    /// `%00`.
    Null,
    /// `%3B`.
    Semicolon,
    /// `%25`.
    Percent,
    /// `%3F`.
    QuestionMark,
    /// `%23`.
    Hash,
}

impl EncodedCharacter {
    /// All, in the order of the API.
    pub const ALL: [Self; 7] =
        [Self::Slash, Self::BackSlash, Self::Null, Self::Semicolon, Self::Percent, Self::QuestionMark, Self::Hash];

    /// Its two digits behind the `%`, in upper case.
    pub fn digits(self) -> [u8; 2] {
        *match self {
            Self::Slash => b"2F",
            Self::BackSlash => b"5C",
            Self::Null => b"00",
            Self::Semicolon => b"3B",
            Self::Percent => b"25",
            Self::QuestionMark => b"3F",
            Self::Hash => b"23",
        }
    }

    fn api_name(self) -> &'static str {
        match self {
            Self::Slash => "allowEncodedSlash",
            Self::BackSlash => "allowEncodedBackSlash",
            Self::Null => "allowEncodedNullCharacter",
            Self::Semicolon => "allowEncodedSemicolon",
            Self::Percent => "allowEncodedPercent",
            Self::QuestionMark => "allowEncodedQuestionMark",
            Self::Hash => "allowEncodedHash",
        }
    }
}

/// Which encoded characters are refused; the object in the API shows the others.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EncodedCharacters {
    /// Those that make a request end as 400.
    pub denied: Vec<EncodedCharacter>,
}

impl EncodedCharacters {
    pub(super) fn to_api_json(&self) -> Value {
        let allowed = EncodedCharacter::ALL.into_iter().filter(|character| !self.denied.contains(character));
        Value::Object(allowed.map(|character| (character.api_name().to_owned(), json!(true))).collect())
    }
}

/// Which names of headers are odd (`http.aliasHeadersStrategy`, `http.underscoreHeadersStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddNames {
    /// Those that hold anything but letters, digits and dashes: many servers read them as the header they resemble.
    Aliases,
    /// Those that hold an underscore.
    Underscores,
}

/// What becomes of a request that has such headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameStrategy {
    /// Nothing.
    Keep,
    /// They are deleted.
    Delete,
    /// It is answered 400.
    Reject,
}

impl NameStrategy {
    /// As the option spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
            Self::Reject => "reject",
        }
    }
}

/// What becomes of headers with odd names; `None` where the option was not given, which keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HeaderNames {
    /// `aliasHeadersStrategy`.
    pub aliases: Option<NameStrategy>,
    /// `underscoreHeadersStrategy`, deprecated.
    pub underscores: Option<NameStrategy>,
}

impl HeaderNames {
    /// What has to be done, if anything. Aliases include underscores.
    pub fn rule(self) -> Option<(OddNames, NameStrategy)> {
        let given = [(OddNames::Aliases, self.aliases), (OddNames::Underscores, self.underscores)];
        let rules = given.into_iter().filter_map(|(names, strategy)| Some((names, strategy?)));
        rules.into_iter().find(|(_, strategy)| *strategy != NameStrategy::Keep)
    }
}

/// How long a client connection serves (`transport.keepAliveMaxRequests` and `keepAliveMaxTime`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KeepAlive {
    /// Requests on one connection.
    pub max_requests: Option<NonZeroU64>,
    /// Age from which on the next answer is the last.
    pub max_time: Option<Duration>,
}

impl KeepAlive {
    pub(super) fn to_api_json(self) -> [(&'static str, Option<Value>); 2] {
        [
            ("keepAliveMaxTime", duration(self.max_time)),
            ("keepAliveMaxRequests", self.max_requests.map(|count| json!(count.get()))),
        ]
    }
}

/// What HTTP/2 connections may use (`http2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Streams at a time. Default 250.
    pub max_concurrent_streams: u32,
    /// Table for the headers of requests, in bytes. Default 4096.
    pub max_decoder_header_table_size: u32,
    /// Table for the headers of answers, in bytes. Default 4096.
    pub max_encoder_header_table_size: u32,
}

impl Http2 {
    pub(super) fn to_api_json(self) -> Value {
        object([
            ("maxConcurrentStreams", (self.max_concurrent_streams > 0).then(|| json!(self.max_concurrent_streams))),
            ("maxDecoderHeaderTableSize", Some(json!(self.max_decoder_header_table_size))),
            ("maxEncoderHeaderTableSize", Some(json!(self.max_encoder_header_table_size))),
        ])
    }
}

/// What is recorded of requests, unless their router says otherwise (`observability`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observability {
    /// The access log.
    pub access_logs: bool,
    /// Metrics.
    pub metrics: bool,
    /// Traces.
    pub tracing: bool,
    /// `minimal` or `detailed`.
    pub trace_verbosity: &'static str,
}

impl Observability {
    pub(super) fn to_api_json(&self) -> Value {
        json!({
            "accessLogs": self.access_logs,
            "metrics": self.metrics,
            "tracing": self.tracing,
            "traceVerbosity": self.trace_verbosity,
        })
    }
}
