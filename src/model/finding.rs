//! Findings: what is wrong with a user's object, where, and what to do about it.
//!
//! A finding goes to the log (one line when it appears, one when it goes), to the API and later to Events. It is made by
//! `parse/` (as a [`Problem`], which does not name its object yet) and by `compile/`.
use super::keys::ObjectRef;
use serde::Serialize;
use std::sync::Arc;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something the user wrote is not served as written.
    Error,
    /// It is served, with a remark.
    Warning,
}

/// A finding before its object is known: what `parse/` says about a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Problem {
    /// Path in the object, e.g. `metadata.annotations[traefik.ingress.kubernetes.io/router.priority]`.
    pub path: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Short reason in CamelCase, as Events have it, e.g. `InvalidAnnotation`.
    pub reason: &'static str,
    /// What was wrong, what was expected: lower case, no full stop, never a secret value.
    pub text: Arc<str>,
}

/// What is wrong with one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The object.
    pub object: ObjectRef,
    /// Path in the object.
    pub path: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Short reason in CamelCase.
    pub reason: &'static str,
    /// What was wrong, what was expected.
    pub text: Arc<str>,
}

impl Problem {
    /// An error at `path`.
    pub fn error(path: impl Into<Arc<str>>, reason: &'static str, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), severity: Severity::Error, reason, text: text.into() }
    }

    /// A remark at `path`.
    pub fn warning(path: impl Into<Arc<str>>, reason: &'static str, text: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), severity: Severity::Warning, reason, text: text.into() }
    }

    /// The finding about `object`.
    pub fn about(self, object: ObjectRef) -> Finding {
        Finding { object, path: self.path, severity: self.severity, reason: self.reason, text: self.text }
    }
}

/// Longest piece of a user's text that a finding repeats, in characters.
pub const MAX_EXCERPT: usize = 80;

/// A user's text for use in a finding: in double quotes, control characters escaped, cut after [`MAX_EXCERPT`] characters.
/// Never to be used for secret values.
pub fn excerpt(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(MAX_EXCERPT) + 5);
    shown.push('"');
    for (count, character) in text.chars().enumerate() {
        if count == MAX_EXCERPT {
            shown.push_str("...");
            break;
        }
        match character {
            '"' | '\\' => shown.extend(['\\', character]),
            control if control.is_control() => shown.extend(control.escape_debug()),
            plain => shown.push(plain),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_control_characters_are_escaped() {
        let cases = [
            ("", "\"\"".to_owned()),
            ("a\"b\\", "\"a\\\"b\\\\\"".to_owned()),
            ("a\nb", "\"a\\nb\"".to_owned()),
            (&*"x".repeat(80), format!("\"{}\"", "x".repeat(80))),
            (&*"\u{e9}".repeat(1_000_000), format!("\"{}...\"", "\u{e9}".repeat(80))),
        ];
        for (given, want) in cases {
            assert_eq!(excerpt(given), want);
        }
    }
}

/// Findings that came and went with one patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingChanges {
    /// They hold now and did not before, in order of object and path.
    pub appeared: Vec<Finding>,
    /// They held before and do not now, in order of object and path.
    pub gone: Vec<Finding>,
}

impl FindingChanges {
    /// Whether nothing came or went.
    pub fn is_empty(&self) -> bool {
        let Self { appeared, gone } = self;
        appeared.is_empty() && gone.is_empty()
    }
}
