//! `/api/certificates`: what the certificates say of themselves (spec/http.md 4.10). Chains are read, keys never.
use super::list::{self, ListQuery};
use super::picture::hex;
use super::reply;
use crate::model::facts::KeyPair;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::Response;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::AttributeTypeAndValue;

/// From when on an end in sight is a warning.
const SOON_SECONDS: i64 = 30 * 24 * 3600;

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sans: Vec<String>,
    not_after: String,
    not_before: String,
    serial_number: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    common_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    issuer_org: String,
    #[serde(rename = "issuerCN", skip_serializing_if = "String::is_empty")]
    issuer_cn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    issuer_country: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    organization: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    country: String,
    version: String,
    key_type: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    key_size: usize,
    signature_algorithm: String,
    cert_fingerprint: String,
    public_key_fingerprint: String,
    status: &'static str,
    #[serde(skip)]
    ends: i64,
}

/// How many there are, how many end soon, how many have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    total: usize,
    warnings: usize,
    errors: usize,
}

/// `/api/certificates`.
pub fn list(all: &[Arc<KeyPair>], now: SystemTime, asked: &Result<ListQuery, list::BadQuery>) -> Response<Bytes> {
    let shown = shown(all, now);
    list::answer(asked, |query| query.page(select(&shown, query)), |certificate| certificate)
}

/// `/api/certificates/{sha256}`.
pub fn item(all: &[Arc<KeyPair>], now: SystemTime, name: &str) -> Response<Bytes> {
    match shown(all, now).iter().find(|certificate| certificate.name == name) {
        Some(found) => reply::json(found),
        None => reply::missing("certificate", name),
    }
}

/// The certificates' part of `/api/overview`.
pub fn counters(all: &[Arc<KeyPair>], now: SystemTime) -> Counters {
    let shown = shown(all, now);
    let count = |status| shown.iter().filter(|certificate| certificate.status == status).count();
    Counters { total: shown.len(), warnings: count("warning"), errors: count("expired") }
}

/// All certificates that can be read, each once, by name.
fn shown(all: &[Arc<KeyPair>], now: SystemTime) -> Vec<Certificate> {
    let mut shown: Vec<Certificate> =
        all.iter().filter_map(|pair| pair.chain().next()).filter_map(|leaf| certificate(leaf, now)).collect();
    shown.sort_by(|a, b| a.name.cmp(&b.name));
    shown.dedup_by(|a, b| a.name == b.name);
    shown
}

fn select<'a>(all: &'a [Certificate], query: &ListQuery) -> Vec<&'a Certificate> {
    let names = |certificate: &Certificate| {
        let mut texts =
            certificate.sans.iter().chain([&certificate.common_name, &certificate.issuer_cn, &certificate.issuer_org]);
        query.search.is_empty() || texts.any(|text| text.to_lowercase().contains(&query.search))
    };
    let is_wanted = |certificate: &&Certificate| {
        names(certificate) && (query.status.is_empty() || query.status == certificate.status)
    };
    let mut wanted: Vec<&Certificate> = all.iter().filter(is_wanted).collect();
    wanted.sort_by(|a, b| match query.sort_by.as_str() {
        "status" => a.status.cmp(b.status),
        "issuer" => (&a.issuer_org, &a.issuer_cn).cmp(&(&b.issuer_org, &b.issuer_cn)),
        "validUntil" => a.ends.cmp(&b.ends),
        _ => std::cmp::Ordering::Equal,
    });
    if query.direction == list::Direction::Descending {
        wanted.reverse();
    }
    wanted
}

fn certificate(der: &[u8], now: SystemTime) -> Option<Certificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let fingerprint = hex(digest(&SHA256, der).as_ref());
    let public_key = parsed.public_key();
    let (key_type, key_size) = match public_key.parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA", key.key_size()),
        Ok(PublicKey::EC(point)) => ("ECDSA", point.key_size()),
        _ => ("Unknown", 0),
    };
    let ends = parsed.validity().not_after.timestamp();
    Some(Certificate {
        name: fingerprint.clone(),
        sans: alternative_names(&parsed),
        not_after: at(ends),
        not_before: at(parsed.validity().not_before.timestamp()),
        serial_number: parsed.serial.to_string(),
        common_name: first(parsed.subject().iter_common_name()),
        issuer_org: first(parsed.issuer().iter_organization()),
        issuer_cn: first(parsed.issuer().iter_common_name()),
        issuer_country: first(parsed.issuer().iter_country()),
        organization: first(parsed.subject().iter_organization()),
        country: first(parsed.subject().iter_country()),
        version: format!("v{}", parsed.version().0 + 1),
        key_type,
        key_size,
        signature_algorithm: algorithm(&parsed.signature_algorithm.algorithm.to_id_string()),
        cert_fingerprint: fingerprint,
        public_key_fingerprint: hex(digest(&SHA256, public_key.raw).as_ref()),
        status: status(ends, now),
        ends,
    })
}

/// DNS names and addresses, sorted.
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    let mut names: Vec<String> = extension.value.general_names.iter().filter_map(name).collect();
    names.sort_unstable();
    names
}

fn address(bytes: &[u8]) -> Option<String> {
    <[u8; 4]>::try_from(bytes)
        .map(|v4| IpAddr::from(v4).to_string())
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(|v6| IpAddr::from(v6).to_string()))
        .ok()
}

fn first<'a>(mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> String {
    attributes.next().and_then(|attribute| attribute.as_str().ok()).unwrap_or_default().to_owned()
}

/// Seconds since 1970 as RFC 3339.
fn at(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn status(ends: i64, now: SystemTime) -> &'static str {
    let now = jiff::Timestamp::try_from(now).unwrap_or_default().as_second();
    match ends.saturating_sub(now) {
        left if left < 0 => "expired",
        left if left < SOON_SECONDS => "warning",
        _ => "enabled",
    }
}

/// Go's names of signature algorithms; the OID of those it does not name.
fn algorithm(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{key_pair, wall};
    use std::time::Duration;

    #[test]
    fn a_certificate_is_described_and_its_status_follows_the_calendar() {
        let pair = key_pair(&["b.test", "a.test"]);
        let now = wall();
        let shown = shown(&[pair.clone(), pair.clone()], now);
        let [one] = shown.as_slice() else { panic!("shown once: {shown:?}") };
        assert_eq!(one.sans, ["a.test", "b.test"]);
        assert_eq!((one.key_type, one.key_size, one.signature_algorithm.as_str()), ("ECDSA", 256, "ECDSA-SHA256"));
        assert_eq!((one.version.as_str(), one.status, one.name.len()), ("v3", "enabled", 64));
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(one.ends).unwrap());
        for (now, want) in [(ends - days(31), "enabled"), (ends - days(29), "warning"), (ends + days(1), "expired")] {
            assert_eq!(status(one.ends, now), want);
        }
        assert_eq!(counters(&[pair], ends + days(1)), Counters { total: 1, warnings: 0, errors: 1 });
    }

    #[test]
    fn bytes_that_are_no_certificate_are_left_out() {
        assert_eq!(certificate(b"nonsense", wall()), None);
    }
}
