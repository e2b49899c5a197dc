use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::entry::Raw;
use super::*;

fn read_as(extension: &str, text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("t.{extension}"));
    std::fs::write(&path, text).unwrap();
    let mut findings = Findings::default();
    let entries = entries(&path, None, &mut findings);
    let prefix = path.display().to_string();
    let told = |report: super::super::Report| {
        let texts = report.mistakes().iter().map(ToString::to_string);
        texts.map(|text| text.replace(&prefix, "FILE")).collect::<Vec<_>>()
    };
    findings.conclude().map(|_| entries).map_err(told)
}

fn yaml(text: &str) -> BTreeMap<String, Raw> {
    read_as("yml", text).unwrap().into_iter().map(|entry| (entry.path, entry.value)).collect()
}

fn toml(text: &str) -> BTreeMap<String, Raw> {
    read_as("toml", text).unwrap().into_iter().map(|entry| (entry.path, entry.value)).collect()
}

fn text(value: &str) -> Raw {
    Raw::Text(value.to_owned())
}

fn array(items: &[&str]) -> Raw {
    Raw::Array(items.iter().map(|item| (*item).to_owned()).collect())
}

fn map<const N: usize>(entries: [(&str, Raw); N]) -> BTreeMap<String, Raw> {
    entries.into_iter().map(|(path, value)| (path.to_owned(), value)).collect()
}

/// What each spelling of a value in a file comes to, measured against Traefik 3.7.15.
#[test]
fn yaml_values_read_as_traefik_reads_them() {
    let cases = [
        ("1m30s", "1m30s"),
        ("10", "10"),
        ("'10'", "10"),
        ("204.0", "204"),
        ("2.04e2", "204"),
        ("1.5", "1.5"),
        ("0xCC", "204"),
        ("0314", "204"),
        ("-1", "-1"),
        ("true", "true"),
        ("True", "true"),
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("':80'", ":80"),
        ("!!str true", "true"),
        ("''", ""),
    ];
    for (given, want) in cases {
        assert_eq!(yaml(&format!("api:\n  dashboardName: {given}\n"))["api.dashboardName"], text(want), "{given}");
    }
}

#[test]
fn toml_values_read_alike() {
    let cases = [
        ("10", "10"),
        ("1_000", "1000"),
        ("0xCC", "204"),
        ("-1", "-1"),
        ("99999999999999999999", "99999999999999999999"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("'1m30s'", "1m30s"),
        ("\"\"", ""),
    ];
    for (given, want) in cases {
        assert_eq!(toml(&format!("[api]\ndashboardName = {given}\n"))["api.dashboardName"], text(want), "{given}");
    }
}

#[test]
fn both_formats_nest_and_list() {
    let want = map([
        ("entryPoints.Web.address", text(":80")),
        ("entryPoints.Web.forwardedHeaders.trustedIPs", array(&["10.0.0.1", "10.0.0.2"])),
        ("ping", text("true")),
        ("LOG.LEVEL", text("debug")),
        ("accessLog", text("true")),
    ]);
    let in_yaml = "
entryPoints:
  Web: {address: ':80', forwardedHeaders: {trustedIPs: [10.0.0.1, 10.0.0.2]}}
ping: {}
LOG: {LEVEL: debug}
accessLog: {fields: {names: {x: drop}}}
";
    let in_toml = "
LOG.LEVEL = 'debug'
[entryPoints.Web]
address = ':80'
forwardedHeaders.trustedIPs = ['10.0.0.1', '10.0.0.2']
[ping]
[accessLog.fields.names]
x = 'drop'
";
    assert_eq!(yaml(in_yaml), want);
    assert_eq!(toml(in_toml), want);
}

#[test]
fn a_list_may_be_empty_or_text_with_commas() {
    let path = "providers.kubernetesIngress.namespaces";
    let given = |list: &str| yaml(&format!("providers: {{kubernetesIngress: {{namespaces: {list}}}}}\n"));
    assert_eq!(given("[]")[path], array(&[]));
    assert_eq!(given("'a,b'")[path], text("a,b"));
    assert!(!given("~").contains_key(path));
}

#[test]
fn a_list_of_objects_is_read_item_by_item() {
    let want = map([
        ("entryPoints.web.http.tls", text("true")),
        ("entryPoints.web.http.tls.domains[0].main", text("a.test")),
        ("entryPoints.web.http.tls.domains[1].main", text("b.test")),
        ("entryPoints.web.http.tls.domains[1].sans", array(&["c.test", "d.test"])),
    ]);
    let in_yaml = "
entryPoints:
  web:
    http:
      tls:
        domains:
        - main: a.test
        - {main: b.test, sans: [c.test, d.test]}
";
    let in_toml = "
[[entryPoints.web.http.tls.domains]]
main = 'a.test'
[[entryPoints.web.http.tls.domains]]
main = 'b.test'
sans = ['c.test', 'd.test']
";
    assert_eq!(yaml(in_yaml), want);
    assert_eq!(toml(in_toml), want);
    let wrong = in_yaml.replace("main: a.test", "a.test");
    assert!(read_as("yml", &wrong).is_ok(), "text where an object belongs is for `settings` to say");
}

#[test]
fn anchors_and_merge_keys_repeat_what_they_name() {
    let given = yaml("entryPoints:\n  a: &a {address: ':1', asDefault: true}\n  b: {<<: *a, address: ':2'}\n  c: *a\n");
    assert_eq!(given["entryPoints.b.address"], text(":2"));
    assert_eq!(given["entryPoints.b.asDefault"], text("true"));
    assert_eq!(given["entryPoints.c.address"], text(":1"));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert_eq!(yaml("\u{feff}ping: {}\n"), map([("ping", text("true"))]));
    assert_eq!(toml("\u{feff}[ping]\n"), map([("ping", text("true"))]));
}

#[test]
fn every_mistake_names_its_file_line_and_key() {
    let cases = [
        ("yml", "", "FILE: configuration file FILE is empty; remove it, or write options into it"),
        ("yml", "# only this\n", "FILE: configuration file FILE is empty; remove it, or write options into it"),
        ("toml", "", "FILE: configuration file FILE is empty; remove it, or write options into it"),
        ("yml", "- a\n", "FILE, line 1: the file must hold a mapping (`key: value`)"),
        ("yml", "\nhello\n", "FILE, line 2: the file must hold a mapping (`key: value`)"),
        (
            "json",
            "{}",
            "FILE: configuration file FILE is of no known format; the name must end in .toml, .yaml or .yml",
        ),
        (
            "yml",
            "log:\n  level: INFO\n  Level: WARN\n",
            "FILE, line 3: log.Level: says again what line 2 says as `level`; remove one of them",
        ),
        (
            "yml",
            "ping.entryPoint: web\n",
            "FILE, line 1: ping.entryPoint: a key holds no `.`, `[` or `]`: write one key per level, each below the other",
        ),
        (
            "yml",
            "\nentryPoint:\n  web: {address: ':80'}\n",
            "FILE, line 2: entryPoint: unknown option, did you mean entryPoints?",
        ),
        ("yml", "utterly: {else: 1}\n", "FILE, line 1: utterly: unknown option, see --help"),
        ("yml", "entryPoints:\n  web: {}\n", "FILE, line 2: entryPoints.web: has nothing below it"),
        ("yml", "entryPoints:\n  web:\n", "FILE, line 2: entryPoints.web: has nothing below it"),
        ("yml", "log: {level: {a: b}}\n", "FILE, line 1: log.level: expected a value, not a mapping"),
        (
            "yml",
            "providers:\n  kubernetesIngress:\n    namespaces:\n    - a\n    - {b: c}\n",
            "FILE, line 5: providers.kubernetesIngress.namespaces[1]: expected text",
        ),
        ("yml", "ping: {}\n---\napi: {}\n", "FILE, line 3: is not YAML as expected: multiple YAML documents detected"),
        (
            "toml",
            "[api]\n\ndashboardName = 2020-01-01\n",
            "FILE, line 3: api.dashboardName: is a date or time, which no option takes; quote it if it is text",
        ),
    ];
    for (extension, given, want) in cases {
        assert_eq!(read_as(extension, given).unwrap_err(), [want], "{given:?}");
    }
}

#[test]
fn syntax_errors_have_a_line_and_quote_no_line_of_the_file() {
    let cases = [
        ("yml", "a: 1\nb: [1, 'hunter2'\nc: 3\n"),
        ("yml", "providers:\n  x: &a hunter2\n  y: *b\n"),
        ("yml", "ping: {}\nping: {}\n"),
        ("yml", "ping:\n\tx: hunter2\n"),
        ("yml", "ping: {}\n---\napi: {}\n"),
        ("toml", "[ping]\ntoken = hunter2\n"),
        ("toml", "[ping]\n[ping]\n"),
    ];
    for (extension, given) in cases {
        let mistakes = read_as(extension, given).unwrap_err();
        assert!(mistakes.iter().all(|text| text.contains(", line ") && !text.contains("hunter2")), "{mistakes:?}");
    }
}

#[test]
fn all_syntax_errors_of_a_toml_file_are_told() {
    assert_eq!(read_as("toml", "a = \n[b]\nc = ]\n").unwrap_err().len(), 2);
}

#[test]
fn huge_values_are_refused() {
    let bomb = format!("a: &x {}\nb: [{}]\n", "y".repeat(60_000), "*x,".repeat(90));
    assert!(read_as("yml", &bomb).is_err());
    let many = format!("a: &x y\nb: [{}]\n", "*x,".repeat(5_000));
    assert!(read_as("yml", &many).is_err());
    let laughs: String = (0..20).map(|n| format!("a{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1)).collect();
    assert!(read_as("yml", &format!("a0: &a0 [x]\n{laughs}")).is_err());
    let deep = format!("a: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(read_as("yml", &deep).is_err() && read_as("toml", &deep.replace(": ", " = ")).is_err());
    let large = format!("# {}\nping: {{}}\n", "x".repeat(1 << 20));
    assert!(read_as("yml", &large).unwrap_err()[0].contains("is larger than 1048576 bytes"));
}

#[test]
fn what_is_no_readable_file_is_told_where_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("d.yml")).unwrap();
    std::fs::write(folder.path().join("b.yml"), [0xff, 0xfe]).unwrap();
    for (name, want) in [("none.yml", "cannot be read: "), ("d.yml", "is not a file"), ("b.yml", "is not UTF-8 text")] {
        let mut findings = Findings::default();
        let named = Origin::argument(1, "--configfile");
        assert_eq!(entries(&folder.path().join(name), Some(&named), &mut findings), []);
        let report = findings.conclude().unwrap_err().to_string();
        assert!(report.contains("argument 1: --configfile: configuration file ") && report.contains(want), "{report}");
    }
}

#[test]
fn the_usual_places_are_those_of_traefik_with_our_name_first() {
    let variables = [("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")].map(|(name, value)| (name.into(), value.into()));
    let places: Vec<String> = usual_places(&variables).iter().map(|place| place.display().to_string()).collect();
    assert_eq!(places.len(), 30);
    assert_eq!(
        places[..7],
        [
            "/etc/pilotage/pilotage.toml",
            "/etc/pilotage/pilotage.yaml",
            "/etc/pilotage/pilotage.yml",
            "/etc/pilotage/traefik.toml",
            "/etc/pilotage/traefik.yaml",
            "/etc/pilotage/traefik.yml",
            "/etc/traefik/pilotage.toml",
        ]
    );
    assert_eq!(places[12], "/x/pilotage.toml");
    assert_eq!(places[23], "/h/.config/traefik.yml");
    assert_eq!(places[29], "./traefik.yml");
    let without = usual_places(&[("HOME".into(), OsString::new())]);
    assert_eq!(without.len(), 18);
}

#[test]
fn the_first_file_counts_and_the_others_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let places = ["a.yml", "b.yml", "c.yml"].map(|name| folder.path().join(name));
    assert_eq!(choose(&places, &mut Findings::default()), None);
    std::fs::write(&places[1], "ping: {}").unwrap();
    std::fs::write(&places[2], "ping: {}").unwrap();
    let mut findings = Findings::default();
    assert_eq!(choose(&places, &mut findings), Some(places[1].clone()));
    let warnings = findings.conclude().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().contains("c.yml: is not read, because there is "), "{}", warnings[0]);
}

/// Something like a file: known names, values of all kinds, and noise.
fn any_text() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = super::super::table::rows().flat_map(|row| row.segments()).collect();
    let name = proptest::sample::select(names);
    let value = prop_oneof!["[-0-9a-z.:,]{0,8}", "\\[[a-z, ]{0,8}\\]", "[&*!]a", "\\PC{0,6}", Just("{}".to_owned())];
    let line = (0usize..4, name, prop_oneof![Just(": "), Just(" = "), Just(".")], value)
        .prop_map(|(depth, name, sign, value)| format!("{}{name}{sign}{value}\n", "  ".repeat(depth)));
    let table = "\\[{1,2}[a-zA-Z.]{0,12}\\]{0,2}\n";
    proptest::collection::vec(prop_oneof![6 => line, 1 => table, 1 => "\\PC{0,20}\n"], 0..12)
        .prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn any_file_is_read_without_a_panic(given in any_text(), noise in any::<Vec<u8>>()) {
        for extension in ["yml", "toml"] {
            let path = PathBuf::from(format!("t.{extension}"));
            for text in [given.as_str(), &String::from_utf8_lossy(&noise)] {
                if let Ok(Ok(root)) = tree(&path, text) {
                    walk::entries(&path, root, &mut Findings::default());
                }
            }
        }
    }
}
