//! One entry point: what `/api/entrypoints` shows of it (spec/http.md 4.2, 4.10) and what it applies to its routers (1.11).
//!
//! What is empty or off is left out, as in the reference.
use crate::api::duration;
use crate::model::facts::{RouterObservability, RouterTls};
use serde::{Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

/// What an entry point applies to its routers (spec/http.md 1.11). Its presence splits routers of several entry points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryPointRules {
    /// `http.middlewares`, put before the router's.
    pub middlewares: Vec<Arc<str>>,
    /// `http.tls`, for routers without a TLS block.
    pub tls: Option<Arc<RouterTls>>,
    /// `observability`: fills in what the router leaves open.
    pub observability: Option<RouterObservability>,
}

/// One entry point, as `/api/entrypoints` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryPoint {
    /// `address`, with its protocol if one was given.
    pub address: Arc<str>,
    /// `reusePort`.
    #[serde(skip_serializing_if = "is_false")]
    pub reuse_port: bool,
    /// `asDefault`.
    #[serde(skip_serializing_if = "is_false")]
    pub as_default: bool,
    /// `transport`.
    pub transport: Transport,
    /// `proxyProtocol`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    /// `forwardedHeaders`.
    pub forwarded_headers: ForwardedHeaders,
    /// `http`, without what it applies to routers.
    pub http: HttpOptions,
    /// `http2`.
    pub http2: Http2Options,
    /// `udp`.
    pub udp: UdpOptions,
    /// Its name.
    pub name: Arc<str>,
    /// What it applies to its routers; `None` when it applies nothing. `core.defaultRuleSyntax`, once given, counts as
    /// something: as in the reference it splits the routers of all entry points.
    #[serde(skip)]
    pub rules: Option<Arc<EntryPointRules>>,
}

impl EntryPoint {
    /// An entry point with the default options (spec/http.md 4.2).
    pub fn new(name: impl Into<Arc<str>>, address: impl Into<Arc<str>>) -> Self {
        Self {
            address: address.into(),
            reuse_port: false,
            as_default: false,
            transport: Transport::default(),
            proxy_protocol: None,
            forwarded_headers: ForwardedHeaders::default(),
            http: HttpOptions::default(),
            http2: Http2Options::default(),
            udp: UdpOptions::default(),
            name: name.into(),
            rules: None,
        }
    }
}

/// `transport`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// `lifeCycle`.
    pub life_cycle: LifeCycle,
    /// `respondingTimeouts`.
    pub responding_timeouts: Timeouts,
    /// `keepAliveMaxTime`; zero for no limit.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub keep_alive_max_time: Duration,
    /// `keepAliveMaxRequests`; 0 for no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_alive_max_requests: u64,
}

/// `transport.lifeCycle`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LifeCycle {
    /// `requestAcceptGraceTimeout`.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub request_accept_grace_timeout: Duration,
    /// `graceTimeOut`.
    #[serde(rename = "graceTimeOut", skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub grace_timeout: Duration,
}

impl Default for LifeCycle {
    fn default() -> Self {
        Self { request_accept_grace_timeout: Duration::ZERO, grace_timeout: Duration::from_secs(10) }
    }
}

/// `transport.respondingTimeouts`; zero for none.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeouts {
    /// `readTimeout`.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub read_timeout: Duration,
    /// `writeTimeout`.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub write_timeout: Duration,
    /// `idleTimeout`.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "go")]
    pub idle_timeout: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::ZERO,
            idle_timeout: Duration::from_secs(180),
        }
    }
}

/// `proxyProtocol`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// `insecure`.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// `trustedIPs`.
    #[serde(rename = "trustedIPs", skip_serializing_if = "Vec::is_empty")]
    pub trusted_ips: Vec<Arc<str>>,
}

/// `forwardedHeaders`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardedHeaders {
    /// `insecure`.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// `trustedIPs`.
    #[serde(rename = "trustedIPs", skip_serializing_if = "Vec::is_empty")]
    pub trusted_ips: Vec<Arc<str>>,
    /// `connection`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connection: Vec<Arc<str>>,
}

/// `http`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpOptions {
    /// `middlewares`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<Arc<str>>,
    /// `encodeQuerySemicolons`.
    #[serde(skip_serializing_if = "is_false")]
    pub encode_query_semicolons: bool,
    /// `sanitizePath`.
    #[serde(skip_serializing_if = "is_false")]
    pub sanitize_path: bool,
    /// `maxHeaderBytes`.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_header_bytes: u64,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { middlewares: Vec::new(), encode_query_semicolons: false, sanitize_path: true, max_header_bytes: 1 << 20 }
    }
}

/// `http2`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Http2Options {
    /// `maxConcurrentStreams`.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_concurrent_streams: u64,
    /// `maxDecoderHeaderTableSize`.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_decoder_header_table_size: u64,
    /// `maxEncoderHeaderTableSize`.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_encoder_header_table_size: u64,
}

impl Default for Http2Options {
    fn default() -> Self {
        Self { max_concurrent_streams: 250, max_decoder_header_table_size: 4096, max_encoder_header_table_size: 4096 }
    }
}

/// `udp`.
#[derive(Clone, Debug, Serialize)]
pub struct UdpOptions {
    /// `timeout`.
    #[serde(serialize_with = "go")]
    pub timeout: Duration,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3) }
    }
}

fn go<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration::text(*value))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
