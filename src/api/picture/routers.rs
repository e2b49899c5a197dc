//! From a router of the plan to the routers that the API shows: usually one, several where entry points apply rules of
//! their own (spec/http.md 1.11) or where TLS options conflict (5.6).
use super::bodies::{ObservabilityBody, RouterBody, TlsBody};
use super::conflicts::{self, DEFAULT_OPTIONS};
use super::names::Names;
use super::{Entry, KUBERNETES, qualified};
use crate::api::options::{ApiOptions, EntryPointRules};
use crate::model::facts::RouterTls;
use crate::model::finding::excerpt;
use crate::model::plan::{OptionsStanding, Precedence, Router, Status};
use crate::model::tls::TlsOptionsKey;
use std::borrow::Cow;
use std::sync::Arc;

/// A router as shown, with the position of its load balancer for [`super::services`].
#[derive(Debug)]
pub struct Shown<'p> {
    /// What is shown.
    pub entry: Entry<RouterBody<'p>>,
    /// Position of the load balancer in [`Names::balancers`].
    pub balancer: Option<usize>,
}

/// One of the forms in which a router is shown.
#[derive(Clone, Debug)]
pub struct Form<'p> {
    /// The router of the plan.
    pub router: &'p Router,
    /// Name without provider.
    pub name: Cow<'p, str>,
    /// Where this form listens.
    pub entry_points: Vec<&'p str>,
    /// Entry points that do not exist, where this form is the one that shows them.
    pub missing: &'p [Arc<str>],
    /// What that entry point applies; `None` for nothing.
    pub rules: Option<&'p EntryPointRules>,
    /// TLS block: the router's, else the entry point's.
    pub tls: Option<&'p RouterTls>,
    /// TLS options that it wants and cannot have: it answers 503.
    pub refused: Option<&'p TlsOptionsKey>,
    /// The router's errors, and those of this form.
    pub errors: Vec<Cow<'p, str>>,
}

impl Form<'_> {
    /// Name of its TLS options.
    pub fn tls_options(&self) -> &str {
        self.tls.map(|tls| &*tls.options).filter(|options| !options.is_empty()).unwrap_or(DEFAULT_OPTIONS)
    }
}

/// All routers of the plan as they are shown, in no order.
pub fn of<'p>(names: &Names<'p>, options: &'p ApiOptions) -> Vec<Shown<'p>> {
    let mut forms = Vec::with_capacity(names.routers.len());
    for (router, name) in &names.routers {
        split(router, name.clone(), options, &mut forms);
    }
    conflicts::resolve(forms).into_iter().map(|form| shown(form, names)).collect()
}

/// The forms of a router: one per entry point with rules, one for all others. A router of one entry point keeps its name.
fn split<'p>(router: &'p Router, name: Cow<'p, str>, options: &'p ApiOptions, forms: &mut Vec<Form<'p>>) {
    let form = |name: Cow<'p, str>, entry_points: Vec<&'p str>, rules: Option<&'p EntryPointRules>| {
        let refused = refused(router, &entry_points);
        let mut errors: Vec<Cow<'p, str>> = router.errors.iter().map(|error| Cow::Borrowed(&**error)).collect();
        let unknown = refused.filter(|_| router.status() != Status::Disabled).map(|options| options.unknown());
        errors.extend(unknown.map(Cow::Owned));
        let tls = router.tls.as_deref().or_else(|| rules.and_then(|rules| rules.tls.as_deref()));
        Form { router, name, entry_points, missing: &[], rules, tls, refused, errors }
    };
    if let ([only], []) = (&*router.entry_points, &*router.missing_entry_points) {
        forms.push(form(name, vec![only], options.rules_of(only)));
        return;
    }
    let mut together: Vec<&str> = Vec::with_capacity(router.entry_points.len());
    for entry_point in router.entry_points.iter() {
        match options.rules_of(entry_point) {
            Some(rules) => forms.push(form(format!("{entry_point}-{name}").into(), vec![entry_point], Some(rules))),
            None => together.push(entry_point),
        }
    }
    let missing = &*router.missing_entry_points;
    if !together.is_empty() || !missing.is_empty() || router.entry_points.is_empty() {
        forms.push(Form { missing, ..form(name, together, None) });
    }
}

/// The options that `router` wants and cannot have, if it is so on one of these entry points.
fn refused<'p>(router: &'p Router, entry_points: &[&str]) -> Option<&'p TlsOptionsKey> {
    let mut refused = router.secured.iter().filter(|secured| secured.standing == OptionsStanding::Refused);
    refused.find(|secured| entry_points.contains(&&*secured.entry_point)).map(|secured| &secured.options)
}

fn shown<'p>(form: Form<'p>, names: &Names<'p>) -> Shown<'p> {
    let router = form.router;
    let missing = missing_middlewares(form.rules, KUBERNETES);
    let status = match router.status() {
        _ if !missing.is_empty() || form.refused.is_some() => Status::Disabled,
        Status::Enabled if !form.errors.is_empty() => Status::Warning,
        status => status,
    };
    let body = RouterBody {
        middlewares: middlewares(&form, status),
        service: names.balancer(router.action.balancer()),
        rule: router.rule.text().into(),
        rule_syntax: &router.shown_syntax,
        priority: priority(router),
        tls: form.tls.map(TlsBody::of),
        observability: ObservabilityBody::of(
            router.observability.as_ref(),
            form.rules.and_then(|rules| rules.observability.as_ref()),
            Some(&router.origin),
        ),
        error: form.errors.into_iter().chain(missing.into_iter().map(Cow::Owned)).collect(),
        status: status.into(),
        using: form.entry_points.clone(),
        entry_points: form.entry_points.into_iter().chain(form.missing.iter().map(|name| &**name)).collect(),
    };
    let balancer = names.position(router.action.balancer());
    Shown { entry: Entry { name: format!("{}@{KUBERNETES}", form.name), provider: KUBERNETES, body }, balancer }
}

/// What is said of a router whose entry point names middlewares that do not exist.
pub fn missing_middlewares(rules: Option<&EntryPointRules>, provider: &str) -> Vec<String> {
    let missing = rules.into_iter().flat_map(|rules| &rules.missing);
    missing.map(|name| format!("middleware {} does not exist", excerpt(&qualified(name, provider)))).collect()
}

/// The reference works priorities out when it builds the routers of an entry point: without one, only what was written
/// is shown.
fn priority(router: &Router) -> i64 {
    match router.precedence {
        Precedence::Bloc(_) if router.entry_points.is_empty() => 0,
        _ => router.shown_priority(),
    }
}

/// Middlewares of the entry point, then of the router, qualified. The reference looks at TLS options first, and leaves
/// the names of a router that it gives up there as they were written.
fn middlewares<'p>(form: &Form<'p>, status: Status) -> Vec<Cow<'p, str>> {
    let given_up_early = status == Status::Disabled && form.tls_options() != DEFAULT_OPTIONS;
    let of_entry_point = form.rules.into_iter().flat_map(|rules| &rules.middlewares);
    let all = of_entry_point.chain(&form.router.middlewares);
    all.map(|name| if given_up_early { Cow::Borrowed(&**name) } else { Cow::Owned(qualified(name, KUBERNETES)) })
        .collect()
}
