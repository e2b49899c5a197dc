//! From raw entries of any source to typed values. How to ask for them is `scope`'s.
//!
//! Here the table is enforced: unknown and refused options, wrong kinds and bad map keys become mistakes; what is
//! accepted without effect becomes a warning. Per option the strongest source counts (`Source`); within the arguments the
//! last of several values wins, and lists grow. Defaults come from the table whenever nothing was given, so that nobody
//! has to repeat them.
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Raw};
use super::report::{Findings, Origin, Source};
use super::table::{self, Kind, Lookup, OptionRow, Support};
use super::value::Value;

mod scope;

pub(super) use scope::Scope;

/// A path in the table's spelling and what stands for its placeholders (`table::Lookup`), empty for none.
type Place = (&'static str, String);

/// All accepted values.
#[derive(Debug, Default)]
pub(super) struct Settings {
    given: BTreeMap<Place, Given>,
    /// What was given with a wrong value: it has its mistake and is not missed a second time.
    spoiled: BTreeMap<Place, Origin>,
}

#[derive(Debug)]
struct Given {
    /// The last value; `None` for a list.
    value: Option<Value>,
    items: Vec<String>,
    /// Whether it was the array of a file.
    is_array: bool,
    /// Items with an index of their own; they follow the others.
    indexed: BTreeMap<usize, String>,
    origin: Origin,
}

impl Given {
    fn nothing(origin: &Origin) -> Self {
        Self { value: None, items: Vec::new(), is_array: false, indexed: BTreeMap::new(), origin: origin.clone() }
    }

    /// Whether this would say again what is said already.
    fn repeats(&self, index: Option<usize>) -> bool {
        match index {
            Some(index) => self.indexed.contains_key(&index),
            None => self.value.is_some() || !self.items.is_empty(),
        }
    }
}

impl Settings {
    /// Reads the entries in their order. Variables come after arguments and file: they take over the names of entry
    /// points from there, because they cannot say upper case.
    pub(super) fn read(entries: Vec<Entry>, findings: &mut Findings) -> Self {
        let mut settings = Self::default();
        for entry in entries {
            match table::lookup(&entry.path) {
                Lookup::Option { row, key, index } => {
                    let key = settings.spelled_elsewhere(row, &key, &entry.origin);
                    settings.accept(row, &key, index, &entry, findings);
                }
                Lookup::Group => {
                    let path = &entry.path;
                    findings.mistake(Some(&entry.origin), format!("not an option, but options begin with `{path}.`"));
                }
                Lookup::Unknown => {
                    let known = table::suggestion(&entry.path);
                    findings.mistake(Some(&entry.origin), unknown(known.as_deref(), entry.origin.source()));
                }
            }
        }
        settings
    }

    fn accept(
        &mut self,
        row: &'static OptionRow,
        key: &str,
        index: Option<usize>,
        entry: &Entry,
        findings: &mut Findings,
    ) {
        if let Some(wrong) = key.split(table::KEY_SEPARATOR).find(|part| !is_map_key(part)) {
            return findings.mistake(Some(&entry.origin), format!("`{wrong}` cannot be a name"));
        }
        let origin = Some(&entry.origin);
        let value = match index {
            None => Value::read(row.kind, &entry.value),
            Some(_) => Value::read_item(&entry.value),
        };
        match (row.support, value) {
            (Support::Elsewhere(place), _) => {
                findings.mistake(origin, format!("dynamic configuration is no static option: {place}"));
            }
            (Support::Gone(today), _) => findings.mistake(origin, format!("option of an older Traefik: {today}")),
            (Support::Refused(instead), value) => {
                if !value.is_ok_and(|value| asks_for_nothing(row, &value, entry)) {
                    let text = "is known, but this version does not support it yet; remove it";
                    findings.mistake(origin, format!("option {} {text}{instead}", row.path));
                }
            }
            (_, Err(error)) => {
                findings.mistake(origin, error.to_string());
                self.spoiled.insert((row.path, key.to_owned()), entry.origin.clone());
            }
            (Support::Works | Support::Ignored(_), Ok(value)) => {
                self.put((row.path, key.to_owned()), index, value, entry, findings);
            }
        }
    }

    fn put(&mut self, place: Place, index: Option<usize>, value: Value, entry: &Entry, findings: &mut Findings) {
        let given = self.given.entry(place).or_insert_with(|| Given::nothing(&entry.origin));
        match entry.origin.source().cmp(&given.origin.source()) {
            Ordering::Greater => return,
            Ordering::Less => *given = Given::nothing(&entry.origin),
            Ordering::Equal if entry.origin.source() != Source::Argument && given.repeats(index) => {
                let text = format!("says again what {} says; remove one of them", given.origin);
                return findings.mistake(Some(&entry.origin), text);
            }
            Ordering::Equal => given.origin = entry.origin.clone(),
        }
        match (value, index) {
            (Value::Items(items), Some(index)) => given.indexed.extend(items.into_iter().map(|item| (index, item))),
            (Value::Items(items), None) => {
                given.items.extend(items);
                given.is_array = matches!(entry.value, Raw::Array(_));
            }
            (value, _) => given.value = Some(value),
        }
    }

    /// The map key in the spelling of arguments or file if there is exactly one that differs in case only.
    fn spelled_elsewhere(&self, row: &'static OptionRow, key: &str, origin: &Origin) -> String {
        let is_variable = matches!(origin.source(), Source::PilotageVariable | Source::TraefikVariable);
        if key.is_empty() || !is_variable {
            return key.to_owned();
        }
        let (name, items) = key.split_at(first_parts(key, 1).len());
        let map = row.path.split(table::MAP_KEY).next().unwrap_or_default();
        let places = self.given.keys().chain(self.spoiled.keys()).filter(|(path, _)| path.starts_with(map));
        let names = places.map(|(_, key)| first_parts(key, 1)).filter(|other| other.eq_ignore_ascii_case(name));
        let spellings: BTreeSet<&str> = names.collect();
        match (spellings.len(), spellings.first()) {
            (1, Some(spelling)) => format!("{spelling}{items}"),
            _ => key.to_owned(),
        }
    }

    /// The keys of the map or the list of objects at `path`, in order, with the first place where each was given. Where
    /// `path` has several placeholders, they stand for all of them (`table::Lookup`).
    pub(super) fn keys(&self, path: &str) -> BTreeMap<&str, &Origin> {
        let given = self.given.iter().map(|(place, given)| (place, &given.origin));
        let mut keys = BTreeMap::new();
        for ((at, key), origin) in given.chain(&self.spoiled) {
            if *at == path || is_below(at, path) {
                let first = keys.entry(first_parts(key, table::placeholders(path))).or_insert(origin);
                *first = origin.min(first);
            }
        }
        keys
    }

    /// The options without a map key.
    pub(super) fn root(&self) -> Scope<'_> {
        Scope { settings: self, key: "" }
    }

    /// The options of one map entry.
    pub(super) fn at<'s>(&'s self, key: &'s str) -> Scope<'s> {
        Scope { settings: self, key }
    }
}

/// As many parts of a key as there are placeholders.
pub(super) fn first_parts(key: &str, count: usize) -> &str {
    match key.match_indices(table::KEY_SEPARATOR).nth(count.saturating_sub(1)) {
        Some((end, _)) if count > 0 => key.get(..end).unwrap_or(key),
        Some(_) => "",
        None if count > 0 => key,
        None => "",
    }
}

/// What to say of a name that is none; `known` is what was probably meant.
pub(super) fn unknown(known: Option<&str>, source: Source) -> String {
    match known {
        Some(known) => format!("unknown option, did you mean {}?", spelled(known, source)),
        None => "unknown option, see --help".to_owned(),
    }
}

/// A known name as that source writes it.
fn spelled(known: &str, source: Source) -> String {
    let variable = |prefix: &str| format!("{prefix}{}", known.to_uppercase().replace('.', "_"));
    match source {
        Source::Argument => format!("--{known}"),
        Source::PilotageVariable => variable("PILOTAGE_"),
        Source::TraefikVariable => variable("TRAEFIK_"),
        Source::File => known.to_owned(),
    }
}

fn is_below(at: &str, path: &str) -> bool {
    at.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether the value is what counts anyway, or switches something off that is not there.
fn asks_for_nothing(row: &OptionRow, value: &Value, entry: &Entry) -> bool {
    match row.kind {
        // Below a section, `=false` may well switch something on.
        Kind::Section => *value == Value::Flag(false) && entry.path.split('.').count() == row.segments().count(),
        Kind::Presence => *value == Value::Flag(false),
        Kind::Bool => Value::parse(row.kind, row.default).is_ok_and(|default| default == *value),
        _ => false,
    }
}

/// Names end up in router names, metrics and logs, and are joined with commas in annotations.
fn is_map_key(key: &str) -> bool {
    key.chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | '@' | '"' | '<' | '>' | '[' | ']' | '/'))
}

#[cfg(test)]
pub(super) mod tests;
