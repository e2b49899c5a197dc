//! The rule and the rank of one path (spec/ingress.md 9; architecture.md 3, difference 1).
use super::options::Options;
use crate::model::facts::{PathMatcher, PathType, RouterOptions};
use crate::model::plan::{BlocRank, HostRank, PathRank, RouterRule};
use crate::model::rule::{self, Syntax};
use std::sync::Arc;

/// How rules of one Ingress are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The matchers in use.
    pub syntax: Syntax,
    /// What the API shows: the user's text, or `v2` where that is the default.
    pub shown: Arc<str>,
}

impl Dialect {
    /// The annotation decides; without it, the static default.
    pub(super) fn of(router: &RouterOptions, options: &Options) -> Self {
        let shown = match (&*router.rule_syntax, options.default_rule_syntax) {
            ("", Syntax::V2) => "v2".into(),
            _ => router.rule_syntax.clone(),
        };
        Self { syntax: if &*shown == "v2" { Syntax::V2 } else { Syntax::V3 }, shown }
    }
}

/// How a path matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matcher {
    /// `Path`.
    Path,
    /// `PathPrefix`.
    PathPrefix,
    /// `PathRegexp`.
    PathRegexp,
}

/// The matcher for a path, or the annotation's text that is no matcher. A path that is empty needs none, and none is
/// checked.
pub(super) fn matcher<'a>(path: &str, path_type: PathType, annotated: &'a PathMatcher) -> Result<Matcher, &'a str> {
    match (path_type, annotated) {
        (PathType::Exact, _) => Ok(Matcher::Path),
        (PathType::Open, PathMatcher::Path) => Ok(Matcher::Path),
        (PathType::Open, PathMatcher::PathRegexp) => Ok(Matcher::PathRegexp),
        (PathType::Open, PathMatcher::Unknown(text)) if !path.is_empty() => Err(text),
        (PathType::Prefix | PathType::Open, _) => Ok(Matcher::PathPrefix),
    }
}

/// The text of the rule: host part and path part, as far as they are there. It goes into names and keys, so quoting and
/// spaces are exactly those of the reference.
pub(super) fn text(host: &str, path: &str, matcher: Matcher, syntax: Syntax, options: &Options) -> String {
    match (host.is_empty(), path.is_empty()) {
        (true, true) => String::new(),
        (false, true) => host_part(host, syntax),
        (true, false) => path_part(path, matcher, options),
        (false, false) => format!("{} && {}", host_part(host, syntax), path_part(path, matcher, options)),
    }
}

fn host_part(host: &str, syntax: Syntax) -> String {
    match host.strip_prefix("*.") {
        Some(rest) if syntax == Syntax::V2 => {
            format!("HostRegexp({})", rule::quote(&format!("{{subdomain:[a-zA-Z0-9-]+}}.{rest}")))
        }
        _ => format!("Host({})", rule::quote(host)),
    }
}

fn path_part(path: &str, matcher: Matcher, options: &Options) -> String {
    match matcher {
        Matcher::Path => format!("Path({})", rule::quote(path)),
        Matcher::PathRegexp => format!("PathRegexp({})", rule::quote(path)),
        Matcher::PathPrefix if options.strict_prefix_matching && path != "/" => {
            let bare = path.strip_suffix('/').unwrap_or(path);
            let below = format!("{bare}/");
            format!("(Path({}) || PathPrefix({}))", rule::quote(bare), rule::quote(&below))
        }
        Matcher::PathPrefix => format!("PathPrefix({})", rule::quote(path)),
    }
}

/// Why a rule does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleProblem {
    /// The whole text, as the API shows it.
    pub full: Arc<str>,
    /// The cause alone, without the rule.
    pub cause: String,
}

/// Longest text about a rule, in characters: the rule itself may be long, and is repeated in it.
const MAX_TOLD: usize = 512;

/// Parses a rule; one that does not parse is kept as text, with the reason. Its router is shown and matches nothing.
pub(super) fn parse(text: Arc<str>, syntax: Syntax) -> (RouterRule, Option<RuleProblem>) {
    match rule::parse(&text, syntax) {
        // One text for the key of the router and for its rule.
        Ok(rule) => (RouterRule::Parsed(Arc::new(rule::Rule { text, ..rule })), None),
        Err(error) => {
            let shown = error.to_string();
            let cause = shown.split_once(&*text).map_or(&*shown, |(_, cause)| cause.trim_start_matches(": "));
            let problem = RuleProblem { full: cut(&error.full()).into(), cause: cut(cause) };
            (RouterRule::Broken(text), Some(problem))
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TOLD) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where the path stands among the paths without a priority of their own.
pub(super) fn rank(host: &str, path: &str, matcher: Matcher) -> BlocRank {
    BlocRank {
        host: match host {
            "" | "*" => HostRank::None,
            wildcard if wildcard.starts_with('*') => HostRank::Wildcard,
            _ => HostRank::Exact,
        },
        path_length: u32::try_from(path.len()).unwrap_or(u32::MAX),
        path: match matcher {
            _ if path.is_empty() => PathRank::Prefix,
            Matcher::Path => PathRank::Exact,
            Matcher::PathPrefix => PathRank::Prefix,
            Matcher::PathRegexp => PathRank::Regexp,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_part_follows_type_annotation_and_strictness() {
        let strict = Options { strict_prefix_matching: true, ..Options::default() };
        let lax = Options::default();
        let unknown = PathMatcher::Unknown("x".into());
        let cases = [
            (PathType::Exact, &unknown, "/a", &lax, Ok(r#"Path("/a")"#)),
            (PathType::Prefix, &unknown, "/a", &lax, Ok(r#"PathPrefix("/a")"#)),
            (PathType::Open, &unknown, "/a", &lax, Err("x")),
            (PathType::Open, &unknown, "", &lax, Ok("")),
            (PathType::Open, &PathMatcher::Path, "/a", &strict, Ok(r#"Path("/a")"#)),
            (PathType::Open, &PathMatcher::PathRegexp, "^/a", &strict, Ok(r#"PathRegexp("^/a")"#)),
            (PathType::Open, &PathMatcher::PathPrefix, "/", &strict, Ok(r#"PathPrefix("/")"#)),
            (PathType::Prefix, &unknown, "/bar", &strict, Ok(r#"(Path("/bar") || PathPrefix("/bar/"))"#)),
            (PathType::Prefix, &unknown, "/bar/", &strict, Ok(r#"(Path("/bar") || PathPrefix("/bar/"))"#)),
        ];
        for (path_type, annotated, path, options, want) in cases {
            let got = matcher(path, path_type, annotated).map(|matcher| text("", path, matcher, Syntax::V3, options));
            assert_eq!(got.as_deref().map_err(|text| *text), want, "{path_type:?} {path}");
        }
    }

    #[test]
    fn a_wildcard_host_is_a_regular_expression_in_v2_only() {
        let options = Options::default();
        let host = |host, syntax| text(host, "", Matcher::Path, syntax, &options);
        assert_eq!(host("*.example", Syntax::V3), r#"Host("*.example")"#);
        assert_eq!(host("*.example", Syntax::V2), r#"HostRegexp("{subdomain:[a-zA-Z0-9-]+}.example")"#);
        assert_eq!(host("a.example", Syntax::V2), r#"Host("a.example")"#);
        assert_eq!(text("", "", Matcher::Path, Syntax::V3, &options), "");
    }

    #[test]
    fn ranks_put_host_before_length_before_exactness() {
        let order = [
            rank("", "/longest/of/all", Matcher::Path),
            rank("*.a.test", "/aaa", Matcher::PathRegexp),
            rank("*.a.test", "/aaa", Matcher::PathPrefix),
            rank("b.a.test", "", Matcher::PathPrefix),
            rank("b.a.test", "/a", Matcher::PathPrefix),
            rank("b.a.test", "/a", Matcher::Path),
            rank("b.a.test", "/ab", Matcher::PathPrefix),
        ];
        assert!(order.is_sorted());
        assert_eq!(rank("*", "/", Matcher::PathPrefix), rank("", "/", Matcher::PathPrefix));
    }
}
