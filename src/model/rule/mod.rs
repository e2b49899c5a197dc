//! The router rule language: text such as ``Host(`a.test`) && PathPrefix(`/x`)`` becomes an [`Expr`] that answers whether a
//! request matches.
//!
//! The way of a rule: `lexer` and `parser` turn text into a [`Tree`] of named calls (also of use for the TCP rules, which
//! have other names), `build` and `v2` turn calls into typed [`Matcher`]s, `anchors` extracts what the routing table can
//! index. Both syntaxes end in the same [`Expr`]; `print` writes it back as v3 text. The data plane makes a
//! [`RequestView`] with the help of `path` and `host` and calls [`Expr::matches`].
//!
//! Specification: `spec/http.md` 1.3 to 1.7.
use std::fmt;
use std::sync::Arc;

mod anchors;
mod ast;
mod build;
mod error;
mod go_regexp;
mod host;
mod lexer;
mod literal;
mod matcher;
mod parser;
mod path;
mod pattern;
mod print;
mod query;
mod request;
#[cfg(test)]
mod tests;
mod v2;

pub use anchors::{Anchor, HostAnchor, PathAnchor, Residual, anchors, hosts};
pub use ast::{Call, Expr, Polarity, Tree};
pub use error::{BuildError, MatcherError, RuleError, SyntaxError};
pub use go_regexp::{RegexpError, quote_meta, translate};
pub use host::{HostPattern, canonical_host, without_trailing_dot};
pub use matcher::{HeaderKey, Matcher, Network};
pub use parser::parse_tree;
pub use path::{BadEscape, normalize, routing_path, sanitize};
pub use pattern::Pattern;
pub use print::quote;
pub use request::RequestView;

/// Longest rule text that is read, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// Deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 64;
/// Most matcher calls in one rule.
pub const MAX_CALLS: usize = 1024;
/// Most string arguments in one rule, all calls together. Only the v2 syntax, with its lists, comes near it.
pub const MAX_ARGUMENTS: usize = 4096;

/// Which set of matchers a rule is written in (`spec/http.md` 1.4 and 1.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Syntax {
    /// The current matchers.
    #[default]
    V3,
    /// The matchers of Traefik 2, deprecated.
    V2,
}

impl Syntax {
    /// Reads the field `ruleSyntax`: any word but `v2` means v3 (`spec/http.md` 1.2).
    pub fn from_word(word: &str) -> Self {
        if word == "v2" { Self::V2 } else { Self::V3 }
    }

    /// The word used in configuration and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V2 => "v2",
        }
    }
}

/// A rule that can be evaluated, with the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The text as the user wrote it; its length is the default priority.
    pub text: Arc<str>,
    /// The syntax the text was read in.
    pub syntax: Syntax,
    /// What the text means.
    pub expr: Expr,
}

impl Rule {
    /// The text as the user wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The priority of a router that does not state one: the length of the text in bytes (`spec/http.md` 1.8).
    pub fn default_priority(&self) -> i64 {
        // Bounded by `MAX_TEXT`, so the conversion cannot fail.
        i64::try_from(self.text.len()).unwrap_or(i64::MAX)
    }

    /// Whether `request` matches.
    pub fn matches(&self, request: &RequestView<'_>) -> bool {
        self.expr.matches(request)
    }
}

/// Writes the canonical v3 text of the rule, which is not the text it was read from.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

/// Reads a rule. Never panics; time and memory are bounded by the `MAX_*` constants and the limits of [`Pattern`].
pub fn parse(text: &str, syntax: Syntax) -> Result<Rule, RuleError> {
    let names = match syntax {
        Syntax::V3 => build::NAMES,
        Syntax::V2 => v2::NAMES,
    };
    let tree = parse_tree(text, names)
        .map_err(|problem| RuleError::Parse { rule: error::shown_rule(text), problem: Box::new(problem) })?;
    let expr = build::expression(&tree, syntax)
        .map_err(|failure| RuleError::Add { rule: text.into(), failure: Box::new(failure) })?;
    Ok(Rule { text: text.into(), syntax, expr })
}
