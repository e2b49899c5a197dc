//! `/debug`: what each actor shows of itself, and what is wrong with users' objects. Ours, not Traefik's.
//!
//! The data are observations that the actors pushed to the debug actor; nothing is asked of a busy actor here.
use super::query::Query;
use super::{Ask, page, reply};
use crate::messages::debug::Observation;
use crate::model::finding::Finding;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response, StatusCode};

/// `/debug/actors`: JSON, or a page for those who come with a browser or ask for `?format=html`.
pub fn actors(mut observed: Vec<Observation>, ask: &Ask) -> Response<Bytes> {
    observed.sort_by_key(|observation| observation.actor);
    let for_people = match Query::parse(&ask.query).value("format") {
        "" => ask.accept.as_ref().is_some_and(wants_html),
        format => format == "html",
    };
    let mut response = match for_people {
        false => reply::json(&observed),
        true => reply::with(
            StatusCode::OK,
            &[
                (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                // The page needs its own style and nothing else; should an escape ever be missing, no script runs.
                (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'")),
            ],
            page::actors(&observed).into_bytes(),
        ),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `/debug/actors/{name}`.
pub fn actor(observed: &[Observation], name: &str) -> Response<Bytes> {
    match observed.iter().find(|observation| observation.actor == name) {
        Some(found) => reply::json(found),
        None => reply::missing("actor", name),
    }
}

/// `/debug/findings`: by object, then path.
pub fn findings(mut found: Vec<Finding>) -> Response<Bytes> {
    found.sort();
    reply::json(&found)
}

/// Whether `accept` names HTML with a weight above zero. Browsers do; `*/*` alone does not.
fn wants_html(accept: &HeaderValue) -> bool {
    let Ok(accept) = accept.to_str() else { return false };
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let refused = |parameter: &str| {
            parameter.strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
        };
        parts.next().is_some_and(|media| media.eq_ignore_ascii_case("text/html")) && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_those_who_name_it() {
        let cases = [
            ("text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("application/json, Text/HTML; q=0.1", true),
            ("*/*", false),
            ("text/*", false),
            ("text/html;q=0", false),
            ("application/json", false),
            ("", false),
        ];
        for (accept, want) in cases {
            assert_eq!(wants_html(&HeaderValue::from_str(accept).unwrap()), want, "{accept}");
        }
    }
}
