use super::*;
use crate::model::facts::{PathMatcher, RouterObservability, RouterOptions, RouterTls, StickyOptions, TlsDomain};
use crate::model::finding::Problem;
use crate::parse::testing::{Object, ingress, service};
use proptest::prelude::*;
use std::sync::Arc;

fn router(object: &Object) -> Result<Arc<RouterOptions>, Vec<Problem>> {
    crate::parse::ingress::parse(&object.typed()).options
}

fn with(annotations: &[(&str, &str)]) -> Object {
    let start = ingress("n", "i");
    annotations.iter().fold(start, |object, (key, value)| object.annotation(key, value))
}

fn texts(outcome: Result<Arc<RouterOptions>, Vec<Problem>>) -> Vec<String> {
    outcome.unwrap_err().iter().map(|problem| problem.text.to_string()).collect()
}

fn strings(list: &[&str]) -> Vec<Arc<str>> {
    list.iter().map(|text| Arc::from(*text)).collect()
}

#[test]
fn the_reference_page_is_that_of_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/annotations.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), reference(), "run with UPDATE_DOCS=1");
}

#[test]
fn keys_of_the_table_are_lower_case_and_below_a_root() {
    for row in TABLE {
        assert_eq!(row.key.replace(".N.", "."), row.key.replace(".N.", ".").to_ascii_lowercase());
        assert!(row.key.starts_with("router.") || row.key.starts_with("service."), "{}", row.key);
    }
}

#[test]
fn all_router_annotations_are_read_and_unrelated_ones_are_not() {
    let object = with(&[
        ("foo", "bar"),
        ("router.pathmatcher", "Path"),
        ("router.entrypoints", "foobar, foobar"),
        ("router.middlewares", "foobar,foobar"),
        ("router.priority", "-42"),
        ("router.rulesyntax", "v2"),
        ("router.tls", "true"),
        ("router.tls.certresolver", "foobar"),
        ("router.tls.domains.0.main", "foobar"),
        ("router.tls.domains.0.sans", "foobar,foobar"),
        ("router.tls.domains.1.main", "foobar"),
        ("router.tls.domains.1.sans", "foobar,,"),
        ("router.tls.options", "foobar"),
        ("router.observability.accesslogs", "true"),
        ("router.observability.metrics", "F"),
        ("router.observability.tracing", "1"),
    ])
    .raw_annotation("ingress.kubernetes.io/foo", "bar");
    let domain = |sans: &[&str]| TlsDomain { main: "foobar".into(), sans: strings(sans) };
    let want = RouterOptions {
        entry_points: strings(&["foobar", "foobar"]),
        middlewares: strings(&["foobar", "foobar"]),
        priority: -42,
        path_matcher: PathMatcher::Path,
        rule_syntax: "v2".into(),
        tls: Some(RouterTls {
            cert_resolver: "foobar".into(),
            domains: vec![domain(&["foobar", "foobar"]), domain(&["foobar", "", ""])],
            options: "foobar".into(),
        }),
        observability: Some(RouterObservability {
            access_logs: Some(true),
            metrics: Some(false),
            tracing: Some(true),
            trace_verbosity: "minimal".into(),
        }),
    };
    assert_eq!(*router(&object).unwrap(), want);
}

#[test]
fn a_block_is_on_or_off_by_its_own_key_or_those_below() {
    let cases: [(&[(&str, &str)], bool); 8] = [
        (&[], false),
        (&[("router.tls", "true")], true),
        (&[("router.tls", "TRUE")], true),
        (&[("router.tls", "")], true),
        (&[("router.tls", "false")], false),
        (&[("router.tls", "foo"), ("router.tls.options", "x")], false),
        (&[("router.tls.options", "x")], true),
        (&[("Router.TLS.Domains", "whatever")], true),
    ];
    for (annotations, want) in cases {
        let options = router(&with(annotations)).unwrap();
        assert_eq!(options.tls.is_some(), want, "{annotations:?}");
        assert!(options.tls.as_ref().is_none_or(|tls| tls.domains.is_empty()));
    }
}

#[test]
fn a_cookie_is_on_or_off_independent_of_its_sticky_block() {
    let sticky = |annotations: &[(&str, &str)]| {
        let object = annotations.iter().fold(service("n", "s"), |object, (key, value)| object.annotation(key, value));
        crate::parse::service::parse(&object.typed()).options.unwrap().sticky.clone()
    };
    let empty = Some(StickyOptions { cookie: None });
    assert_eq!(sticky(&[("service.sticky", "true")]), empty);
    assert_eq!(sticky(&[("service.sticky.cookie", "false"), ("service.sticky.cookie.name", "x")]), empty);
    assert_eq!(sticky(&[("service.sticky", "no"), ("service.sticky.cookie", "true")]), None);
    let cookie = sticky(&[("service.sticky.cookie", "true")]).unwrap().cookie.unwrap();
    assert_eq!((&*cookie.path, &*cookie.name, cookie.max_age), ("/", "", 0));
}

#[test]
fn a_wrong_value_below_a_block_that_is_off_is_no_error_but_an_unknown_field_is() {
    assert!(router(&with(&[("router.observability", "off"), ("router.observability.metrics", "maybe")])).is_ok());
    assert!(router(&with(&[("router.observability", "off"), ("router.observability.foo", "true")])).is_err());
}

#[test]
fn domains_are_ordered_by_the_text_of_their_keys() {
    let annotations = [
        ("router.tls.domains.2.main", "two"),
        ("router.tls.domains.10.main", "ten"),
        ("router.tls.domains.0.sans", "s"),
        ("router.tls.domains.1.main", "one"),
    ];
    let tls = router(&with(&annotations)).unwrap().tls.clone().unwrap();
    let mains: Vec<&str> = tls.domains.iter().map(|domain| &*domain.main).collect();
    assert_eq!(mains, ["", "ten", "one", "two"]);
    assert_eq!(tls.domains[0].sans, strings(&["s"]));
}

#[test]
fn unknown_fields_are_named_with_the_nearest_known_key() {
    let cases = [
        ("router.middleware", "unknown field \"middleware\" in \"router.middleware\"", "router.middlewares"),
        ("router.tls.option", "unknown field \"option\" in", "router.tls.options"),
        ("router.tls.domains.0", "unknown field \"0\" in", "router.tls.domains"),
        ("router.tls.domains.main", "unknown field \"main\" in", "router.tls.domains.N.main"),
        ("router.tls.domains.N.main", "unknown field \"N\" in", "router.tls.domains.N.main"),
        ("router.priority.x", "unknown field \"x\" in", "router.priority"),
        ("router.foo.1.bar", "unknown field \"foo\" in", "router."),
    ];
    for (key, start, nearest) in cases {
        let texts = texts(router(&with(&[(key, "x")])));
        assert!(texts.len() == 1 && texts[0].starts_with(start) && texts[0].contains(nearest), "{key}: {texts:?}");
    }
    assert!(router(&with(&[("router..tls", "true")])).is_err());
    assert!(router(&with(&[("router.", "true")])).is_err());
}

#[test]
fn bare_roots_and_other_keys_are_ignored_with_a_hint_where_it_helps() {
    let object = with(&[("router", "x"), ("service", "x"), ("frontend.rule.type", "x"), ("rule-type", "x")]);
    let fact = crate::parse::ingress::parse(&object.typed());
    assert!(fact.options.is_ok() && fact.problems.is_empty(), "{fact:?}");
    let object = with(&[("service.nativelb", "true"), ("routers.middlewares", "auth")]);
    let fact = crate::parse::ingress::parse(&object.typed());
    let reasons: Vec<&str> = fact.problems.iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, ["UnknownAnnotation", "MisplacedAnnotation"]);
}

#[test]
fn every_wrong_value_is_reported_at_once() {
    let annotations =
        [("router.priority", "1.5"), ("router.observability.metrics", "yes"), ("router.observability.tracing", "")];
    let problems = router(&with(&annotations)).unwrap_err();
    assert_eq!(problems.len(), 3);
    let path = "metadata.annotations[traefik.ingress.kubernetes.io/router.priority]";
    assert!(problems.iter().any(|problem| &*problem.path == path), "{problems:?}");
}

#[test]
fn a_huge_value_is_neither_repeated_nor_copied_into_lists() {
    let huge = "x".repeat(1 << 20);
    let problems = router(&with(&[("router.priority", &huge)])).unwrap_err();
    assert!(problems[0].text.len() < 200);
    let commas = ",".repeat(1 << 20);
    let problems = router(&with(&[("router.middlewares", &commas)])).unwrap_err();
    assert!(problems[0].text.contains("at most 256"), "{problems:?}");
    let problems = router(&with(&[(&format!("router.{huge}"), "x")])).unwrap_err();
    assert!(problems[0].text.len() < 400 && problems[0].path.len() < 200);
}

#[test]
fn of_two_spellings_of_a_key_the_one_that_sorts_last_counts() {
    let object = with(&[("Router.Priority", "1"), ("router.priority", "2"), ("ROUTER.PRIORITY", "3")]);
    assert_eq!(router(&object).unwrap().priority, 2);
}

proptest! {
    #[test]
    fn any_annotation_is_read_or_refused(key in "(router|service|Router)?[.a-zN0-9]{0,30}", value in ".{0,20}") {
        let object = with(&[(&key, &value)]);
        let fact = crate::parse::ingress::parse(&object.typed());
        let service = crate::parse::service::parse(&service("n", "s").annotation(&key, &value).typed());
        prop_assert!(fact.problems.iter().chain(&service.problems).all(|problem| problem.text.len() < 400));
    }

    #[test]
    fn numbers_read_as_go_reads_them(number: i64) {
        let object = with(&[("router.priority", &number.to_string())]);
        prop_assert_eq!(router(&object).unwrap().priority, number);
    }
}
