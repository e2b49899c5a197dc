//! Index keys of rules.
use super::*;

/// The anchors in a short form: `host path`, with `+` if the rule has to be asked.
fn shown(rule: &str) -> Vec<String> {
    anchors(&v3(rule)).iter().map(short).collect()
}

fn short(anchor: &Anchor) -> String {
    let host = match &anchor.host {
        HostAnchor::Exact(name) => name.to_string(),
        HostAnchor::Wildcard(rest) => format!("*.{rest}"),
        HostAnchor::Any => "*".to_owned(),
    };
    let path = match &anchor.path {
        PathAnchor::Exact(path) => format!("={path}"),
        PathAnchor::Prefix(prefix) => format!("{prefix}*"),
        PathAnchor::Any => "*".to_owned(),
    };
    let residual = if anchor.residual == Residual::Rule { " +" } else { "" };
    format!("{host} {path}{residual}")
}

#[test]
fn anchors_of_usual_rules() {
    let cases: [(&str, &[&str]); 22] = [
        ("Host(`h`)", &["h *"]),
        ("Host(`H.`)", &["h *"]),
        ("Host(`*`)", &["* *"]),
        ("Host(`*.h`) && PathPrefix(`/`)", &["*.h /*"]),
        ("Host(`h`) && Path(`/a`)", &["h =/a"]),
        ("Host(`h`) && (Path(`/bar`) || PathPrefix(`/bar/`))", &["h =/bar", "h /bar/*"]),
        ("Host(`h`) && Header(`X`, `1`)", &["h * +"]),
        ("Host(`h`) && !Path(`/a`)", &["h * +"]),
        ("!Host(`h`)", &["* * +"]),
        ("HostRegexp(`h`)", &["* * +"]),
        ("HostRegexp(`h`) && Path(`/a`)", &["* =/a +"]),
        ("Host(`a`) || Host(`b`)", &["a *", "b *"]),
        ("(Host(`a`) || Host(`b`)) && (Path(`/x`) || Path(`/y`))", &["a =/x", "a =/y", "b =/x", "b =/y"]),
        ("Host(`a`) || Method(`GET`)", &["a *", "* * +"]),
        ("Host(`a`) && Host(`b`)", &[]),
        ("Host(`a.*`)", &[]),
        ("Host(`a.h`) && Host(`*.h`)", &["a.h *"]),
        ("Path(`/a/b`) && PathPrefix(`/a`)", &["* =/a/b"]),
        ("PathPrefix(`/a/b`) && PathPrefix(`/a`)", &["* /a/b*"]),
        ("PathPrefix(`/a`) && PathPrefix(`/b`)", &[]),
        ("Host(`a`) && Method(`GET`) || Host(`a`)", &["a *"]),
        ("Host(`a`) && (Method(`GET`) || Path(`/x`))", &["a =/x", "a * +"]),
    ];
    for (rule, want) in cases {
        assert_eq!(shown(rule), want, "{rule}");
    }
}

#[test]
fn too_many_anchors_become_coarser() {
    let list = |count: usize, make: fn(usize) -> String| (0..count).map(make).collect::<Vec<_>>().join(" || ");
    let hosts = list(64, |n| format!("Host(`h{n}`)"));
    let more_hosts = list(65, |n| format!("Host(`h{n}`)"));
    let paths = list(2, |n| format!("Path(`/{n}`)"));
    let more_paths = list(65, |n| format!("Path(`/{n}`)"));

    assert_eq!(shown(&hosts).len(), 64);
    assert_eq!(shown(&more_hosts), ["* * +"]);
    assert_eq!(shown(&more_paths), ["* * +"]);
    assert_eq!(shown(&format!("Host(`h`) && ({more_paths})")), ["h * +"]);

    let dropped = anchors(&v3(&format!("({hosts}) && ({paths})")));
    assert_eq!(dropped.len(), 64);
    assert!(dropped.iter().all(|anchor| anchor.path == PathAnchor::Any && anchor.residual == Residual::Rule));
}

#[test]
fn hosts_are_the_positive_arguments_of_host() {
    let rule = "Host(`B.test.`) && Path(`/`) || !(Host(`no.test`) || !Host(`*.a.test`)) || Host(`*`) || Host(`b.test`)";
    let found = hosts(&v3(rule));
    assert_eq!(found.iter().map(|host| &**host).collect::<Vec<_>>(), ["*", "*.a.test", "b.test"]);
    assert!(hosts(&v3("HostRegexp(`a`) && !Host(`b`)")).is_empty());
    assert_eq!(hosts(&v2("Host(`a`, `b`) || HostHeader(`c`)")).len(), 3);
}
