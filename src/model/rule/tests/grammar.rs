//! `spec/http.md` 1.3: what is read, and the texts of what is refused.
use super::*;

/// The canonical text of a v3 rule.
fn canonical(text: &str) -> String {
    v3(text).to_string()
}

#[test]
fn precedence_is_not_then_and_then_or() {
    let cases = [
        ("Path(`/a`) || Path(`/b`) && Path(`/c`)", r#"Path("/a") || Path("/b") && Path("/c")"#),
        ("(Path(`/a`) || Path(`/b`)) && Path(`/c`)", r#"(Path("/a") || Path("/b")) && Path("/c")"#),
        ("!Path(`/a`) && Path(`/b`)", r#"!Path("/a") && Path("/b")"#),
        ("Path(`/a`) && (Path(`/b`) && Path(`/c`))", r#"Path("/a") && Path("/b") && Path("/c")"#),
        ("((Path(`/a`)))", r#"Path("/a")"#),
    ];
    for (given, want) in cases {
        assert_eq!(canonical(given), want);
    }
}

#[test]
fn negation_is_pushed_down_to_the_calls() {
    let cases = [
        ("!(Path(`/a`) || Path(`/b`))", r#"!Path("/a") && !Path("/b")"#),
        ("!(Path(`/a`) && !Path(`/b`))", r#"!Path("/a") || Path("/b")"#),
        ("!!Path(`/a`)", r#"Path("/a")"#),
        ("!!!Path(`/a`)", r#"!Path("/a")"#),
        ("!(!(Path(`/a`) || Path(`/b`)) || Path(`/c`))", r#"(Path("/a") || Path("/b")) && !Path("/c")"#),
    ];
    for (given, want) in cases {
        assert_eq!(canonical(given), want);
    }
}

#[test]
fn strings_are_raw_or_have_the_escapes_of_go() {
    let cases = [
        ("Path(`/a\\n\"'`)", "/a\\n\"'"),
        ("Path(`/a\r\nb`)", "/a\nb"),
        (r#"Path("/\\\"")"#, "/\\\""),
        (r#"Path("/\a\b\f\n\r\t\v")"#, "/\x07\x08\x0c\n\r\t\x0b"),
        (r#"Path("/\x41\u00e9\U0001F600\101")"#, "/Aé😀A"),
        (r#"Path("/\xc3\xa9\000")"#, "/é\0"),
    ];
    for (given, want) in cases {
        assert_eq!(v3(given), Expr::call(Matcher::Path(want.into())), "{given}");
    }
}

#[test]
fn blanks_comments_and_line_breaks_stand_where_go_allows_them() {
    let want = v3("Path(`/a`) && Path(`/b`)");
    let cases = [
        "  Path ( `/a` )&&Path(`/b`)\t",
        "Path(`/a`) &&\n Path(`/b`)\n",
        "Path(`/a`) && // the first\n Path(`/b`) // the second",
        "/* one\n */ Path(`/a`) /* two */ && Path(\n`/b`)",
        "Path(`/a`,) && Path(`/b`,\n)",
        "(\n(Path(`/a`) &&\n\n Path(`/b`)))\n",
        "!\n!Path(`/a`) && Path(`/b`)",
        "Path(`/a`) && Path(`/b`) /* last */ // really\n\n",
    ];
    for given in cases {
        assert_eq!(v3(given), want, "{given}");
    }
}

#[test]
fn names_have_four_spellings() {
    for name in ["HostRegexp", "hostregexp", "HOSTREGEXP", "Hostregexp"] {
        assert_eq!(canonical(&format!("{name}(`x`)")), r#"HostRegexp("x")"#);
    }
    for name in ["ClientIP", "clientip", "CLIENTIP", "Clientip"] {
        assert_eq!(canonical(&format!("{name}(`::1`)")), r#"ClientIP("::1")"#);
    }
    for name in ["hostRegexp", "HOSTRegexp", "hOSTREGEXP", "ClientIp"] {
        let rule = format!("{name}(`x`)");
        assert_eq!(refusal(&rule, Syntax::V3), format!("parsing rule {rule}: unsupported function: {name}"));
    }
}

#[test]
fn texts_of_syntax_errors() {
    let cases = [
        ("", "1:1: expected operand, found 'EOF'"),
        ("/prefix", "1:1: expected operand, found '/'"),
        ("Host('a.test')", "1:6: illegal rune literal"),
        ("Host(`a`) & Path(`/`)", "& is not supported"),
        ("Host(`a`) | Path(`/`)", "| is not supported"),
        ("Host(`a`) == Path(`/`)", "== is not supported"),
        ("Foo(`a`)", "unsupported function: Foo"),
        ("Host(`a`) || !Foo(`a`) || Bar()", "unsupported function: Foo"),
        ("Path(`/open`", "1:13: missing ',' before newline in argument list"),
        ("Path(`/open`\n)", "1:13: missing ',' before newline in argument list"),
        ("Path(`/a` `/b`)", "1:11: missing ',' in argument list"),
        ("Path(`/and`) and Path(`/and`)", "1:14: expected 'EOF', found and"),
        ("Path(`/a`)\n&& Path(`/b`)", "2:1: expected 'EOF', found '&&'"),
        ("Path(`/a`) &&", "1:14: expected operand, found 'EOF'"),
        ("(Path(`/a`)", "1:12: expected ')', found newline"),
        ("Path(`/a`))", "1:11: expected 'EOF', found ')'"),
        ("Path(`/a`);", "1:11: expected 'EOF', found ';'"),
        ("Path(`/a)", "1:6: raw string literal not terminated"),
        ("Path(\"/a\n\")", "1:6: string literal not terminated"),
        (r#"Path("/\q")"#, "1:8: unknown escape sequence"),
        (r#"Path("/\'")"#, "1:8: unknown escape sequence"),
        (r#"Path("/\x4g")"#, "1:11: illegal character U+0067 'g' in escape sequence"),
        (r#"Path("/\400")"#, "1:8: escape sequence is invalid Unicode code point"),
        (r#"Path("/\ud800")"#, "1:8: escape sequence is invalid Unicode code point"),
        (r#"Path("/\U00110000")"#, "1:8: escape sequence is invalid Unicode code point"),
        (r#"Path("/\xff")"#, "1:6: string literal is not valid UTF-8"),
        ("Path(`/a`) # x", "1:12: illegal character U+0023 '#'"),
        ("Path(`/a`) /* x", "1:12: comment not terminated"),
        ("`/a`", "1:1: expected a matcher, found `/a`"),
        ("Host", "1:5: expected '(', found newline"),
        ("Host(a)", "1:6: expected string, found a"),
        ("Host(12)", "1:6: expected string, found 12"),
        ("Host(", "1:6: expected ')', found 'EOF'"),
        ("é(`x`) && ß", "1:14: expected '(', found newline"),
    ];
    for (rule, want) in cases {
        assert_eq!(refusal(rule, Syntax::V3), format!("parsing rule {rule}: {want}"));
    }
}

#[test]
fn texts_of_refused_arguments() {
    let cases = [
        ("Host(`a`, `b`)", "error while adding rule Host: unexpected number of parameters; got 2, expected one of [1]"),
        ("Header(`a`)", "error while adding rule Header: unexpected number of parameters; got 1, expected one of [2]"),
        (
            "Query(`a`, `b`, `c`)",
            "error while adding rule Query: unexpected number of parameters; got 3, expected one of [1 2]",
        ),
        ("Host()", "error while checking rule Host: no args for matcher Host"),
        ("host(``)", "error while checking rule Host: empty args for matcher Host, []"),
        ("Header(`a`, ``)", "error while checking rule Header: empty args for matcher Header, [a ]"),
        ("Query(`a`, ``)", "error while checking rule Query: empty args for matcher Query, [a ]"),
        ("Path(`foo`)", r#"error while adding rule Path: path "foo" does not start with a '/'"#),
        ("PathPrefix(`foo`)", r#"error while adding rule PathPrefix: path "foo" does not start with a '/'"#),
        (
            "Host(`é.test`)",
            r#"error while adding rule Host: invalid value "é.test" for Host matcher, non-ASCII characters are not allowed"#,
        ),
        (
            "HostRegexp(`é`)",
            r#"error while adding rule HostRegexp: invalid value "é" for HostRegexp matcher, non-ASCII characters are not allowed"#,
        ),
        (
            "HostRegexp(`a(`)",
            "error while adding rule HostRegexp: compiling HostRegexp matcher: error parsing regexp: missing closing ): `a(`",
        ),
        (
            "PathRegexp(`*`)",
            "error while adding rule PathRegexp: compiling PathPrefix matcher: error parsing regexp: missing argument to repetition operator: `*`",
        ),
        (
            "ClientIP(`foo`)",
            "error while adding rule ClientIP: initializing IP checker for ClientIP matcher: parsing CIDR trusted IPs <nil>: invalid CIDR address: foo",
        ),
        (
            "Path(`/a`) && Path(`/b`) && Path(`c`)",
            r#"error while adding rule and: error while adding rule Path: path "c" does not start with a '/'"#,
        ),
        (
            "!(Path(`a`) && Path(`/b`) && Path(`/c`))",
            r#"error while adding rule or: error while adding rule or: error while adding rule Path: path "a" does not start with a '/'"#,
        ),
    ];
    for (rule, want) in cases {
        assert_eq!(refusal(rule, Syntax::V3), format!("adding rule {rule}: {want}"));
    }
}

#[test]
fn the_full_text_names_the_rule_first() {
    let error = parse("/prefix", Syntax::V3).unwrap_err();
    let want = "error while parsing rule /prefix: parsing rule /prefix: 1:1: expected operand, found '/'";
    assert_eq!(error.full(), want);
}

#[test]
fn size_nesting_and_number_of_calls_are_bounded() {
    let nested = |depth: usize| format!("{}Path(`/a`){}", "(".repeat(depth), ")".repeat(depth));
    let calls = |count: usize| vec!["Path(`/a`)"; count].join("||");
    assert!(parse(&nested(MAX_DEPTH), Syntax::V3).is_ok());
    assert!(parse(&calls(MAX_CALLS), Syntax::V3).is_ok());
    assert!(parse(&format!("{}Path(`/a`)", "!".repeat(60_000)), Syntax::V3).is_ok());

    let parse_error = |text: &str| match parse(text, Syntax::V2) {
        Err(RuleError::Parse { problem, .. }) => *problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(parse_error(&nested(MAX_DEPTH + 1)), SyntaxError::TooDeep);
    assert_eq!(parse_error(&"(".repeat(60_000)), SyntaxError::TooDeep);
    assert_eq!(parse_error(&calls(MAX_CALLS + 1)), SyntaxError::TooManyCalls);
    let arguments = vec!["``"; MAX_ARGUMENTS + 1].join(",");
    assert_eq!(parse_error(&format!("Host({arguments})")), SyntaxError::TooManyArguments);
    let long = format!("Path(`/{}`)", "é".repeat(MAX_TEXT / 2));
    assert_eq!(parse_error(&long), SyntaxError::TooLong(long.len()));
    assert!(parse(&long, Syntax::V3).unwrap_err().full().len() < 2000);
}

#[test]
fn the_default_priority_is_the_length_in_bytes() {
    assert_eq!(parse("Path(`/é`) ", Syntax::V3).unwrap().default_priority(), 12);
    assert_eq!(parse("Host(`example.org`)", Syntax::V3).unwrap().default_priority(), 19);
}

#[test]
fn words_for_the_syntax_are_v2_and_anything_else() {
    assert_eq!(Syntax::from_word("v2"), Syntax::V2);
    for word in ["", "v3", "V2", "default"] {
        assert_eq!(Syntax::from_word(word), Syntax::V3);
    }
}

#[test]
fn literals_are_quoted_as_go_quotes_them() {
    let cases = [
        ("a.test", r#""a.test""#),
        ("\"\\'", r#""\"\\'""#),
        ("\n\t\r\x07\x08\x0c\x0b", r#""\n\t\r\a\b\f\v""#),
        ("\x00\x1f\x7f", r#""\x00\x1f\x7f""#),
        ("é世😀", r#""é世😀""#),
        ("e\u{301}", "\"e\u{301}\""),
        ("\u{a0}\u{2028}\u{feff}\u{ad}", r#""\u00a0\u2028\ufeff\u00ad""#),
        ("\u{e000}\u{10ffff}", r#""\ue000\U0010ffff""#),
    ];
    for (given, want) in cases {
        assert_eq!(quote(given), want);
    }
}
