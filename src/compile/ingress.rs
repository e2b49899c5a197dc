//! One Ingress: its paths become routers, or findings that say why not (spec/ingress.md 6).
use super::balancers::{Balancers, View};
use super::classes::{Selection, select};
use super::default_backend::DefaultRoute;
use super::model::Model;
use super::options::Options;
use super::paths::{self, Draft};
use super::refusals::{self, Refusals};
use super::rules::Dialect;
use super::security;
use super::services::{Role, Wanted};
use crate::model::facts::{Backend, IngressFact, IngressPath, RouterOptions, RouterTls, RulesPresent};
use crate::model::finding::{Finding, Problem, excerpt};
use crate::model::keys::ObjectRef;
use crate::model::plan::{Origin, Router, Secured};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an Ingress compiles to.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// Its routers, without the default one; no key twice.
    pub routers: Vec<Arc<Router>>,
    /// Its default backend, which competes with those of other Ingresses.
    pub default: Option<DefaultRoute>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// Whether and how an Ingress is read.
pub(super) enum Admission<'a> {
    /// Not ours, or its annotations do not read: nothing of it is served (spec/ingress.md 6, steps 1 and 3).
    Closed(Selection),
    /// It refers to what its namespace may not refer to: its routers answer 503, its Secrets are not read (step 4).
    Forbidden(&'a Arc<RouterOptions>),
    /// As written.
    Open(&'a Arc<RouterOptions>),
}

impl<'a> Admission<'a> {
    pub(super) fn of(fact: &'a IngressFact, model: &Model, options: &Options) -> Self {
        match (select(fact, model, options), &fact.options) {
            (Selection::Foreign, _) => Self::Closed(Selection::Foreign),
            (Selection::Ours, Err(_)) => Self::Closed(Selection::Ours),
            (Selection::Ours, Ok(router)) => match refusals::crosses_forbidden(router, &fact.key.namespace, options) {
                Some(_) => Self::Forbidden(router),
                None => Self::Open(router),
            },
        }
    }

    fn router_options(&self) -> Option<&'a Arc<RouterOptions>> {
        match self {
            Self::Closed(_) => None,
            Self::Forbidden(router) | Self::Open(router) => Some(router),
        }
    }
}

/// The load balancers that compiling `fact` will look at. They are asked for before, and so exist by then.
pub(super) fn wanted(fact: &IngressFact, model: &Model, options: &Options) -> BTreeSet<Wanted> {
    if Admission::of(fact, model, options).router_options().is_none() {
        return BTreeSet::new();
    }
    let paths = fact.rules.iter().flat_map(|rule| &rule.paths);
    let mut wanted: BTreeSet<Wanted> = paths.filter_map(|path| wanted_by(&path.backend, Role::Path)).collect();
    wanted.extend(default_backend(fact).and_then(|backend| wanted_by(backend, Role::Default)));
    wanted
}

fn wanted_by(backend: &Backend, role: Role) -> Option<Wanted> {
    match backend {
        Backend::Service { service, port } => Some(Wanted { service: service.clone(), port: port.clone(), role }),
        Backend::Resource | Backend::Missing => None,
    }
}

/// `spec.defaultBackend`, where it counts: in an Ingress without rules.
fn default_backend(fact: &IngressFact) -> Option<&Backend> {
    fact.default_backend.as_ref().filter(|_| fact.rules_present == RulesPresent::No)
}

/// Compiles `fact`. Everything it needs of other objects is in `balancers` and, for its class, in `model`.
pub(super) fn compile(fact: &IngressFact, model: &Model, balancers: &Balancers, options: &Options) -> Compiled {
    let about = ObjectRef::from(&fact.key);
    let admission = Admission::of(fact, model, options);
    let router_options = match (&admission, admission.router_options()) {
        (_, Some(router_options)) => router_options,
        (Admission::Closed(Selection::Foreign), None) => return Compiled::default(),
        (_, None) => {
            let unreadable = fact.options.as_ref().err().into_iter().flatten();
            let problems = unreadable.chain(&fact.problems).cloned();
            return Compiled {
                findings: problems.map(|problem| problem.about(about.clone())).collect(),
                ..Compiled::default()
            };
        }
    };
    let mut problems = fact.problems.clone();
    let shared = Shared::new(fact, router_options, model, options, &mut problems);
    let context = Context { balancers, options, shared: &shared };
    let drafts = context.drafts(fact, &mut problems);
    let routers = paths::finish(drafts, &shared, &mut problems);
    let default = default_backend(fact).and_then(|backend| context.default_route(backend, &mut problems));
    let findings = problems.into_iter().map(|problem| problem.about(about.clone())).collect();
    Compiled { routers, default, findings }
}

/// What all routers of one Ingress have in common.
pub(super) struct Shared {
    pub origin: Origin,
    pub options: Arc<RouterOptions>,
    pub tls: Option<Arc<RouterTls>>,
    pub secured: Arc<[Secured]>,
    pub dialect: Dialect,
    pub entry_points: Arc<[Arc<str>]>,
    /// Entry points that do not exist.
    pub missing_entry_points: Vec<Arc<str>>,
    /// Why they answer 503.
    pub refused: Vec<Arc<str>>,
}

impl Shared {
    fn new(
        fact: &IngressFact,
        router: &Arc<RouterOptions>,
        model: &Model,
        options: &Options,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let namespace = &fact.key.namespace;
        let Refusals { errors: mut refused, problems: why } = refusals::of_router(router, namespace, model, options);
        problems.extend(why);
        let (entry_points, missing_entry_points) = entry_points(router, options, problems);
        let secured = security::secured(router.tls.as_ref(), &entry_points, namespace, model, options);
        if router.tls.is_none() {
            let Refusals { errors, problems: why } = refusals::of_entry_points(&secured, &entry_points);
            refused.extend(errors);
            problems.extend(why);
        }
        if entry_points.is_empty() {
            refused.insert(0, "no valid entryPoint for this router".into());
        }
        problems.extend(router.tls.as_ref().and_then(resolver_problem));
        Self {
            origin: Origin { ingress: fact.key.clone(), created: fact.created },
            options: router.clone(),
            tls: router.tls.clone().map(Arc::new),
            secured,
            dialect: Dialect::of(router, options),
            entry_points,
            missing_entry_points,
            refused,
        }
    }
}

/// What is said of a TLS block that asks for certificates to be made.
fn resolver_problem(tls: &RouterTls) -> Option<Problem> {
    if !tls.cert_resolver.is_empty() {
        let resolver = excerpt(&tls.cert_resolver);
        let text = format!("certificate resolver {resolver} does not exist; certificates are those of spec.tls");
        let path = "metadata.annotations[traefik.ingress.kubernetes.io/router.tls.certresolver]";
        return Some(Problem::warning(path, "CertResolverNotFound", text));
    }
    let path = "metadata.annotations[traefik.ingress.kubernetes.io/router.tls.domains]";
    let text = "the domains have no effect without a certificate resolver; certificates are those of spec.tls";
    (!tls.domains.is_empty()).then(|| Problem::warning(path, "DomainsWithoutResolver", text))
}

/// The entry points that exist, each once, and those that do not.
fn entry_points(
    router: &RouterOptions,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> (Arc<[Arc<str>]>, Vec<Arc<str>>) {
    if router.entry_points.is_empty() {
        return (options.default_entry_points.clone().into(), Vec::new());
    }
    let path = "metadata.annotations[traefik.ingress.kubernetes.io/router.entrypoints]";
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut missing = Vec::new();
    for name in &router.entry_points {
        if !options.entry_points.contains(name) {
            let text = format!("{}; known are {}", does_not_exist(name), options.entry_points.join(", "));
            problems.push(Problem::warning(path, "EntryPointNotFound", text));
            missing.push(name.clone());
        } else if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        let text = "no entry point is left and nothing is served; name one that exists or remove the annotation";
        problems.push(Problem::error(path, "NoEntryPoint", text));
    }
    (names.into(), missing)
}

/// The remark about an entry point, for the API.
pub(super) fn does_not_exist(entry_point: &str) -> String {
    format!("entryPoint {} doesn't exist", excerpt(entry_point))
}

/// A load balancer, and why routers to it answer 503.
type Found = (Wanted, Arc<[Arc<str>]>);

struct Context<'a> {
    balancers: &'a Balancers,
    options: &'a Options,
    shared: &'a Shared,
}

impl Context<'_> {
    fn drafts(&self, fact: &IngressFact, problems: &mut Vec<Problem>) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for rule in &fact.rules {
            for path in &rule.paths {
                let place = format!("spec.rules[{}].http.paths[{}]", rule.index, path.index);
                match self.draft(&rule.host, path, place) {
                    Ok(draft) => drafts.push(draft),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        drafts
    }

    fn draft(&self, host: &Arc<str>, path: &IngressPath, place: String) -> Result<Draft, Problem> {
        let (wanted, refused) = self.balancer(&path.backend, Role::Path, &format!("{place}.backend"))?;
        Draft::new(self.shared, host, path, wanted.key(), refused, place, self.options)
    }

    fn default_route(&self, backend: &Backend, problems: &mut Vec<Problem>) -> Option<DefaultRoute> {
        match self.balancer(backend, Role::Default, "spec.defaultBackend") {
            Ok((wanted, refused)) => Some(DefaultRoute::new(self.shared, wanted, &refused)),
            Err(problem) => {
                problems.push(problem);
                None
            }
        }
    }

    /// The load balancer of a backend and why it refuses; or why there is none.
    fn balancer(&self, backend: &Backend, role: Role, place: &str) -> Result<Found, Problem> {
        let Some(wanted) = wanted_by(backend, role) else {
            let (reason, text) = match backend {
                Backend::Resource => ("UnsupportedBackend", "resource backends are not supported; use service"),
                _ => ("MissingBackend", "neither a service nor a resource is named; add service"),
            };
            return Err(Problem::error(place, reason, text));
        };
        let (reason, what, remedy) = match self.balancers.view(&wanted, self.options) {
            Some(View::Ready { refused }) => return Ok((wanted, refused)),
            Some(View::Broken(error)) => (error.reason(), error.to_string(), error.remedy()),
            Some(View::NoEndpoints) => {
                let remedy = "start pods that are ready, check the selector, or set allowEmptyServices";
                ("NoEndpoints", "service has no endpoints".to_owned(), remedy)
            }
            // Asked for before compiling, so this does not happen; a finding shows it if it ever does.
            None => ("ServiceNotFound", "service was not asked for".to_owned(), "report this as an error"),
        };
        let port = wanted.port.to_string();
        let shown = excerpt(&format!("{}:{}", wanted.service, if port == "0" { "" } else { &port }));
        Err(Problem::error(place, reason, format!("service {}: {what}; {remedy}", shown.trim_matches('"'))))
    }
}
