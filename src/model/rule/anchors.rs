//! What the routing table can index of a rule: hosts and paths without which it cannot match.
//!
//! ```text
//! Host(`h`) && (Path(`/bar`) || PathPrefix(`/bar/`))   ->   h, = /bar, nothing left     h, /bar/*, nothing left
//! Host(`h`) && Header(`X`, `1`)                        ->   h, any path, the rule decides
//! HostRegexp(`x`)                                      ->   any host, any path, the rule decides
//! ```
//!
//! Two promises, both property-tested: if a rule matches, one of its anchors admits the request; if an anchor with
//! [`Residual::Nothing`] admits the request, the rule matches.
use std::sync::Arc;

use super::ast::{Expr, Polarity};
use super::host::{HostPattern, parent, without_trailing_dot};
use super::matcher::Matcher;

/// Most anchors of one rule; beyond that they are made coarser.
const MOST: usize = 64;

/// The hosts an anchor admits. Texts are lower case; compare with [`without_trailing_dot`] of the canonical host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostAnchor {
    /// This host, kept without a trailing dot.
    Exact(Arc<str>),
    /// One label, which may be empty, a dot, and this text.
    Wildcard(Arc<str>),
    /// Every host, and none.
    Any,
}

/// The routing paths an anchor admits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathAnchor {
    /// This path.
    Exact(Arc<str>),
    /// Paths that begin with these bytes.
    Prefix(Arc<str>),
    /// Every path.
    Any,
}

/// Whether a request that an anchor admits has to be shown to the rule as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Residual {
    /// The anchor alone decides: the rule matches.
    Nothing,
    /// The rule decides.
    Rule,
}

/// One place of a rule in the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Anchor {
    /// Hosts under which the rule is to be found.
    pub host: HostAnchor,
    /// Paths under which the rule is to be found.
    pub path: PathAnchor,
    /// What is left to do for a request found there.
    pub residual: Residual,
}

impl HostAnchor {
    /// Whether the canonical `host` is one of these.
    pub fn admits(&self, host: &str) -> bool {
        let host = without_trailing_dot(host);
        match self {
            Self::Exact(name) => host == &**name,
            Self::Wildcard(rest) => parent(host) == Some(&**rest),
            Self::Any => true,
        }
    }

    /// The hosts that are in both; `None` if there are none.
    fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, narrow) | (narrow, Self::Any) => Some(narrow.clone()),
            (Self::Exact(name), Self::Wildcard(rest)) | (Self::Wildcard(rest), Self::Exact(name)) => {
                (parent(name) == Some(&**rest)).then(|| Self::Exact(Arc::clone(name)))
            }
            (same, other) => (same == other).then(|| same.clone()),
        }
    }
}

impl PathAnchor {
    /// Whether the routing path `path` is one of these.
    pub fn admits(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == &**exact,
            Self::Prefix(prefix) => path.starts_with(&**prefix),
            Self::Any => true,
        }
    }

    /// The paths that are in both; `None` if there are none.
    fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, narrow) | (narrow, Self::Any) => Some(narrow.clone()),
            (Self::Exact(path), admitting) | (admitting, Self::Exact(path)) => {
                admitting.admits(path).then(|| Self::Exact(Arc::clone(path)))
            }
            (Self::Prefix(one), Self::Prefix(two)) => {
                let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
                long.starts_with(&**short).then(|| Self::Prefix(Arc::clone(long)))
            }
        }
    }
}

impl Anchor {
    /// The anchor that says nothing.
    const ANYWHERE: Self = Self { host: HostAnchor::Any, path: PathAnchor::Any, residual: Residual::Rule };

    /// Whether a request with this canonical host and routing path is found here.
    pub fn admits(&self, host: &str, path: &str) -> bool {
        self.host.admits(host) && self.path.admits(path)
    }

    fn of_host(host: HostAnchor) -> Self {
        Self { host, path: PathAnchor::Any, residual: Residual::Nothing }
    }

    fn of_path(path: PathAnchor) -> Self {
        Self { host: HostAnchor::Any, path, residual: Residual::Nothing }
    }

    fn intersection(&self, other: &Self) -> Option<Self> {
        Some(Self {
            host: self.host.intersection(&other.host)?,
            path: self.path.intersection(&other.path)?,
            residual: self.residual.max(other.residual),
        })
    }

    /// How much it narrows the search, for the choice between two lists.
    fn weight(&self) -> usize {
        let host = match self.host {
            HostAnchor::Exact(_) => 4,
            HostAnchor::Wildcard(_) => 3,
            HostAnchor::Any => 0,
        };
        host + usize::from(self.path != PathAnchor::Any)
    }
}

/// The places of `expr` in the index, sorted and each once, at most 64. An empty list means that the rule never matches.
pub fn anchors(expr: &Expr) -> Vec<Anchor> {
    match expr {
        Expr::Call { polarity: Polarity::Positive, matcher } => of_matcher(matcher),
        Expr::Call { polarity: Polarity::Negative, .. } => vec![Anchor::ANYWHERE],
        Expr::Or(members) => bounded(members.iter().flat_map(anchors).collect()),
        Expr::And(members) => {
            let anywhere = vec![Anchor { residual: Residual::Nothing, ..Anchor::ANYWHERE }];
            members.iter().fold(anywhere, |so_far, member| both(&so_far, &anchors(member)))
        }
    }
}

/// Every host that a `Host` matcher of `expr` names without negation, each once, in lower case: names, `*.rest` and `*`.
/// TLS options are found by them (`spec/http.md` 5.5).
pub fn hosts(expr: &Expr) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    collect_hosts(expr, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect_hosts(expr: &Expr, found: &mut Vec<Arc<str>>) {
    match expr {
        Expr::And(members) | Expr::Or(members) => members.iter().for_each(|member| collect_hosts(member, found)),
        Expr::Call { polarity: Polarity::Positive, matcher: Matcher::Host(pattern) } => found.push(pattern.text()),
        Expr::Call { .. } => {}
    }
}

fn of_matcher(matcher: &Matcher) -> Vec<Anchor> {
    match matcher {
        Matcher::Host(HostPattern::Exact(name)) => vec![Anchor::of_host(HostAnchor::Exact(Arc::clone(name)))],
        Matcher::Host(HostPattern::Wildcard(rest)) => vec![Anchor::of_host(HostAnchor::Wildcard(Arc::clone(rest)))],
        Matcher::Host(HostPattern::Any) => vec![Anchor::of_host(HostAnchor::Any)],
        Matcher::Host(HostPattern::Never(_)) => Vec::new(),
        Matcher::Path(path) => vec![Anchor::of_path(PathAnchor::Exact(Arc::clone(path)))],
        Matcher::PathPrefix(prefix) => vec![Anchor::of_path(PathAnchor::Prefix(Arc::clone(prefix)))],
        Matcher::HostRegexp(_)
        | Matcher::PathRegexp(_)
        | Matcher::Method(_)
        | Matcher::Header(..)
        | Matcher::HeaderRegexp(..)
        | Matcher::Query(..)
        | Matcher::QueryRegexp(..)
        | Matcher::ClientIp(_) => vec![Anchor::ANYWHERE],
    }
}

/// Anchors for the conjunction: every intersection if they are few enough, else those of one side.
fn both(left: &[Anchor], right: &[Anchor]) -> Vec<Anchor> {
    let pairs = left.iter().flat_map(|one| right.iter().filter_map(|two| one.intersection(two)));
    let exact = distinct(pairs.collect());
    if exact.len() <= MOST {
        return exact;
    }
    let without_paths = distinct(exact.into_iter().map(without_path).collect());
    if without_paths.len() <= MOST {
        return without_paths;
    }
    // Each side alone is sound, since both must hold.
    let narrower = |side: &[Anchor]| side.iter().map(Anchor::weight).min().unwrap_or(usize::MAX);
    let better = if narrower(left) >= narrower(right) { left } else { right };
    better.iter().map(|anchor| Anchor { residual: Residual::Rule, ..anchor.clone() }).collect()
}

/// `anchors`, made coarser until they are few enough.
fn bounded(anchors: Vec<Anchor>) -> Vec<Anchor> {
    let exact = distinct(anchors);
    if exact.len() <= MOST {
        return exact;
    }
    let without_paths = distinct(exact.into_iter().map(without_path).collect());
    if without_paths.len() <= MOST { without_paths } else { vec![Anchor::ANYWHERE] }
}

fn without_path(anchor: Anchor) -> Anchor {
    let residual = if anchor.path == PathAnchor::Any { anchor.residual } else { Residual::Rule };
    Anchor { host: anchor.host, path: PathAnchor::Any, residual }
}

/// Each place once. Where two anchors differ only in what is left to do, the one that leaves nothing is enough: it sorts
/// first and `dedup` keeps the first.
fn distinct(mut anchors: Vec<Anchor>) -> Vec<Anchor> {
    anchors.sort();
    anchors.dedup_by(|later, kept| later.host == kept.host && later.path == kept.path);
    anchors
}
