//! One HTTP request, one answer: guard, route, faults, body, operation.
//!
//! What a path means is in [`route`], what is done with objects in [`operations`], in which shape they are shown in
//! [`view`]. Connections are made and ended in [`super::server`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use super::discovery::{self, Half};
use super::faults::{Faults, Verb};
use super::openapi;
use super::status::ApiError;
use super::store::Store;
use super::table::RowObject;
use super::validate::Validation;

mod body;
mod operations;
mod query;
mod reply;
mod route;
mod view;

use operations::Operation;
use query::Query;
use reply::Reply;
pub(super) use reply::ReplyBody;
use route::{Following, Route, Target};
pub(super) use view::{View, metadata_only};
use view::{Wanted, negotiate};

/// What all requests share.
pub(super) struct Server {
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) validation: Validation,
    pub(super) bookmark_every: Duration,
    pub(super) shutdown: watch::Receiver<bool>,
    pub(super) reach: Reach,
}

/// Who can reach the listening address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Programs on this machine; and web pages in its browsers, which have to be kept out.
    Loopback,
    /// Whoever gets there.
    Network,
}

/// Answers one request.
pub(super) async fn answer(server: Arc<Server>, request: Request<Incoming>) -> Response<ReplyBody> {
    match handle(&server, request).await {
        Ok(reply) => reply.into_response(),
        Err(error) => Reply::error(&error).into_response(),
    }
}

async fn handle<B>(server: &Server, request: Request<B>) -> Result<Reply, ApiError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    guard(server.reach, request.headers())?;
    if !server.faults.accepts(request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok())) {
        return Err(ApiError::Unauthorized);
    }
    let route = Route::parse(request.uri().path()).ok_or(ApiError::NoSuchPath)?;
    let Route::Objects(target) = route else { return document(&route, request.method(), request.headers()) };
    let query = Query::parse(request.uri().query().unwrap_or(""));
    let following = if query.is_on("watch") { Following::Yes } else { Following::No };
    let verb = target.verb(request.method(), following)?;
    let verdict = server.faults.judge(target.call(verb));
    if !verdict.delay.is_zero() {
        tokio::time::sleep(verdict.delay).await;
    }
    if let Some(error) = verdict.error {
        return Err(error);
    }
    let view = view_of(server, &target, &query, request.headers());
    let (parts, body) = request.into_parts();
    let body = match verb {
        Verb::Get | Verb::List | Verb::Watch => Bytes::new(),
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection => body::read(body).await?,
    };
    Operation { server, target, verb, query, headers: parts.headers, body, view }.perform()
}

/// There is no authentication, so a page in a browser on this machine must not be able to read or write: such requests
/// carry an `Origin`, or, after DNS rebinding, a foreign `Host`. `kubectl proxy` guards itself the same way.
fn guard(reach: Reach, headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |what: &str| Err(ApiError::Forbidden(format!("{what} is not accepted by this API server")));
    if headers.contains_key(ORIGIN) {
        return refused("a request from a web page");
    }
    if reach == Reach::Network {
        return Ok(());
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_local { Ok(()) } else { refused("this Host header") }
}

fn accept_of(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("")
}

fn view_of(server: &Server, target: &Target, query: &Query, headers: &HeaderMap) -> View {
    // A status is read as a whole; everything else may be shown as the client likes.
    match negotiate(accept_of(headers)) {
        Wanted::Table if target.subresource == route::Subresource::None => {
            let rows = match query.text("includeObject") {
                "Object" => RowObject::Whole,
                "None" => RowObject::None,
                _ => RowObject::Metadata,
            };
            View::Table(rows, server.store.now())
        }
        Wanted::Metadata => View::Metadata,
        Wanted::Table | Wanted::Whole | Wanted::AggregatedDiscovery | Wanted::OpenApiProtobuf => View::Whole,
    }
}

/// Everything that is not about objects.
fn document(route: &Route, method: &Method, headers: &HeaderMap) -> Result<Reply, ApiError> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err(ApiError::MethodNotAllowed);
    }
    let wanted = negotiate(accept_of(headers));
    let ok = |document: Value| Ok(Reply::json(StatusCode::OK, &document));
    let found = |document: Option<Value>| document.map_or(Err(ApiError::NoSuchPath), ok);
    let aggregated = |half| ok(discovery::aggregated(half)).map(|reply| reply.typed(discovery::AGGREGATED_TYPE));
    match (route, wanted) {
        (Route::Health, _) => Ok(Reply::text(StatusCode::OK, "ok")),
        (Route::Version, _) => ok(discovery::version()),
        (Route::CoreVersions, Wanted::AggregatedDiscovery) => aggregated(Half::Core),
        (Route::CoreVersions, _) => ok(discovery::core_versions()),
        (Route::Groups, Wanted::AggregatedDiscovery) => aggregated(Half::Groups),
        (Route::Groups, _) => ok(discovery::groups()),
        (Route::Group(name), _) => found(discovery::group(name)),
        (Route::Resources { group, version }, _) => found(discovery::resources(group, version)),
        (Route::OpenApiV2, Wanted::OpenApiProtobuf) => {
            // An empty protobuf message is an empty document.
            let media_type = HeaderValue::from_static("application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
            Ok(Reply::bytes(StatusCode::OK, media_type, Bytes::new()))
        }
        (Route::OpenApiV2, _) => ok(openapi::v2()),
        (Route::OpenApiV3, _) => ok(openapi::index()),
        (Route::OpenApiV3Of { group, version }, _) => found(openapi::of(group, version)),
        (Route::Objects(_), _) => Err(ApiError::NoSuchPath),
    }
}

/// The text of a list of one object for a client that accepts this.
#[cfg(test)]
pub(super) fn shown_as(accept: &str, kind: &super::kinds::Kind, object: &Arc<Value>) -> Vec<u8> {
    let view = match negotiate(accept) {
        Wanted::Table => View::Table(RowObject::Whole, jiff::Timestamp::UNIX_EPOCH),
        _ => View::Whole,
    };
    view.list(kind, std::slice::from_ref(object), &Value::Null)
}

#[cfg(test)]
mod tests;
