//! `spec/http.md` 1.6: the three steps from the raw path to the routing path.
use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

#[test]
fn forwarded_paths_with_and_without_sanitising() {
    let cases = [
        ("/a/./b", "/a/b", "/a/./b"),
        ("/a/../b", "/b", "/a/../b"),
        ("//", "/", "//"),
        ("//a", "/a", "//a"),
        ("/a//b//", "/a/b/", "/a//b//"),
        ("/../b", "/b", "/../b"),
        ("/a/..", "/", "/a/.."),
        ("/a/%2e%2e/b", "/b", "/a/../b"),
        ("/%61", "/a", "/a"),
        ("/%7E", "/~", "/~"),
        ("/a%2fb", "/a%2Fb", "/a%2Fb"),
        ("/a%5cb%3b%3f%23%25%00%20", "/a%5Cb%3B%3F%23%25%00%20", "/a%5Cb%3B%3F%23%25%00%20"),
        ("/a|b", "/a%7Cb", "/a%7Cb"),
        ("/a{b}", "/a%7Bb%7D", "/a%7Bb%7D"),
        ("/é", "/%C3%A9", "/%C3%A9"),
        ("/[a]'(x);:@", "/[a]'(x);:@", "/[a]'(x);:@"),
        ("/a\\b\"<>^` ", "/a%5Cb%22%3C%3E%5E%60%20", "/a%5Cb%22%3C%3E%5E%60%20"),
        ("/../../closed", "/closed", "/../../closed"),
        ("/./open/./x/", "/open/x/", "/./open/./x/"),
        ("/a/b/../", "/a/", "/a/b/../"),
        ("/a/b/..", "/a", "/a/b/.."),
        ("/a/.", "/a", "/a/."),
        ("/.", "/", "/."),
        ("/..a/.b/...", "/..a/.b/...", "/..a/.b/..."),
        ("/strip/..%2Fadmin", "/strip/..%2Fadmin", "/strip/..%2Fadmin"),
        ("*", "*", "*"),
        ("", "", ""),
    ];
    for (raw, sanitized, normalized) in cases {
        let escaped = normalize(raw).unwrap();
        assert_eq!(escaped, normalized, "{raw}");
        assert_eq!(sanitize(&escaped), sanitized, "{raw}");
    }
}

#[test]
fn cut_escapes_and_fragments_are_refused() {
    let cases = [
        ("/%", BadEscape::Escape { at: 1 }),
        ("/a%2", BadEscape::Escape { at: 2 }),
        ("/%zz", BadEscape::Escape { at: 1 }),
        ("/%2g", BadEscape::Escape { at: 1 }),
        ("/é%2", BadEscape::Escape { at: 3 }),
        ("/%2f%+1", BadEscape::Escape { at: 4 }),
        ("/a#b", BadEscape::Fragment { at: 2 }),
        ("/|#", BadEscape::Fragment { at: 2 }),
    ];
    for (raw, want) in cases {
        assert_eq!(normalize(raw), Err(want), "{raw}");
    }
}

#[test]
fn routing_paths_keep_only_the_reserved_set_escaped() {
    let cases = [
        ("/a%2Fb", "/a%2Fb"),
        (
            "/%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25",
            "/%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25",
        ),
        ("/with%20space", "/with space"),
        ("/caf%C3%A9", "/café"),
        ("/%5C%7C%7B%00", "/\\|{\0"),
        ("/pct%2520", "/pct%2520"),
        ("/%FF", "/%FF"),
        ("/%C3%20%C3%A9%A9x", "/%C3 é%A9x"),
        ("/%E4%BD%A0%E4%BD", "/你%E4%BD"),
        ("/%zz%", "/%zz%"),
        ("/%2f", "/%2F"),
        ("/a~b", "/a~b"),
    ];
    for (escaped, want) in cases {
        assert_eq!(routing_path(escaped), want, "{escaped}");
    }
}

#[test]
fn ordinary_paths_are_borrowed() {
    for path in ["/", "/a/b.c/d-e_f~g/", "/[a]'(x);:@", "/a%2Fb/%20", "/.well-known/x", "/a/..b"] {
        assert!(matches!(normalize(path), Ok(Cow::Borrowed(_))), "{path}");
        assert!(matches!(sanitize(path), Cow::Borrowed(_)), "{path}");
    }
    assert!(matches!(routing_path("/a/b"), Cow::Borrowed(_)));
}

proptest! {
    #[test]
    fn any_text_is_normalised_once_or_refused(raw in "[/.%2eEfF3é|#a ]{0,24}|\\PC*") {
        if let Ok(escaped) = normalize(&raw) {
            prop_assert!(escaped.is_ascii());
            let again = normalize(&escaped).map(Cow::into_owned);
            prop_assert_eq!(again.as_deref(), Ok(&*escaped));
            let clean = sanitize(&escaped);
            prop_assert!(matches!(sanitize(&clean), Cow::Borrowed(_)));
            if clean.starts_with('/') {
                prop_assert!(!clean.contains("//"));
                prop_assert!(clean.split('/').all(|segment| segment != "." && segment != ".."));
                prop_assert_eq!(clean.len() > 1 && clean.ends_with('/'), escaped.ends_with('/') && clean.len() > 1);
            }
        }
    }

    #[test]
    fn routing_paths_of_different_paths_differ(one in "(/|%2F|%25|%C3|%A9|%20|a|%5C|2F){0,6}", two in "(/|%2F|%25|%C3|%A9|%20|a|%5C|2F){0,6}") {
        // Otherwise a rule for one path would guard or open another one.
        prop_assert_eq!(one == two, routing_path(&one) == routing_path(&two));
    }

    #[test]
    fn sanitising_agrees_with_a_plain_stack(segments in proptest::collection::vec("\\.{0,3}|a|%2F", 1..8)) {
        let path = format!("/{}", segments.join("/"));
        let mut stack: Vec<&str> = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => { stack.pop(); }
                other => stack.push(other),
            }
        }
        let slash = if path.ends_with('/') && !stack.is_empty() { "/" } else { "" };
        prop_assert_eq!(sanitize(&path).into_owned(), format!("/{}{}", stack.join("/"), slash));
    }
}
