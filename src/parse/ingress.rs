//! Ingress: rules, backends, TLS secrets and the `router.*` annotations (spec/ingress.md 6, 7.2, 9).
use super::annotations::{CLASS, Root, Settings};
use super::{created, name, namespace};
use crate::base::intern::intern;
use crate::model::facts::{
    Backend, IngressFact, IngressPath, IngressRule, PathMatcher, PathType, RouterObservability, RouterOptions,
    RouterTls, RulesPresent, TlsDomain,
};
use crate::model::finding::{Problem, excerpt};
use crate::model::keys::{IngressKey, PortRef, SecretKey, ServiceKey};
use k8s_openapi::api::networking::v1 as api;
use std::sync::Arc;

/// What the Ingress says.
pub fn parse(object: &api::Ingress) -> IngressFact {
    let metadata = &object.metadata;
    let absent = api::IngressSpec::default();
    let spec = object.spec.as_ref().unwrap_or(&absent);
    let namespace = intern(namespace(metadata));
    let mut settings = Settings::read(metadata.annotations.as_ref(), Root::Router);
    let options = options(&mut settings);
    let (options, mut problems) = settings.finish(options);
    let declared = spec.rules.as_deref().unwrap_or_default();
    let rules_present = if declared.is_empty() { RulesPresent::No } else { RulesPresent::Yes };
    if rules_present == RulesPresent::Yes && spec.default_backend.is_some() {
        let text = "has no effect beside spec.rules; move it to an Ingress without rules";
        problems.push(Problem::warning("spec.defaultBackend", "IgnoredDefaultBackend", text));
    }
    let rules = (0..).zip(declared).filter_map(|(index, rule)| parse_rule(index, rule, &namespace, &mut problems));
    let rules: Vec<_> = rules.collect();
    let annotation = metadata.annotations.as_ref().and_then(|annotations| annotations.get(CLASS));
    IngressFact {
        key: IngressKey::new(namespace.clone(), name(metadata)),
        created: created(metadata),
        class_name: spec.ingress_class_name.as_deref().map(intern),
        class_annotation: intern(annotation.map(String::as_str).unwrap_or_default()),
        options,
        rules,
        rules_present,
        default_backend: spec.default_backend.as_ref().map(|backend| parse_backend(backend, &namespace)),
        tls_secrets: secrets(spec.tls.as_deref().unwrap_or_default(), &namespace),
        problems,
    }
}

fn secrets(entries: &[api::IngressTLS], namespace: &Arc<str>) -> Vec<SecretKey> {
    let names = entries.iter().filter_map(|entry| entry.secret_name.as_deref()).filter(|name| !name.is_empty());
    names.map(|name| SecretKey::new(namespace.clone(), name)).collect()
}

fn parse_rule(
    index: u32,
    rule: &api::IngressRule,
    namespace: &Arc<str>,
    problems: &mut Vec<Problem>,
) -> Option<IngressRule> {
    let http = rule.http.as_ref()?;
    let paths = (0..).zip(&http.paths).map(|(position, path)| {
        if !matches!(path.path_type.as_str(), "" | "Exact" | "Prefix" | "ImplementationSpecific") {
            let text = format!(
                "{} is not known and read as Prefix; expected Exact, Prefix or ImplementationSpecific",
                excerpt(&path.path_type)
            );
            let place = format!("spec.rules[{index}].http.paths[{position}].pathType");
            problems.push(Problem::warning(place, "UnknownPathType", text));
        }
        IngressPath {
            path: intern(path.path.as_deref().unwrap_or_default()),
            path_type: path_type(&path.path_type),
            backend: parse_backend(&path.backend, namespace),
            index: position,
        }
    });
    let paths = paths.collect();
    Some(IngressRule { host: rule.host.as_deref().unwrap_or_default().into(), paths, index })
}

fn path_type(text: &str) -> PathType {
    match text {
        "Exact" => PathType::Exact,
        "" | "ImplementationSpecific" => PathType::Open,
        _ => PathType::Prefix,
    }
}

fn parse_backend(backend: &api::IngressBackend, namespace: &Arc<str>) -> Backend {
    if backend.resource.is_some() {
        return Backend::Resource;
    }
    let Some(service) = &backend.service else { return Backend::Missing };
    let port = service.port.as_ref();
    let number = port.and_then(|port| port.number).unwrap_or_default();
    let port = match port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty()) {
        Some(name) if number != 0 => PortRef::Either(intern(name), number),
        Some(name) => PortRef::Name(intern(name)),
        None => PortRef::Number(number),
    };
    Backend::Service { service: ServiceKey::new(namespace.clone(), intern(&service.name)), port }
}

fn options(settings: &mut Settings<'_>) -> RouterOptions {
    let rule_syntax = settings.text("router.rulesyntax");
    if !rule_syntax.is_empty() {
        let text = "is deprecated; write rules in the current syntax and remove it".to_owned();
        settings.remark("router.rulesyntax", "DeprecatedAnnotation", text);
    }
    RouterOptions {
        entry_points: settings.list("router.entrypoints"),
        middlewares: settings.list("router.middlewares"),
        priority: settings.integer("router.priority").unwrap_or_default(),
        path_matcher: path_matcher(settings.text("router.pathmatcher")),
        rule_syntax,
        tls: settings.has_block("router.tls").then(|| tls(settings)),
        observability: settings.has_block("router.observability").then(|| observability(settings)),
    }
}

fn path_matcher(text: Arc<str>) -> PathMatcher {
    match &*text {
        "" | "PathPrefix" => PathMatcher::PathPrefix,
        "Path" => PathMatcher::Path,
        "PathRegexp" => PathMatcher::PathRegexp,
        _ => PathMatcher::Unknown(text),
    }
}

fn tls(settings: &mut Settings<'_>) -> RouterTls {
    const MAIN: &str = "router.tls.domains.N.main";
    const SANS: &str = "router.tls.domains.N.sans";
    let indices = settings.indices([MAIN, SANS]);
    let domains = indices
        .into_iter()
        .map(|index| TlsDomain { main: settings.text_at(MAIN, index), sans: settings.list_at(SANS, index) })
        .collect();
    RouterTls {
        cert_resolver: settings.text("router.tls.certresolver"),
        domains,
        options: settings.text("router.tls.options"),
    }
}

fn observability(settings: &mut Settings<'_>) -> RouterObservability {
    const VERBOSITY: &str = "router.observability.traceverbosity";
    let mut trace_verbosity = settings.text(VERBOSITY);
    if trace_verbosity.is_empty() {
        trace_verbosity = "minimal".into();
    }
    if !matches!(&*trace_verbosity, "minimal" | "detailed") {
        let text = format!("{} has no effect; expected minimal or detailed", excerpt(&trace_verbosity));
        settings.remark(VERBOSITY, "InvalidAnnotation", text);
    }
    RouterObservability {
        access_logs: settings.boolean("router.observability.accesslogs"),
        metrics: settings.boolean("router.observability.metrics"),
        tracing: settings.boolean("router.observability.tracing"),
        trace_verbosity,
    }
}

#[cfg(test)]
mod tests;
