//! From the paths of one Ingress to routers: name-sakes are told apart, equal rules replaced, rules parsed.
//!
//! Time is linear in the number of paths (times the length of their texts): one Ingress may have ten thousand.
use super::ingress::{Shared, does_not_exist};
use super::names;
use super::options::Options;
use super::rules::{self, matcher};
use crate::model::facts::IngressPath;
use crate::model::finding::{Problem, excerpt};
use crate::model::keys::{BalancerKey, RouterKey};
use crate::model::plan::{Action, BlocRank, MAX_USER_PRIORITY, Precedence, Router, RouterRule};
use std::collections::HashMap;
use std::sync::Arc;

/// A router before its name-sakes are known and its rule is parsed.
pub(super) struct Draft {
    name: String,
    rule: Arc<str>,
    rank: BlocRank,
    balancer: BalancerKey,
    refused: Arc<[Arc<str>]>,
    /// Where the path stands in the Ingress.
    place: String,
}

impl Draft {
    pub(super) fn new(
        shared: &Shared,
        host: &str,
        path: &IngressPath,
        balancer: BalancerKey,
        refused: Arc<[Arc<str>]>,
        place: String,
        options: &Options,
    ) -> Result<Self, Problem> {
        let matcher = matcher(&path.path, path.path_type, &shared.options.path_matcher).map_err(|unknown| {
            let text = format!(
                "the annotation router.pathmatcher {} is no matcher for it; use Path, PathPrefix or PathRegexp",
                excerpt(unknown)
            );
            Problem::error(place.as_str(), "InvalidPathMatcher", text)
        })?;
        Ok(Self {
            name: names::router(&shared.origin.ingress, host, &path.path),
            rule: rules::text(host, &path.path, matcher, shared.dialect.syntax, options).into(),
            rank: rules::rank(host, &path.path, matcher),
            balancer,
            refused,
            place,
        })
    }
}

/// The routers of an Ingress: no rule twice.
pub(super) fn finish(drafts: Vec<Draft>, shared: &Shared, problems: &mut Vec<Problem>) -> Vec<Arc<Router>> {
    // Equal rules are counted as name-sakes too: so does the reference.
    let mut name_sakes: HashMap<Arc<str>, usize> = HashMap::new();
    for draft in &drafts {
        *name_sakes.entry(draft.name.as_str().into()).or_default() += 1;
    }
    let mut last: HashMap<Arc<str>, usize> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        last.insert(draft.rule.clone(), index);
    }
    for (index, draft) in drafts.iter().enumerate() {
        let winner = last.get(&draft.rule).filter(|winner| **winner != index).and_then(|winner| drafts.get(*winner));
        if let Some(winner) = winner {
            let text = format!("the same rule stands at {}, which replaces this one; remove one of them", winner.place);
            problems.push(Problem::warning(draft.place.as_str(), "DuplicateRule", text));
        }
    }
    let mut routers = Vec::with_capacity(last.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        if last.get(&draft.rule) != Some(&index) {
            continue;
        }
        let name = match name_sakes.get(draft.name.as_str()) {
            Some(count) if *count > 1 => names::hashed(&draft.name, &draft.rule),
            _ => draft.name.as_str().into(),
        };
        routers.push(Arc::new(router(draft, name, shared, problems)));
    }
    routers
}

fn router(draft: Draft, name: Arc<str>, shared: &Shared, problems: &mut Vec<Problem>) -> Router {
    let (rule, problem) = rules::parse(draft.rule.clone(), shared.dialect.syntax);
    if let Some(problem) = &problem {
        let cause = &problem.cause;
        let text = format!("host and path make no valid rule, nothing is served here: {cause}");
        problems.push(Problem::error(draft.place, "InvalidRule", text));
    }
    let precedence = match shared.options.priority {
        0 => Precedence::Bloc(draft.rank),
        // One above the limit is refused; it must not stand above the routers of our own while it is.
        priority => Precedence::Ranked(priority.min(MAX_USER_PRIORITY)),
    };
    let key = RouterKey::Path { ingress: shared.origin.ingress.clone(), rule: draft.rule };
    Router {
        shown_syntax: shared.dialect.shown.clone(),
        errors: errors(shared, &draft.refused).chain(problem.map(|problem| problem.full)).collect(),
        ..assemble(key, name, rule, precedence, draft.balancer, &draft.refused, shared)
    }
}

/// A router with all that it shares with the others of its Ingress.
pub(super) fn assemble(
    key: RouterKey,
    name: Arc<str>,
    rule: RouterRule,
    precedence: Precedence,
    balancer: BalancerKey,
    refused: &[Arc<str>],
    shared: &Shared,
) -> Router {
    let refuses = !shared.refused.is_empty() || !refused.is_empty();
    Router {
        key,
        name,
        origin: shared.origin.clone(),
        entry_points: shared.entry_points.clone(),
        missing_entry_points: shared.missing_entry_points.clone(),
        rule,
        shown_syntax: "".into(),
        precedence,
        tls: shared.tls.clone(),
        secured: shared.secured.clone(),
        middlewares: shared.options.middlewares.clone(),
        action: if refuses { Action::Refuse(balancer) } else { Action::Forward(balancer) },
        observability: shared.options.observability.clone(),
        errors: errors(shared, refused).collect(),
    }
}

fn errors<'a>(shared: &'a Shared, refused: &'a [Arc<str>]) -> impl Iterator<Item = Arc<str>> + 'a {
    let remarks = shared.missing_entry_points.iter().map(|name| does_not_exist(name).into());
    remarks.chain(shared.refused.iter().chain(refused).cloned())
}
