//! What `pilotage print-config` shows: each option that counts, its value, and where that was given. Secrets are hidden.
use std::fmt::Write;

use super::Config;
use super::duration::go_duration;
use super::report::Remark;
use super::settings::{Scope, Settings, first_parts};
use super::table::{self, Kind, OptionRow, Support};
use super::value::Value;

const HIDDEN: &str = "<hidden>";

/// What the sources were, beside the values themselves.
pub(super) struct Sources<'a> {
    /// What is known about the file in words.
    pub(super) file: String,
    /// Variables that are no options.
    pub(super) links: &'a [String],
    pub(super) warnings: &'a [Remark],
}

/// One line per option, `name=value  # origin`; objects that are off have one line and nothing below it.
pub(super) fn effective(settings: &Settings, config: &Config, sources: &Sources<'_>) -> String {
    let mut out = format!("# options of pilotage {}: name=value  # where it was given\n", env!("CARGO_PKG_VERSION"));
    push(&mut out, format_args!("# file: {}\n", sources.file));
    for row in table::rows() {
        for key in keys(row, settings, config) {
            if let Some(line) = line(row, settings, config, &key) {
                push(&mut out, format_args!("{line}\n"));
            }
        }
    }
    if !sources.links.is_empty() {
        push(&mut out, format_args!("# no options, made by Kubernetes for Services: {}\n", sources.links.join(", ")));
    }
    for warning in sources.warnings {
        push(&mut out, format_args!("# warning: {}\n", one_line(&warning.to_string())));
    }
    out.truncate(out.trim_end().len());
    out
}

/// What stands for the placeholders of the row, each on a line of its own.
fn keys(row: &OptionRow, settings: &Settings, config: &Config) -> Vec<String> {
    match table::placeholders(row.path) {
        0 => vec![String::new()],
        // Some entry points are there without having been given.
        1 if row.path.starts_with("entryPoints.") => config.entry_points.iter().map(|it| it.name.to_string()).collect(),
        _ => settings.keys(row.path).into_keys().map(str::to_owned).collect(),
    }
}

fn line(row: &OptionRow, settings: &Settings, config: &Config, key: &str) -> Option<String> {
    let scope = settings.at(key);
    let origin = scope.origin(row.path);
    let counts = match row.support {
        Support::Works => is_reached(row, settings, config, key),
        Support::Ignored(_) => origin.is_some(),
        Support::Refused(_) | Support::Gone(_) | Support::Elsewhere(_) => false,
    };
    let value = one_line(&value(row, scope, config, key));
    let place = match (row.kind, origin, scope.origin_below(row.path)) {
        // It is there because of something else.
        (Kind::Presence, None, Some(below)) if value == "true" => format!("because of {below}"),
        (Kind::Presence, None, None) if value == "true" => "because of standalone".to_owned(),
        (_, Some(origin), _) => origin.to_string(),
        (_, None, _) => "default".to_owned(),
    };
    counts.then(|| format!("{}={value}  # {place}", table::with_key(row.path, key)))
}

/// Whether every object around the option is there.
fn is_reached(row: &OptionRow, settings: &Settings, config: &Config, key: &str) -> bool {
    let around = row.path.match_indices('.').filter_map(|(end, _)| table::row(row.path.get(..end)?));
    let mut objects = around.filter(|outer| outer.kind == Kind::Presence);
    objects.all(|outer| is_there(outer, settings.at(first_parts(key, table::placeholders(outer.path))), config))
}

fn is_there(row: &OptionRow, scope: Scope<'_>, config: &Config) -> bool {
    // The embedded API server brings it to life.
    if row.path == "providers.kubernetesIngress" { config.ingress.is_some() } else { scope.object(row.path) }
}

/// The value that counts: what was given, the table's default, or what the check made of nothing.
fn value(row: &OptionRow, scope: Scope<'_>, config: &Config, key: &str) -> String {
    let entry_point = config.entry_points.iter().find(|entry_point| *entry_point.name == *key);
    match (row.path, row.kind) {
        ("workers", _) => config.workers.to_string(),
        (_, Kind::Address) => entry_point.map(|entry_point| entry_point.address.to_string()).unwrap_or_default(),
        (_, Kind::Presence) => is_there(row, scope, config).to_string(),
        (path, Kind::List) => scope.list(path).iter().map(|item| safe(item)).collect::<Vec<_>>().join(","),
        (path, _) => scope.value(path).map(|value| shown(&value)).unwrap_or_default(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Duration(duration) => go_duration(duration),
        Value::Text(text) => safe(text),
        Value::Secret(secret) if secret.expose().is_empty() => String::new(),
        Value::Secret(_) => HIDDEN.to_owned(),
        Value::Items(items) => items.iter().map(|item| safe(item)).collect::<Vec<_>>().join(","),
        Value::Word(word) => (*word).to_owned(),
        Value::Address(address) => address.to_string(),
    }
}

/// Text without what may be secret in it: keys, certificates (long, and never wanted here), passwords in URLs.
fn safe(text: &str) -> String {
    if text.contains("-----BEGIN") {
        return format!("<PEM, {} bytes>", text.len());
    }
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}"),
        None => text.to_owned(),
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_inside_of_text_are_hidden() {
        let cases = [
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("https://u:hunter2@10.0.0.1:6443/p", "https://<hidden>@10.0.0.1:6443/p"),
            ("https://h/p@q", "https://h/p@q"),
            ("-----BEGIN PRIVATE KEY-----\nhunter2", "<PEM, 35 bytes>"),
            ("/etc/ca.crt", "/etc/ca.crt"),
        ];
        for (given, want) in cases {
            assert_eq!(safe(given), want);
        }
    }
}
