//! Redirections from one entry point to another (`http.md` 4.7). One that leads nowhere stops the start: without it, what
//! was meant to be served over TLS alone would be served in plain text.
use std::num::NonZeroU16;

use super::super::super::report::Findings;
use super::super::super::settings::{Scope, Settings};
use super::super::super::{EntryPoint, Redirection};

const ENTRY_POINT: &str = "entryPoints.<name>.http.redirections.entryPoint";
const TO: &str = "entryPoints.<name>.http.redirections.entryPoint.to";
const SCHEME: &str = "entryPoints.<name>.http.redirections.entryPoint.scheme";
const PERMANENT: &str = "entryPoints.<name>.http.redirections.entryPoint.permanent";
const PRIORITY: &str = "entryPoints.<name>.http.redirections.entryPoint.priority";

/// Gives each entry point its redirection: all have to be known for that.
pub(super) fn resolve(settings: &Settings, entry_points: &mut [EntryPoint], findings: &mut Findings) {
    let ports: Vec<(String, u16)> =
        entry_points.iter().map(|entry_point| (entry_point.name.to_string(), entry_point.address.port())).collect();
    for entry_point in entry_points {
        let scope = settings.at(&entry_point.name);
        if scope.any_below(ENTRY_POINT) {
            entry_point.redirection = redirection(scope, &ports, findings);
        }
    }
}

fn redirection(scope: Scope<'_>, ports: &[(String, u16)], findings: &mut Findings) -> Option<Redirection> {
    let (to, scheme) = (scope.text(TO), scope.text(SCHEME));
    let origin = || [TO, SCHEME, PERMANENT, PRIORITY].into_iter().find_map(|path| scope.origin(path));
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char))
    };
    if !is_scheme(&scheme) {
        findings.mistake(scope.origin(SCHEME), format!("`{scheme}` is no scheme, such as `https`"));
        return None;
    }
    let port = match to.strip_prefix(':') {
        Some(port) => port.parse::<NonZeroU16>().ok().map(NonZeroU16::get),
        None => ports.iter().find(|(name, _)| *name == to).map(|(_, port)| *port),
    };
    let Some(port) = port else {
        let names: Vec<&str> = ports.iter().map(|(name, _)| name.as_str()).collect();
        let text = match to.as_str() {
            "" => format!("the entry point or the port is missing; add {TO}, for example `:443`"),
            _ => {
                format!("`{to}` is neither an entry point nor `:port`, such as `:443`; there are: {}", names.join(", "))
            }
        };
        findings.mistake(origin(), text);
        return None;
    };
    Some(Redirection {
        to: to.into(),
        port,
        scheme: scheme.into(),
        permanent: scope.flag(PERMANENT),
        priority: scope.int(PRIORITY).unwrap_or(i64::MAX - 1),
    })
}
