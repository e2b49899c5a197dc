//! From settings to the checked [`Config`]: what the values mean together. Every rule that involves more than one option
//! is here or in `check/`; nothing here knows where the settings came from.
use std::num::NonZeroUsize;
use std::sync::Arc;

use http::StatusCode;

use super::report::Findings;
use super::settings::{Scope, Settings};
use super::{Api, CaSource, Config, LeaderElection, Ping, RuleSyntax, ServersTransport};
use crate::base::{Log, LogColor, LogFormat, LogLevel};

mod entry_points;
mod ingress;

pub(super) use entry_points::default_entry_point;

/// Checks everything. The outcome counts only if `findings` holds no mistake afterwards; its warnings are left there.
pub(super) fn config(settings: &Settings, findings: &mut Findings) -> Config {
    let root = settings.root();
    let api = api(root, findings);
    let ping = ping(root);
    let standalone = ingress::standalone(root, findings);
    Config {
        entry_points: entry_points::all(settings, api.as_ref(), ping.as_ref(), findings),
        ingress: ingress::provider(root, standalone.as_ref(), findings),
        standalone,
        leader_election: leader_election(root, findings),
        api,
        ping,
        log: log(root),
        providers_throttle: root.duration("providers.providersThrottleDuration"),
        default_rule_syntax: rule_syntax(root, findings),
        servers_transport: servers_transport(root),
        workers: workers(root),
        file: None,
        max_connections: count(root, "maxConnections"),
        warnings: Vec::new(),
    }
}

fn api(root: Scope<'_>, findings: &mut Findings) -> Option<Api> {
    let api = Api {
        insecure: root.flag("api.insecure"),
        dashboard: root.flag("api.dashboard"),
        debug: root.flag("api.debug"),
        base_path: root.text("api.basePath"),
        disable_dashboard_ad: root.flag("api.disableDashboardAd"),
        dashboard_name: root.text("api.dashboardName"),
    };
    let is_path_char = |c: char| c.is_ascii_alphanumeric() || "/_.:~-".contains(c);
    if !api.base_path.starts_with('/') || !api.base_path.chars().all(is_path_char) {
        let text = format!("`{}` is not a valid absolute URL path, such as `/` or `/admin`", api.base_path);
        findings.mistake(root.origin("api.basePath"), text);
    }
    root.object("api").then_some(api)
}

fn leader_election(root: Scope<'_>, findings: &mut Findings) -> LeaderElection {
    const NAME: &str = "leaderElection.leaseName";
    const NAMESPACE: &str = "leaderElection.leaseNamespace";
    let (name, namespace) = (root.text(NAME), root.text(NAMESPACE));
    if !is_dns_name(&name) {
        findings
            .mistake(root.origin(NAME), format!("`{name}` cannot be the name of a Lease, such as `pilotage-leader`"));
    }
    if !namespace.is_empty() && !super::selector::is_dns_label(&namespace) {
        findings.mistake(root.origin(NAMESPACE), format!("`{namespace}` cannot be the name of a namespace"));
    }
    let lease_namespace = Some(namespace).filter(|namespace| !namespace.is_empty()).map(Arc::from);
    LeaderElection { lease_name: name.into(), lease_namespace }
}

/// Labels of letters, digits and `-`, with dots between them: names of objects, and host names.
fn is_dns_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(super::selector::is_dns_label)
}

fn ping(root: Scope<'_>) -> Option<Ping> {
    let code = root.int("ping.terminatingStatusCode").and_then(|code| u16::try_from(code).ok());
    let ping = Ping {
        entry_point: root.text("ping.entryPoint").into(),
        manual_routing: root.flag("ping.manualRouting"),
        terminating_status: code
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
    };
    root.object("ping").then_some(ping)
}

fn log(root: Scope<'_>) -> Log {
    Log {
        level: match root.word("log.level") {
            "TRACE" => LogLevel::Trace,
            "DEBUG" => LogLevel::Debug,
            "INFO" => LogLevel::Info,
            "WARN" => LogLevel::Warn,
            // Nothing is worse than what an operator must act on: FATAL and PANIC hide no errors here.
            _ => LogLevel::Error,
        },
        format: if root.word("log.format") == "json" { LogFormat::Json } else { LogFormat::Common },
        color: if root.flag("log.noColor") { LogColor::Off } else { LogColor::On },
    }
}

fn rule_syntax(root: Scope<'_>, findings: &mut Findings) -> RuleSyntax {
    const SYNTAX: &str = "core.defaultRuleSyntax";
    if root.word(SYNTAX) == "v2" {
        findings.warning(root.origin(SYNTAX), "deprecated: rules should be written in the v3 syntax");
        return RuleSyntax::V2;
    }
    RuleSyntax::V3
}

fn servers_transport(root: Scope<'_>) -> ServersTransport {
    let root_cas =
        root.list("serversTransport.rootCAs").into_iter().map(|text| match text.starts_with("-----BEGIN ") {
            true => CaSource::Pem(text),
            false => CaSource::File(text.into()),
        });
    ServersTransport {
        insecure_skip_verify: root.flag("serversTransport.insecureSkipVerify"),
        root_cas: root_cas.collect(),
        max_idle_conns_per_host: match root.int("serversTransport.maxIdleConnsPerHost") {
            Some(0) => 2,
            Some(count) => usize::try_from(count).unwrap_or(0),
            None => 0,
        },
        dial_timeout: root.limit("serversTransport.forwardingTimeouts.dialTimeout"),
        response_header_timeout: root.limit("serversTransport.forwardingTimeouts.responseHeaderTimeout"),
        idle_conn_timeout: root.limit("serversTransport.forwardingTimeouts.idleConnTimeout"),
        read_idle_timeout: root.limit("serversTransport.forwardingTimeouts.readIdleTimeout"),
        // 0 is 15 s, as in Go's HTTP/2 client: a ping that need not be answered would be none.
        ping_timeout: root
            .limit("serversTransport.forwardingTimeouts.pingTimeout")
            .unwrap_or(std::time::Duration::from_secs(15)),
    }
}

fn count(root: Scope<'_>, path: &'static str) -> Option<NonZeroUsize> {
    root.int(path).and_then(|count| usize::try_from(count).ok()).and_then(NonZeroUsize::new)
}

fn workers(root: Scope<'_>) -> NonZeroUsize {
    count(root, "workers").or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// Names of namespaces, sorted, each once. A name that no namespace can have is a mistake: nothing would ever match it.
fn namespaces(root: Scope<'_>, path: &'static str, findings: &mut Findings) -> Vec<Arc<str>> {
    let mut names = root.list(path);
    names.sort();
    names.dedup();
    for name in names.iter().filter(|name| !super::selector::is_dns_label(name)) {
        findings.mistake(root.origin(path), format!("`{name}` cannot be the name of a namespace"));
    }
    names.into_iter().map(Arc::from).collect()
}
