//! One option as a source gives it, before anything is known about it. What it means is `settings`'.
use super::report::Origin;

/// A dotted path (`entrypoints.web.address`, in any case, with `[n]` behind a list), its value, and where it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) value: Raw,
    pub(super) origin: Origin,
}

/// A value whose kind is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// Text: from arguments and variables always; the numbers and booleans of a file, too.
    Text(String),
    /// The array of a file. Unlike text, it can say "no items" aloud.
    Array(Vec<String>),
}

impl Entry {
    pub(super) fn text(path: String, value: impl Into<String>, origin: Origin) -> Self {
        Self { path, value: Raw::Text(value.into()), origin }
    }
}
