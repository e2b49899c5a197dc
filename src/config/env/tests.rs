use super::super::entry::Raw;
use super::*;

fn read_all(variables: &[(&str, &str)]) -> Read {
    let variables: Vec<(OsString, OsString)> =
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    read(&variables, &mut Findings::default())
}

fn paths(names: &[&str]) -> Vec<String> {
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (*name, "x")).collect();
    read_all(&variables).entries.into_iter().map(|entry| entry.path).collect()
}

#[test]
fn levels_are_separated_by_underscores_and_case_does_not_count() {
    assert_eq!(paths(&["TRAEFIK_ENTRYPOINTS_WEB_ADDRESS"]), ["entrypoints.web.address"]);
    assert_eq!(paths(&["pilotage_Log_LEVEL"]), ["log.level"]);
    assert_eq!(paths(&["PATH", "TRAEFIK", "XTRAEFIK_LOG_LEVEL", "TRÄFIK_LOG"]), Vec::<String>::new());
}

#[test]
fn numbers_are_indexes_unless_the_table_has_a_name_there() {
    let cases = [
        ("TRAEFIK_PROVIDERS_KUBERNETESINGRESS_NAMESPACES_0", "providers.kubernetesingress.namespaces[0]"),
        ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN", "entrypoints.web.http.tls.domains[0].main"),
        ("TRAEFIK_ENTRYPOINTS_8443_ADDRESS", "entrypoints.8443.address"),
        ("TRAEFIK_0", "0"),
        ("TRAEFIK_", ""),
    ];
    for (name, want) in cases {
        assert_eq!(paths(&[name]), [want]);
    }
}

#[test]
fn our_log_filter_is_no_option() {
    assert_eq!(paths(&["PILOTAGE_LOG"]), Vec::<String>::new());
    assert_eq!(paths(&["TRAEFIK_LOG"]), ["log"]);
}

#[test]
fn values_are_taken_as_they_are_and_both_prefixes_are_told_apart() {
    let read = read_all(&[("TRAEFIK_LOG_LEVEL", " INFO"), ("PILOTAGE_LOG_LEVEL", "WARN")]);
    let got: Vec<(Source, Raw)> = read.entries.into_iter().map(|entry| (entry.origin.source(), entry.value)).collect();
    let want = [
        (Source::PilotageVariable, Raw::Text("WARN".to_owned())),
        (Source::TraefikVariable, Raw::Text(" INFO".to_owned())),
    ];
    assert_eq!(got, want);
}

#[test]
fn service_links_are_set_aside() {
    let read = read_all(&[("PILOTAGE_SERVICE_HOST", "10.0.0.1"), ("TRAEFIK_METRICS_PORT", "tcp://10.0.0.1:9100")]);
    // Below a section that is known as a whole, everything is an option: only the shape could tell, and it does.
    assert_eq!(read.links, ["PILOTAGE_SERVICE_HOST", "TRAEFIK_METRICS_PORT"]);
    assert!(read.entries.is_empty());
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_a_mistake() {
    use std::os::unix::ffi::OsStringExt;
    let variables = [("TRAEFIK_LOG_LEVEL".into(), OsString::from_vec(vec![0xff]))];
    let mut findings = Findings::default();
    assert!(read(&variables, &mut findings).entries.is_empty());
    assert!(findings.conclude().unwrap_err().to_string().contains("TRAEFIK_LOG_LEVEL: the value is not UTF-8"));
}
