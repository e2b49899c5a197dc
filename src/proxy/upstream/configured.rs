//! The default transport, from the static options `serversTransport.*` (spec/http.md 2.7, 4.8). Files are read once, at the
//! start; one that cannot be read is logged and left out, which trusts less, never more.
use crate::config::{self, CaSource};
use crate::model::keys::TransportKey;
use crate::model::transport::{ForwardingTimeouts, Http2, Roots, ServersTransport, TransportTls, Verification};
use std::sync::Arc;

/// The settings of `default@internal`.
pub(in crate::proxy) fn default_transport(given: &config::ServersTransport) -> ServersTransport {
    let config::ServersTransport {
        insecure_skip_verify,
        root_cas,
        max_idle_conns_per_host,
        dial_timeout,
        response_header_timeout,
        idle_conn_timeout,
        read_idle_timeout,
        ping_timeout,
    } = given;
    ServersTransport {
        key: TransportKey::Default,
        tls: TransportTls {
            verification: if *insecure_skip_verify { Verification::Skip } else { Verification::Verify },
            roots: roots(root_cas),
            ..TransportTls::default()
        },
        http2: Http2::Offered,
        max_idle_per_host: *max_idle_conns_per_host,
        timeouts: ForwardingTimeouts {
            dial: *dial_timeout,
            response_header: *response_header_timeout,
            idle: *idle_conn_timeout,
            read_idle: *read_idle_timeout,
            ping: *ping_timeout,
        },
    }
}

fn roots(given: &[CaSource]) -> Roots {
    if given.is_empty() {
        return Roots::System;
    }
    Roots::Given(given.iter().flat_map(certificates).collect())
}

fn certificates(source: &CaSource) -> Vec<Arc<[u8]>> {
    let text = match source {
        CaSource::Pem(text) => text.clone(),
        CaSource::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "serversTransport.rootCAs cannot be read");
                return Vec::new();
            }
        },
    };
    let mut found = Vec::new();
    for certificate in rustls_pemfile::certs(&mut text.as_bytes()) {
        match certificate {
            Ok(der) => found.push(Arc::from(der.as_ref())),
            Err(error) => tracing::error!(%error, "a certificate of serversTransport.rootCAs cannot be read"),
        }
    }
    if found.is_empty() {
        tracing::error!("an entry of serversTransport.rootCAs holds no certificate");
    }
    found
}
