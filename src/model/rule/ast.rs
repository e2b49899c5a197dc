//! The two trees of a rule: [`Tree`], what was written, and [`Expr`], what it means.
//!
//! An [`Expr`] is in a normal form, so that equal meaning of associativity and negation is equal data: operators have at
//! least two members, no member is of the same operator, and `!` stands at calls only (De Morgan).
use std::sync::Arc;

use super::matcher::Matcher;
use super::request::RequestView;

/// A parsed rule whose calls are known by name only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// All members, at least two.
    And(Vec<Tree>),
    /// Any member, at least two.
    Or(Vec<Tree>),
    /// The opposite.
    Not(Box<Tree>),
    /// One matcher.
    Call(Call),
}

/// A matcher's name, in its canonical spelling, and its arguments with escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// One of the names given to [`super::parse_tree`].
    pub matcher: &'static str,
    /// The arguments.
    pub arguments: Vec<Arc<str>>,
}

/// Whether a matcher must match or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// As written.
    Positive,
    /// Under an odd number of `!`.
    Negative,
}

impl Polarity {
    /// The other one.
    pub fn flipped(self) -> Self {
        match self {
            Self::Positive => Self::Negative,
            Self::Negative => Self::Positive,
        }
    }
}

/// What a rule means. Cheap to clone. Build it with [`Expr::all`], [`Expr::any`] and [`Expr::call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All members, at least two, none of them an `And`.
    And(Arc<[Expr]>),
    /// Any member, at least two, none of them an `Or`.
    Or(Arc<[Expr]>),
    /// One matcher.
    Call {
        /// Whether the matcher has to match.
        polarity: Polarity,
        /// The matcher.
        matcher: Matcher,
    },
}

impl Expr {
    /// A matcher that has to match.
    pub fn call(matcher: Matcher) -> Self {
        Self::Call { polarity: Polarity::Positive, matcher }
    }

    /// All of `members`. `None` for an empty list, which no rule text can express.
    pub fn all(members: Vec<Expr>) -> Option<Self> {
        let flat = flatten(members, |member| if let Self::And(inner) = member { Some(inner) } else { None });
        joined(flat, Self::And)
    }

    /// Any of `members`. `None` for an empty list, which no rule text can express.
    pub fn any(members: Vec<Expr>) -> Option<Self> {
        let flat = flatten(members, |member| if let Self::Or(inner) = member { Some(inner) } else { None });
        joined(flat, Self::Or)
    }

    /// The opposite, with the negation pushed down to the calls.
    pub fn negated(&self) -> Self {
        match self {
            Self::And(members) => Self::Or(members.iter().map(Self::negated).collect()),
            Self::Or(members) => Self::And(members.iter().map(Self::negated).collect()),
            Self::Call { polarity, matcher } => Self::Call { polarity: polarity.flipped(), matcher: matcher.clone() },
        }
    }

    /// Whether `request` matches. Members are tried from left to right and no more of them than needed.
    pub fn matches(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::And(members) => members.iter().all(|member| member.matches(request)),
            Self::Or(members) => members.iter().any(|member| member.matches(request)),
            Self::Call { polarity: Polarity::Positive, matcher } => matcher.matches(request),
            Self::Call { polarity: Polarity::Negative, matcher } => !matcher.matches(request),
        }
    }
}

/// `members` with the members of those that `inner` opens in their place. One level is enough: members are in normal form.
fn flatten(members: Vec<Expr>, inner: fn(&Expr) -> Option<&Arc<[Expr]>>) -> Vec<Expr> {
    let mut flat = Vec::with_capacity(members.len());
    for member in members {
        match inner(&member) {
            Some(nested) => flat.extend(nested.iter().cloned()),
            None => flat.push(member),
        }
    }
    flat
}

fn joined(mut members: Vec<Expr>, join: fn(Arc<[Expr]>) -> Expr) -> Option<Expr> {
    match members.len() {
        0 | 1 => members.pop(),
        _ => Some(join(members.into())),
    }
}
