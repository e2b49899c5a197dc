//! Tests of the cookies.
use super::*;
use crate::model::facts::ServerState;
use crate::model::plan::Scheme;
use proptest::prelude::*;

fn cookie() -> StickyCookie {
    StickyCookie {
        name: "lane".into(),
        secure: false,
        http_only: false,
        same_site: "".into(),
        max_age: 0,
        path: "/".into(),
        domain: "".into(),
    }
}

fn server(url: &str) -> Server {
    let state = ServerState::Active;
    Server { url: url.into(), scheme: Scheme::Http, host: "10.0.0.1".into(), port: 80, state }
}

fn affinity() -> Affinity {
    Affinity::build(&cookie(), &[server("http://10.0.0.1:80"), server("http://127.0.0.1:18101")])
}

fn headers(lines: &[&[u8]]) -> HeaderMap {
    lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line).expect("a header value"))).collect()
}

fn line(cookie: &StickyCookie) -> String {
    let affinity = Affinity::build(cookie, &[server("http://10.0.0.1:80")]);
    let line = affinity.set_cookie(0).expect("a valid cookie");
    line.to_str().expect("ascii").replace("df5bd2f9c0180410", "*")
}

#[test]
fn the_value_is_the_start_of_the_sha_256_of_the_url() {
    assert_eq!(current_value("http://127.0.0.1:18101"), "651d3da821c34898");
    assert_eq!(current_value("http://10.0.0.1:80"), "df5bd2f9c0180410");
}

#[test]
fn fnv_1_is_that_of_its_test_vectors() {
    for (text, hash) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_bd4c_8601_b7be), ("foobar", 0x340d_8765_a4dd_a9c2)] {
        assert_eq!(fnv1(text.as_bytes()), hash, "{text}");
    }
}

#[test]
fn a_current_value_leads_to_its_server_and_is_not_sent_again() {
    let affinity = affinity();
    let known = affinity.recall(&headers(&[b"lane=651d3da821c34898"])).expect("known");
    assert_eq!(known.index, 1);
    assert!(known.rewrite.is_none());
}

#[test]
fn older_values_lead_to_their_server_and_are_rewritten() {
    let affinity = affinity();
    for value in ["http://10.0.0.1:80", "6773b9eb3f0631af", "a3882de487ebf0dc"] {
        let known = affinity.recall(&headers(&[format!("lane={value}").as_bytes()])).expect(value);
        assert_eq!(known.index, 0, "{value}");
        assert_eq!(known.rewrite.expect("rewritten"), "lane=df5bd2f9c0180410; Path=/", "{value}");
    }
}

#[test]
fn only_the_first_cookie_of_the_name_counts() {
    struct Case {
        name: &'static str,
        lines: &'static [&'static [u8]],
        want: Option<&'static [u8]>,
    }
    let cases = [
        Case { name: "none", lines: &[], want: None },
        Case { name: "alone", lines: &[b"lane=1"], want: Some(b"1") },
        Case { name: "empty", lines: &[b"lane=; lane=2"], want: Some(b"") },
        Case { name: "two", lines: &[b"lane=1; lane=2"], want: Some(b"1") },
        Case { name: "second line", lines: &[b"a=b", b"lane=1", b"lane=2"], want: Some(b"1") },
        Case { name: "longer names", lines: &[b"xlane=1; lanex=2; lane=3"], want: Some(b"3") },
        Case { name: "case matters", lines: &[b"Lane=1"], want: None },
        Case { name: "blanks", lines: &[b"  lane =\t1  ;x"], want: Some(b"1") },
        Case { name: "no blank", lines: &[b"a=b;lane=1"], want: Some(b"1") },
        Case { name: "quotes", lines: &[b"lane=\"1\""], want: Some(b"1") },
        Case { name: "half a quote", lines: &[b"lane=\"1"], want: Some(b"\"1") },
        Case { name: "one quote", lines: &[b"lane=\""], want: Some(b"\"") },
        Case { name: "equal signs inside", lines: &[b"lane=a=b"], want: Some(b"a=b") },
        Case { name: "no equal sign", lines: &[b"lane; lane=1"], want: Some(b"1") },
        Case { name: "odd bytes before", lines: &[b"\xff\xfe=\x80;;;=;lane=1"], want: Some(b"1") },
        Case { name: "odd bytes inside", lines: &[b"lane=\xff\xc3"], want: Some(b"\xff\xc3") },
    ];
    for Case { name, lines, want } in cases {
        assert_eq!(first_cookie(&headers(lines), b"lane"), want, "{name}");
    }
}

#[test]
fn attributes_stand_in_the_order_of_the_reference() {
    let all = StickyCookie {
        name: "session".into(),
        secure: true,
        http_only: true,
        same_site: "none".into(),
        max_age: 42,
        path: "/app".into(),
        domain: "a.test".into(),
    };
    assert_eq!(line(&all), "session=*; Path=/app; Domain=a.test; Max-Age=42; HttpOnly; Secure; SameSite=None");
    assert_eq!(line(&cookie()), "lane=*; Path=/");
}

#[test]
fn same_site_is_read_in_any_case_and_unknown_words_are_dropped() {
    for (word, want) in
        [("Lax", "; SameSite=Lax"), ("STRICT", "; SameSite=Strict"), ("none", "; SameSite=None"), ("odd", ""), ("", "")]
    {
        assert_eq!(
            line(&StickyCookie { same_site: word.into(), ..cookie() }),
            format!("lane=*; Path=/{want}"),
            "{word}"
        );
    }
}

#[test]
fn a_negative_age_expires_at_once_and_zero_is_not_sent() {
    for (age, want) in [(-1, "; Max-Age=0"), (0, ""), (1, "; Max-Age=1"), (i64::MIN, "; Max-Age=0")] {
        assert_eq!(line(&StickyCookie { max_age: age, ..cookie() }), format!("lane=*; Path=/{want}"), "{age}");
    }
}

#[test]
fn invalid_domains_are_dropped() {
    let long_label = "a".repeat(64);
    let long_name = "a.".repeat(128);
    for domain in ["", ".", "..", "a..b", "-a.test", "a-.test", "a_b.test", "a b", "a;b", "é.test", "1234", "::1"]
        .into_iter()
        .chain([long_label.as_str(), long_name.as_str()])
    {
        assert_eq!(line(&StickyCookie { domain: domain.into(), ..cookie() }), "lane=*; Path=/", "{domain}");
    }
    for (domain, want) in
        [("a.test", "a.test"), (".a.test", "a.test"), ("10.0.0.1", "10.0.0.1"), ("a-b.test", "a-b.test")]
    {
        let expected = format!("lane=*; Path=/; Domain={want}");
        assert_eq!(line(&StickyCookie { domain: domain.into(), ..cookie() }), expected, "{domain}");
    }
}

#[test]
fn a_path_cannot_smuggle_attributes_or_lines() {
    let path = "/a; Domain=evil\r\nX: y\u{e9}";
    assert_eq!(line(&StickyCookie { path: path.into(), ..cookie() }), "lane=*; Path=/a Domain=evilX: y");
    assert_eq!(line(&StickyCookie { path: "".into(), ..cookie() }), "lane=*");
}

#[test]
fn a_cookie_without_a_usable_name_is_not_sent() {
    for name in ["", "a\nb"] {
        let affinity = Affinity::build(&StickyCookie { name: name.into(), ..cookie() }, &[server("http://a")]);
        assert_eq!(affinity.set_cookie(0), None, "{name:?}");
    }
}

#[test]
fn of_two_servers_with_one_url_the_first_is_meant() {
    let affinity =
        Affinity::build(&cookie(), &[server("http://x"), server("http://10.0.0.1:80"), server("http://10.0.0.1:80")]);
    assert_eq!(affinity.recall(&headers(&[b"lane=df5bd2f9c0180410"])).map(|known| known.index), Some(1));
}

proptest! {
    #[test]
    fn any_bytes_in_cookies_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let headers: HeaderMap = [(COOKIE, value)].into_iter().collect();
            prop_assert!(affinity().recall(&headers).is_none_or(|known| known.index < 2));
        }
    }

    #[test]
    fn a_cookie_that_was_set_leads_back(hosts in prop::collection::hash_set("[a-z]{1,8}", 1..20), before in "[a-z=; ]{0,20}") {
        let servers: Vec<Server> = hosts.iter().map(|host| server(&format!("http://{host}:80"))).collect();
        let affinity = Affinity::build(&cookie(), &servers);
        for index in 0..servers.len() {
            let line = affinity.set_cookie(index).expect("a valid cookie").to_str().expect("ascii");
            let sent = line.split(';').next().expect("name and value");
            let known = affinity.recall(&headers(&[format!("{before};{sent}").as_bytes()])).expect("known");
            prop_assert_eq!(known.index, index);
            prop_assert!(known.rewrite.is_none());
        }
    }
}
