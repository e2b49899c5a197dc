//! What is built in: the routers of spec/http.md 1.8 and 4.7 and the services behind them.
//!
//! There is no dashboard yet, so `dashboard@internal` is not there. `ready@internal` and `debug@internal` are ours.
use super::bodies::{
    MiddlewareBody, ObservabilityBody, RedirectScheme, RouterBody, ServiceBody, ServiceKind, StatusWord, TlsBody,
};
use super::routers::{Shown, missing_middlewares};
use super::{Entry, INTERNAL, qualified};
use crate::api::options::{ApiOptions, Exposure, PingRouting, Redirection};
use crate::api::{ADMIN_ENTRY_POINT, BUILT_IN_PRIORITY};
use crate::model::plan::Status;
use std::borrow::Cow;
use std::collections::BTreeMap;

const API: &str = "api@internal";
const PING: &str = "ping@internal";
const NOOP: &str = "noop@internal";

/// Adds everything built in that `options` switch on.
pub fn add<'p>(
    options: &'p ApiOptions,
    routers: &mut Vec<Shown<'p>>,
    services: &mut Vec<Entry<ServiceBody<'p>>>,
    middlewares: &mut Vec<Entry<MiddlewareBody<'p>>>,
) {
    let mut users: BTreeMap<&'static str, Vec<String>> = BTreeMap::from([(NOOP, Vec::new())]);
    if let Some(ping) = &options.ping {
        users.entry(PING).or_default();
        if ping.routing == PingRouting::Router {
            routers.push(router(options, "ping", "PathPrefix(`/ping`)".into(), i64::MAX, &ping.entry_point, PING));
        }
        routers.push(router(options, "ready", "Path(`/ready`)".into(), i64::MAX, &ping.entry_point, PING));
    }
    if options.exposure != Exposure::Off {
        users.entry(API).or_default();
    }
    if options.exposure == Exposure::Insecure {
        for (name, path) in [("api", "/api"), ("debug", "/debug")] {
            let rule = format!("PathPrefix(`{}{path}`)", options.base());
            routers.push(router(options, name, rule.into(), BUILT_IN_PRIORITY, ADMIN_ENTRY_POINT, API));
        }
    }
    for redirection in &options.redirections {
        let (shown, middleware) = redirect(options, redirection);
        routers.push(shown);
        middlewares.push(middleware);
    }
    middlewares.sort_by(|a, b| a.name.cmp(&b.name));
    for shown in routers.iter().filter(|shown| shown.entry.provider == INTERNAL) {
        if let Some(used_by) = users.get_mut(&*shown.entry.body.service) {
            used_by.push(shown.entry.name.clone());
        }
    }
    services.extend(users.into_iter().map(|(name, used_by)| service(name, used_by)));
}

/// With what its entry point applies to all its routers, these included.
fn router<'p>(
    options: &'p ApiOptions,
    name: &str,
    rule: Cow<'p, str>,
    priority: i64,
    entry_point: &'p str,
    service: &'static str,
) -> Shown<'p> {
    let rules = options.rules_of(entry_point);
    let error: Vec<_> = missing_middlewares(rules, INTERNAL).into_iter().map(Cow::Owned).collect();
    let middlewares = rules.into_iter().flat_map(|rules| &rules.middlewares);
    let body = RouterBody {
        entry_points: vec![entry_point],
        middlewares: middlewares.map(|name| qualified(name, INTERNAL).into()).collect(),
        service: service.into(),
        rule,
        rule_syntax: "default",
        priority,
        tls: rules.and_then(|rules| rules.tls.as_deref()).map(TlsBody::of),
        observability: ObservabilityBody::of(None, rules.and_then(|rules| rules.observability.as_ref()), None),
        status: if error.is_empty() { StatusWord::ENABLED } else { Status::Disabled.into() },
        error,
        using: vec![entry_point],
    };
    Shown { entry: Entry { name: format!("{name}@{INTERNAL}"), provider: INTERNAL, body }, balancer: None }
}

fn redirect<'p>(options: &'p ApiOptions, redirection: &'p Redirection) -> (Shown<'p>, Entry<MiddlewareBody<'p>>) {
    let Redirection { from, to, scheme, port, permanent, priority, rule } = redirection;
    let name = format!("{from}-to-{to}");
    let middleware = format!("redirect-{name}@{INTERNAL}");
    let mut shown = router(options, &name, Cow::Borrowed(rule), *priority, from, NOOP);
    shown.entry.body.middlewares.push(middleware.clone().into());
    let body = MiddlewareBody {
        redirect_scheme: RedirectScheme { scheme, port, permanent: *permanent },
        status: StatusWord::ENABLED,
        used_by: vec![shown.entry.name.clone()],
    };
    (shown, Entry { name: middleware, provider: INTERNAL, body })
}

fn service<'p>(name: &str, used_by: Vec<String>) -> Entry<ServiceBody<'p>> {
    let body = ServiceBody {
        load_balancer: None,
        middlewares: Vec::new(),
        observability: None,
        status: StatusWord::ENABLED,
        used_by,
        server_status: BTreeMap::new(),
        kind: ServiceKind::BuiltIn,
    };
    Entry { name: name.to_owned(), provider: INTERNAL, body }
}
