//! `/api/version`, `/api/overview` and single entry points.
use super::certificates::Counters as CertificateCounters;
use super::options::{ApiOptions, DashboardAd, Features};
use super::picture::{Entry, Picture};
use super::reply;
use crate::model::plan::Status;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;

/// `Codename` of the version.
const CODENAME: &str = "pilotage";

#[derive(Serialize)]
struct Version<'a> {
    #[serde(rename = "Version")]
    version: &'static str,
    #[serde(rename = "Codename")]
    codename: &'static str,
    #[serde(rename = "startDate")]
    start_date: String,
    #[serde(rename = "disableDashboardAd", skip_serializing_if = "std::ops::Not::not")]
    disable_dashboard_ad: bool,
    #[serde(rename = "dashboardName", skip_serializing_if = "str::is_empty")]
    dashboard_name: &'a str,
}

/// `/api/version`. The one answer whose `Content-Type` names a character set.
pub fn version(options: &ApiOptions) -> Response<Bytes> {
    let mut response = reply::json(&Version {
        version: env!("CARGO_PKG_VERSION"),
        codename: CODENAME,
        start_date: rfc3339(options.started),
        disable_dashboard_ad: options.dashboard_ad == DashboardAd::Disabled,
        dashboard_name: &options.dashboard_name,
    });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}

/// A time as Go's JSON has it; the epoch for times that no calendar has.
pub fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap_or_default().to_string()
}

/// `/api/entrypoints/{name}`.
pub fn entry_point(options: &ApiOptions, name: &str) -> Response<Bytes> {
    match options.entry_points.iter().find(|known| &*known.name == name) {
        Some(found) => reply::json(&found.shown),
        None => reply::missing("entry point", name),
    }
}

#[derive(Serialize)]
struct Overview<'a> {
    http: HttpSection,
    tcp: HttpSection,
    udp: UdpSection,
    certificates: CertificateCounters,
    features: &'a Features,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    providers: &'a [Arc<str>],
}

#[derive(Default, Serialize)]
struct HttpSection {
    routers: Counters,
    services: Counters,
    middlewares: Counters,
}

#[derive(Default, Serialize)]
struct UdpSection {
    routers: Counters,
    services: Counters,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counters {
    total: usize,
    warnings: usize,
    errors: usize,
}

impl Counters {
    fn of<B>(entries: &[Entry<B>], status: impl Fn(&B) -> Status) -> Self {
        let count = |wanted| entries.iter().filter(|entry| status(&entry.body) == wanted).count();
        Self { total: entries.len(), warnings: count(Status::Warning), errors: count(Status::Disabled) }
    }
}

/// `/api/overview`.
pub fn overview(picture: &Picture<'_>, certificates: CertificateCounters, options: &ApiOptions) -> Response<Bytes> {
    reply::json(&Overview {
        http: HttpSection {
            routers: Counters::of(&picture.routers, |router| router.status.0),
            services: Counters::of(&picture.services, |service| service.status.0),
            middlewares: Counters::of(&picture.middlewares, |middleware| middleware.status.0),
        },
        tcp: HttpSection::default(),
        udp: UdpSection::default(),
        certificates,
        features: &options.features,
        providers: &options.providers,
    })
}
