use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;

thread_local! {
    static ASKED: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

pub(super) fn note_asked(path: &'static str) {
    ASKED.with_borrow_mut(|asked| asked.extend([path]));
}

/// Every path that was asked for on this thread.
pub(in super::super) fn asked_so_far() -> BTreeSet<&'static str> {
    ASKED.with_borrow(Clone::clone)
}

fn read(args: &[(&str, &str)]) -> (Settings, Result<Vec<String>, Vec<String>>) {
    let entries = args.iter().enumerate().map(|(at, (path, value))| Entry {
        path: (*path).to_owned(),
        value: Raw::Text((*value).to_owned()),
        origin: Origin::argument(at + 1, path),
    });
    let mut findings = Findings::default();
    let settings = Settings::read(entries.collect(), &mut findings);
    let texts = |remarks: &[crate::config::Remark]| remarks.iter().map(ToString::to_string).collect();
    let outcome = findings.conclude().map(|warnings| texts(&warnings)).map_err(|report| texts(report.mistakes()));
    (settings, outcome)
}

fn mistakes(args: &[(&str, &str)]) -> Vec<String> {
    read(args).1.unwrap_err()
}

const NAMESPACES: &str = "providers.kubernetesIngress.namespaces";

#[test]
fn the_last_scalar_wins_and_nothing_given_means_the_default() {
    let (settings, _) = read(&[("log.level", "DEBUG"), ("LOG.LEVEL", "info")]);
    assert_eq!(settings.root().word("log.level"), "INFO");
    assert_eq!(settings.root().origin("log.level"), Some(&Origin::argument(2, "LOG.LEVEL")));
    assert_eq!(settings.root().word("log.format"), "common");
    assert_eq!(settings.root().origin("log.format"), None);
}

#[test]
fn lists_grow_and_indexed_items_follow_in_the_order_of_their_index() {
    let given = [("[1]", "d"), ("", "a,b"), ("[0]", " c "), ("", "x"), ("[1]", "e")];
    let given: Vec<(String, &str)> =
        given.iter().map(|(index, value)| (format!("providers.kubernetesingress.namespaces{index}"), *value)).collect();
    let given: Vec<(&str, &str)> = given.iter().map(|(path, value)| (path.as_str(), *value)).collect();
    let (settings, outcome) = read(&given);
    assert_eq!(outcome, Ok(vec![]));
    assert_eq!(settings.root().list(NAMESPACES), ["a", "b", "x", "c", "e"]);
}

#[test]
fn an_object_is_there_when_anything_below_it_is_unless_it_is_switched_off() {
    let there = |args: &[(&str, &str)]| read(args).0.root().object("ping");
    assert!(!there(&[]));
    assert!(there(&[("ping", "true")]));
    assert!(there(&[("ping.entrypoint", "web")]));
    assert!(!there(&[("ping", "false"), ("ping.entrypoint", "web")]));
    assert!(there(&[("ping", "false"), ("ping", "true")]));
}

#[test]
fn map_keys_are_kept_apart_by_case_and_come_with_their_first_place() {
    let (settings, _) = read(&[
        ("entrypoints.web.http.maxheaderbytes", "1"),
        ("entrypoints.web.address", ":1"),
        ("entrypoints.Web.address", "nonsense"),
    ]);
    let keys: Vec<(&str, String)> =
        settings.keys("entryPoints.<name>").into_iter().map(|(key, origin)| (key, origin.to_string())).collect();
    let want = [
        ("Web", "argument 3: entrypoints.Web.address".to_owned()),
        ("web", "argument 1: entrypoints.web.http.maxheaderbytes".to_owned()),
    ];
    assert_eq!(keys, want);
    assert!(settings.at("Web").is_spoiled("entryPoints.<name>.address"));
}

#[test]
fn names_and_items_are_listed_level_by_level() {
    let mut settings = Settings::default();
    for path in ["http.tls.domains[10].main", "http.tls.domains[2].main", "asdefault"] {
        let path = format!("entrypoints.web.{path}");
        let Lookup::Option { row, key, .. } = table::lookup(&path) else { panic!("{path}") };
        settings.given.insert((row.path, key), Given::nothing(&Origin::argument(1, &path)));
    }
    let keys = |path: &str| settings.keys(path).into_keys().collect::<Vec<_>>();
    assert_eq!(keys("entryPoints.<name>"), ["web"]);
    assert_eq!(keys("entryPoints.<name>.http.tls.domains[n]"), ["web/00002", "web/00010"]);
    assert!(settings.at("web").any_below("entryPoints.<name>.http.tls"));
    assert!(!settings.at("other").any_below("entryPoints.<name>.http.tls"));
}

#[test]
fn unknown_names_and_groups_are_mistakes_with_a_hint() {
    let cases = [
        ("log.levle", "unknown option, did you mean --log.level?"),
        ("entrypoints.web.adress", "unknown option, did you mean --entryPoints.web.address?"),
        ("utterly.else", "unknown option, see --help"),
        ("", "unknown option, see --help"),
        ("entrypoints.web", "not an option, but options begin with `entrypoints.web.`"),
        ("entrypoints.<name>.address", "`<name>` cannot be a name"),
        ("entrypoints.a b.asdefault", "`a b` cannot be a name"),
    ];
    for (path, want) in cases {
        assert_eq!(mistakes(&[(path, "true")]), [format!("argument 1: {path}: {want}")]);
    }
}

#[test]
fn what_is_known_but_not_built_is_refused_whatever_its_value() {
    for (path, value) in [
        ("accesslog", "true"),
        ("metrics.prometheus", "true"),
        ("metrics.prometheus", "false"),
        ("providers.kubernetescrd", "true"),
        ("entrypoints.web.http3", "true"),
        ("entrypoints.web.http3.advertisedport", "nonsense"),
    ] {
        let found = mistakes(&[(path, value)]);
        assert!(found[0].contains("is known, but this version does not support it yet; remove it"), "{found:?}");
    }
    let file = &mistakes(&[("providers.file.directory", "/x")])[0];
    assert!(file.ends_with("remove it or put Ingress objects into a folder (standalone.manifests)"), "{file}");
}

#[test]
fn switching_off_what_is_not_built_is_no_mistake() {
    for path in ["accesslog", "providers.kubernetescrd", "entrypoints.web.http3"] {
        assert_eq!(read(&[(path, "false")]).1, Ok(vec![]), "{path}");
    }
}

#[test]
fn planned_options_are_accepted_with_one_warning_and_checked_all_the_same() {
    let path = "entrypoints.web.http.tls.certresolver";
    let warnings = read(&[(path, "letsencrypt")]).1.unwrap();
    let reason = "this version has no certificate resolvers; certificates are those of spec.tls";
    assert_eq!(warnings, [format!("argument 1: {path}: accepted, but without effect: {reason}")]);
    assert_eq!(mistakes(&[("entrypoints.web.http.tls.domains[n].main", "a.test")]).len(), 1);
}

#[test]
fn ignored_options_are_accepted_without_a_word_but_checked() {
    assert_eq!(read(&[("global.sendanonymoususage", "true")]).1, Ok(vec![]));
    assert_eq!(mistakes(&[("global.checknewversion", "maybe")]).len(), 1);
}

#[test]
fn names_of_older_versions_say_what_to_write_today() {
    assert_eq!(
        mistakes(&[("kubernetes.namespaces", "a")]),
        [
            "argument 1: kubernetes.namespaces: option of an older Traefik: write providers.kubernetesIngress and the same names below it"
        ]
    );
}

#[test]
fn an_empty_item_is_a_mistake_with_and_without_index() {
    assert_eq!(mistakes(&[("providers.kubernetesingress.namespaces", "a,,b")]).len(), 1);
    assert_eq!(mistakes(&[("providers.kubernetesingress.namespaces[0]", "")]).len(), 1);
}
