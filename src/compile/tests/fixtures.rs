//! Cases that are folders: `fixtures/compile/<case>/{cluster,static,plan,findings}.yaml`. `UPDATE_FIXTURES=1` rewrites what
//! is expected, for review.
use super::world::{World, options};
use crate::compile::{CrossProvider, Namespaces, Options};
use crate::model::facts::ServerState;
use crate::model::plan::{Balancer, OptionsStanding, Precedence, Router, Secured, Sticky};
use crate::model::rule::Syntax;
use crate::parse::testing::Object;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Static {
    ingress_class: String,
    allow_empty_services: bool,
    allow_external_name_services: bool,
    allow_cross_namespace: bool,
    cross_provider_namespaces: Option<Vec<String>>,
    disable_ingress_class_lookup: bool,
    disable_cluster_scope_resources: bool,
    #[serde(rename = "nativeLBByDefault")]
    native_lb_by_default: bool,
    strict_prefix_matching: bool,
    disable_pass_host_headers: bool,
    default_rule_syntax: String,
    entry_points: Option<Vec<String>>,
    /// Entry points with `http.tls`, and their `http.tls.options`.
    secured_entry_points: BTreeMap<String, String>,
    namespaces: Option<Vec<String>>,
}

impl Static {
    fn options(self) -> Options {
        let list = |names: Vec<String>| names.into_iter().map(Into::into).collect::<Vec<_>>();
        let base = options();
        let entry_points = self.entry_points.map_or(base.entry_points, list);
        Options {
            ingress_class: self.ingress_class.into(),
            allow_empty_services: self.allow_empty_services,
            allow_external_name_services: self.allow_external_name_services,
            allow_cross_namespace: self.allow_cross_namespace,
            cross_provider: self
                .cross_provider_namespaces
                .map_or(CrossProvider::Any, |names| CrossProvider::Only(list(names))),
            disable_ingress_class_lookup: self.disable_ingress_class_lookup,
            disable_cluster_scope: self.disable_cluster_scope_resources,
            native_lb_by_default: self.native_lb_by_default,
            strict_prefix_matching: self.strict_prefix_matching,
            disable_pass_host_headers: self.disable_pass_host_headers,
            default_rule_syntax: Syntax::from_word(&self.default_rule_syntax),
            default_entry_points: entry_points.clone(),
            entry_points,
            secured_entry_points: self
                .secured_entry_points
                .into_iter()
                .map(|(name, reference)| (name.into(), reference.into()))
                .collect(),
            namespaces: self.namespaces.map_or(Namespaces::All, |names| Namespaces::Only(list(names))),
            publish: base.publish,
        }
    }
}

#[test]
fn every_fixture_compiles_to_its_plan_and_findings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compile");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 20);
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check(case: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(case.join(name)).unwrap_or_default();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&read("cluster.yaml")).unwrap();
    let objects: Vec<Object> = objects.into_iter().filter(|object| !object.is_null()).map(Object).collect();
    let given: Option<Static> = serde_saphyr::from_str(&read("static.yaml")).unwrap();
    let world = World::of(given.unwrap_or_default().options(), &objects);
    let plan = plan(&world);
    let findings: Vec<Value> = world.table.findings.iter().map(|found| {
        json!({"object": found.object.to_string(), "path": &*found.path, "reason": found.reason, "severity": found.severity, "text": &*found.text})
    }).collect();
    let mut wrong = Vec::new();
    for (name, found) in [("plan.yaml", plan), ("findings.yaml", Value::Array(findings))] {
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(case.join(name), serde_saphyr::to_string(&found).unwrap()).unwrap();
        }
        let want: Value = serde_saphyr::from_str(&read(name)).unwrap();
        if want != found {
            wrong.push(format!("{} {name}: want {want:#} found {found:#}", case.display()));
        }
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

fn plan(world: &World) -> Value {
    let certificates: Vec<String> = world.table.certificates.keys().map(ToString::to_string).collect();
    let plan = [
        ("routers", world.table.routers.values().map(|found| router(found, world)).collect()),
        ("services", world.table.balancers.values().map(|found| service(found)).collect()),
        ("certificates", json!(certificates)),
    ];
    Value::Object(plan.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

/// What differs from an ordinary router is shown, the rest is left out.
fn router(router: &Router, world: &World) -> Value {
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    show("name", json!(&*router.name));
    show("ingress", json!(router.origin.ingress.to_string()));
    show("rule", json!(router.rule.text()));
    show("service", json!(&*world.table.balancers[router.action.balancer()].name));
    show("status", json!(router.status().as_str()));
    show("priority", json!(router.shown_priority()));
    if let Precedence::Bloc(rank) = &router.precedence {
        show("rank", json!(format!("{:?} {} {:?}", rank.host, rank.path_length, rank.path)));
    }
    let entry_points = router.entry_points.iter().map(|name| &**name);
    show("entryPoints", entry_points.collect());
    if !router.shown_syntax.is_empty() {
        show("ruleSyntax", json!(&*router.shown_syntax));
    }
    if let Some(tls) = &router.tls {
        let domains: Vec<Value> =
            tls.domains.iter().map(|domain| json!({"main": &*domain.main, "sans": domain.sans})).collect();
        show("tls", json!({"certResolver": &*tls.cert_resolver, "options": &*tls.options, "domains": domains}));
    }
    if !router.secured.is_empty() {
        let secured = router.secured.iter().map(|Secured { entry_point, options, standing }| {
            let standing = if *standing == OptionsStanding::Refused { " (refused)" } else { "" };
            format!("{entry_point} {options}{standing}")
        });
        show("secured", secured.collect());
    }
    if !router.middlewares.is_empty() {
        show("middlewares", json!(router.middlewares));
    }
    if let Some(block) = &router.observability {
        show(
            "observability",
            json!({"accessLogs": block.access_logs, "metrics": block.metrics, "tracing": block.tracing, "traceVerbosity": &*block.trace_verbosity}),
        );
    }
    if !router.errors.is_empty() {
        show("error", json!(router.errors));
    }
    Value::Object(shown)
}

fn service(balancer: &Balancer) -> Value {
    let servers = balancer.servers.iter().map(|server| {
        format!("{}{}", server.url, if server.state == ServerState::Draining { " (draining)" } else { "" })
    });
    let mut shown = Map::new();
    let mut show = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    show("name", json!(&*balancer.name));
    let origin = &balancer.origin;
    show("of", json!(format!("{}/{} {}", origin.namespace, origin.service, origin.port)));
    show("servers", servers.collect());
    show("hostHeader", json!(format!("{:?}", balancer.options.host_header)));
    match &balancer.options.sticky {
        None => {}
        Some(Sticky::Empty) => {
            show("sticky", json!("without a cookie"));
        }
        Some(Sticky::Cookie(cookie)) => {
            show(
                "sticky",
                json!({"name": &*cookie.name, "secure": cookie.secure, "httpOnly": cookie.http_only, "sameSite": &*cookie.same_site, "maxAge": cookie.max_age, "path": &*cookie.path, "domain": &*cookie.domain}),
            );
        }
    }
    if !balancer.options.transport.is_empty() {
        show("transport", json!(&*balancer.options.transport));
    }
    if !balancer.options.middlewares.is_empty() {
        show("middlewares", json!(balancer.options.middlewares));
    }
    Value::Object(shown)
}
