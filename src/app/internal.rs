//! The program's own endpoints on its entry points: ties `api/` to the published table and to the debug actor.
//!
//! Made before both exist (the sockets must know whom to ask), so the two are handed in later.
use crate::api::{
    Api, ApiOptions, ApiService, DashboardAd, DebugActor, EntryPoint, EntryPointRules, Exposure, Ping, PingRouting,
    Published, Redirection,
};
use crate::base::clock::Clock;
use crate::base::drain::Drain;
use crate::config::{self, Config, RuleSyntax};
use crate::model::facts::{RouterObservability, RouterTls, TlsDomain};
use crate::proxy::table::Table;
use std::sync::Arc;

/// The program's own endpoints.
pub struct Internal {
    api: Arc<Api>,
    names: Vec<Arc<str>>,
    /// What the proxy publishes; follows it from `follow` on.
    pub published: Published,
    /// The debug actor; asked from `follow` on.
    pub debug: DebugActor,
}

impl Internal {
    /// Endpoints that know of no table and no actor yet.
    pub fn new(config: &Config, clock: Arc<dyn Clock>, drain: Drain) -> Self {
        let (published, debug) = (Published::new(drain), DebugActor::default());
        let (plan, asked) = (Arc::new(published.clone()), Arc::new(debug.clone()));
        let api = Arc::new(Api::new(options(config, clock.as_ref()), plan, asked, clock));
        let names = config.connected_entry_points().map(|entry_point| entry_point.name.clone()).collect();
        Self { api, names, published, debug }
    }

    /// What the data plane asks.
    pub fn service(&self) -> Arc<ApiService> {
        let table = Table::new(&self.names);
        Arc::new(ApiService::new(self.api.clone(), |name| table.entry_point(name)))
    }
}

fn options(config: &Config, clock: &dyn Clock) -> ApiOptions {
    let mut options = ApiOptions::new(clock.wall());
    if let Some(api) = &config.api {
        options.exposure = if api.insecure { Exposure::Insecure } else { Exposure::Internal };
        options.base_path = api.base_path.as_str().into();
        options.dashboard_name = api.dashboard_name.as_str().into();
        options.dashboard_ad = if api.disable_dashboard_ad { DashboardAd::Disabled } else { DashboardAd::Shown };
    }
    options.ping = config.ping.as_ref().map(|ping| Ping {
        entry_point: ping.entry_point.clone(),
        routing: if ping.manual_routing { PingRouting::Manual } else { PingRouting::Router },
        terminating: ping.terminating_status,
    });
    // As in the reference, a rule syntax other than the default one splits the routers of all entry points.
    let split_all = config.default_rule_syntax == RuleSyntax::V2;
    options.entry_points = config
        .entry_points
        .iter()
        .map(|entry_point| EntryPoint {
            name: entry_point.name.clone(),
            shown: entry_point.to_api_json(),
            rules: (split_all || applies_anything(entry_point)).then(|| Arc::new(rules(entry_point))),
        })
        .collect();
    options.redirections = config.connected_entry_points().filter_map(redirection).collect();
    options.providers = config.ingress.iter().map(|_| "KubernetesIngress".into()).collect();
    options
}

/// Whether an entry point applies anything to its routers, which splits those of several entry points.
fn applies_anything(entry_point: &config::EntryPoint) -> bool {
    entry_point.tls.is_some()
        || !entry_point.middlewares.is_empty()
        || entry_point.encoded_characters.is_some()
        || entry_point.observability.is_some()
}

/// What an entry point applies to its routers.
fn rules(entry_point: &config::EntryPoint) -> EntryPointRules {
    let tls = entry_point.tls.as_ref().map(|tls| RouterTls {
        cert_resolver: tls.cert_resolver.clone(),
        domains: tls
            .domains
            .iter()
            .map(|config::Domain { main, sans }| TlsDomain { main: main.clone(), sans: sans.clone() })
            .collect(),
        options: tls.options.clone(),
    });
    EntryPointRules {
        middlewares: entry_point.middlewares.clone(),
        // There are no middlewares in this version.
        missing: entry_point.middlewares.clone(),
        observability: entry_point.observability.as_ref().map(|observability| RouterObservability {
            access_logs: Some(observability.access_logs),
            metrics: Some(observability.metrics),
            tracing: Some(observability.tracing),
            trace_verbosity: observability.trace_verbosity.into(),
        }),
        tls: tls.map(Arc::new),
    }
}

/// The redirection of an entry point, as the router of the reference is shown.
fn redirection(entry_point: &config::EntryPoint) -> Option<Redirection> {
    let redirection = entry_point.redirection.as_ref()?;
    let rule = match entry_point.allow_acme_bypass {
        true => "HostRegexp(`^.+$`) && !PathPrefix(`/.well-known/acme-challenge/`)",
        false => "HostRegexp(`^.+$`)",
    };
    Some(Redirection {
        from: entry_point.name.clone(),
        to: redirection.target().into(),
        scheme: redirection.scheme.clone(),
        port: redirection.port.to_string().into(),
        permanent: redirection.permanent,
        priority: redirection.priority,
        rule: rule.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use serde_json::json;

    #[test]
    fn the_domains_of_an_entry_point_are_shown_of_it_and_of_its_routers() {
        let args = [
            "--entrypoints.web.address=127.0.0.1:0",
            "--entrypoints.web2.address=127.0.0.1:0",
            "--entrypoints.web.http.tls.domains[1].main=c.test",
            "--entrypoints.web.http.tls.domains[0].main=a.test",
            "--entrypoints.web.http.tls.domains[0].sans=*.a.test,b.test",
        ];
        let Ok(config::Command::Run(config)) = config::from_args(args.map(str::to_owned)) else {
            panic!("bad options")
        };
        let options = options(&config, &SystemClock);
        let web = &options.entry_points[0];
        let want = json!([{"main": "a.test", "sans": ["*.a.test", "b.test"]}, {"main": "c.test"}]);
        assert_eq!(web.shown["http"]["tls"]["domains"], want);
        let domain = |main: &str, sans: &[&str]| TlsDomain {
            main: main.into(),
            sans: sans.iter().map(|name| (*name).into()).collect(),
        };
        let domains = &web.rules.as_ref().unwrap().tls.as_ref().unwrap().domains;
        assert_eq!(*domains, [domain("a.test", &["*.a.test", "b.test"]), domain("c.test", &[])]);
        assert!(options.entry_points[1].rules.is_none(), "its name begins like that of the other");
    }
}
