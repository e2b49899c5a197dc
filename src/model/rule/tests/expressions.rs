//! Regular expressions: Go's syntax on the crate `regex`, and their bounds.
use proptest::prelude::*;

use super::*;

fn found(pattern: &str, text: &str) -> bool {
    Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text.as_bytes())
}

#[test]
fn expressions_mean_what_they_mean_in_go() {
    let cases = [
        (r"^\d+$", "42", true),
        (r"^\d+$", "٣", false),
        (r"^\w$", "é", false),
        (r"^\W$", "é", true),
        (r"^\s$", "\u{a0}", false),
        (r"^[\d\w]+$", "a1_", true),
        (r"^[\D]$", "é", true),
        (r"\bx\b", "éxé", true),
        (r"^a\Bb", "ab", true),
        (r"^{x}$", "{x}", true),
        (r"^a{2}$", "aa", true),
        (r"^a{2,}$", "aaa", true),
        (r"^a{,2}$", "a{,2}", true),
        (r"^[a[b]+$", "a[b", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^[a~~b]+$", "a~b", true),
        (r"^[]a]+$", "]a", true),
        (r"^[^]a]+$", "]", false),
        (r"^[a-]+$", "a-", true),
        (r"^[-a]+$", "a-", true),
        (r"^[a-c-e]+$", "b-e", true),
        (r"^[\]\-\\]+$", "]-\\", true),
        (r"^[[:alpha:]0]+$", "a0", true),
        (r"^[[:^alpha:]]+$", "00", true),
        (r"^\Q.+\E+$", ".++", true),
        (r"^\Qa.b", "a.b", true),
        (r"^\101\x41\x{1F600}$", "AA😀", true),
        (r"^\p{Greek}\pN$", "α1", true),
        (r"^\p{^Greek}$", "α", false),
        (r"^\<a\>$", "<a>", true),
        (r"^a#b c$", "a#b c", true),
        (r"^(?P<n>a)(?<m>b)(?:c)(?i:D)$", "abcd", true),
        (r"(?s)^a.b$", "a\nb", true),
        (r"^a.b$", "a\nb", false),
        (r"(?U)^a+?$", "aa", true),
        (r"^a\zb*", "a", true),
        (r"^*a", "a", true),
        (r"|a", "", true),
        (r"^\/\_\-\:$", "/_-:", true),
        (r"^é$", "é", true),
    ];
    for (pattern, text, want) in cases {
        assert_eq!(found(pattern, text), want, "{pattern} {text}");
    }
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    let cases = [
        (r"a(", "missing closing ): `a(`"),
        (r"a)", "unexpected ): `a)`"),
        (r"[a", "missing closing ]: `[a`"),
        (r"x[]a", "missing closing ]: `[]a`"),
        (r"[z-a]", "invalid character class range: `z-a`"),
        (r"[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"+a", "missing argument to repetition operator: `+`"),
        (r"(*)", "missing argument to repetition operator: `*`"),
        (r"a|{2}", "missing argument to repetition operator: `{2}`"),
        (r"a**", "invalid nested repetition operator: `**`"),
        (r"a+?*", "invalid nested repetition operator: `+?*`"),
        (r"a{1001}", "invalid repeat count: `{1001}`"),
        (r"a{2,1}", "invalid repeat count: `{2,1}`"),
        (r"a{99999999999}", "invalid repeat count: `{99999999999}`"),
        (r"(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        (r"(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        (r"(?<=a)", "invalid named capture: `(?<=a)`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\y", r"invalid escape sequence: `\y`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"\x4", r"invalid escape sequence: `\x4`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        (r"a\", "trailing backslash at end of expression: ``"),
    ];
    for (pattern, want) in cases {
        let error = Pattern::parse(pattern).unwrap_err();
        assert_eq!(error.to_string(), format!("error parsing regexp: {want}"), "{pattern}");
    }
    assert!(Pattern::parse(r"\p{Nonsense}").unwrap_err().to_string().ends_with(r"`\p{Nonsense}`"));
}

#[test]
fn large_expressions_are_bounded_alone_and_together() {
    let huge = Pattern::parse("(?:a{1000}){1000}").unwrap_err();
    assert_eq!(huge.to_string(), "error parsing regexp: expression needs more than 1 MiB when compiled");

    let large = r"PathRegexp(`\pL{20}`)";
    assert!(parse(&vec![large; 16].join(" || "), Syntax::V3).is_ok());
    let text = refusal(&vec![large; 17].join(" || "), Syntax::V3);
    assert!(text.ends_with("the rule has more than 16 large regular expressions"), "{text}");
}

#[test]
fn patterns_are_equal_if_their_sources_are() {
    assert_eq!(Pattern::parse("a+").unwrap(), Pattern::parse("a+").unwrap());
    assert_ne!(Pattern::parse("a+").unwrap(), Pattern::parse("aa*").unwrap());
    assert_eq!(format!("{:?}", Pattern::parse("a+").unwrap()), r#"Pattern("a+")"#);
}

proptest! {
    #[test]
    fn no_text_makes_the_translation_panic(text in "\\PC{0,30}|[a\\[\\]\\\\^$.|?*+(){}:,<>=!QEdpPx0-9&~-]{0,24}") {
        if let Ok(translated) = translate(&text) {
            prop_assert!(translated.len() <= 16 * text.len() + 16);
        }
        prop_assert!(Pattern::parse(&text).is_ok() || Pattern::parse(&text).is_err());
    }

    #[test]
    fn quoted_text_matches_itself_alone(text in "\\PC{0,20}", other in "\\PC{0,20}") {
        let pattern = format!("^{}$", quote_meta(&text));
        prop_assert!(found(&pattern, &text));
        prop_assert_eq!(found(&pattern, &other), text == other);
    }
}
