//! `spec/http.md` 1.7: the v2 syntax.
use super::*;

#[test]
fn v2_rules_match_what_traefik_2_matched() {
    let get = Request::get;
    let cases = [
        ("Host(`one.test`, `Two.test`)", get("/").host("two.test"), true),
        ("Host(`one.test`, `Two.test`)", get("/").host("one.test."), true),
        ("Host(`one.test`, `Two.test`)", get("/").host("three.test"), false),
        ("HostHeader(`one.test`)", get("/").host("one.test:80"), true),
        ("Host(`*.test`)", get("/").host("a.test"), false),
        ("Host(`*`)", get("/").host("a.test"), false),
        ("HostRegexp(`{sub:[a-z]+}.re.test`)", get("/").host("ABC.re.test"), true),
        ("HostRegexp(`{sub:[a-z]+}.re.test`)", get("/").host("123.re.test"), false),
        ("HostRegexp(`{sub:[a-z]+}.re.test`)", get("/").host("abc.re.test.x"), false),
        ("HostRegexp(`{sub:[a-z]+}.re.test`)", get("/").host("abc.rextest"), false),
        ("HostRegexp(`{one}.test`, `Other.test`)", get("/").host("a.test"), true),
        ("HostRegexp(`{one}.test`, `Other.test`)", get("/").host("a.b.test"), false),
        ("HostRegexp(`{one}.test`, `Other.org`)", get("/").host("other.org"), true),
        ("HostRegexp(`{n:[0-9]{2}}.test`)", get("/").host("42.test"), true),
        ("HostRegexp(`{n:[0-9]{2}}.test`)", get("/").host("423.test"), false),
        ("HostRegexp(`{subdomain:[a-zA-Z0-9-]+}.example`)", get("/").host("a-1.example"), true),
        ("PathPrefix(`/id/{n:[0-9]+}`, `/fixed`)", get("/id/42/x"), true),
        ("PathPrefix(`/id/{n:[0-9]+}`, `/fixed`)", get("/id/x"), false),
        ("PathPrefix(`/id/{n:[0-9]+}`, `/fixed`)", get("/fixed/y"), true),
        ("Path(`/x/{rest}`)", get("/x/y"), true),
        ("Path(`/x/{rest}`)", get("/x/y/z"), false),
        ("Path(`/x.y`, `/z`)", get("/xay"), false),
        ("Path(`/x.{y}`)", get("/xay"), false),
        ("Method(`get`, `POST`)", get("/").method("POST"), true),
        ("Method(`get`, `POST`)", get("/"), true),
        ("Method(`get`, `POST`)", get("/").method("PUT"), false),
        (
            "Headers(`X-A`, `1`) && HeadersRegexp(`X-B`, `^b+$`)",
            get("/").header("x-a", b"1").header("x-b", b"bb"),
            true,
        ),
        ("Headers(`X-A`, `1`, `X-B`, `2`)", get("/").header("x-a", b"1"), false),
        ("Headers(`X-A`, `1`, `X-B`, `2`)", get("/").header("x-a", b"1").header("x-b", b"2"), true),
        ("Query(`a=1`, `b=2`)", get("/?a=1&b=2"), true),
        ("Query(`a=1`, `b=2`)", get("/?a=1"), false),
        ("Query(`a=`)", get("/?a=anything"), true),
        ("Query(`a=`)", get("/?a"), true),
        ("Query(`a=`)", get("/?b"), false),
        ("Query(`a={n:[0-9]+}`)", get("/?a=12"), true),
        ("Query(`a={n:[0-9]+}`)", get("/?a=12x"), false),
        ("Query(`a={n}`)", get("/?a=x/y"), true),
        ("ClientIP(`10.0.0.0/8`, `127.0.0.1`)", get("/"), true),
        ("ClientIP(`10.0.0.0/8`)", get("/"), false),
        ("!Host(`one.test`, `two.test`)", get("/").host("two.test"), false),
        ("!Host(`one.test`, `two.test`)", get("/").host("x.test"), true),
    ];
    for (rule, request, want) in cases {
        assert_eq!(request.matches(&v2(rule)), want, "{rule} {request:?}");
    }
}

#[test]
fn lists_become_operators() {
    assert_eq!(v2("Host(`a`, `b`) && Path(`/x`)"), v3("(Host(`a`) || Host(`b`)) && Path(`/x`)"));
    assert_eq!(v2("Host(`a`) || Host(`b`, `c`)"), v3("Host(`a`) || Host(`b`) || Host(`c`)"));
    assert_eq!(v2("!Query(`a=1`, `b=2`)"), v3("!Query(`a`, `1`) || !Query(`b`, `2`)"));
}

#[test]
fn refused_arguments_are_named() {
    let cases = [
        ("Headers(`X`, ``)", "error while checking rule Headers: empty args for matcher Headers, [X ]"),
        ("Host()", "error while checking rule Host: no args for matcher Host"),
        ("Headers(`X`)", "error while adding rule Headers: number of parameters must be multiple of 2, got [X]"),
        ("Query(`X`)", "error while adding rule Query: number of parameters must be multiple of 2, got [X]"),
        ("Path(`x`)", r#"error while adding rule Path: path "x" does not start with a '/'"#),
        ("Path(`/{a`)", r#"error while adding rule Path: unbalanced braces in "/{a""#),
        ("Path(`/a}`)", r#"error while adding rule Path: unbalanced braces in "/a}""#),
        ("Path(`/{}`)", r#"error while adding rule Path: missing name or pattern in "{}""#),
        ("Path(`/{:x}`)", r#"error while adding rule Path: missing name or pattern in "{:x}""#),
        ("Path(`/{x:}`)", r#"error while adding rule Path: missing name or pattern in "{x:}""#),
        (
            "Path(`/{x:a)(b}`)",
            "error while adding rule Path: compiling template matcher: error parsing regexp: unexpected ): `a)(b`",
        ),
        (
            "Host(`é`)",
            r#"error while adding rule Host: invalid value "é" for Host matcher, non-ASCII characters are not allowed"#,
        ),
    ];
    for (rule, want) in cases {
        assert_eq!(refusal(rule, Syntax::V2), format!("adding rule {rule}: {want}"));
    }
}

#[test]
fn names_of_one_syntax_do_not_exist_in_the_other() {
    for name in ["Header", "HeaderRegexp", "PathRegexp", "QueryRegexp"] {
        let rule = format!("{name}(`/a`, `b`)");
        assert_eq!(refusal(&rule, Syntax::V2), format!("parsing rule {rule}: unsupported function: {name}"));
    }
    for name in ["Headers", "HeadersRegexp", "HostHeader"] {
        let rule = format!("{name}(`/a`, `b`)");
        assert_eq!(refusal(&rule, Syntax::V3), format!("parsing rule {rule}: unsupported function: {name}"));
    }
}
