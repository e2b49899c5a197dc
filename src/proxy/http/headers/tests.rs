use super::*;
use proptest::prelude::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn cleaned(lines: &[(&str, &str)]) -> (Vec<String>, Option<HeaderValue>) {
    let mut headers = headers(lines);
    let seen = Seen::among(&headers);
    let upgrade = clean_request(&mut headers, seen);
    (lines_of(&headers), upgrade)
}

fn lines_of(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

#[test]
fn headers_of_this_connection_end_here() {
    let (left, _) = cleaned(&[
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authorization", "Basic x"),
        ("upgrade", "foo"),
        ("trailer", "x-sum"),
        ("connection", "close"),
        ("accept", "*/*"),
    ]);
    assert_eq!(left, ["accept: */*"]);
}

#[test]
fn listed_headers_end_here_on_any_line_and_in_any_case() {
    let (left, _) = cleaned(&[
        ("connection", "X-One , ,x-two"),
        ("connection", "X-THREE"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
        ("x-four", "4"),
    ]);
    assert_eq!(left, ["x-four: 4"]);
}

#[test]
fn managed_headers_and_host_cannot_be_listed_away() {
    let (left, _) = cleaned(&[("connection", "x-forwarded-for, x-real-ip, host"), ("host", "a"), ("x-real-ip", "1")]);
    assert_eq!(left, ["host: a", "x-real-ip: 1"]);
}

#[test]
fn te_is_reduced_to_trailers() {
    assert_eq!(cleaned(&[("te", "gzip, Trailers;q=1")]).0, Vec::<String>::new());
    assert_eq!(cleaned(&[("te", "gzip"), ("te", "trailers, deflate")]).0, ["te: trailers"]);
    assert_eq!(cleaned(&[("te", "trailers"), ("connection", "te")]).0, Vec::<String>::new());
}

#[test]
fn an_upgrade_needs_connection_and_protocol() {
    assert_eq!(cleaned(&[("connection", "keep-alive, Upgrade"), ("upgrade", "foo/1")]).1.unwrap(), "foo/1");
    assert_eq!(cleaned(&[("connection", "keep-alive"), ("upgrade", "foo")]).1, None);
    assert_eq!(cleaned(&[("connection", "upgrade")]).1, None);
}

#[test]
fn an_upgrade_to_nothing_is_none() {
    let (left, upgrade) = cleaned(&[("connection", "Upgrade"), ("upgrade", "")]);
    assert_eq!((left, upgrade), (vec![], None));
}

#[test]
fn the_settings_of_an_upgrade_to_http_2_end_here_in_any_case() {
    assert_eq!(cleaned(&[("http2-settings", "AAMA"), ("accept", "x")]).0, ["accept: x"]);
}

#[test]
fn only_100_continue_can_be_expected() {
    let cases = [
        (vec!["100-continue"], false),
        (vec!["100-Continue"], false),
        (vec!["x, 100-continue"], false),
        (vec![""], false),
        (vec!["", "x"], false),
        (vec!["x"], true),
        (vec!["x", "100-continue"], true),
        (vec![], false),
    ];
    for (values, want) in cases {
        let lines: Vec<(&str, &str)> = values.iter().map(|value| ("expect", *value)).collect();
        let headers = headers(&lines);
        assert_eq!(Seen::among(&headers).has_expectation(), !lines.is_empty(), "{values:?}");
        assert_eq!(expects_the_unknown(&headers), want, "{values:?}");
    }
}

#[test]
fn an_upgrade_to_h2c_is_forgotten() {
    let (left, upgrade) =
        cleaned(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMA")]);
    assert_eq!((left, upgrade), (vec![], None));
}

#[test]
fn trailers_stay_announced_where_they_can_follow() {
    let chunked = [("transfer-encoding", "Chunked"), ("trailer", "x-sum")];
    assert_eq!(cleaned(&chunked).0, ["trailer: x-sum", "transfer-encoding: chunked"]);
    let mut answer = headers(&chunked);
    let seen = Seen::among(&answer);
    clean_answer(&mut answer, seen);
    assert_eq!(lines_of(&answer), ["trailer: x-sum"]);
    let mut sized = headers(&[("content-length", "1"), ("trailer", "x-sum"), ("upgrade", "foo"), ("te", "x")]);
    let seen = Seen::among(&sized);
    clean_answer(&mut sized, seen);
    assert_eq!(lines_of(&sized), ["content-length: 1"]);
}

#[test]
fn aliases_of_managed_headers_are_deleted_and_other_underscores_stay() {
    let mut given = headers(&[
        ("x_forwarded_for", "1"),
        ("x-forwarded_host", "2"),
        ("x_real-ip", "3"),
        ("x-forwarded-tls-client-cert-info", "4"),
        ("x_other", "5"),
        ("x-forwarded-ssl", "on"),
    ]);
    assert!(Seen::among(&given).has_managed());
    delete_managed(&mut given);
    assert_eq!(lines_of(&given), ["x-forwarded-ssl: on", "x_other: 5"]);
}

#[test]
fn only_a_single_chunked_is_a_coding() {
    let cases = [
        (vec!["chunked"], true),
        (vec!["CHUNKED"], true),
        (vec!["gzip, chunked"], false),
        (vec!["chunked, chunked"], false),
        (vec!["chunked", "chunked"], false),
        (vec!["identity"], false),
        (vec![], false),
    ];
    for (values, want) in cases {
        let lines: Vec<(&str, &str)> = values.iter().map(|value| ("transfer-encoding", *value)).collect();
        assert_eq!(is_chunked_alone(&headers(&lines)), want, "{values:?}");
    }
}

const NAMES: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "x-a",
    "x-b",
    "accept",
    "host",
    "transfer-encoding",
];
const VALUES: &[&str] = &["x-a", "x-b, keep-alive", "upgrade", "trailers", "close", "te, x-a", "", "chunked", "h2c"];

proptest! {
    #[test]
    fn hop_by_hop_headers_never_pass(
        lines in proptest::collection::vec((0..NAMES.len(), 0..VALUES.len()), 0..12)
    ) {
        let lines: Vec<(&str, &str)> = lines.into_iter().map(|(name, value)| (NAMES[name], VALUES[value])).collect();
        let listed: Vec<&str> = lines
            .iter()
            .filter(|(name, _)| *name == "connection")
            .flat_map(|(_, value)| value.split(',').map(str::trim))
            .filter(|name| name.starts_with("x-"))
            .collect();
        let mut request = headers(&lines);
        let mut answer = request.clone();
        let seen = Seen::among(&request);
        clean_request(&mut request, seen);
        let seen = Seen::among(&answer);
    clean_answer(&mut answer, seen);
        for headers in [&request, &answer] {
            for gone in ["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "upgrade"] {
                prop_assert!(!headers.contains_key(gone), "{gone}");
            }
            for name in &listed {
                prop_assert!(!headers.contains_key(*name), "{name}");
            }
        }
        prop_assert!(!answer.contains_key("te") && !answer.contains_key("transfer-encoding"));
        prop_assert!(request.get_all("te").iter().all(|value| value == "trailers"));
        prop_assert!(request.get_all("transfer-encoding").iter().all(|value| value == "chunked"));
    }
}
