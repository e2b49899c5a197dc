//! Whatever stands on the command line or in the environment.
use super::super::table::Kind;
use super::*;
use proptest::prelude::*;

fn any_argument() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = table::rows().map(|row| row.path).collect();
    let known = proptest::sample::select(names);
    let key = prop_oneof![Just("web".to_owned()), Just("traefik".to_owned()), "\\PC{0,4}"];
    let value = prop_oneof![
        Just(String::new()),
        Just("=true".to_owned()),
        "=[-:/0-9a-z.,\\[\\]]{0,12}",
        "=\\PC{0,8}",
        "\\[[0-9]{1,22}\\]=[a-z]{0,3}",
    ];
    let option =
        (known, key, value).prop_map(|(name, key, value)| format!("--{}{value}", name.replace(table::MAP_KEY, &key)));
    prop_oneof![8 => option, 1 => "\\PC{0,20}", 1 => "-{0,3}[a-z.=\\[\\]]{0,20}"]
}

fn any_variable() -> impl Strategy<Value = (String, String)> {
    // The one option that would open a file.
    let names: Vec<&'static str> = table::rows().map(|row| row.path).filter(|path| *path != "configFile").collect();
    let known =
        (proptest::sample::select(names), "[a-zA-Z0-9_]{1,4}", "(_[0-9]{1,22})?").prop_map(|(name, key, index)| {
            let filled = name.replace(table::MAP_KEY, &key).replace(table::ITEM, "_0").replace('.', "_");
            format!("{}{index}", filled.to_uppercase())
        });
    let rest = prop_oneof![6 => known, 1 => "(SERVICE_)?(HOST|PORT)(_[0-9]{0,2}_TCP)?", 1 => "\\PC{0,8}"];
    let value = prop_oneof!["[-:/0-9a-z.,]{0,12}", Just("true".to_owned()), "\\PC{0,8}"];
    (prop_oneof![Just("TRAEFIK_"), Just("PILOTAGE_"), Just("")], rest, value)
        .prop_filter("would open a file", |(_, rest, _)| !rest.eq_ignore_ascii_case("configfile"))
        .prop_map(|(prefix, rest, value)| (format!("{prefix}{rest}"), value))
}

proptest! {
    #[test]
    fn any_arguments_are_read_without_a_panic(given in proptest::collection::vec(any_argument(), 0..8)) {
        match from_args(given) {
            Ok(Command::Run(config)) => prop_assert!(!config.entry_points.is_empty()),
            Ok(_) => {}
            Err(report) => prop_assert!(!report.to_string().is_empty()),
        }
    }

    #[test]
    fn any_environment_is_read_without_a_panic(given in proptest::collection::vec(any_variable(), 0..6)) {
        let variables: Vec<(OsString, OsString)> =
            given.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        for args in [vec![], vec!["print-config".to_owned()]] {
            match sources::read(args, &variables, sources::Search::Nowhere) {
                Ok(Command::Run(config)) => prop_assert!(!config.entry_points.is_empty()),
                Ok(Command::PrintConfig(text)) => prop_assert!(text.contains("entryPoints.")),
                Ok(_) => prop_assert!(false, "nobody asked for that"),
                Err(report) => prop_assert!(!report.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn a_valid_value_of_any_working_option_is_never_called_unknown(at in 0usize..1000) {
        let rows: Vec<_> = table::rows().filter(|row| row.support == Support::Works).collect();
        let row = rows[at % rows.len()];
        let value = match row.kind {
            Kind::Address => ":8081",
            _ if row.default.is_empty() => "1",
            _ => row.default,
        };
        let given = format!("--{}={value}", row.path.replace(table::MAP_KEY, "web").to_uppercase().replace("WEB", "web"));
        if let Err(report) = from_args([given]) {
            let text = report.to_string();
            prop_assert!(!text.contains("unknown") && !text.contains("not support"), "{text}");
        }
    }
}
