use std::collections::BTreeSet;

use super::super::value::Value;
use super::*;

#[test]
fn every_path_is_listed_once_whatever_its_case() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.path.to_lowercase()), "{} is listed twice", row.path);
    }
}

#[test]
fn every_default_is_a_valid_value_of_its_kind() {
    for row in rows().filter(|row| !row.default.is_empty()) {
        assert!(Value::parse(row.kind, row.default).is_ok(), "{}", row.path);
    }
}

#[test]
fn a_bool_always_has_a_default_and_an_object_never() {
    for row in rows() {
        match row.kind {
            Kind::Bool => assert!(!row.default.is_empty(), "{}", row.path),
            Kind::Presence | Kind::Section | Kind::List => assert!(row.default.is_empty(), "{}", row.path),
            _ => {}
        }
        assert!(!row.help.is_empty(), "{}", row.path);
    }
}

fn found(given: &str) -> (&'static str, String, Option<usize>) {
    match lookup(given) {
        Lookup::Option { row, key, index } => (row.path, key, index),
        other => panic!("{given}: {other:?}"),
    }
}

#[test]
fn names_are_found_in_any_case_and_map_keys_keep_theirs() {
    assert_eq!(found("LOG.level"), ("log.level", String::new(), None));
    assert_eq!(found("entrypoints.WebSecure.ADDRESS"), ("entryPoints.<name>.address", "WebSecure".to_owned(), None));
    assert_eq!(found("entrypoints.address.address"), ("entryPoints.<name>.address", "address".to_owned(), None));
}

#[test]
fn an_index_is_found_on_lists_only() {
    let path = "providers.kubernetesIngress.namespaces";
    assert_eq!(found("providers.kubernetesingress.namespaces[12]"), (path, String::new(), Some(12)));
    assert_eq!(lookup("log.level[0]"), Lookup::Unknown);
    assert_eq!(lookup("providers.kubernetesIngress.namespaces[x]"), Lookup::Unknown);
    assert_eq!(lookup("providers.kubernetesIngress.namespaces[0].x"), Lookup::Unknown);
    assert_eq!(lookup("entrypoints[0].web.address"), Lookup::Unknown);
}

#[test]
fn a_section_covers_itself_and_all_below_it_indexed_or_not() {
    let http3 = "entryPoints.<name>.http3";
    for given in [
        "entrypoints.web.http3",
        "entrypoints.web.http3.a[0].b",
        "entrypoints.web.http3.a[1]",
        "entrypoints.web.http3[0]",
    ] {
        assert_eq!(found(given).0, http3, "{given}");
    }
    assert_eq!(found("certificatesresolvers.le.acme.email").0, "certificatesResolvers");
}

#[test]
fn items_of_a_list_of_objects_are_part_of_the_key() {
    let domains = "entryPoints.<name>.http.tls.domains[n]";
    let main = found("entrypoints.web.http.tls.Domains[3].main");
    assert_eq!(main, (row(&format!("{domains}.main")).unwrap().path, "web/00003".to_owned(), None));
    let sans = found("entrypoints.web.http.tls.domains[3].sans[1]");
    assert_eq!(sans, (row(&format!("{domains}.sans")).unwrap().path, "web/00003".to_owned(), Some(1)));
    assert_eq!(with_key(sans.0, &sans.1), "entryPoints.web.http.tls.domains[3].sans");
    assert_eq!(lookup("entrypoints.web.http.tls.domains"), Lookup::Group);
    assert_eq!(lookup("entrypoints.web.http.tls.domains[3]"), Lookup::Group);
    for given in ["domains.main", "domains[0].main[0]", "domains[x].main", "domains[0]"] {
        let given = format!("entrypoints.web.http.tls.{given}");
        assert!(!matches!(lookup(&given), Lookup::Option { .. }), "{given}");
    }
    assert_eq!(
        suggestion("entrypoints.web.http.tls.domains[3].mian").as_deref(),
        Some("entryPoints.web.http.tls.domains[3].main")
    );
}

#[test]
fn groups_and_unknown_names_are_told_apart() {
    for given in ["entrypoints", "entrypoints.web", "entrypoints.web.http", "log", "providers"] {
        assert_eq!(lookup(given), Lookup::Group, "{given}");
    }
    for given in ["", ".", "nope", "entrypoints..address", "log.level.x", "ping.x"] {
        assert_eq!(lookup(given), Lookup::Unknown, "{given}");
    }
}

#[test]
fn a_suggestion_keeps_the_map_key_and_never_leads_to_what_is_gone() {
    assert_eq!(suggestion("entrypoints.web.adress").as_deref(), Some("entryPoints.web.address"));
    assert_eq!(
        suggestion("providers.kubernetesingress.namespace").as_deref(),
        Some("providers.kubernetesIngress.namespaces")
    );
    assert_eq!(suggestion("webb"), None);
    assert_eq!(suggestion("completely.unrelated.thing"), None);
}
