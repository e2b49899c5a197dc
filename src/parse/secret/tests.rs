use super::*;
use crate::parse::testing::{pair, secret};

fn parsed(crt: &str, key: &str) -> SecretFact {
    parse(&secret("n", "s").data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes()).typed())
}

fn error(crt: &str, key: &str) -> String {
    parsed(crt, key).pair.unwrap().unwrap_err().to_string()
}

#[test]
fn a_good_pair_is_read_with_its_names() {
    let (crt, key) = pair(&["b.test", "*.A.test", "127.0.0.1", "::1"]);
    let fact = parsed(&crt, &key);
    let pair = fact.pair.unwrap().unwrap();
    let names: Vec<&str> = pair.names.iter().map(|name| &**name).collect();
    assert_eq!(names, ["*.a.test", "127.0.0.1", "::1", "b.test", "rcgen self signed cert"]);
    assert_eq!(pair.chain().len(), 1);
    let body: String = key.lines().filter(|line| !line.starts_with('-')).take(1).collect();
    assert!(!format!("{pair:?}").contains(&body));
}

#[test]
fn missing_and_empty_entries_are_told_apart() {
    let fact = parse(&secret("n", "s").data("tls.crt", b"").typed());
    assert_eq!((fact.crt, fact.private_key, fact.pair), (SecretEntry::Empty, SecretEntry::Missing, None));
}

#[test]
fn what_is_wrong_with_a_pair_is_told_without_its_content() {
    let (crt, key) = pair(&["a.test"]);
    let (other, _) = pair(&["b.test"]);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let cases = [
        (crt.as_str(), "hunter2", "tls.key holds no private key"),
        ("hunter2", key.as_str(), "tls.crt holds no certificate"),
        (key.as_str(), key.as_str(), "tls.crt holds no certificate"),
        (crt.as_str(), encrypted.as_str(), "tls.key holds no private key"),
        (other.as_str(), key.as_str(), "does not belong to the first certificate"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", key.as_str(), "certificate 1 of tls.crt is not"),
        ("-----BEGIN CERTIFICATE-----\nhunter2!\n-----END CERTIFICATE-----", key.as_str(), "tls.crt is not PEM"),
        ("-----BEGIN CERTIFICATE-----\nhunter2\n", key.as_str(), "tls.crt is not PEM: a block does not end"),
        (crt.as_str(), "-----BEGIN hunter2\nhunter2", "tls.key is not PEM: a BEGIN line is malformed"),
        (crt.as_str(), "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----", "cannot be read"),
    ];
    for (crt, key, want) in cases {
        let text = error(crt, key);
        assert!(text.contains(want) && !text.contains("hunter2"), "{want}: {text}");
    }
}

#[test]
fn a_key_that_is_too_small_is_told_with_its_size() {
    let both = include_str!("../../../fixtures/secrets/rsa-1024.pem");
    assert_eq!(error(both, both), "the RSA key has 1024 bits; 2048 to 8192 are supported");
}

#[test]
fn a_chain_is_kept_in_order_and_its_bad_links_are_numbered() {
    let (crt, key) = pair(&["a.test"]);
    let (other, _) = pair(&["b.test"]);
    let fact = parsed(&format!("{crt}{other}"), &key);
    assert_eq!(fact.pair.unwrap().unwrap().chain().len(), 2);
    let bad = format!("{crt}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert!(error(&bad, &key).contains("certificate 2 of tls.crt"));
}

#[test]
fn pairs_are_equal_by_content() {
    let (crt, key) = pair(&["a.test"]);
    let (other, other_key) = pair(&["a.test"]);
    assert_eq!(parsed(&crt, &key), parsed(&crt, &key));
    assert_ne!(parsed(&crt, &key), parsed(&other, &other_key));
}
