//! The way of one request, step by step (spec/http.md 1.1):
//!
//! 1. The head was read (`entrypoint/http1.rs`, or hyper for HTTP/2); what is refused there is answered there, what is
//!    refused here by [`answer`].
//! 2. [`host`]: which host it is for. [`target`]: the path is normalised and cleaned, the query's `;` replaced.
//! 3. The program's own endpoints are asked ([`own`]); they work before there is a table.
//! 4. [`headers`]: what concerns this connection only goes. [`forwarded`]: what servers learn about the client comes.
//! 5. The table names router and load balancer: 503 before the first table, 404 without router.
//! 6. [`forward`]: the balancer picks a server, the request goes over a pooled or new connection, a failure before
//!    anything was sent moves on to the next server.
//! 7. The answer's head is cleaned; [`body`] streams in both directions. After a 101 ([`upgrade`]) the [`mod@tunnel`] begins.
//!
//! Steps 2 to 5 are synchronous and borrow from the request as long as nothing has to be changed.
pub(super) mod answer;
pub(super) mod bench;
mod body;
mod extended;
mod forward;
mod forwarded;
mod headers;
mod host;
mod interim;
mod multiplexed;
mod names;
mod own;
mod redirect;
mod spare;
mod stream;
mod strict;
mod target;
mod tunnel;
mod upgrade;
mod web_socket;

#[cfg(test)]
mod tests;

pub(crate) use body::{AnswerBody, AnswerError, Received, RequestBody};
pub(crate) use host::HostMemory;
pub(crate) use interim::Interim;
pub(crate) use redirect::Redirect;
pub(crate) use spare::Spare;
pub(crate) use stream::serve_stream;
pub(crate) use tunnel::tunnel;

use self::answer::Refused;
use self::forward::Forwarding;
use self::headers::Seen;
use self::redirect::Redirected;
use self::strict::Judged;
use self::target::Target;
use super::entrypoint::Conn;
use super::entrypoint::RawTarget;
use super::entrypoint::connection::BodyState;
use super::internal::InternalRequest;
use super::table::Route;
use crate::model::rule::RequestView;
use ::http::header::CONNECTION;
use ::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

/// Serves one request.
pub(crate) async fn serve(conn: Rc<Conn>, request: Request<Received>) -> Result<Response<AnswerBody>, Infallible> {
    let body = if request.body().is_end_stream() { BodyState::Whole } else { BodyState::Reading };
    conn.begin(body);
    conn.worker.stats.requests.count();
    // Only what the usual request needs is alive across the wait: all of it is moved into place for each request.
    let response = match admit(&conn, request) {
        Step::Answer(response) => return Ok(concluded(&conn, response)),
        Step::Internal(request) => Box::pin(internal(&conn, request)).await,
        Step::Forward(mut forwarding) => forward::forward(&conn, &mut forwarding).await,
    };
    Ok(concluded(&conn, response))
}

fn concluded(conn: &Conn, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    // After a 101 there is no next request, and `Upgrade` must stay.
    if conn.is_closing() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, names::CLOSE.clone());
    }
    conn.worker.stats.answered(response.status());
    response
}

/// What becomes of a request after all that can be said without waiting.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is made; a box would cost an allocation")]
enum Step {
    /// It is answered here.
    Answer(Response<AnswerBody>),
    /// It goes to a server.
    Forward(Forwarding),
    /// The program answers it.
    Internal(InternalRequest),
}

fn admit(conn: &Rc<Conn>, request: Request<Received>) -> Step {
    match try_admit(conn, request) {
        Ok(step) => step,
        Err(refused) => Step::Answer(answer::refused(conn, refused)),
    }
}

fn try_admit(conn: &Rc<Conn>, mut request: Request<Received>) -> Result<Step, Refused> {
    if request.headers().len() > headers::MOST_LINES {
        return Err(Refused::TooManyHeaders);
    }
    let host = host::requested(request.uri(), request.headers(), request.version())?;
    let mut memory = conn.host.borrow_mut();
    memory.note(host.as_ref())?;
    let seen = Seen::among(request.headers());
    if seen.has_transfer_encoding() && !headers::is_chunked_alone(request.headers()) {
        return Err(Refused::TransferEncoding);
    }
    if seen.has_expectation() && headers::expects_the_unknown(request.headers()) {
        return Err(Refused::Expectation);
    }
    if let Some(rule) = conn.entry.choices.odd_names
        && strict::judge_names(request.headers_mut(), rule) == Judged::Rejected
    {
        return Ok(Step::Answer(answer::bad_request(conn)));
    }
    if request.extensions().get::<RawTarget>() == Some(&RawTarget::Odd) {
        return Ok(Step::Answer(answer::bare_bad_request(conn)));
    }
    if let Some(step) = unusual(conn, &request)? {
        return Ok(step);
    }
    let uri = std::mem::take(request.uri_mut());
    let target = Target::clean(&uri, &conn.entry)?;
    if own::takes(conn, memory.canonical(), target.path()) {
        if let Some(answer) = own::held_back(conn, target.path()) {
            return Ok(Step::Answer(answer));
        }
        return Ok(Step::Internal(InternalRequest {
            method: request.method().clone(),
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
            accept: request.headers().get(::http::header::ACCEPT).cloned(),
            host: memory.canonical().to_owned(),
        }));
    }
    let upgrade = prepare(conn, &mut request, seen, host.as_ref(), memory.port());
    let table = conn.worker.table.load();
    let path = target.routing_path();
    let redirect = conn.entry.choices.redirect.as_deref();
    let view = RequestView {
        host: memory.canonical(),
        method: request.method().as_str(),
        path: &path,
        query: target.query(),
        headers: request.headers(),
        client_ip: conn.client.ip,
    };
    let rival = redirect.and_then(|redirect| redirect.priority_for(conn.kind(), view.host, view.path));
    let route = table.route_against(conn.entry.id, conn.kind(), &view, rival);
    if !matches!(route, Route::NoRouter | Route::NotReady)
        && let Some(answer) = strict::held_back(conn, target.path())
    {
        return Ok(Step::Answer(answer));
    }
    let balancer = match (route, redirect) {
        (Route::Forward { balancer, tls_options, .. }, _) if conn.was_made_with(tls_options) => Arc::clone(balancer),
        (Route::Forward { .. }, _) => return Ok(Step::Answer(answer::misdirected(conn))),
        (Route::Rival, Some(redirect)) => {
            let (method, headers) = (request.method(), request.headers());
            let request = Redirected { method, headers, host: host.as_ref(), target: &target, uri: &uri };
            return Ok(Step::Answer(redirect::answer(conn, redirect, conn.kind(), &request)));
        }
        (Route::NoRouter | Route::Rival, _) => return Ok(Step::Answer(answer::not_found(conn))),
        (Route::NotReady, _) => return Ok(Step::Answer(answer::unavailable(conn))),
        (Route::Refused(_), _) => return Ok(Step::Answer(answer::closed(conn))),
    };
    *request.uri_mut() = target.rebuilt(&uri)?.map_or(uri, Uri::from);
    Ok(Step::Forward(Forwarding::new(conn, request, balancer, host, upgrade)))
}

/// CONNECT, and targets that are no path: `*`, a host and port alone. CONNECT is refused without being routed, so that it
/// tells nothing about the routers.
fn unusual(conn: &Rc<Conn>, request: &Request<Received>) -> Result<Option<Step>, Refused> {
    let uri = request.uri();
    if *request.method() == Method::CONNECT {
        return Ok(Some(Step::Answer(answer::not_implemented(conn))));
    }
    if uri.path() == "*" {
        let options = *request.method() == Method::OPTIONS;
        return Ok(Some(Step::Answer(if options { answer::empty_ok(conn) } else { answer::not_found(conn) })));
    }
    let authority_alone = uri.authority().is_some() && uri.scheme().is_none();
    if authority_alone {
        return Err(Refused::BadTarget);
    }
    Ok(None)
}

/// Makes the headers what rules and servers see, apart from `X-Forwarded-For`. The protocol that is asked for.
fn prepare(
    conn: &Conn,
    request: &mut Request<Received>,
    seen: Seen,
    host: Option<&HeaderValue>,
    port: Option<&HeaderValue>,
) -> Option<HeaderValue> {
    let version = request.version();
    let headers = request.headers_mut();
    if seen.has_managed() && !conn.client.is_trusted() {
        headers::delete_managed(headers);
    }
    headers::frame_plainly(headers, seen);
    let listed = conn.entry.choices.listed.as_deref();
    let spared = listed.and_then(|listed| headers::spare_listed(headers, listed));
    let upgrade = headers::clean_request(headers, seen).filter(|_| version == Version::HTTP_11);
    if let Some(spared) = spared {
        // Until it is forwarded.
        headers.insert(CONNECTION, spared);
    }
    forwarded::announce(headers, conn, &forwarded::Context { host, port, upgrade: upgrade.as_ref() });
    upgrade
}

async fn internal(conn: &Rc<Conn>, request: InternalRequest) -> Response<AnswerBody> {
    let response = conn.worker.internal.answer(conn.entry.id, request).await;
    response.map(|bytes| AnswerBody::whole(bytes, conn))
}
