//! The shapes of list items: the object, then what only lists show.
use crate::api::picture::{Entry, MiddlewareBody, RouterBody, ServiceBody};
use serde::Serialize;
use std::collections::BTreeMap;

/// A router in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterItem<'a> {
    #[serde(flatten)]
    body: RouterBody<'a>,
    name: &'a str,
    provider: &'static str,
    /// Priorities beyond 2^53 do not survive as numbers in a browser.
    priority_str: String,
}

impl<'a> RouterItem<'a> {
    /// Lists name the default TLS options; the raw data leaves them empty.
    pub fn of(entry: &'a Entry<RouterBody<'_>>) -> Self {
        let mut body = entry.body.clone();
        if let Some(tls) = body.tls.as_mut().filter(|tls| tls.options.is_empty()) {
            tls.options = "default";
        }
        Self { priority_str: body.priority.to_string(), body, name: &entry.name, provider: entry.provider }
    }
}

/// A service in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceItem<'a> {
    #[serde(flatten)]
    body: ServiceBody<'a>,
    name: &'a str,
    provider: &'static str,
    #[serde(rename = "type", skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    server_status: BTreeMap<&'a str, &'static str>,
}

impl<'a> ServiceItem<'a> {
    /// Lists show the state of the servers last.
    pub fn of(entry: &'a Entry<ServiceBody<'_>>) -> Self {
        let mut body = entry.body.clone();
        let server_status = std::mem::take(&mut body.server_status);
        Self { kind: body.kind.as_str(), body, name: &entry.name, provider: entry.provider, server_status }
    }
}

/// A middleware in a list.
#[derive(Serialize)]
pub struct MiddlewareItem<'a> {
    #[serde(flatten)]
    body: &'a MiddlewareBody<'a>,
    name: &'a str,
    provider: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> MiddlewareItem<'a> {
    /// The item.
    pub fn of(entry: &'a Entry<MiddlewareBody<'a>>) -> Self {
        Self { body: &entry.body, name: &entry.name, provider: entry.provider, kind: entry.body.kind() }
    }
}
