//! Makes typed matchers of the calls of a [`Tree`]: the v3 table of `spec/http.md` 1.4, and what both syntaxes share.
use std::sync::Arc;

use super::Syntax;
use super::ast::{Call, Expr, Polarity, Tree};
use super::error::{BuildError, MatcherError};
use super::host::HostPattern;
use super::matcher::{HeaderKey, Matcher, Network};
use super::pattern::Patterns;
use super::v2;

/// The matchers of the v3 syntax.
pub(super) const NAMES: &[&str] = &[
    "Host",
    "HostRegexp",
    "Path",
    "PathPrefix",
    "PathRegexp",
    "Method",
    "Header",
    "HeaderRegexp",
    "Query",
    "QueryRegexp",
    "ClientIP",
];

/// The expression that `tree` stands for in `syntax`.
pub(super) fn expression(tree: &Tree, syntax: Syntax) -> Result<Expr, BuildError> {
    Builder { syntax, patterns: Patterns::new() }.build(tree, Polarity::Positive)
}

struct Builder {
    syntax: Syntax,
    patterns: Patterns,
}

impl Builder {
    /// `polarity` tells which operator an `&&` or `||` of the text has become; recursion is as deep as the parser allowed.
    fn build(&mut self, tree: &Tree, polarity: Polarity) -> Result<Expr, BuildError> {
        match (tree, polarity) {
            (Tree::Not(inner), _) => self.build(inner, polarity.flipped()),
            (Tree::Call(call), Polarity::Positive) => self.call(call),
            (Tree::Call(call), Polarity::Negative) => self.call(call).map(|expr| expr.negated()),
            (Tree::And(members), Polarity::Positive) | (Tree::Or(members), Polarity::Negative) => {
                self.members(members, polarity, "and", Expr::all)
            }
            (Tree::Or(members), Polarity::Positive) | (Tree::And(members), Polarity::Negative) => {
                self.members(members, polarity, "or", Expr::any)
            }
        }
    }

    fn members(
        &mut self,
        members: &[Tree],
        polarity: Polarity,
        operator: &'static str,
        join: fn(Vec<Expr>) -> Option<Expr>,
    ) -> Result<Expr, BuildError> {
        let mut built = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            let expr = self.build(member, polarity).map_err(|mut error| {
                // In Traefik a chain is a tree of pairs that leans to the left, and each pair adds its word to the error.
                error.within.insert(0, (operator, members.len() - index.max(1)));
                error
            })?;
            built.push(expr);
        }
        match join(built) {
            Some(expr) => Ok(expr),
            // The parser makes no operator without members.
            None => Err(no_arguments(operator)),
        }
    }

    fn call(&mut self, call: &Call) -> Result<Expr, BuildError> {
        let built = check(call).and_then(|()| match self.syntax {
            Syntax::V3 => matcher(call, &mut self.patterns).map(Expr::call),
            Syntax::V2 => v2::expression(call, &mut self.patterns),
        });
        built.map_err(|problem| BuildError { within: Vec::new(), matcher: call.matcher, problem })
    }
}

fn no_arguments(matcher: &'static str) -> BuildError {
    BuildError { within: Vec::new(), matcher, problem: MatcherError::NoArguments { matcher } }
}

/// What holds for the arguments of every matcher: there are some, and none is empty.
fn check(call: &Call) -> Result<(), MatcherError> {
    if call.arguments.is_empty() {
        return Err(MatcherError::NoArguments { matcher: call.matcher });
    }
    if call.arguments.iter().any(|argument| argument.is_empty()) {
        return Err(MatcherError::EmptyArguments { matcher: call.matcher, arguments: call.arguments.clone() });
    }
    Ok(())
}

fn matcher(call: &Call, patterns: &mut Patterns) -> Result<Matcher, MatcherError> {
    Ok(match (call.matcher, &*call.arguments) {
        ("Host", [host]) => Matcher::Host(HostPattern::new(ascii(host, call.matcher)?)),
        ("HostRegexp", [host]) => Matcher::HostRegexp(patterns.compile(ascii(host, call.matcher)?, "HostRegexp")?),
        ("Path", [path]) => Matcher::Path(with_slash(path)?),
        ("PathPrefix", [path]) => Matcher::PathPrefix(with_slash(path)?),
        // The other name in the text is Traefik's.
        ("PathRegexp", [path]) => Matcher::PathRegexp(patterns.compile(path, "PathPrefix")?),
        ("Method", [method]) => Matcher::Method(method.to_ascii_uppercase().into()),
        ("Header", [key, value]) => Matcher::Header(HeaderKey::new(Arc::clone(key)), Arc::clone(value)),
        ("HeaderRegexp", [key, value]) => {
            Matcher::HeaderRegexp(HeaderKey::new(Arc::clone(key)), patterns.compile(value, "HeaderRegexp")?)
        }
        // Without a value the parameter has to be there and empty.
        ("Query" | "QueryRegexp", [key]) => Matcher::Query(Arc::clone(key), "".into()),
        ("Query", [key, value]) => Matcher::Query(Arc::clone(key), Arc::clone(value)),
        ("QueryRegexp", [key, value]) => Matcher::QueryRegexp(Arc::clone(key), patterns.compile(value, "QueryRegexp")?),
        ("ClientIP", [address]) => Matcher::ClientIp(network(address)?),
        (name, arguments) => {
            return Err(MatcherError::ParameterCount { got: arguments.len(), expected: parameter_counts(name) });
        }
    })
}

fn parameter_counts(name: &str) -> &'static [usize] {
    match name {
        "Header" | "HeaderRegexp" => &[2],
        "Query" | "QueryRegexp" => &[1, 2],
        _ => &[1],
    }
}

/// `value`, if it is ASCII.
pub(super) fn ascii<'v>(value: &'v Arc<str>, matcher: &'static str) -> Result<&'v str, MatcherError> {
    if value.is_ascii() { Ok(value) } else { Err(MatcherError::NonAscii { matcher, value: Arc::clone(value) }) }
}

/// `path`, if it begins with a slash.
pub(super) fn with_slash(path: &Arc<str>) -> Result<Arc<str>, MatcherError> {
    if path.starts_with('/') {
        Ok(Arc::clone(path))
    } else {
        Err(MatcherError::PathWithoutSlash { path: Arc::clone(path) })
    }
}

pub(super) fn network(address: &Arc<str>) -> Result<Network, MatcherError> {
    Network::parse(address).ok_or_else(|| MatcherError::Address { value: Arc::clone(address) })
}
