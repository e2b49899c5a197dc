//! The command line: arguments to raw entries, by the rules of `http.md` 4.1. What the entries mean is `settings`'.
//!
//! One or two dashes; `--name=value`; a bare name of a bool or an object means `true`; `--name value` works for names
//! without a map key only, as in Traefik. Where Traefik would quietly take something else for the value, this is a
//! mistake that says what to write.
use std::iter::Peekable;

use super::entry::Entry;
use super::report::{Findings, Origin};
use super::table::{self, Kind, Lookup};

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Run(Vec<Entry>),
    PrintConfig(Vec<Entry>),
    Help,
    Version,
}

/// Takes the arguments apart, without the name of the program. Mistakes go to `findings`.
pub(super) fn parse(args: impl IntoIterator<Item = String>, findings: &mut Findings) -> Asked {
    let mut entries = Vec::new();
    let mut args = args.into_iter().enumerate().peekable();
    let print = args.next_if(|(_, first)| first == "print-config").is_some();
    while let Some((at, arg)) = args.next() {
        let Some((dashes, name, value)) = split(&arg) else {
            match (at, arg.as_str()) {
                (0, "version") => return Asked::Version,
                (0, "help") => return Asked::Help,
                (0, "healthcheck") => findings.mistake(
                    Some(&Origin::argument(1, "healthcheck")),
                    "the command is known, but this version does not support it yet; ask /ping",
                ),
                // A later word may be a secret that came apart from its option; a first one is a mistyped command.
                (_, word) => findings.mistake(
                    Some(&Origin::argument(at + 1, if at == 0 { word } else { "WORD" })),
                    "neither an option nor a command; a value is joined to its option by `=`",
                ),
            }
            continue;
        };
        match name {
            "h" | "help" => return Asked::Help,
            "version" => return Asked::Version,
            _ => {}
        }
        let origin = Origin::argument(at + 1, &format!("{dashes}{name}"));
        let value = match value {
            Some(value) => Ok(value.to_owned()),
            None => bare_value(name, &mut args),
        };
        match value {
            Ok(value) => entries.push(Entry::text(name.to_owned(), value, origin)),
            Err(text) => findings.mistake(Some(&origin), text),
        }
    }
    if print { Asked::PrintConfig(entries) } else { Asked::Run(entries) }
}

/// Dashes, name, and the text after the first `=`.
fn split(arg: &str) -> Option<(&str, &str, Option<&str>)> {
    let length = if arg.starts_with("--") { 2 } else { 1 };
    if !arg.starts_with('-') {
        return None;
    }
    let (dashes, rest) = arg.split_at(length);
    let (name, value) = rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value)));
    Some((dashes, name, value))
}

/// The value of an option without `=`: `true`, or the next argument.
fn bare_value<I: Iterator<Item = (usize, String)>>(name: &str, args: &mut Peekable<I>) -> Result<String, String> {
    let mut following = || args.next_if(|(_, next)| !looks_like_option(next)).map(|(_, next)| next);
    match table::lookup(name) {
        Lookup::Option { row, .. } if matches!(row.kind, Kind::Bool | Kind::Presence) => Ok("true".to_owned()),
        Lookup::Option { row, key, .. } if row.kind != Kind::Section => match following() {
            Some(next) if key.is_empty() => Ok(next),
            Some(next) => Err(format!("needs a value; write --{name}={next}")),
            None => Err(format!("needs a value; write --{name}=VALUE")),
        },
        // Refused or unknown anyway: what follows is part of the same mistake.
        _ => {
            following();
            Ok("true".to_owned())
        }
    }
}

/// Whether it begins like an option, not like a negative number.
fn looks_like_option(arg: &str) -> bool {
    arg.strip_prefix('-').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::entry::Raw;
    use super::*;

    fn run(args: &[&str]) -> (Asked, Vec<String>) {
        let mut findings = Findings::default();
        let asked = parse(args.iter().map(|arg| (*arg).to_owned()), &mut findings);
        let mistakes =
            findings.conclude().err().map(|report| report.mistakes().iter().map(ToString::to_string).collect());
        (asked, mistakes.unwrap_or_default())
    }

    fn entries(args: &[&str]) -> Vec<(String, String)> {
        match run(args) {
            (Asked::Run(entries), mistakes) if mistakes.is_empty() => {
                entries.into_iter().map(|entry| (entry.path, text(entry.value))).collect()
            }
            other => panic!("{args:?}: {other:?}"),
        }
    }

    fn text(value: Raw) -> String {
        match value {
            Raw::Text(text) => text,
            Raw::Array(items) => panic!("an argument is never an array: {items:?}"),
        }
    }

    fn entry(path: &str, value: &str) -> (String, String) {
        (path.to_owned(), value.to_owned())
    }

    #[test]
    fn one_or_two_dashes_and_the_first_equals_sign_count() {
        assert_eq!(entries(&["-log.level=A=B", "--ping="]), [entry("log.level", "A=B"), entry("ping", "")]);
    }

    #[test]
    fn a_bare_bool_or_object_is_true_and_takes_nothing_along() {
        let (asked, mistakes) = run(&["--api.insecure", "false"]);
        assert!(matches!(asked, Asked::Run(entries) if entries[0].value == Raw::Text("true".to_owned())));
        assert_eq!(
            mistakes,
            ["argument 2: WORD: neither an option nor a command; a value is joined to its option by `=`"]
        );
        assert_eq!(
            entries(&["--ping", "--providers.KubernetesIngress"])[1],
            entry("providers.KubernetesIngress", "true")
        );
    }

    #[test]
    fn a_value_may_follow_after_a_blank_unless_the_name_has_a_map_key() {
        assert_eq!(entries(&["--log.level", "DEBUG"]), [entry("log.level", "DEBUG")]);
        let max = "--serverstransport.maxidleconnsperhost";
        assert_eq!(entries(&[max, "-1"]), [entry("serverstransport.maxidleconnsperhost", "-1")]);
        assert_eq!(
            run(&["--entrypoints.web.address", ":80"]).1,
            ["argument 1: --entrypoints.web.address: needs a value; write --entrypoints.web.address=:80"]
        );
    }

    #[test]
    fn an_option_without_its_value_does_not_eat_the_next_option() {
        let (asked, mistakes) = run(&["--log.level", "--ping"]);
        assert!(matches!(asked, Asked::Run(entries) if entries.len() == 1 && entries[0].path == "ping"));
        assert_eq!(mistakes, ["argument 1: --log.level: needs a value; write --log.level=VALUE"]);
        assert_eq!(run(&["--log.level"]).1.len(), 1);
    }

    #[test]
    fn the_value_of_an_unknown_option_is_not_a_second_mistake() {
        assert_eq!(entries(&["--no.such", "thing", "--ping"]), [entry("no.such", "true"), entry("ping", "true")]);
    }

    #[test]
    fn help_and_version_win_over_everything_else() {
        for args in [&["--help"][..], &["-h"], &["help"], &["--nope", "-help"]] {
            assert_eq!(run(args).0, Asked::Help, "{args:?}");
        }
        for args in [&["version"][..], &["--version"], &["--ping", "-version"]] {
            assert_eq!(run(args).0, Asked::Version, "{args:?}");
        }
    }

    #[test]
    fn print_config_takes_the_options_of_a_run_and_is_a_command_only_in_front() {
        let (asked, mistakes) = run(&["print-config", "--ping"]);
        assert!(matches!(asked, Asked::PrintConfig(entries) if entries.len() == 1), "{mistakes:?}");
        assert_eq!(run(&["print-config", "--nope", "--help"]).0, Asked::Help);
        assert_eq!(run(&["--ping", "print-config"]).1.len(), 1);
    }

    #[test]
    fn stray_words_and_lone_dashes_are_mistakes_with_their_position() {
        assert_eq!(run(&["--ping", "version"]).1.len(), 1);
        assert!(run(&["healthcheck"]).1[0].starts_with("argument 1: healthcheck: the command is known"));
        for lone in ["-", "--", "---"] {
            let (asked, _) = run(&[lone]);
            // An empty or dashed name is unknown; `settings` says so.
            assert!(matches!(asked, Asked::Run(entries) if entries.len() == 1), "{lone}");
        }
    }
}
