//! One entry point: where it listens and what holds for every connection and request there (`http.md` 4.2).
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::address::ListenAddress;
use super::check;
use super::duration::go_duration;

mod peers;
mod requests;

pub use peers::{Forwarded, Networks, ProxyProtocol};
pub use requests::{
    EncodedCharacter, EncodedCharacters, HeaderNames, Http2, KeepAlive, NameStrategy, Observability, OddNames,
    Redirection,
};

/// The entry point of the API and of ping. It takes no routers that name no entry point.
pub const INTERNAL_ENTRY_POINT: &str = "traefik";

/// A checked entry point. Of its time limits, `None` means "no limit".
#[derive(Clone, Debug, PartialEq)]
pub struct EntryPoint {
    /// Its name, in the case it was written in.
    pub name: Arc<str>,
    /// Where it listens.
    pub address: ListenAddress,
    /// Whether it was marked as one of the defaults; ask `Config::default_entry_points` for the outcome.
    pub as_default: bool,
    /// Whether other processes may listen on the same port.
    pub reuse_port: bool,
    /// How long requests are still accepted after the stop signal. Default 0.
    pub request_accept_grace: Duration,
    /// How long running requests may take to end after that. Default 10 s.
    pub grace: Duration,
    /// Longest time to read a whole request. Default 60 s.
    pub read_timeout: Option<Duration>,
    /// Longest time from the end of the request head to the end of the answer. Default none.
    pub write_timeout: Option<Duration>,
    /// Longest silence of a keep-alive connection. Default 180 s.
    pub idle_timeout: Option<Duration>,
    /// Largest request head in bytes, never 0. Default 1 MiB.
    pub max_header_bytes: usize,
    /// Whether paths are resolved before routing. Default yes.
    pub sanitize_path: bool,
    /// Whether `;` in a query becomes `%3B`. Default no.
    pub encode_query_semicolons: bool,
    /// `http.tls`: TLS for every router here that has no TLS block of its own. Default none.
    pub tls: Option<EntryPointTls>,
    /// Whose X-Forwarded headers are believed.
    pub forwarded: Forwarded,
    /// Whose PROXY headers are believed; `None`: they are no headers.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Whether routers of users may take the paths of ACME challenges. Default no.
    pub allow_acme_bypass: bool,
    /// Where everything is sent, if it is.
    pub redirection: Option<Redirection>,
    /// Names of the middlewares of every router here, as written.
    pub middlewares: Vec<Arc<str>>,
    /// Which encoded characters are refused; `None` if the object was not given.
    pub encoded_characters: Option<EncodedCharacters>,
    /// What becomes of headers with odd names.
    pub header_names: HeaderNames,
    /// How long a connection serves.
    pub keep_alive: KeepAlive,
    /// What HTTP/2 connections may use.
    pub http2: Http2,
    /// Idle time of a UDP session. Default 3 s.
    pub udp_timeout: Duration,
    /// What is recorded of requests; `None` if the object was not given: everything.
    pub observability: Option<Observability>,
}

/// `entryPoints.<name>.http.tls` (`http.md` 1.11).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EntryPointTls {
    /// Name of the TLS options, as written; empty for the default ones.
    pub options: Arc<str>,
    /// Name of a certificate resolver, shown only; empty for none.
    pub cert_resolver: Arc<str>,
    /// Domains that a resolver is to have certificates for, shown only.
    pub domains: Vec<Domain>,
}

/// An item of `entryPoints.<name>.http.tls.domains`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Domain {
    /// Its main name.
    pub main: Arc<str>,
    /// Further names.
    pub sans: Vec<Arc<str>>,
}

impl EntryPoint {
    /// An entry point of which only name and address were given.
    pub fn with_defaults(name: &str, address: ListenAddress) -> Self {
        check::default_entry_point(name, address)
    }

    /// The object that `/api/entrypoints` shows (`http.md` 4.10): Go's `omitempty` leaves out what is zero, false or
    /// empty, except where the default is not.
    pub fn to_api_json(&self) -> Value {
        let life_cycle = object([
            ("requestAcceptGraceTimeout", duration(Some(self.request_accept_grace))),
            ("graceTimeOut", duration(Some(self.grace))),
        ]);
        let timeouts = object([
            ("readTimeout", duration(self.read_timeout)),
            ("writeTimeout", duration(self.write_timeout)),
            ("idleTimeout", duration(self.idle_timeout)),
        ]);
        let [max_time, max_requests] = self.keep_alive.to_api_json();
        let transport =
            object([("lifeCycle", Some(life_cycle)), ("respondingTimeouts", Some(timeouts)), max_time, max_requests]);
        let names = |strategy: Option<NameStrategy>| strategy.map(|strategy| json!(strategy.as_str()));
        let middlewares: Vec<&str> = self.middlewares.iter().map(|name| &**name).collect();
        object([
            ("address", Some(json!(self.address.as_str()))),
            ("allowACMEByPass", set(self.allow_acme_bypass)),
            ("asDefault", set(self.as_default)),
            ("reusePort", set(self.reuse_port)),
            ("transport", Some(transport)),
            ("proxyProtocol", self.proxy_protocol.as_ref().map(ProxyProtocol::to_api_json)),
            ("forwardedHeaders", Some(self.forwarded.to_api_json())),
            (
                "http",
                Some(object([
                    ("redirections", self.redirection.as_ref().map(Redirection::to_api_json)),
                    ("middlewares", (!middlewares.is_empty()).then(|| json!(middlewares))),
                    ("tls", self.tls.as_ref().map(EntryPointTls::to_api_json)),
                    ("encodedCharacters", self.encoded_characters.as_ref().map(EncodedCharacters::to_api_json)),
                    ("encodeQuerySemicolons", set(self.encode_query_semicolons)),
                    ("sanitizePath", Some(json!(self.sanitize_path))),
                    ("maxHeaderBytes", Some(json!(self.max_header_bytes))),
                    ("aliasHeadersStrategy", names(self.header_names.aliases)),
                    ("underscoreHeadersStrategy", names(self.header_names.underscores)),
                ])),
            ),
            ("http2", Some(self.http2.to_api_json())),
            ("udp", Some(object([("timeout", duration(Some(self.udp_timeout)))]))),
            ("observability", self.observability.as_ref().map(Observability::to_api_json)),
            ("name", Some(json!(&*self.name))),
        ])
    }
}

impl EntryPointTls {
    fn to_api_json(&self) -> Value {
        let text = |text: &str| (!text.is_empty()).then(|| json!(text));
        let domains: Vec<Value> = self.domains.iter().map(Domain::to_api_json).collect();
        object([
            ("options", text(&self.options)),
            ("certResolver", text(&self.cert_resolver)),
            ("domains", (!domains.is_empty()).then_some(Value::Array(domains))),
        ])
    }
}

impl Domain {
    fn to_api_json(&self) -> Value {
        let sans: Vec<&str> = self.sans.iter().map(|name| &**name).collect();
        object([
            ("main", (!self.main.is_empty()).then(|| json!(&*self.main))),
            ("sans", (!sans.is_empty()).then(|| json!(sans))),
        ])
    }
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

fn set(flag: bool) -> Option<Value> {
    flag.then_some(Value::Bool(true))
}

fn duration(duration: Option<Duration>) -> Option<Value> {
    duration.filter(|duration| !duration.is_zero()).map(|duration| Value::String(go_duration(&duration)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> EntryPoint {
        EntryPoint::with_defaults("web", "127.0.0.1:18081".parse().unwrap())
    }

    #[test]
    fn the_api_shows_an_entry_point_as_traefik_does() {
        let want: Value = serde_json::from_str(
            r#"{"address":"127.0.0.1:18081","transport":{"lifeCycle":{"graceTimeOut":"10s"},"respondingTimeouts":{"readTimeout":"1m0s","idleTimeout":"3m0s"}},"forwardedHeaders":{},"http":{"sanitizePath":true,"maxHeaderBytes":1048576},"http2":{"maxConcurrentStreams":250,"maxDecoderHeaderTableSize":4096,"maxEncoderHeaderTableSize":4096},"udp":{"timeout":"3s"},"name":"web"}"#,
        )
        .unwrap();
        assert_eq!(web().to_api_json(), want);
    }

    #[test]
    fn the_api_shows_what_differs_from_the_default() {
        let shown = EntryPoint {
            as_default: true,
            reuse_port: true,
            request_accept_grace: Duration::from_secs(5),
            grace: Duration::ZERO,
            read_timeout: None,
            write_timeout: Some(Duration::from_millis(400)),
            sanitize_path: false,
            encode_query_semicolons: true,
            forwarded: Forwarded { insecure: true, ..Forwarded::default() },
            ..web()
        }
        .to_api_json();
        assert_eq!(shown["asDefault"], true);
        assert_eq!(shown["reusePort"], true);
        assert_eq!(shown["transport"]["lifeCycle"], json!({"requestAcceptGraceTimeout": "5s"}));
        assert_eq!(shown["transport"]["respondingTimeouts"], json!({"writeTimeout": "400ms", "idleTimeout": "3m0s"}));
        assert_eq!(shown["forwardedHeaders"], json!({"insecure": true}));
        assert_eq!(
            shown["http"],
            json!({"sanitizePath": false, "encodeQuerySemicolons": true, "maxHeaderBytes": 1048576})
        );
    }

    #[test]
    fn the_api_shows_the_rarer_options_as_traefik_does() {
        let given = [
            "address=127.0.0.1:25102",
            "allowacmebypass",
            "transport.keepalivemaxtime=42s",
            "transport.keepalivemaxrequests=3",
            "proxyprotocol.trustedips=127.0.0.7,10.1.2.3/8",
            "forwardedheaders.connection=X-Seen",
            "forwardedheaders.notappendxforwardedfor",
            "http.redirections.entrypoint.to=:8443",
            "http.middlewares=ghost@file",
            "http.encodedcharacters.allowencodedslash=false",
            "http.aliasheadersstrategy=delete",
            "http2.maxconcurrentstreams=7",
            "udp.timeout=9s",
            "observability.metrics=false",
        ];
        let args = given.map(|option| format!("--entrypoints.web.{option}"));
        let Ok(super::super::Command::Run(config)) = super::super::from_args(args) else { panic!("bad options") };
        // Recorded from 3.7.15.
        let want: Value = serde_json::from_str(
            r#"{"address":"127.0.0.1:25102","allowACMEByPass":true,"transport":{"lifeCycle":{"graceTimeOut":"10s"},"respondingTimeouts":{"readTimeout":"1m0s","idleTimeout":"3m0s"},"keepAliveMaxTime":"42s","keepAliveMaxRequests":3},"proxyProtocol":{"trustedIPs":["127.0.0.7","10.1.2.3/8"]},"forwardedHeaders":{"connection":["X-Seen"],"notAppendXForwardedFor":true},"http":{"redirections":{"entryPoint":{"to":":8443","scheme":"https","permanent":true,"priority":9223372036854775806}},"middlewares":["ghost@file"],"encodedCharacters":{"allowEncodedBackSlash":true,"allowEncodedNullCharacter":true,"allowEncodedSemicolon":true,"allowEncodedPercent":true,"allowEncodedQuestionMark":true,"allowEncodedHash":true},"sanitizePath":true,"maxHeaderBytes":1048576,"aliasHeadersStrategy":"delete"},"http2":{"maxConcurrentStreams":7,"maxDecoderHeaderTableSize":4096,"maxEncoderHeaderTableSize":4096},"udp":{"timeout":"9s"},"observability":{"accessLogs":true,"metrics":false,"tracing":true,"traceVerbosity":"minimal"},"name":"web"}"#,
        )
        .unwrap();
        assert_eq!(config.entry_points[0].to_api_json(), want);
    }
}
