//! Tests of the rule language, by topic. Tables follow the sections of `spec/http.md` they are named after.
use std::net::{IpAddr, Ipv4Addr};

use http::HeaderMap;

use super::*;

mod anchoring;
mod expressions;
mod grammar;
mod matching;
mod paths;
mod properties;
mod version_2;

/// The expression of a v3 rule that has to be sound.
fn v3(text: &str) -> Expr {
    parse(text, Syntax::V3).unwrap_or_else(|error| panic!("{}", error.full())).expr
}

/// The expression of a v2 rule that has to be sound.
fn v2(text: &str) -> Expr {
    parse(text, Syntax::V2).unwrap_or_else(|error| panic!("{}", error.full())).expr
}

/// The error text behind `error while parsing rule <rule>: `.
fn refusal(text: &str, syntax: Syntax) -> String {
    parse(text, syntax).map(|rule| panic!("{rule} was accepted")).unwrap_or_else(|error: RuleError| error.to_string())
}

/// A request that owns its parts. `GET /` for `a.test` from 127.0.0.1 unless told otherwise.
#[derive(Clone, Debug)]
struct Request {
    host: String,
    method: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    client_ip: IpAddr,
}

impl Request {
    fn get(path: &str) -> Self {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
        Self {
            host: "a.test".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            query,
            headers: HeaderMap::new(),
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    fn host(mut self, authority: &str) -> Self {
        self.host = canonical_host(authority).into_owned();
        self
    }

    fn method(mut self, method: &str) -> Self {
        self.method = method.to_owned();
        self
    }

    fn header(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers.append(name, http::HeaderValue::from_bytes(value).unwrap());
        self
    }

    fn from(mut self, address: &str) -> Self {
        self.client_ip = address.parse().unwrap();
        self
    }

    fn view(&self) -> RequestView<'_> {
        RequestView {
            host: &self.host,
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
            client_ip: self.client_ip,
        }
    }

    fn matches(&self, expr: &Expr) -> bool {
        expr.matches(&self.view())
    }
}
