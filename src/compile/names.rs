//! Names for people: Traefik's scheme (spec/ingress.md 8). Never keys: two routers or services may share a name.
use crate::model::keys::{IngressKey, PortRef, ServiceKey};
use aws_lc_rs::digest;
use std::fmt::Write;
use std::sync::Arc;

/// Name of the router of the default backend.
pub(super) const DEFAULT_ROUTER: &str = "default-router";
/// Name of the service of the default backend.
pub(super) const DEFAULT_BACKEND: &str = "default-backend";
/// What qualified names end in.
pub(super) const PROVIDER: &str = "@kubernetes";
/// The same without the sign.
pub(super) const PROVIDER_NAME: &str = "kubernetes";

/// Cut at everything that is not a letter or a number, empty pieces dropped, joined with `-`.
pub(super) fn normalize(parts: &[&str]) -> String {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    let mut gap = false;
    for character in parts.iter().flat_map(|part| part.chars()) {
        if !character.is_alphanumeric() {
            gap = true;
            continue;
        }
        if gap && !name.is_empty() {
            name.push('-');
        }
        gap = false;
        name.push(character);
    }
    name
}

/// Name of the service for one port of a Service, as the Ingress spells the port.
pub(super) fn service(service: &ServiceKey, port: &PortRef) -> Arc<str> {
    normalize(&[&service.namespace, "-", &service.name, "-", &port.to_string()]).into()
}

/// Name of the router for a path, before name-sakes within the Ingress are told apart.
pub(super) fn router(ingress: &IngressKey, host: &str, path: &str) -> String {
    normalize(&[&ingress.namespace, "-", &ingress.name, "-", host, path])
}

/// Name of a router that has a name-sake in its Ingress: with the start of a hash of its rule.
pub(super) fn hashed(name: &str, rule: &str) -> Arc<str> {
    let hash = digest::digest(&digest::SHA256, rule.as_bytes());
    format!("{name}-{}", hex(&hash.as_ref()[..10])).into()
}

/// Name of the sticky cookie of a service that gives none (spec/ingress.md 7.3).
pub(super) fn cookie(service_name: &str) -> Arc<str> {
    let text = format!("_TRAEFIK_BACKEND_{service_name}{PROVIDER}");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    format!("_{}", hex(hash.as_ref()).get(..5).unwrap_or_default()).into()
}

/// A cookie name as the user wrote it, with what may not stand there replaced (spec/http.md 2.4).
pub(super) fn clean_cookie(name: &str) -> Arc<str> {
    let clean = |character: char| {
        let allowed = character.is_ascii_alphanumeric() || "!#$%&'*+-.^`|~".contains(character);
        if allowed { character } else { '_' }
    };
    name.chars().map(clean).collect::<String>().into()
}

/// A reference to another object, qualified: without `@provider` it is one of ours.
pub(super) fn qualified(reference: &str) -> String {
    if reference.contains('@') { reference.to_owned() } else { format!("{reference}{PROVIDER}") }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail, and a name short of a digit would still be a name.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_scheme_of_the_reference() {
        let ingress = IngressKey::new("testing", "");
        let cases = [
            ("traefik.tchouk", "/bar", "testing-traefik-tchouk-bar"),
            ("*.foobar.com", "/bar", "testing-foobar-com-bar"),
            ("example.com", "", "testing-example-com"),
            ("example.com", "relpath", "testing-example-comrelpath"),
            ("", "/Fo\u{e9}/2", "testing-Fo\u{e9}-2"),
            ("", "", "testing"),
        ];
        for (host, path, want) in cases {
            assert_eq!(router(&ingress, host, path), want);
        }
        let name = service(&ServiceKey::new("testing", "service1"), &PortRef::Number(80));
        assert_eq!(&*name, "testing-service1-80");
    }

    #[test]
    fn name_sakes_get_the_hash_of_their_rule() {
        let cases = [
            ("testing-bar-bar", r#"Host("*.bar") && PathPrefix("/bar")"#, "testing-bar-bar-41871576e140babe40bd"),
            ("testing-bar-bar", r#"Host("bar") && PathPrefix("/bar")"#, "testing-bar-bar-605945111a3c9f84dc65"),
            ("testing-foo-bar", r#"PathPrefix("/foo/bar")"#, "testing-foo-bar-930f0e8b221e60bc7ab7"),
            ("testing-foo-bar", r#"PathPrefix("/foo-bar")"#, "testing-foo-bar-207cc2245cb31ba18e29"),
        ];
        for (name, rule, want) in cases {
            assert_eq!(&*hashed(name, rule), want);
        }
    }

    #[test]
    fn cookie_names_are_generated_or_cleaned() {
        // printf '_TRAEFIK_BACKEND_testing-service1-80@kubernetes' | sha1sum
        assert_eq!(&*cookie("testing-service1-80"), "_7583d");
        assert_eq!(&*clean_cookie("a b;c=\u{e9}\"!~"), "a_b_c___!~");
    }
}
