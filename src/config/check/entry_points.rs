//! Entry points: those that were given, and those that Traefik makes by itself (`http.md` 4.1 and 4.2).
use std::sync::Arc;

use super::super::report::Findings;
use super::super::settings::{Scope, Settings};
use super::super::{Api, Domain, EntryPoint, EntryPointTls, INTERNAL_ENTRY_POINT, ListenAddress, Ping, Protocol};

mod peers;
mod redirections;
mod requests;

const ADDRESS: &str = "entryPoints.<name>.address";
/// The routing table keeps the entry points of a router in one machine word.
const MAX_ENTRY_POINTS: usize = 64;
const DEFAULT_MAX_HEADER_BYTES: usize = 1 << 20;

/// All entry points, sorted by name.
pub(super) fn all(
    settings: &Settings,
    api: Option<&Api>,
    ping: Option<&Ping>,
    findings: &mut Findings,
) -> Vec<EntryPoint> {
    let keys = settings.keys("entryPoints.<name>");
    let mut names: Vec<&str> = keys.keys().copied().collect();
    if names.iter().all(|name| *name == INTERNAL_ENTRY_POINT) {
        names.push("http");
    }
    if needs_internal(api, ping) && !names.contains(&INTERNAL_ENTRY_POINT) {
        names.push(INTERNAL_ENTRY_POINT);
    }
    names.sort_unstable();
    let mut entry_points = Vec::new();
    for name in &names {
        let scope = settings.at(name);
        // `http` was only added here if it was not given.
        let made = !keys.contains_key(name);
        let address = match scope.address(ADDRESS) {
            None if *name == INTERNAL_ENTRY_POINT => Some(ListenAddress::all_interfaces(8080)),
            None if made => Some(ListenAddress::all_interfaces(80)),
            given => given,
        };
        match address {
            Some(address) => entry_points.push(build(scope, name, address, findings)),
            None if scope.is_spoiled(ADDRESS) => {}
            None => findings.mistake(
                keys.get(name).copied(),
                format!("entry point `{name}` has no address; add --entryPoints.{name}.address=:PORT"),
            ),
        }
    }
    redirections::resolve(settings, &mut entry_points, findings);
    check_addresses(settings, &entry_points, findings);
    if entry_points.len() > MAX_ENTRY_POINTS {
        let count = entry_points.len();
        findings.mistake(None, format!("{count} entry points, but at most {MAX_ENTRY_POINTS} are supported"));
    }
    let http: Vec<&str> = names.into_iter().filter(|name| !is_udp(settings, name)).collect();
    check_ping(settings, ping, &http, findings);
    entry_points
}

fn is_udp(settings: &Settings, name: &str) -> bool {
    settings.at(name).address(ADDRESS).is_some_and(|address| address.protocol() == Protocol::Udp)
}

/// An entry point of which only name and address were given.
pub(in super::super) fn default_entry_point(name: &str, address: ListenAddress) -> EntryPoint {
    // With nothing given, nothing can be wrong.
    build(Settings::default().at(name), name, address, &mut Findings::default())
}

fn needs_internal(api: Option<&Api>, ping: Option<&Ping>) -> bool {
    let ping_lives_there = |ping: &Ping| !ping.manual_routing && *ping.entry_point == *INTERNAL_ENTRY_POINT;
    api.is_some_and(|api| api.insecure) || ping.is_some_and(ping_lives_there)
}

fn build(scope: Scope<'_>, name: &str, address: ListenAddress, findings: &mut Findings) -> EntryPoint {
    let header_bytes =
        scope.int("entryPoints.<name>.http.maxHeaderBytes").and_then(|bytes| usize::try_from(bytes).ok());
    if address.protocol() == Protocol::Udp {
        let text = "accepted, but nothing is received there: this version has no UDP routers";
        findings.warning(scope.origin(ADDRESS), text);
    }
    EntryPoint {
        name: Arc::from(name),
        address,
        as_default: scope.flag("entryPoints.<name>.asDefault"),
        reuse_port: scope.flag("entryPoints.<name>.reusePort"),
        request_accept_grace: scope.duration("entryPoints.<name>.transport.lifeCycle.requestAcceptGraceTimeout"),
        grace: scope.duration("entryPoints.<name>.transport.lifeCycle.graceTimeOut"),
        read_timeout: scope.limit("entryPoints.<name>.transport.respondingTimeouts.readTimeout"),
        write_timeout: scope.limit("entryPoints.<name>.transport.respondingTimeouts.writeTimeout"),
        idle_timeout: scope.limit("entryPoints.<name>.transport.respondingTimeouts.idleTimeout"),
        max_header_bytes: header_bytes.filter(|bytes| *bytes > 0).unwrap_or(DEFAULT_MAX_HEADER_BYTES),
        sanitize_path: scope.flag("entryPoints.<name>.http.sanitizePath"),
        encode_query_semicolons: scope.flag("entryPoints.<name>.http.encodeQuerySemicolons"),
        tls: tls(scope),
        forwarded: peers::forwarded(scope, findings),
        proxy_protocol: peers::proxy_protocol(scope, findings),
        allow_acme_bypass: scope.flag("entryPoints.<name>.allowACMEByPass"),
        redirection: None,
        middlewares: requests::middlewares(scope, findings),
        encoded_characters: requests::encoded_characters(scope),
        header_names: requests::header_names(scope, findings),
        keep_alive: requests::keep_alive(scope),
        http2: requests::http2(scope),
        udp_timeout: scope.duration("entryPoints.<name>.udp.timeout"),
        observability: requests::observability(scope),
    }
}

fn tls(scope: Scope<'_>) -> Option<EntryPointTls> {
    let tls = EntryPointTls {
        options: scope.text("entryPoints.<name>.http.tls.options").into(),
        cert_resolver: scope.text("entryPoints.<name>.http.tls.certResolver").into(),
        domains: scope.items("entryPoints.<name>.http.tls.domains[n]").into_iter().map(domain).collect(),
    };
    scope.object("entryPoints.<name>.http.tls").then_some(tls)
}

fn domain(scope: Scope<'_>) -> Domain {
    let sans = scope.list("entryPoints.<name>.http.tls.domains[n].sans");
    Domain {
        main: scope.text("entryPoints.<name>.http.tls.domains[n].main").into(),
        sans: sans.into_iter().map(Into::into).collect(),
    }
}

/// Our workers share their ports (SO_REUSEPORT), so two entry points on one address would not fail to start as they do
/// in Traefik: the system would spread connections over both.
fn check_addresses(settings: &Settings, entry_points: &[EntryPoint], findings: &mut Findings) {
    for (at, later) in entry_points.iter().enumerate() {
        let earlier =
            entry_points.iter().take(at).find(|other| other.address == later.address && other.address.port() != 0);
        if let Some(earlier) = earlier {
            findings.mistake(
                settings.at(&later.name).origin(ADDRESS).or(settings.at(&earlier.name).origin(ADDRESS)),
                format!("entry points `{}` and `{}` both listen on {}", earlier.name, later.name, later.address),
            );
        }
    }
}

fn check_ping(settings: &Settings, ping: Option<&Ping>, names: &[&str], findings: &mut Findings) {
    let homeless = ping.filter(|ping| !ping.manual_routing && !names.contains(&&*ping.entry_point));
    if let Some(ping) = homeless {
        let text = format!("entry point `{}` does not exist; there are: {}", ping.entry_point, names.join(", "));
        findings.mistake(settings.root().origin("ping.entryPoint"), text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::from_args;

    #[test]
    fn more_entry_points_than_the_table_can_tell_apart_are_a_mistake() {
        let args = |count: usize| (0..count).map(|n| format!("--entrypoints.e{n}.address=127.0.0.1:{}", 10_000 + n));
        assert!(from_args(args(64)).is_ok());
        assert!(from_args(args(65)).unwrap_err().to_string().contains("at most 64"));
    }
}
