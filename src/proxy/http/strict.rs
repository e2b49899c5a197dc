//! What an entry point refuses if it is told to (spec/http.md 4.2): odd names of headers, encoded characters in paths,
//! and everything while a middleware that should guard it is missing.
use super::answer;
use super::body::AnswerBody;
use crate::config::{EncodedCharacter, NameStrategy, OddNames};
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::choices::Guard;
use http::{HeaderMap, HeaderName, Response};
use std::rc::Rc;

/// Whether a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It may.
    Fine,
    /// It is answered 400.
    Rejected,
}

/// Deals with the odd names among `headers`.
pub(super) fn judge_names(headers: &mut HeaderMap, (names, strategy): (OddNames, NameStrategy)) -> Judged {
    match strategy {
        NameStrategy::Keep => {}
        NameStrategy::Reject if headers.keys().any(|name| is_odd(name, names)) => return Judged::Rejected,
        NameStrategy::Reject => {}
        NameStrategy::Delete => delete_odd(headers, names),
    }
    Judged::Fine
}

/// Deletes the odd names among `headers`, which may be trailers.
pub(super) fn delete_odd(headers: &mut HeaderMap, names: OddNames) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_odd(name, names)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn is_odd(name: &HeaderName, names: OddNames) -> bool {
    name.as_str().bytes().any(|byte| match names {
        OddNames::Underscores => byte == b'_',
        OddNames::Aliases => !byte.is_ascii_alphanumeric() && byte != b'-',
    })
}

/// The answer to a request for `path` (escaped) that has found its router and may not be served all the same.
pub(super) fn held_back(conn: &Rc<Conn>, path: &str) -> Option<Response<AnswerBody>> {
    let choices = &conn.entry.choices;
    if choices.denied.as_ref().is_some_and(|denied| holds_any(path, denied)) {
        return Some(answer::bare_bad_request(conn));
    }
    (choices.guard == Guard::Closed).then(|| answer::closed(conn))
}

/// Whether one of `denied` stands in `path` in its encoded form. The path is normalized: its escapes are in upper case.
fn holds_any(path: &str, denied: &[EncodedCharacter]) -> bool {
    let escapes = path.as_bytes().windows(3).filter(|window| window.starts_with(b"%"));
    escapes.filter_map(|escape| escape.get(1..)).any(|digits| denied.iter().any(|denied| denied.digits() == digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn left(rule: (OddNames, NameStrategy)) -> (Judged, Vec<String>) {
        let names = ["x-plain", "x_under", "x.dot", "x-digit-1"];
        let pairs = names.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")));
        let mut headers: HeaderMap = pairs.into_iter().collect();
        let judged = judge_names(&mut headers, rule);
        (judged, headers.keys().map(ToString::to_string).collect())
    }

    #[test]
    fn odd_names_are_deleted_or_make_the_request_end() {
        let all = ["x-plain", "x_under", "x.dot", "x-digit-1"].map(str::to_owned).to_vec();
        assert_eq!(left((OddNames::Aliases, NameStrategy::Keep)), (Judged::Fine, all.clone()));
        let (judged, mut kept) = left((OddNames::Aliases, NameStrategy::Delete));
        kept.sort();
        assert_eq!((judged, kept), (Judged::Fine, vec!["x-digit-1".to_owned(), "x-plain".to_owned()]));
        let (judged, kept) = left((OddNames::Underscores, NameStrategy::Delete));
        assert!(judged == Judged::Fine && kept.len() == 3 && !kept.contains(&"x_under".to_owned()));
        assert_eq!(left((OddNames::Underscores, NameStrategy::Reject)), (Judged::Rejected, all));
    }

    #[test]
    fn denied_characters_are_found_in_their_encoded_form_alone() {
        let slash_and_percent = [EncodedCharacter::Slash, EncodedCharacter::Percent];
        for (path, want) in [
            ("/a%2Fb", true),
            ("/%25", true),
            ("/a%5Cb", false),
            ("/a/b", false),
            ("/%E2%82%AC", false),
            ("/%20%2F", true),
            ("/2F", false),
            ("/%", false),
        ] {
            assert_eq!(holds_any(path, &slash_and_percent), want, "{path}");
        }
    }
}
