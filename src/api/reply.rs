//! The few shapes an answer has: JSON, plain text, and Traefik's errors (spec/http.md 4.10, 1.13).
use super::json;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NEXT_PAGE: HeaderName = HeaderName::from_static("x-next-page");

/// The body of an error.
#[derive(Serialize)]
struct Problem<'a> {
    message: &'a str,
}

/// 200 with `value` as one line of JSON.
pub fn json(value: &impl Serialize) -> Response<Bytes> {
    match json::line(value) {
        Ok(body) => with(StatusCode::OK, &[(CONTENT_TYPE, JSON)], body),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// One page of a list, with the number of the next page.
pub fn json_page(items: &impl Serialize, next_page: usize) -> Response<Bytes> {
    let mut response = json(items);
    response.headers_mut().insert(NEXT_PAGE, HeaderValue::from(next_page));
    response
}

/// An error as JSON text. It is labelled as plain text, as in the reference.
pub fn problem(status: StatusCode, message: &str) -> Response<Bytes> {
    // Writing a struct of one text cannot fail.
    let body = json::line(&Problem { message }).unwrap_or_default();
    with(status, &[(CONTENT_TYPE, TEXT), (X_CONTENT_TYPE_OPTIONS, NO_SNIFF)], body)
}

/// 404 for an item that is not there: `{"message":"router not found: x@file"}`.
pub fn missing(what: &str, name: &str) -> Response<Bytes> {
    problem(StatusCode::NOT_FOUND, &format!("{what} not found: {name}"))
}

/// 404 for a path that the API does not have.
pub fn not_found() -> Response<Bytes> {
    let body = b"404 page not found\n".to_vec();
    with(StatusCode::NOT_FOUND, &[(CONTENT_TYPE, TEXT), (X_CONTENT_TYPE_OPTIONS, NO_SNIFF)], body)
}

/// 405 without a body. `Allow` is ours: RFC 9110 15.5.6 demands it, and the reference leaves it out.
pub fn method_not_allowed() -> Response<Bytes> {
    with(StatusCode::METHOD_NOT_ALLOWED, &[(ALLOW, HeaderValue::from_static("GET"))], Vec::new())
}

/// Any status with a plain text and no `Content-Type`, as ping answers.
pub fn bare(status: StatusCode, text: &str) -> Response<Bytes> {
    with(status, &[], text.as_bytes().to_vec())
}

/// Any answer.
pub fn with(status: StatusCode, headers: &[(HeaderName, HeaderValue)], body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}
