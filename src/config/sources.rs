//! All sources together: arguments before `PILOTAGE_` variables before `TRAEFIK_` variables before the file before the
//! defaults, option by option. What each source says is `cli`'s, `env`'s and `file`'s; who wins is `settings`'.
use std::ffi::OsString;
use std::path::PathBuf;

use super::cli::{self, Asked};
use super::entry::Entry;
use super::report::{Findings, Report};
use super::settings::Settings;
use super::{Command, Config, check, env, file, help_text, print};

const CONFIG_FILE: &str = "configFile";

/// Where a file is looked for if none is named.
#[derive(Clone, Copy)]
pub(super) enum Search {
    Nowhere,
    UsualPlaces,
}

/// Reads everything and checks it.
pub(super) fn read(
    args: impl IntoIterator<Item = String>,
    variables: &[(OsString, OsString)],
    search: Search,
) -> Result<Command, Report> {
    let mut findings = Findings::default();
    let (arguments, print) = match cli::parse(args, &mut findings) {
        Asked::Run(entries) => (entries, false),
        Asked::PrintConfig(entries) => (entries, true),
        Asked::Help => return Ok(Command::Help(help_text())),
        Asked::Version => return Ok(Command::Version),
    };
    let env::Read { entries: from_variables, links } = env::read(variables, &mut findings);
    let places = match search {
        Search::Nowhere => Vec::new(),
        Search::UsualPlaces => file::usual_places(variables),
    };
    let (file, from_file) = from_file(&arguments, &from_variables, &places, &mut findings);
    let entries = arguments.into_iter().chain(from_file).chain(from_variables).collect();
    let settings = Settings::read(entries, &mut findings);
    let config = Config { file, ..check::config(&settings, &mut findings) };
    let warnings = findings.conclude()?;
    if !print {
        return Ok(Command::Run(Config { warnings, ..config }));
    }
    let file = match &config.file {
        Some(path) => path.display().to_string(),
        None => "none found".to_owned(),
    };
    let sources = print::Sources { file, links: &links, warnings: &warnings };
    Ok(Command::PrintConfig(print::effective(&settings, &config, &sources)))
}

/// The file that counts and what it says.
fn from_file(
    arguments: &[Entry],
    variables: &[Entry],
    places: &[PathBuf],
    findings: &mut Findings,
) -> (Option<PathBuf>, Vec<Entry>) {
    // Which file was named follows from the other sources; what is wrong with them is told later, once.
    let other: Vec<Entry> = arguments.iter().chain(variables).cloned().collect();
    let settings = Settings::read(other, &mut Findings::default());
    let (name, named) = (settings.root().text(CONFIG_FILE), settings.root().origin(CONFIG_FILE));
    let path = if name.is_empty() { file::choose(places, findings) } else { Some(PathBuf::from(name)) };
    let mut entries = Vec::new();
    if let Some(path) = &path {
        entries = file::entries(path, named, findings);
        for entry in entries.extract_if(.., |entry| entry.path.eq_ignore_ascii_case(CONFIG_FILE)) {
            findings.mistake(Some(&entry.origin), "a file cannot name another file; there is one at most");
        }
    }
    (path, entries)
}
