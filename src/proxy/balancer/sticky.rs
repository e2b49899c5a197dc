//! Affinity by cookie (spec/http.md 2.4): the client's cookie names a server, which gets its requests.
//!
//! All values and header lines are worked out when the endpoints change. A request costs a search through its cookies and
//! one look-up, no allocation. Nothing is signed: a value is good for as long as a server with that URL exists.
use crate::model::facts::StickyCookie;
use crate::model::plan::Server;
use aws_lc_rs::digest;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The affinity of one balancer.
#[derive(Debug)]
pub struct Affinity {
    /// Name of the cookie.
    name: Arc<str>,
    /// Servers by every value that names them.
    servers_by_value: HashMap<Box<[u8]>, Named, foldhash::quality::RandomState>,
    /// `Set-Cookie` by server. `None` if name or attributes cannot stand in a header at all.
    set_cookies: Box<[Option<HeaderValue>]>,
}

/// A server that the client's cookie names.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Position of the server.
    pub index: usize,
    /// The cookie in today's form, where the client has an older one.
    pub rewrite: Option<&'a HeaderValue>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    index: usize,
    form: Form,
}

/// How a value names its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As we write it.
    Current,
    /// As earlier versions did.
    Legacy,
}

impl Affinity {
    /// Affinity to `servers` by `cookie`. Of servers with the same URL the first one is meant.
    pub fn build(cookie: &StickyCookie, servers: &[Server]) -> Self {
        let attributes = attributes(cookie);
        let mut servers_by_value = HashMap::default();
        let mut set_cookies = Vec::with_capacity(servers.len());
        for (index, server) in servers.iter().enumerate() {
            let value = current_value(&server.url);
            set_cookies.push(set_cookie(&cookie.name, &value, &attributes));
            servers_by_value.entry(value.into_bytes().into()).or_insert(Named { index, form: Form::Current });
            for value in legacy_values(&server.url) {
                servers_by_value.entry(value.into_bytes().into()).or_insert(Named { index, form: Form::Legacy });
            }
        }
        Self { name: cookie.name.clone(), servers_by_value, set_cookies: set_cookies.into() }
    }

    /// The server that the first cookie of our name names, if any.
    pub fn recall(&self, headers: &HeaderMap) -> Option<Known<'_>> {
        let value = first_cookie(headers, self.name.as_bytes())?;
        let Named { index, form } = *self.servers_by_value.get(value)?;
        let rewrite = match form {
            Form::Current => None,
            Form::Legacy => self.set_cookie(index),
        };
        Some(Known { index, rewrite })
    }

    /// The header line that binds a client to the server at `index`.
    pub fn set_cookie(&self, index: usize) -> Option<&HeaderValue> {
        self.set_cookies.get(index)?.as_ref()
    }
}

/// Value of the first cookie called `name`, over all `Cookie` lines (HTTP/2 clients send one per cookie). Takes any bytes:
/// pieces without `=` are skipped, blanks around names and values and one pair of quotes around a value are not part of it.
fn first_cookie<'h>(headers: &'h HeaderMap, name: &[u8]) -> Option<&'h [u8]> {
    headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).find_map(|pair| {
        let middle = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = (pair.get(..middle)?, pair.get(middle + 1..)?);
        (found.trim_ascii() == name).then(|| unquoted(value.trim_ascii()))
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// First 16 hex digits of the SHA-256 of `url`.
fn current_value(url: &str) -> String {
    let digest = digest::digest(&digest::SHA256, url.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The URL itself, its FNV-1 hash, and the hash of that hash, each in hex without leading zeros.
fn legacy_values(url: &str) -> [String; 3] {
    let hash = format!("{:x}", fnv1(url.as_bytes()));
    let twice = format!("{:x}", fnv1(hash.as_bytes()));
    [url.to_owned(), hash, twice]
}

/// FNV-1, 64 bits (multiplies first, unlike FNV-1a). <https://datatracker.ietf.org/doc/html/rfc9923>
fn fnv1(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| hash.wrapping_mul(PRIME) ^ u64::from(*byte))
}

fn set_cookie(name: &str, value: &str, attributes: &str) -> Option<HeaderValue> {
    if name.is_empty() {
        return None;
    }
    HeaderValue::try_from(format!("{name}={value}{attributes}")).ok()
}

/// Everything behind the value: `; Path=/p; Domain=d; Max-Age=42; HttpOnly; Secure; SameSite=None`.
fn attributes(cookie: &StickyCookie) -> String {
    let mut text = String::new();
    let path: String = cookie.path.chars().filter(|c| matches!(c, ' '..='~') && *c != ';').collect();
    if !path.is_empty() {
        text.push_str("; Path=");
        text.push_str(&path);
    }
    if let Some(domain) = valid_domain(&cookie.domain) {
        text.push_str("; Domain=");
        text.push_str(domain);
    }
    match cookie.max_age {
        0 => {}
        seconds @ 1.. => text.push_str(&format!("; Max-Age={seconds}")),
        _ => text.push_str("; Max-Age=0"),
    }
    if cookie.http_only {
        text.push_str("; HttpOnly");
    }
    if cookie.secure {
        text.push_str("; Secure");
    }
    text.push_str(match cookie.same_site.to_ascii_lowercase().as_str() {
        "none" => "; SameSite=None",
        "lax" => "; SameSite=Lax",
        "strict" => "; SameSite=Strict",
        _ => "",
    });
    text
}

/// `domain` as it may be sent: a DNS name with at least one letter, or an IPv4 address. A leading dot has had no meaning
/// since RFC 6265 5.2.3 and is left out.
fn valid_domain(domain: &str) -> Option<&str> {
    if domain.len() > 255 {
        return None;
    }
    let name = domain.strip_prefix('.').unwrap_or(domain);
    if name.parse::<Ipv4Addr>().is_ok() {
        return Some(name);
    }
    let mut labels = name.strip_suffix('.').unwrap_or(name).split('.');
    (labels.all(valid_label) && name.bytes().any(|byte| byte.is_ascii_alphabetic())).then_some(name)
}

fn valid_label(label: &str) -> bool {
    matches!(label.len(), 1..=63)
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests;
