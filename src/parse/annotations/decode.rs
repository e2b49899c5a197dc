//! The decoder of spec/ingress.md 7.1: dotted keys below `router.` or `service.` become typed values.
//!
//! Keys are matched segment by segment, in any case. An unknown key is an error; so is a value that does not read. All
//! errors of an object are reported, not only the first.
use super::nearest::{distance, nearest};
use super::{Annotation, PREFIX, Root, TABLE, ValueKind};
use crate::base::intern::intern;
use crate::model::finding::{Problem, excerpt};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most items of one list. A hostile value of many commas would otherwise be copied into every router of its Ingress.
pub const MAX_LIST: usize = 256;

/// The annotations of one object below one root, with what is wrong with them.
#[derive(Debug)]
pub struct Settings<'a> {
    /// By key of the table; several entries only where the key has an index.
    entries: HashMap<&'static str, Vec<Entry<'a>>>,
    /// Blocks that are switched off, with all that is below them.
    disabled: Vec<&'static str>,
    /// What made the object unreadable.
    errors: Vec<Problem>,
    /// What did not.
    warnings: Vec<Problem>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    /// The index in the key; empty where the key has none.
    index: &'a str,
    /// The whole key as written.
    key: &'a str,
    value: &'a str,
}

/// Where an annotation stands in its object, for findings.
pub fn path_of(key: &str) -> String {
    let shown = excerpt(key);
    format!("metadata.annotations[{}]", shown.trim_matches('"'))
}

impl<'a> Settings<'a> {
    /// Reads all annotations below `root`; other annotations are not looked at, except for a hint where one is
    /// probably a mistake.
    pub fn read(annotations: Option<&'a BTreeMap<String, String>>, root: Root) -> Self {
        let mut settings =
            Self { entries: HashMap::new(), disabled: Vec::new(), errors: Vec::new(), warnings: Vec::new() };
        let mut found: Vec<(String, &'a str, &'a str, &'a str)> = Vec::new();
        for (key, value) in annotations.into_iter().flatten() {
            let Some(rest) = key.strip_prefix(PREFIX) else { continue };
            if is_below(rest, root) {
                found.push((in_index_form(rest), rest, key, value));
            } else {
                settings.warnings.extend(hint(rest, key, root));
            }
        }
        // The order of the keys in index form decides which of two spellings of a key wins (the last) and the order of
        // list elements.
        found.sort();
        for (_, rest, key, value) in found {
            settings.take(root, rest, key, value);
        }
        settings.disabled = settings.disabled_blocks();
        settings
    }

    fn take(&mut self, root: Root, rest: &'a str, key: &'a str, value: &'a str) {
        match locate(root, rest) {
            Ok((row, index)) => {
                let entries = self.entries.entry(row.key).or_default();
                let entry = Entry { index, key, value };
                match entries.iter_mut().find(|other| other.index == index) {
                    Some(other) => *other = entry,
                    None => entries.push(entry),
                }
            }
            Err(text) => self.errors.push(Problem::error(path_of(key), "UnknownAnnotation", text)),
        }
    }

    fn disabled_blocks(&self) -> Vec<&'static str> {
        let blocks = TABLE.iter().filter(|row| row.kind == ValueKind::Presence);
        let off = blocks.filter(|row| {
            self.entries
                .get(row.key)
                .into_iter()
                .flatten()
                .any(|entry| !entry.value.is_empty() && !entry.value.eq_ignore_ascii_case("true"))
        });
        off.map(|row| row.key).collect()
    }

    fn is_disabled(&self, key: &str) -> bool {
        self.disabled.iter().any(|block| key == *block || is_key_below(key, block))
    }

    fn entry(&self, key: &str, index: &str) -> Option<Entry<'a>> {
        if self.is_disabled(key) {
            return None;
        }
        self.entries.get(key)?.iter().find(|entry| entry.index == index).copied()
    }

    /// Whether the block `key` is there: by its own key or by one below it, and not switched off. A block that is switched
    /// off is still a key below its parent: `service.sticky.cookie: "false"` leaves a `sticky` block without a cookie.
    pub fn has_block(&self, key: &str) -> bool {
        !self.is_disabled(key) && self.entries.keys().any(|other| *other == key || is_key_below(other, key))
    }

    /// The text of `key`; empty when absent.
    pub fn text(&self, key: &str) -> Arc<str> {
        self.text_at(key, "")
    }

    /// The text of `key`, empty or not; `None` when absent.
    pub fn written(&self, key: &str) -> Option<Arc<str>> {
        self.entry(key, "").map(|entry| entry.value.into())
    }

    /// The text of `key` in the element `index`; empty when absent.
    pub fn text_at(&self, key: &str, index: &str) -> Arc<str> {
        self.entry(key, index).map_or_else(|| intern(""), |entry| intern(entry.value))
    }

    /// The items of `key`; empty when absent.
    pub fn list(&mut self, key: &str) -> Vec<Arc<str>> {
        self.list_at(key, "")
    }

    /// The items of `key` in the element `index`; empty when absent.
    pub fn list_at(&mut self, key: &str, index: &str) -> Vec<Arc<str>> {
        let Some(entry) = self.entry(key, index).filter(|entry| !entry.value.is_empty()) else { return Vec::new() };
        let items: Vec<&str> = entry.value.split(',').take(MAX_LIST + 1).collect();
        if items.len() > MAX_LIST {
            self.reject(entry, format!("a list of at most {MAX_LIST} items was expected, not more"));
            return Vec::new();
        }
        items.into_iter().map(|item| intern(item.trim())).collect()
    }

    /// The truth value of `key`; `None` when absent or unreadable.
    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        let entry = self.entry(key, "")?;
        match entry.value {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
            other => {
                self.reject(entry, format!("true or false was expected, not {}", excerpt(other)));
                None
            }
        }
    }

    /// The number at `key`; `None` when absent or unreadable.
    pub fn integer(&mut self, key: &str) -> Option<i64> {
        let entry = self.entry(key, "")?;
        let number = entry.value.parse().ok();
        if number.is_none() {
            self.reject(entry, format!("a whole number was expected, not {}", excerpt(entry.value)));
        }
        number
    }

    /// The indices used below `keys`, ordered by the text of the first key that uses them.
    pub fn indices(&self, keys: [&str; 2]) -> Vec<&'a str> {
        let used = keys.iter().filter(|key| !self.is_disabled(key)).filter_map(|key| self.entries.get(*key)).flatten();
        let mut found: Vec<&'a str> = used.map(|entry| entry.index).collect();
        // Only what follows the index differs between the keys of one element, so the elements' order is that of
        // `[index]`: 0, 10, 2, and `10` before `1` because `]` comes after the digits.
        found.sort_by_cached_key(|index| format!("{index}]"));
        found.dedup();
        found
    }

    /// Notes that the value at `key` works, but not as its author may think.
    pub fn remark(&mut self, key: &str, reason: &'static str, text: String) {
        if let Some(entry) = self.entry(key, "") {
            self.warnings.push(Problem::warning(path_of(entry.key), reason, text));
        }
    }

    fn reject(&mut self, entry: Entry<'_>, text: String) {
        self.errors.push(Problem::error(path_of(entry.key), "InvalidAnnotation", text));
    }

    /// `options` if nothing was wrong, else what was; and the remarks.
    pub fn finish<T>(mut self, options: T) -> (Result<Arc<T>, Vec<Problem>>, Vec<Problem>) {
        let outcome = if self.errors.is_empty() {
            Ok(Arc::new(options))
        } else {
            self.errors.sort();
            Err(self.errors)
        };
        self.warnings.sort();
        (outcome, self.warnings)
    }
}

/// Whether `rest` (a key without prefix) begins with `router.` or `service.`, in any case.
fn is_below(rest: &str, root: Root) -> bool {
    let word = root.word();
    rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        && rest.as_bytes().get(word.len()) == Some(&b'.')
}

fn is_key_below(key: &str, block: &str) -> bool {
    key.strip_prefix(block).is_some_and(|rest| rest.starts_with('.'))
}

fn is_index(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// `tls.domains.0.main` as `tls.domains[0].main`: the form by which keys are ordered.
fn in_index_form(rest: &str) -> String {
    let mut form = String::with_capacity(rest.len() + 1);
    let mut segments = rest.split('.').peekable();
    let mut first = true;
    while let Some(segment) = segments.next() {
        if is_index(segment) && !first && segments.peek().is_some() {
            form.extend(["[", segment, "]"]);
        } else {
            if !first {
                form.push('.');
            }
            form.push_str(segment);
        }
        first = false;
    }
    form
}

/// The row of the table that `rest` names, and its index; or what is wrong with it.
fn locate(root: Root, rest: &str) -> Result<(&'static Annotation, &str), String> {
    let segments: Vec<&str> = rest.split('.').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(format!("{} has an empty segment; remove the extra dot", excerpt(rest)));
    }
    let mut index = "";
    let mut pattern = String::with_capacity(rest.len());
    let mut unknown = segments.last().copied().unwrap_or_default();
    for (position, segment) in segments.iter().copied().enumerate() {
        if position > 0 {
            pattern.push('.');
        }
        if position > 1 && position + 1 < segments.len() && is_index(segment) {
            index = segment;
            pattern.push('N');
        } else {
            pattern.push_str(&segment.to_ascii_lowercase());
        }
        if !TABLE.iter().any(|row| row.key == pattern || is_key_below(row.key, &pattern)) {
            unknown = segment;
            break;
        }
    }
    let row = TABLE.iter().find(|row| row.key == pattern);
    row.filter(|row| row.key.split('.').count() == segments.len()).map(|row| (row, index)).ok_or_else(|| {
        let nearest = nearest(root, rest);
        format!("unknown field {} in {}; the nearest known key is {nearest}", excerpt(unknown), excerpt(rest))
    })
}

/// A remark where a key that is not ours to read is probably a mistake: the root mistyped, or on the wrong kind.
fn hint(rest: &str, key: &str, root: Root) -> Option<Problem> {
    let (other, right_kind) = match root {
        Root::Router => (Root::Service, "Service"),
        Root::Service => (Root::Router, "Ingress"),
    };
    if is_below(rest, other) {
        let text = format!("{}.* has no effect here; it belongs on the {right_kind}", other.word());
        return Some(Problem::warning(path_of(key), "MisplacedAnnotation", text));
    }
    let (word, _) = rest.split_once('.')?;
    let near = word.len() < 12 && distance(word.to_ascii_lowercase().as_bytes(), root.word().as_bytes()) <= 2;
    near.then(|| {
        let text = format!("{} has no effect; did you mean {}.*", excerpt(rest), root.word());
        Problem::warning(path_of(key), "UnknownAnnotation", text)
    })
}
