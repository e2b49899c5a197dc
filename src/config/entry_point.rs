//! One entry point: where it listens and what holds for every connection and request there (`http.md` 4.2).
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::address::ListenAddress;
use super::check;
use super::duration::go_duration;

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
}

/// `entryPoints.<name>.http.tls` (`http.md` 1.11).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EntryPointTls {
    /// Name of the TLS options, as written; empty for the default ones.
    pub options: Arc<str>,
    /// Name of a certificate resolver, shown only; empty for none.
    pub cert_resolver: Arc<str>,
}

/// Whose X-Forwarded headers are believed (`http.md` 4.3). Default: nobody's.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// Everybody's.
    pub insecure: bool,
    /// Those of peers in these networks.
    pub trusted: Vec<IpNet>,
}

impl Forwarded {
    /// Whether the headers of this peer are believed. An IPv4 address counts the same when it comes as `::ffff:a.b.c.d`.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.insecure || self.trusted.iter().any(|network| network.contains(&peer))
    }
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
        let trusted: Vec<String> = self.forwarded.trusted.iter().map(ToString::to_string).collect();
        object([
            ("address", Some(json!(self.address.as_str()))),
            ("asDefault", set(self.as_default)),
            ("reusePort", set(self.reuse_port)),
            ("transport", Some(json!({ "lifeCycle": life_cycle, "respondingTimeouts": timeouts }))),
            (
                "forwardedHeaders",
                Some(object([
                    ("insecure", set(self.forwarded.insecure)),
                    ("trustedIPs", (!trusted.is_empty()).then(|| json!(trusted))),
                ])),
            ),
            (
                "http",
                Some(object([
                    ("tls", self.tls.as_ref().map(EntryPointTls::to_api_json)),
                    ("encodeQuerySemicolons", set(self.encode_query_semicolons)),
                    ("sanitizePath", Some(json!(self.sanitize_path))),
                    ("maxHeaderBytes", Some(json!(self.max_header_bytes))),
                ])),
            ),
            (
                "http2",
                Some(json!({
                    "maxConcurrentStreams": 250,
                    "maxDecoderHeaderTableSize": 4096,
                    "maxEncoderHeaderTableSize": 4096,
                })),
            ),
            ("udp", Some(json!({ "timeout": "3s" }))),
            ("name", Some(json!(&*self.name))),
        ])
    }
}

impl EntryPointTls {
    fn to_api_json(&self) -> Value {
        let text = |text: &str| (!text.is_empty()).then(|| json!(text));
        object([("options", text(&self.options)), ("certResolver", text(&self.cert_resolver))])
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
            forwarded: Forwarded { insecure: true, trusted: vec!["10.0.0.0/8".parse().unwrap()] },
            ..web()
        }
        .to_api_json();
        assert_eq!(shown["asDefault"], true);
        assert_eq!(shown["reusePort"], true);
        assert_eq!(shown["transport"]["lifeCycle"], json!({"requestAcceptGraceTimeout": "5s"}));
        assert_eq!(shown["transport"]["respondingTimeouts"], json!({"writeTimeout": "400ms", "idleTimeout": "3m0s"}));
        assert_eq!(shown["forwardedHeaders"], json!({"insecure": true, "trustedIPs": ["10.0.0.0/8"]}));
        assert_eq!(
            shown["http"],
            json!({"sanitizePath": false, "encodeQuerySemicolons": true, "maxHeaderBytes": 1048576})
        );
    }

    #[test]
    fn peers_are_trusted_by_network_even_as_mapped_addresses() {
        let forwarded = Forwarded { insecure: false, trusted: vec!["127.0.1.0/24".parse().unwrap()] };
        let trusts = |peer: &str| forwarded.trusts(peer.parse().unwrap());
        assert!(trusts("127.0.1.9") && trusts("::ffff:127.0.1.9"));
        assert!(!trusts("127.0.2.9") && !trusts("::1"));
        assert!(Forwarded { insecure: true, trusted: vec![] }.trusts("192.0.2.1".parse().unwrap()));
        assert!(!Forwarded::default().trusts("127.0.0.1".parse().unwrap()));
    }
}
