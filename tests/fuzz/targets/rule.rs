//! Rule texts: first byte the syntax, the rest the rule. Whatever parses is evaluated, and its canonical text means the same.
use pilotage::model::rule::{MAX_TEXT, RequestView, Syntax, canonical_host, normalize, parse, routing_path, sanitize};
use std::net::{IpAddr, Ipv4Addr};

/// One input.
pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let syntax = if first & 1 == 0 { Syntax::V3 } else { Syntax::V2 };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let rule = match parse(text, syntax) {
        Ok(rule) => rule,
        Err(error) => {
            assert!(error.to_string().len() < 64 * 1024, "a message of {} bytes", error.to_string().len());
            return;
        }
    };
    let canonical = rule.to_string();
    // Escapes make the canonical text longer than the one that was read.
    let again = (canonical.len() <= MAX_TEXT).then(|| parse(&canonical, Syntax::V3));
    if let Some(again) = &again {
        let again = again.as_ref().unwrap_or_else(|error| panic!("{text:?} reads, {canonical:?} does not: {error}"));
        assert_eq!(again.expr, rule.expr, "{canonical:?}");
    }
    let mut headers = http::HeaderMap::new();
    headers.insert("x-a", http::HeaderValue::from_static("1"));
    // The text itself as a request: the nearest that a request comes to a rule.
    for path in ["/", "/a/b", text] {
        let path = normalize(path).map(|path| routing_path(&sanitize(&path)).into_owned()).unwrap_or_default();
        let host = canonical_host(text);
        let request = RequestView {
            host: &host,
            method: "GET",
            path: &path,
            query: Some(text),
            headers: &headers,
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let matches = rule.matches(&request);
        if let Some(Ok(again)) = &again {
            assert_eq!(again.matches(&request), matches, "{canonical:?}");
        }
    }
}
