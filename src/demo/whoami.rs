//! The answers of a demo backend, in the form of the well-known whoami image: its name, its addresses, and the request
//! as it arrived. `/api` says the same as JSON, `/health` answers 200, `?wait=500ms` answers later.
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait that a request can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where a connection arrived.
#[derive(Clone, Debug)]
pub struct Place {
    /// Name of the backend.
    pub host: Arc<str>,
    /// Its address.
    pub local: SocketAddr,
    /// The client's address.
    pub peer: SocketAddr,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Who<'a> {
    hostname: &'a str,
    ip: [String; 1],
    headers: BTreeMap<String, Vec<String>>,
    url: String,
    host: String,
    method: &'a str,
    remote_addr: String,
}

/// The answer to one request.
pub async fn answer(place: &Place, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if let Some(wait) = request.uri().query().and_then(wait) {
        tokio::time::sleep(wait).await;
    }
    let (head, body) = request.into_parts();
    // Read to its end, so that the connection can be used again; what a client sends is of no interest.
    let mut body = body;
    while let Some(Ok(_)) = body.frame().await {}
    match head.uri.path() {
        "/health" => with("text/plain; charset=utf-8", Vec::new()),
        "/api" => with("application/json", json(place, &head)),
        _ => with("text/plain; charset=utf-8", text(place, &head).into_bytes()),
    }
}

fn with(media: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

fn text(place: &Place, head: &http::request::Parts) -> String {
    let version = match head.version {
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let mut out = String::with_capacity(512);
    let Place { host, local, peer } = place;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    // Writing to a String cannot fail.
    write!(out, "Hostname: {host}\nIP: {}\nRemoteAddr: {peer}\n{} {target} {version}\n", local.ip(), head.method)
        .unwrap_or_default();
    writeln!(out, "Host: {}", host_of(&head.headers)).unwrap_or_default();
    for (name, values) in headers(&head.headers) {
        for value in values {
            writeln!(out, "{name}: {value}").unwrap_or_default();
        }
    }
    out
}

fn json(place: &Place, head: &http::request::Parts) -> Vec<u8> {
    let who = Who {
        hostname: &place.host,
        ip: [place.local.ip().to_string()],
        headers: headers(&head.headers),
        url: head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        host: host_of(&head.headers),
        method: head.method.as_str(),
        remote_addr: place.peer.to_string(),
    };
    // Writing a struct of texts cannot fail.
    serde_json::to_vec(&who).unwrap_or_default()
}

fn host_of(headers: &HeaderMap) -> String {
    headers.get(HOST).map(shown).unwrap_or_default()
}

/// All headers but `Host`, by name.
fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut sorted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != HOST) {
        sorted.entry(title_case(name.as_str())).or_default().push(shown(value));
    }
    sorted
}

fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// `x-forwarded-for` as people write it: `X-Forwarded-For`.
fn title_case(name: &str) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_ascii_uppercase() + rest,
        None => word.to_owned(),
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// The wait that a query asks for; `None` when there is none or it cannot be read, as in whoami.
fn wait(query: &str) -> Option<Duration> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("wait="))?;
    let (number, unit) = value.split_at(value.find(|c: char| c.is_ascii_alphabetic())?);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wait_is_read_with_its_unit_and_bounded() {
        let cases = [
            ("wait=500ms", Some(Duration::from_millis(500))),
            ("a=b&wait=1.5s", Some(Duration::from_millis(1500))),
            ("wait=1m", Some(Duration::from_secs(60))),
            ("wait=100m", Some(LONGEST_WAIT)),
            ("wait=1e300s", None),
            ("wait=-1s", None),
            ("wait=5", None),
            ("wait=", None),
            ("await=1s", None),
        ];
        for (query, want) in cases {
            assert_eq!(wait(query), want, "{query}");
        }
    }

    #[test]
    fn header_names_are_shown_as_people_write_them() {
        assert_eq!(title_case("x-forwarded-for"), "X-Forwarded-For");
        assert_eq!(title_case("te"), "Te");
        assert_eq!(title_case("a--b-"), "A--B-");
    }

    proptest! {
        #[test]
        fn no_query_makes_a_wait_panic_or_last(query in ".*") {
            prop_assert!(wait(&query).unwrap_or_default() <= LONGEST_WAIT);
        }
    }
}
