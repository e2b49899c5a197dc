//! Whom an entry point believes (`http.md` 4.3 and 4.4). An address that is none stops the start: it may be the one that
//! was meant to be kept out.
use std::sync::Arc;

use super::super::super::report::Findings;
use super::super::super::settings::Scope;
use super::super::super::{Forwarded, Networks, ProxyProtocol};

const TRUSTED: &str = "entryPoints.<name>.forwardedHeaders.trustedIPs";
const CONNECTION: &str = "entryPoints.<name>.forwardedHeaders.connection";
const PROXY: &str = "entryPoints.<name>.proxyProtocol";
const PROXY_INSECURE: &str = "entryPoints.<name>.proxyProtocol.insecure";
const PROXY_TRUSTED: &str = "entryPoints.<name>.proxyProtocol.trustedIPs";

pub(super) fn forwarded(scope: Scope<'_>, findings: &mut Findings) -> Forwarded {
    Forwarded {
        insecure: scope.flag("entryPoints.<name>.forwardedHeaders.insecure"),
        trusted: networks(scope, TRUSTED, findings),
        connection: connection(scope, findings),
        not_append_x_forwarded_for: scope.flag("entryPoints.<name>.forwardedHeaders.notAppendXForwardedFor"),
    }
}

pub(super) fn proxy_protocol(scope: Scope<'_>, findings: &mut Findings) -> Option<ProxyProtocol> {
    let asked = scope.object(PROXY);
    let protocol =
        ProxyProtocol { insecure: scope.flag(PROXY_INSECURE), trusted: networks(scope, PROXY_TRUSTED, findings) };
    let nobody = !protocol.insecure && protocol.trusted.as_slice().is_empty();
    if asked && nobody && scope.list(PROXY_TRUSTED).is_empty() {
        let origin = [PROXY, PROXY_INSECURE].into_iter().find_map(|path| scope.origin(path));
        findings.mistake(
            origin,
            "no trusted IPs provided; add proxyProtocol.trustedIPs with the addresses of your load balancer",
        );
    }
    asked.then_some(protocol)
}

fn networks(scope: Scope<'_>, path: &'static str, findings: &mut Findings) -> Networks {
    let (networks, wrong) = Networks::parse(scope.list(path));
    for text in wrong {
        findings.mistake(scope.origin(path), format!("`{text}` is neither an IP address nor a network"));
    }
    networks
}

fn connection(scope: Scope<'_>, findings: &mut Findings) -> Vec<Arc<str>> {
    let names = scope.list(CONNECTION);
    for name in names.iter().filter(|name| http::HeaderName::from_bytes(name.as_bytes()).is_err()) {
        findings.mistake(scope.origin(CONNECTION), format!("`{name}` cannot be the name of a header"));
    }
    names.into_iter().map(Arc::from).collect()
}
