//! What has to hold for every rule and every request.
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const HOSTS: &[&str] = &["a.test", "b.test", "*.test", "*.a.test", "x.a.test", "*", "a.test.", "a*", "*.", "::1", ".."];
const PATHS: &[&str] = &["/", "/a", "/a/", "/ab", "/a/b", "/b"];

/// Matchers that random requests hit often.
fn likely_matcher() -> impl Strategy<Value = Matcher> {
    let pattern = |texts: &'static [&'static str]| select(texts).prop_map(|text| Pattern::parse(text).unwrap());
    let text = |texts: &'static [&'static str]| select(texts).prop_map(Arc::<str>::from);
    let key = select(&["x-a", "X-B", "host"][..]).prop_map(|name| HeaderKey::new(name.into()));
    prop_oneof![
        4 => select(HOSTS).prop_map(|host| Matcher::Host(HostPattern::new(host))),
        4 => text(PATHS).prop_map(Matcher::Path),
        4 => text(PATHS).prop_map(Matcher::PathPrefix),
        1 => pattern(&["^a", r"\.test$", "."]).prop_map(Matcher::HostRegexp),
        1 => pattern(&["^/a", "b$"]).prop_map(Matcher::PathRegexp),
        1 => text(&["GET", "POST"]).prop_map(Matcher::Method),
        1 => (key, text(&["1", "2"])).prop_map(|(key, value)| Matcher::Header(key, value)),
        1 => (text(&["k", "l"]), text(&["", "1"])).prop_map(|(key, value)| Matcher::Query(key, value)),
        1 => select(&["127.0.0.1", "10.0.0.0/8", "::1"][..]).prop_map(|net| Matcher::ClientIp(Network::parse(net).unwrap())),
    ]
}

/// Matchers with arguments of any text that the matcher accepts.
fn any_matcher() -> impl Strategy<Value = Matcher> {
    let text = || any::<String>().prop_filter("not empty", |text| !text.is_empty()).prop_map(Arc::<str>::from);
    let path = || any::<String>().prop_map(|rest| Arc::<str>::from(format!("/{rest}")));
    let pattern = || any::<String>().prop_map(|text| Pattern::parse(&format!("a?{}", quote_meta(&text))).unwrap());
    let key = || text().prop_map(HeaderKey::new);
    let net = (any::<std::net::IpAddr>(), 0_u8..=32)
        .prop_map(|(address, prefix)| Matcher::ClientIp(Network::parse(&format!("{address}/{prefix}")).unwrap()));
    prop_oneof![
        "[ -~]{1,12}|[a*.]{1,5}".prop_map(|host| Matcher::Host(HostPattern::new(&host))),
        path().prop_map(Matcher::Path),
        path().prop_map(Matcher::PathPrefix),
        pattern().prop_map(Matcher::PathRegexp),
        "[A-Z]{1,8}".prop_map(|method| Matcher::Method(method.into())),
        (key(), text()).prop_map(|(key, value)| Matcher::Header(key, value)),
        (key(), pattern()).prop_map(|(key, value)| Matcher::HeaderRegexp(key, value)),
        (text(), any::<String>()).prop_map(|(key, value)| Matcher::Query(key, value.into())),
        (text(), pattern()).prop_map(|(key, value)| Matcher::QueryRegexp(key, value)),
        net,
    ]
}

fn expr_of(matcher: impl Strategy<Value = Matcher> + 'static) -> impl Strategy<Value = Expr> {
    let call = (matcher, any::<bool>()).prop_map(|(matcher, negated)| {
        let expr = Expr::call(matcher);
        if negated { expr.negated() } else { expr }
    });
    call.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(|members| Expr::all(members).unwrap()),
            vec(inner, 1..4).prop_map(|members| Expr::any(members).unwrap()),
        ]
    })
}

fn request() -> impl Strategy<Value = Request> {
    let host =
        select(&["a.test", "a.test.", "b.test", "x.a.test", "y.x.a.test", ".test", "test", "", "::1", "a..", "."][..]);
    let path = select(&["/", "/a", "/a/", "/a/b", "/ab/c", "/b", "/c", "*"][..]);
    let query = proptest::option::of(select(&["", "k", "k=1", "l=1&k=", "k=%zz;l"][..]));
    let header = proptest::option::of(select(&[("x-a", "1"), ("x-b", "2"), ("host", "1")][..]));
    let address = select(&["127.0.0.1", "10.1.1.1", "::1", "::ffff:10.0.0.1"][..]);
    (host, path, select(&["GET", "POST"][..]), query, header, address).prop_map(
        |(host, path, method, query, header, address)| {
            let mut request = Request::get(path).host(host).method(method).from(address);
            request.query = query.map(str::to_owned);
            match header {
                Some((name, value)) => request.header(name, value.as_bytes()),
                None => request,
            }
        },
    )
}

/// Text made of pieces of rules, which gets further into the parser than random characters.
fn soup() -> impl Strategy<Value = String> {
    let pieces = select(
        &[
            "Host",
            "Path(`/a`)",
            "PathRegexp",
            "Headers",
            "Query(`a=1`)",
            "(",
            ")",
            "!",
            "&&",
            "||",
            "&",
            ",",
            "`",
            "\"",
            "\\x4",
            "\\",
            "`{a:b}`",
            "`[a`",
            "\"/\\u00e9\"",
            "//",
            "/*",
            "*/",
            "\n",
            " ",
            "'",
            "é",
            "1",
            "#",
            "``",
        ][..],
    );
    vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", soup in soup(), bytes in any::<Vec<u8>>()) {
        for text in [&*text, &*soup, &*String::from_utf8_lossy(&bytes)] {
            for syntax in [Syntax::V3, Syntax::V2] {
                match parse(text, syntax) {
                    Ok(rule) => prop_assert_eq!(&*rule.text, text),
                    Err(error) => prop_assert!(error.full().starts_with("error while parsing rule ")),
                }
            }
        }
    }

    #[test]
    fn a_rule_printed_and_parsed_is_itself(expr in expr_of(any_matcher())) {
        let text = expr.to_string();
        let parsed = parse(&text, Syntax::V3).map_err(|error| TestCaseError::fail(error.full()))?;
        prop_assert_eq!(parsed.expr, expr);
    }

    #[test]
    fn a_quoted_text_is_read_as_itself(text in any::<String>()) {
        let parsed = v3(&format!("Path({})", quote(&format!("/{text}"))));
        prop_assert_eq!(parsed, Expr::call(Matcher::Path(format!("/{text}").into())));
    }

    #[test]
    fn negation_flips_every_answer(expr in expr_of(likely_matcher()), requests in vec(request(), 1..8)) {
        let written = v3(&format!("!({expr})"));
        prop_assert_eq!(&written, &expr.negated());
        prop_assert_eq!(&written.negated(), &expr);
        for request in requests {
            prop_assert_eq!(request.matches(&written), !request.matches(&expr));
        }
    }

    #[test]
    fn anchors_admit_whatever_the_rule_matches(expr in expr_of(likely_matcher()), requests in vec(request(), 1..16)) {
        let anchors = anchors(&expr);
        prop_assert!(anchors.len() <= 64);
        for request in requests {
            let matches = request.matches(&expr);
            let mut admitting = anchors.iter().filter(|anchor| anchor.admits(&request.host, &request.path)).peekable();
            prop_assert!(!matches || admitting.peek().is_some(), "{} {:?}", expr, request);
            prop_assert!(matches || admitting.all(|anchor| anchor.residual == Residual::Rule), "{} {:?}", expr, request);
        }
    }

    #[test]
    fn many_alternatives_keep_their_anchors_sound(
        hosts in vec(select(HOSTS), 1..90),
        paths in vec("/[a-c]{0,4}", 1..90),
        request in request(),
    ) {
        let any = |matchers: Vec<Matcher>| Expr::any(matchers.into_iter().map(Expr::call).collect()).unwrap();
        let hosts = any(hosts.iter().map(|host| Matcher::Host(HostPattern::new(host))).collect());
        let paths = any(paths.into_iter().map(|path| Matcher::Path(path.into())).collect());
        for expr in [Expr::all(vec![hosts.clone(), paths.clone()]).unwrap(), Expr::any(vec![hosts, paths]).unwrap()] {
            let matches = request.matches(&expr);
            for anchor in anchors(&expr).iter().filter(|anchor| anchor.admits(&request.host, &request.path)) {
                prop_assert!(matches || anchor.residual == Residual::Rule);
            }
            let admitted = anchors(&expr).iter().any(|anchor| anchor.admits(&request.host, &request.path));
            prop_assert!(!matches || admitted);
        }
    }
}
