//! Fail closed (architecture.md 3, difference 2): what makes a router answer 503 instead of being left out.
//!
//! No middleware or transport exists in this version, so every reference to one is a reference to nothing; a reference
//! that `crossProviderNamespaces` forbids is refused before that (spec/ingress.md 13). TLS options that an entry point
//! gives are not referred to by the Ingress: they are looked for whatever its namespace.
use super::model::Model;
use super::names::qualified;
use super::options::Options;
use super::security;
use crate::model::facts::{RouterOptions, ServiceOptions};
use crate::model::finding::{Problem, excerpt};
use crate::model::plan::{MAX_USER_PRIORITY, OptionsStanding, Secured};
use std::sync::Arc;

/// Most reasons told of one annotation.
const MAX_TOLD: usize = 8;
/// What the path of an annotation begins with, in findings.
const PLACE: &str = "metadata.annotations[traefik.ingress.kubernetes.io/";

/// Why routers answer 503.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusals {
    /// For the API, in the words of the reference (spec/http.md 1.12).
    pub errors: Vec<Arc<str>>,
    /// For the author.
    pub problems: Vec<Problem>,
}

impl Refusals {
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    fn push(&mut self, annotation: &str, reason: &'static str, error: String, remedy: &str) {
        let text = format!("{error}; requests are answered with 503: {remedy}");
        self.problems.push(Problem::error(format!("{PLACE}{annotation}]"), reason, text));
        self.errors.push(error.into());
    }

    fn push_middlewares(&mut self, annotation: &str, names: &[Arc<str>]) {
        const REMEDY: &str = "this version has no middlewares, remove the annotation if the route is safe without";
        for name in names.iter().take(MAX_TOLD) {
            let error = format!("middleware {} does not exist", excerpt(&qualified(name)));
            self.push(annotation, "MiddlewareNotFound", error, REMEDY);
        }
        if names.len() > MAX_TOLD {
            self.errors.push(format!("and {} more middlewares do not exist", names.len() - MAX_TOLD).into());
        }
    }

    fn push_forbidden(&mut self, annotation: &str, what: &str, namespace: &str) {
        let error = format!("{what} cannot be referred to from namespace {}", excerpt(namespace));
        self.push(annotation, "CrossProviderNotAllowed", error, "add the namespace to crossProviderNamespaces");
    }
}

/// Whether an Ingress refers to something that its namespace may not refer to. The reference then reads no further.
pub(super) fn crosses_forbidden(router: &RouterOptions, namespace: &str, options: &Options) -> Option<Refusals> {
    if options.cross_provider.allows(namespace) {
        return None;
    }
    let mut refusals = Refusals::default();
    if !router.middlewares.is_empty() {
        refusals.push_forbidden("router.middlewares", "middlewares", namespace);
    }
    if router.tls.as_ref().is_some_and(|tls| !tls.options.is_empty()) {
        refusals.push_forbidden("router.tls.options", "TLS options", namespace);
    }
    (!refusals.is_empty()).then_some(refusals)
}

/// Why the routers of an Ingress answer 503.
pub(super) fn of_router(router: &RouterOptions, namespace: &str, model: &Model, options: &Options) -> Refusals {
    // What may not be referred to is not looked for.
    let mut refusals = match crosses_forbidden(router, namespace, options) {
        Some(forbidden) => forbidden,
        None => unknown_to_router(router, model),
    };
    if router.priority > MAX_USER_PRIORITY {
        let priority = router.priority;
        let error = format!("the router priority {priority} exceeds the max user-defined priority {MAX_USER_PRIORITY}");
        refusals.push("router.priority", "InvalidPriority", error, "lower it");
    }
    refusals
}

fn unknown_to_router(router: &RouterOptions, model: &Model) -> Refusals {
    let mut refusals = Refusals::default();
    let wanted = router.tls.as_ref().map(|tls| security::options_key(&tls.options));
    if let Some(wanted) = wanted.filter(|wanted| !model.has_tls_options(wanted)) {
        let remedy = "this version knows only the default options, remove the annotation to use them";
        refusals.push("router.tls.options", "TlsOptionsNotFound", wanted.unknown(), remedy);
    }
    refusals.push_middlewares("router.middlewares", &router.middlewares);
    refusals
}

/// Why the routers of an Ingress that names no TLS options of its own answer 503 on entry points that do. If those are all
/// it listens on, its routers refuse altogether.
pub(super) fn of_entry_points(secured: &[Secured], listens_on: &[Arc<str>]) -> Refusals {
    let mut refusals = Refusals::default();
    let refused = secured.iter().filter(|secured| secured.standing == OptionsStanding::Refused);
    for Secured { entry_point, options, .. } in refused {
        let error = options.unknown();
        let text = format!(
            "{error}; TLS requests on entry point {entry_point} are answered with 503: this version knows only the \
             default options, name none for the entry point or use the annotation router.tls.options"
        );
        refusals.problems.push(Problem::error(security::place_of(entry_point), "TlsOptionsNotFound", text));
        refusals.errors.push(error.into());
    }
    if refusals.problems.len() < listens_on.len() {
        refusals.errors.clear();
    }
    refusals.errors.dedup();
    refusals
}

/// Why every router to a Service answers 503.
pub(super) fn of_service(service: &ServiceOptions, namespace: &str, options: &Options) -> Refusals {
    let mut refusals = Refusals::default();
    let allowed = options.cross_provider.allows(namespace);
    match &*service.servers_transport {
        "" => {}
        _ if !allowed => refusals.push_forbidden("service.serverstransport", "a serversTransport", namespace),
        "default@internal" => {}
        unknown => {
            let shown = excerpt(&qualified(unknown));
            let error = format!("getting RoundTripper: servers transport not found {}", shown.trim_matches('"'));
            let remedy = "this version knows only default@internal, remove the annotation to use it";
            refusals.push("service.serverstransport", "TransportNotFound", error, remedy);
        }
    }
    match service.middlewares.is_empty() {
        true => {}
        false if !allowed => refusals.push_forbidden("service.middlewares", "middlewares", namespace),
        false => refusals.push_middlewares("service.middlewares", &service.middlewares),
    }
    refusals
}
