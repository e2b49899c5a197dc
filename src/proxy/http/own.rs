//! Which requests the program answers itself: those for its endpoints (`internal.rs`), as far as a router of the reference
//! would take them (spec/http.md 1.9, 1.11 and 4.7). That is over connections of the kind that the entry point has, and
//! before a redirection only if it is stronger.
use super::answer;
use super::body::AnswerBody;
use super::strict;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::choices::Guard;
use crate::proxy::internal::Claimed;
use http::Response;
use std::rc::Rc;

/// Whether a request for `path` (cleaned, escaped) of `host` (canonical) is answered by the program.
pub(super) fn takes(conn: &Conn, host: &str, path: &str) -> bool {
    let Some(claimed) = conn.worker.internal.claims(conn.entry.id, path) else { return false };
    let choices = &conn.entry.choices;
    if conn.kind() != choices.own.kind {
        return false;
    }
    match (claimed, &choices.redirect) {
        (Claimed::Always, _) | (_, None) => true,
        (Claimed::Against(priority), Some(redirect)) => {
            redirect.priority_for(conn.kind(), host, path).is_none_or(|rival| rival < priority)
        }
    }
}

/// The answer to a request that the program takes and may not serve.
pub(super) fn held_back(conn: &Rc<Conn>, path: &str) -> Option<Response<AnswerBody>> {
    let closed = || (conn.entry.choices.own.guard == Guard::Closed).then(|| answer::closed(conn));
    strict::held_back(conn, path).or_else(closed)
}
