//! The matchers of the v2 syntax (`spec/http.md` 1.7), expressed with those of v3.
//!
//! Lists become `Or` or `And`; templates such as `/id/{n:[0-9]+}` become anchored regular expressions. So nothing behind
//! this file knows that there are two syntaxes.
use std::sync::Arc;

use super::ast::{Call, Expr};
use super::build::{ascii, network, with_slash};
use super::error::MatcherError;
use super::go_regexp::{quote_meta, translate};
use super::host::{HostPattern, without_trailing_dot};
use super::matcher::{HeaderKey, Matcher};
use super::pattern::{Pattern, Patterns};

/// The matchers of the v2 syntax.
pub(super) const NAMES: &[&str] = &[
    "Host",
    "HostHeader",
    "HostRegexp",
    "Path",
    "PathPrefix",
    "Method",
    "Headers",
    "HeadersRegexp",
    "Query",
    "ClientIP",
];

/// What a part `{name}` without an expression of its own stands for.
const HOST_PART: &str = "[^.]+";
const PATH_PART: &str = "[^/]+";
const QUERY_PART: &str = ".*";

/// The expression for one call whose arguments are known not to be empty.
pub(super) fn expression(call: &Call, patterns: &mut Patterns) -> Result<Expr, MatcherError> {
    let arguments = &*call.arguments;
    let mut compile = |source: &str| patterns.compile(source, call.matcher);
    let joined = match call.matcher {
        "Host" | "HostHeader" => any(arguments, |host| literal_host(ascii(host, call.matcher)?, &mut compile)),
        "HostRegexp" => any(arguments, |host| {
            let source = expand(ascii(host, call.matcher)?, HOST_PART)?;
            Ok(Matcher::HostRegexp(compile(&format!("(?i)^{source}$"))?))
        }),
        "Path" => any(arguments, |path| match template(&with_slash(path)?, PATH_PART)? {
            None => Ok(Matcher::Path(Arc::clone(path))),
            Some(source) => Ok(Matcher::PathRegexp(compile(&format!("^{source}$"))?)),
        }),
        "PathPrefix" => any(arguments, |path| match template(&with_slash(path)?, PATH_PART)? {
            None => Ok(Matcher::PathPrefix(Arc::clone(path))),
            Some(source) => Ok(Matcher::PathRegexp(compile(&format!("^{source}"))?)),
        }),
        "Method" => any(arguments, |method| Ok(Matcher::Method(method.to_ascii_uppercase().into()))),
        "Headers" => {
            all_pairs(arguments, |key, value| Ok(Matcher::Header(HeaderKey::new(Arc::clone(key)), Arc::clone(value))))
        }
        "HeadersRegexp" => all_pairs(arguments, |key, value| {
            Ok(Matcher::HeaderRegexp(HeaderKey::new(Arc::clone(key)), compile(value)?))
        }),
        "Query" => all_pairs(&split_at_equals(arguments), |key, value| query(key, value, &mut compile)),
        "ClientIP" => any(arguments, |address| Ok(Matcher::ClientIp(network(address)?))),
        other => return Err(MatcherError::ParameterCount { got: other.len(), expected: &[] }),
    }?;
    joined.ok_or(MatcherError::NoArguments { matcher: call.matcher })
}

fn any(
    arguments: &[Arc<str>],
    mut build: impl FnMut(&Arc<str>) -> Result<Matcher, MatcherError>,
) -> Result<Option<Expr>, MatcherError> {
    let members = arguments.iter().map(|argument| build(argument).map(Expr::call)).collect::<Result<_, _>>()?;
    Ok(Expr::any(members))
}

fn all_pairs(
    arguments: &[Arc<str>],
    mut build: impl FnMut(&Arc<str>, &Arc<str>) -> Result<Matcher, MatcherError>,
) -> Result<Option<Expr>, MatcherError> {
    let (pairs, rest) = arguments.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(MatcherError::OddPairs { arguments: arguments.to_vec() });
    }
    let members = pairs.iter().map(|[key, value]| build(key, value).map(Expr::call)).collect::<Result<_, _>>()?;
    Ok(Expr::all(members))
}

/// A host that is compared as a whole. Stars have no meaning in v2, so such a host needs an expression that says so.
fn literal_host(
    host: &str,
    compile: &mut impl FnMut(&str) -> Result<Pattern, MatcherError>,
) -> Result<Matcher, MatcherError> {
    if !host.contains('*') {
        return Ok(Matcher::Host(HostPattern::new(host)));
    }
    let quoted = quote_meta(&without_trailing_dot(host).to_ascii_lowercase());
    Ok(Matcher::HostRegexp(compile(&format!(r"^{quoted}\.?$"))?))
}

/// `["a=1", "b=2"]` as `["a", "1", "b", "2"]`. An argument without `=` stays one, so that the pairs no longer add up.
fn split_at_equals(arguments: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut flat = Vec::with_capacity(arguments.len() * 2);
    for argument in arguments {
        match argument.split_once('=') {
            Some((key, value)) => flat.extend([Arc::from(key), Arc::from(value)]),
            None => flat.push(Arc::clone(argument)),
        }
    }
    flat
}

fn query(
    key: &Arc<str>,
    value: &str,
    compile: &mut impl FnMut(&str) -> Result<Pattern, MatcherError>,
) -> Result<Matcher, MatcherError> {
    Ok(match template(value, QUERY_PART)? {
        None if value.is_empty() => Matcher::QueryRegexp(Arc::clone(key), compile(QUERY_PART)?),
        None => Matcher::Query(Arc::clone(key), value.into()),
        Some(source) => Matcher::QueryRegexp(Arc::clone(key), compile(&format!("^{source}$"))?),
    })
}

/// The expression for `text`, or `None` if it has no parts in braces.
fn template(text: &str, default: &str) -> Result<Option<String>, MatcherError> {
    if text.contains(['{', '}']) { expand(text, default).map(Some) } else { Ok(None) }
}

/// Turns `text` into an expression, not anchored: parts in braces become groups, all else is quoted. `default` is the
/// expression of a part that has only a name. Braces inside a part have to pair up, as in `{n:[0-9]{2}}`.
fn expand(text: &str, default: &str) -> Result<String, MatcherError> {
    let unbalanced = || MatcherError::UnbalancedBraces { template: text.into() };
    let mut source = String::with_capacity(text.len() + 16);
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => {
                if depth == 0 {
                    source.push_str(&quote_meta(&text[start..at]));
                    start = at;
                }
                depth += 1;
            }
            b'}' => {
                depth = depth.checked_sub(1).ok_or_else(unbalanced)?;
                if depth == 0 {
                    push_part(&mut source, &text[start..=at], default)?;
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err(unbalanced());
    }
    source.push_str(&quote_meta(&text[start..]));
    Ok(source)
}

/// Appends the group for `part`, which is `{name}` or `{name:expression}` with its braces.
fn push_part(source: &mut String, part: &str, default: &str) -> Result<(), MatcherError> {
    let inner = &part[1..part.len() - 1];
    let (name, expression) = inner.split_once(':').unwrap_or((inner, default));
    if name.is_empty() || expression.is_empty() {
        return Err(MatcherError::MissingNameOrPattern { part: part.to_owned() });
    }
    // On its own, so that `a)(b` cannot break out of its group.
    translate(expression).map_err(|problem| MatcherError::Regexp { shown_as: "template", problem })?;
    source.push_str("(?:");
    source.push_str(expression);
    source.push(')');
    Ok(())
}
