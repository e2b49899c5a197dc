//! `spec/http.md` 1.4 and 1.5: which requests match.
use super::*;

#[test]
fn hosts_compare_without_case_port_and_one_trailing_dot() {
    let cases = [
        ("a.test", "a.test", true),
        ("A.Test", "a.test", true),
        ("a.test", "A.TEST:8080", true),
        ("a.test", "a.test.", true),
        ("a.test.", "a.test", true),
        ("a.test.", "a.test.:80", true),
        ("a.test", "b.test", false),
        ("a.test", "sub.a.test", false),
        ("a.test", "xa.test", false),
        ("a.test", "", false),
        ("::1", "[::1]:8080", true),
        ("::1", "[::1]", true),
        ("192.0.2.7", "192.0.2.7:80", true),
        ("port.test:8080", "port.test:8080", false),
        (".", "", false),
    ];
    for (rule, host, want) in cases {
        let expr = Expr::call(Matcher::Host(HostPattern::new(rule)));
        assert_eq!(Request::get("/").host(host).matches(&expr), want, "{rule} {host}");
    }
}

#[test]
fn a_star_stands_for_one_label_or_for_everything() {
    let cases = [
        ("*", "a.b.test", true),
        ("*", "", true),
        ("*.x.test", "a.x.test", true),
        ("*.x.test", "A.X.TEST:80", true),
        ("*.x.test", ".x.test", true),
        ("*.x.test", "a.x.test.", true),
        ("*.X.test.", "a.x.test", true),
        ("*.x.test", "x.test", false),
        ("*.x.test", "a.b.x.test", false),
        ("*.x.test", "ax.test", false),
        ("*a.x.test", "ba.x.test", false),
        ("*a.x.test", "*a.x.test", false),
        ("a.*.test", "a.b.test", false),
        ("*.*.test", "a.b.test", false),
        ("*.", "a", false),
    ];
    for (rule, host, want) in cases {
        let expr = v3(&format!("Host(`{rule}`)"));
        assert_eq!(Request::get("/").host(host).matches(&expr), want, "{rule} {host}");
    }
}

#[test]
fn host_expressions_search_the_lower_case_host_with_its_dot() {
    let cases = [
        (r"^[a-z]+\.re\.test$", "ABC.re.test:81", true),
        (r"^[a-z]+\.re\.test$", "1.re.test", false),
        (r"part", "xpartx.org", true),
        (r"^Upper\.test$", "Upper.test", false),
        (r"^(?i)Any\.case$", "any.case", true),
        (r"^port\.test:8080$", "port.test:8080", false),
        (r"^a\.test$", "a.test.", false),
        (r"^$", "", true),
    ];
    for (pattern, host, want) in cases {
        let expr = v3(&format!("HostRegexp(`{pattern}`)"));
        assert_eq!(Request::get("/").host(host).matches(&expr), want, "{pattern} {host}");
    }
}

#[test]
fn paths_match_whole_by_bytes_or_by_expression() {
    let cases = [
        ("Path(`/exact`)", "/exact", true),
        ("Path(`/exact`)", "/exact/", false),
        ("Path(`/exact`)", "/Exact", false),
        ("Path(`/exact`)", "/exact?q=1", true),
        ("PathPrefix(`/pre`)", "/prefix", true),
        ("PathPrefix(`/slash/`)", "/slash", false),
        ("PathPrefix(`/slash/`)", "/slash/x", true),
        ("PathRegexp(`^/re/[0-9]+$`)", "/re/42", true),
        ("PathRegexp(`^/re/[0-9]+$`)", "/re/42/", false),
        ("PathRegexp(`middle`)", "/in/the-middle/of", true),
        ("PathRegexp(`middle`)", "/x?middle", false),
        ("PathRegexp(`^/.$`)", "/é", true),
    ];
    for (rule, path, want) in cases {
        assert_eq!(Request::get(path).matches(&v3(rule)), want, "{rule} {path}");
    }
}

#[test]
fn methods_are_upper_case_in_the_rule_and_exact_in_the_request() {
    let expr = v3("Method(`get`)");
    assert!(Request::get("/").matches(&expr));
    assert!(!Request::get("/").method("get").matches(&expr));
    assert!(!Request::get("/").method("POST").matches(&expr));
}

#[test]
fn headers_are_compared_line_by_line() {
    let group = v3("Header(`x-GROUP`, `Blue`)");
    let version = v3(r"HeaderRegexp(`X-Version`, `^v\d+`)");
    let base = Request::get("/");
    let cases = [
        (&group, base.clone().header("x-group", b"Blue"), true),
        (&group, base.clone().header("x-group", b"blue"), false),
        (&group, base.clone().header("x-group", b"Red").header("x-group", b"Blue"), true),
        (&group, base.clone().header("x-group", b"Red, Blue"), false),
        (&group, base.clone(), false),
        (&version, base.clone().header("x-version", b"v12\xff"), true),
        (&version, base.clone().header("x-version", b"xv12"), false),
        (&version, base.clone(), false),
        (&v3("HeaderRegexp(`X-Any`, `.*`)"), base.clone().header("x-any", b""), true),
        (&v3("Header(`Content-Length`, `3`)"), base.clone().header("content-length", b"3"), true),
    ];
    for (expr, request, want) in cases {
        assert_eq!(request.matches(expr), want, "{expr} {request:?}");
    }
}

#[test]
fn host_transfer_encoding_and_impossible_names_are_no_headers() {
    let request = Request::get("/").header("host", b"a.test").header("transfer-encoding", b"chunked");
    for rule in ["Header(`Host`, `a.test`)", "HeaderRegexp(`transfer-encoding`, `.`)", "HeaderRegexp(`no name`, `.*`)"]
    {
        assert!(!request.matches(&v3(rule)), "{rule}");
    }
}

#[test]
fn query_parameters_match_by_decoded_value() {
    let cases = [
        ("Query(`mode`, `Edit`)", "/?mode=Edit", true),
        ("Query(`mode`, `Edit`)", "/?mode=edit", false),
        ("Query(`mode`, `Edit`)", "/?Mode=Edit", false),
        ("Query(`mode`, `Edit`)", "/?mode=View&mode=Edit", true),
        ("Query(`flag`)", "/?flag", true),
        ("Query(`flag`)", "/?flag=", true),
        ("Query(`flag`)", "/?flag=1", false),
        ("Query(`flag`)", "/?flag=1&flag", true),
        ("Query(`flag`)", "/", false),
        ("QueryRegexp(`flag`)", "/?x&flag=", true),
        ("QueryRegexp(`flag`)", "/?flag=1", false),
        ("QueryRegexp(`id`, `^[0-9]+$`)", "/?id=42", true),
        ("QueryRegexp(`id`, `^[0-9]+$`)", "/?id=42x", false),
        ("QueryRegexp(`id`, `^[0-9]+$`)", "/?id=x&id=42", true),
        ("QueryRegexp(`id`, `^[0-9]+$`)", "/?id=%34%32", true),
        ("Query(`two words`, `a b`)", "/?two+words=a%20b", true),
        ("Query(`a`, `%zz`)", "/?a=%zz", false),
        ("Query(`a`, `1`)", "/?b=%&a=1&%=2", true),
        ("Query(`b`, `2`)", "/?a=1;b=2", true),
        ("Query(`a`, `b=c`)", "/?a=b=c", true),
        ("Query(`a`, `é`)", "/?a=%C3%A9", true),
    ];
    for (rule, path, want) in cases {
        assert_eq!(Request::get(path).matches(&v3(rule)), want, "{rule} {path}");
    }
}

#[test]
fn client_addresses_match_by_address_or_range() {
    let cases = [
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("10.1.2.3/8", "10.9.9.9", true),
        ("10.0.0.0/8", "::ffff:10.9.9.9", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("::ffff:10.0.0.0/104", "10.9.9.9", true),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("fe80::/10", "fe80::1", true),
        ("fe80::/10", "::1", false),
        ("::/0", "10.0.0.1", false),
        ("0.0.0.0/0", "10.0.0.1", true),
        ("0.0.0.0/0", "::1", false),
    ];
    for (rule, address, want) in cases {
        let expr = v3(&format!("ClientIP(`{rule}`)"));
        assert_eq!(Request::get("/").from(address).matches(&expr), want, "{rule} {address}");
    }
    for bad in ["", "10.0.0", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/+8", "::1/129", "fe80::1%eth0", "10.0.0.1:80"] {
        assert_eq!(Network::parse(bad), None, "{bad}");
    }
}

#[test]
fn operators_combine_as_written() {
    let expr = v3("Host(`a.test`) && !(Method(`POST`) || PathPrefix(`/no`)) || Path(`/always`)");
    let cases = [
        (Request::get("/x"), true),
        (Request::get("/x").method("POST"), false),
        (Request::get("/nope"), false),
        (Request::get("/x").host("b.test"), false),
        (Request::get("/always").host("b.test").method("POST"), true),
    ];
    for (request, want) in cases {
        assert_eq!(request.matches(&expr), want, "{request:?}");
    }
}

#[test]
fn canonical_hosts_lose_port_brackets_case_and_blanks() {
    let cases = [
        ("a.test", "a.test"),
        ("A.Test:80", "a.test"),
        (" a.test ", "a.test"),
        ("a.test.:80", "a.test."),
        ("a.test:", "a.test"),
        (":80", ""),
        ("", ""),
        ("[::1]", "::1"),
        ("[::1]:8080", "::1"),
        ("[FE80::1]:8080", "fe80::1"),
        ("::1", "::1"),
        ("[::1", "[::1"),
        ("[::1]x:80", "[::1]x:80"),
        ("a]:80", "a]:80"),
        ("a:80:90", "a:80:90"),
        ("É.test", "É.test"),
    ];
    for (given, want) in cases {
        assert_eq!(canonical_host(given), want, "{given}");
    }
    assert!(matches!(canonical_host("a.test:80"), std::borrow::Cow::Borrowed("a.test")));
}

#[test]
fn host_patterns_read_back_from_their_text() {
    for host in ["a.test", "a.test.", "a..", "a...", ".", "..", "*", "*.", "*..", "*...", "*.a.", "*.a..", "a*", "*.*."]
    {
        let pattern = HostPattern::new(host);
        assert_eq!(HostPattern::new(&pattern.text()), pattern, "{host}");
    }
}
