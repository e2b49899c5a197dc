//! Environment variables to raw entries: `TRAEFIK_ENTRYPOINTS_WEB_ADDRESS` is `entrypoints.web.address`, and the same with
//! `PILOTAGE_`, which wins. Letter case does not count; `_0_` is the index of a list (`http.md` 4.1).
//!
//! Under both prefixes Kubernetes puts variables of its own wherever a Service has our name: see `links`.
use std::ffi::{OsStr, OsString};

use super::entry::Entry;
use super::report::{Findings, Origin, Source};
use super::table::{self, Kind, Lookup};

mod links;

/// The prefixes of options, in upper case.
const PREFIXES: [(&str, Source); 2] = [("PILOTAGE_", Source::PilotageVariable), ("TRAEFIK_", Source::TraefikVariable)];

/// Ours, but no option: the log filter (`telemetry::FILTER_VARIABLE`).
const NO_OPTIONS: [&str; 1] = ["PILOTAGE_LOG"];

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// Variables that Kubernetes made for a Service with our name; they say nothing to us.
    pub(super) links: Vec<String>,
}

/// Reads the variables that begin with one of our prefixes, in the order of their names.
pub(super) fn read(variables: &[(OsString, OsString)], findings: &mut Findings) -> Read {
    let mut named: Vec<(String, &OsStr)> =
        variables.iter().map(|(name, value)| (name.to_string_lossy().into_owned(), value.as_os_str())).collect();
    named.sort();
    let mut read = Read::default();
    for (position, (name, value)) in named.into_iter().enumerate() {
        let Some((source, rest)) = split(&name) else { continue };
        let origin = Origin::variable(source, position, &name);
        let Some(value) = value.to_str() else {
            findings.mistake(Some(&origin), "the value is not UTF-8 text");
            continue;
        };
        let path = path(rest);
        if !is_option(&path) && links::is_service_link(rest, value) {
            read.links.push(name);
        } else {
            read.entries.push(Entry::text(path, value, origin));
        }
    }
    read
}

/// The source and what follows the prefix, if it is one of ours.
fn split(name: &str) -> Option<(Source, &str)> {
    if NO_OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    PREFIXES.into_iter().find_map(|(prefix, source)| {
        let head = name.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| (source, name.get(prefix.len()..).unwrap_or_default()))
    })
}

/// Whether the table knows exactly this name. Below a section it knows of anything, and so of nothing.
fn is_option(path: &str) -> bool {
    matches!(table::lookup(path), Lookup::Option { row, .. } if row.kind != Kind::Section)
}

/// The dotted path; numbers are names where the table has a name there, otherwise indexes.
fn path(rest: &str) -> String {
    let dotted = rest.to_lowercase().replace('_', ".");
    if is_option(&dotted) {
        return dotted;
    }
    let mut indexed = String::new();
    for segment in dotted.split('.') {
        let is_index = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        match is_index && !indexed.is_empty() {
            true => indexed += &format!("[{segment}]"),
            false if indexed.is_empty() => indexed += segment,
            false => indexed += &format!(".{segment}"),
        }
    }
    indexed
}

#[cfg(test)]
mod tests;
