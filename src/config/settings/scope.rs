//! The one way to ask for values: by the path that the table has, and get what counts.
use std::time::Duration;

use super::super::address::ListenAddress;
use super::super::report::Origin;
use super::super::table;
use super::super::value::Value;
use super::{Given, Settings, first_parts, is_below};
use crate::base::Redacted;

/// The options with one map key, or those without. Every path must be in the table, and of the kind that is asked for;
/// a test walks through all of them.
#[derive(Clone, Copy)]
pub(in super::super) struct Scope<'s> {
    pub(super) settings: &'s Settings,
    pub(super) key: &'s str,
}

impl<'s> Scope<'s> {
    fn given(&self, path: &'static str) -> Option<&'s Given> {
        debug_assert!(table::row(path).is_some(), "{path} is not in the table");
        #[cfg(test)]
        super::tests::note_asked(path);
        self.settings.given.get(&(path, self.key.to_owned()))
    }

    /// The value that counts, as the table has it; `None` for a list.
    pub(in super::super) fn value(&self, path: &'static str) -> Option<Value> {
        let given = self.given(path).and_then(|given| given.value.clone());
        given.or_else(|| table::row(path).and_then(|row| Value::parse(row.kind, row.default).ok()))
    }

    /// Whether it was given a value that was refused.
    pub(in super::super) fn is_spoiled(&self, path: &'static str) -> bool {
        self.settings.spoiled.contains_key(&(path, self.key.to_owned()))
    }

    /// Whether an option below this one was given.
    pub(in super::super) fn any_below(&self, path: &'static str) -> bool {
        self.below(path).next().is_some()
    }

    /// Where the strongest of the options below this one was given.
    pub(in super::super) fn origin_below(&self, path: &'static str) -> Option<&'s Origin> {
        self.below(path).map(|given| &given.origin).min()
    }

    fn below(&self, path: &'static str) -> impl Iterator<Item = &'s Given> + use<'s> {
        let (settings, key) = (self.settings, self.key);
        let parts = table::placeholders(path);
        let is_ours = move |of: &str| first_parts(of, parts) == first_parts(key, parts);
        let below = settings.given.iter().filter(move |((at, of), _)| is_below(at, path) && is_ours(of));
        below.map(|(_, given)| given)
    }

    /// The items of the list of objects at `path`, in order.
    pub(in super::super) fn items(&self, path: &'static str) -> Vec<Scope<'s>> {
        let (settings, key) = (self.settings, self.key);
        let is_ours = |item: &str| item.strip_prefix(key).is_some_and(|rest| rest.starts_with(table::KEY_SEPARATOR));
        let items = settings.keys(path).into_keys().filter(|item| is_ours(item));
        items.map(|key| Scope { settings, key }).collect()
    }

    /// Where the option was given, if it was.
    pub(in super::super) fn origin(&self, path: &'static str) -> Option<&'s Origin> {
        self.given(path).map(|given| &given.origin)
    }

    pub(in super::super) fn flag(&self, path: &'static str) -> bool {
        self.value(path) == Some(Value::Flag(true))
    }

    /// Whether the object is there: it or something below it was given, and it was not set to false by an equally strong
    /// or stronger source.
    pub(in super::super) fn object(&self, path: &'static str) -> bool {
        match self.given(path) {
            Some(given) if given.value == Some(Value::Flag(true)) => true,
            Some(off) => self.below(path).any(|below| below.origin.source() < off.origin.source()),
            None => self.any_below(path),
        }
    }

    /// `None` only if there is no default either.
    pub(in super::super) fn int(&self, path: &'static str) -> Option<i64> {
        if let Some(Value::Int(number)) = self.value(path) { Some(number) } else { None }
    }

    pub(in super::super) fn duration(&self, path: &'static str) -> Duration {
        if let Some(Value::Duration(duration)) = self.value(path) { duration } else { Duration::ZERO }
    }

    /// A duration of which 0 means "no limit".
    pub(in super::super) fn limit(&self, path: &'static str) -> Option<Duration> {
        Some(self.duration(path)).filter(|duration| !duration.is_zero())
    }

    pub(in super::super) fn text(&self, path: &'static str) -> String {
        if let Some(Value::Text(text)) = self.value(path) { text } else { String::new() }
    }

    pub(in super::super) fn secret(&self, path: &'static str) -> Redacted<String> {
        if let Some(Value::Secret(secret)) = self.value(path) { secret } else { Redacted::default() }
    }

    /// Whether a file says that the list has no items.
    pub(in super::super) fn is_empty_array(&self, path: &'static str) -> bool {
        self.given(path).is_some_and(|given| given.is_array && given.items.is_empty() && given.indexed.is_empty())
    }

    /// The word in the table's spelling.
    pub(in super::super) fn word(&self, path: &'static str) -> &'static str {
        if let Some(Value::Word(word)) = self.value(path) { word } else { "" }
    }

    pub(in super::super) fn list(&self, path: &'static str) -> Vec<String> {
        self.given(path)
            .into_iter()
            .flat_map(|given| given.items.iter().chain(given.indexed.values()).cloned())
            .collect()
    }

    pub(in super::super) fn address(&self, path: &'static str) -> Option<ListenAddress> {
        if let Some(Value::Address(address)) = self.value(path) { Some(address) } else { None }
    }
}
