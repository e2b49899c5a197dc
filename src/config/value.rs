//! One value: from the text that was given to what the table says it is. What the values mean together is `check`'s.
use std::time::Duration;

use super::address::{AddressError, ListenAddress};
use super::duration::{DurationError, parse_duration};
use super::entry::Raw;
use super::table::Kind;
use crate::base::Redacted;

/// A value of the kind that its row asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Of `Kind::Bool`, `Kind::Presence` and `Kind::Section`.
    Flag(bool),
    Int(i64),
    Duration(Duration),
    Text(String),
    Secret(Redacted<String>),
    Items(Vec<String>),
    /// One of the words of its row, in the row's spelling.
    Word(&'static str),
    Address(ListenAddress),
}

/// Why a text is not what its option takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("`{0}` is neither true nor false")]
    Flag(String),
    #[error("`{given}` is not a whole number from {min} to {max}")]
    Int { given: String, min: i64, max: i64 },
    #[error("`{given}`: {reason}")]
    Duration { given: String, reason: DurationError },
    #[error("`{given}`: {reason}")]
    Address { given: String, reason: AddressError },
    #[error("`{given}` is not one of {}", words.join(", "))]
    Word { given: String, words: &'static [&'static str] },
    #[error("item {0} of the list is empty")]
    EmptyItem(usize),
    #[error("expected one value, not a list")]
    Array,
}

impl Value {
    pub(super) fn read(kind: Kind, raw: &Raw) -> Result<Self, ValueError> {
        match (raw, kind) {
            (Raw::Text(text), _) => Self::parse(kind, text),
            (Raw::Array(items), Kind::List) => whole_items(items.iter().map(String::as_str)).map(Self::Items),
            (Raw::Array(_), Kind::Section) => Ok(Self::Flag(true)),
            (Raw::Array(_), _) => Err(ValueError::Array),
        }
    }

    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, ValueError> {
        let given = || text.to_owned();
        match kind {
            Kind::Bool | Kind::Presence => parse_flag(text).map(Self::Flag).ok_or_else(|| ValueError::Flag(given())),
            // What a section takes is not known here: all but a plain "no" asks for it.
            Kind::Section => Ok(Self::Flag(parse_flag(text).unwrap_or(true))),
            Kind::Int { min, max } => {
                let number = text.parse().ok().filter(|number| (min..=max).contains(number));
                number.map(Self::Int).ok_or_else(|| ValueError::Int { given: given(), min, max })
            }
            Kind::Duration => {
                let parsed = parse_duration(text).map(Self::Duration);
                parsed.map_err(|reason| ValueError::Duration { given: given(), reason })
            }
            Kind::Text => Ok(Self::Text(given())),
            Kind::Secret => Ok(Self::Secret(Redacted::new(given()))),
            Kind::List => parse_items(text).map(Self::Items),
            Kind::Enum(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                word.map(|word| Self::Word(word)).ok_or_else(|| ValueError::Word { given: given(), words })
            }
            Kind::Address => {
                let parsed = text.parse().map(Self::Address);
                parsed.map_err(|reason| ValueError::Address { given: given(), reason })
            }
        }
    }

    /// One item of a list, taken as it is.
    pub(super) fn read_item(raw: &Raw) -> Result<Self, ValueError> {
        match raw {
            Raw::Text(text) => whole_items([text.as_str()].into_iter()).map(Self::Items),
            Raw::Array(_) => Err(ValueError::Array),
        }
    }
}

/// The words that Go's `strconv.ParseBool` takes.
fn parse_flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Items between commas, without the blanks around them; an empty text is an empty list. An empty item is a slip of
/// the pen, and where an empty name means "all" it would be a dangerous one.
fn parse_items(text: &str) -> Result<Vec<String>, ValueError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    whole_items(text.split(','))
}

fn whole_items<'a>(items: impl Iterator<Item = &'a str>) -> Result<Vec<String>, ValueError> {
    items
        .enumerate()
        .map(|(at, item)| match item.trim() {
            "" => Err(ValueError::EmptyItem(at + 1)),
            item => Ok(item.to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_takes_its_values() {
        const WORDS: Kind = Kind::Enum(&["common", "json"]);
        let items = |items: &[&str]| Value::Items(items.iter().map(|item| (*item).to_owned()).collect());
        let cases = [
            (Kind::Bool, "true", Value::Flag(true)),
            (Kind::Bool, "F", Value::Flag(false)),
            (Kind::Presence, "1", Value::Flag(true)),
            (Kind::Section, "false", Value::Flag(false)),
            (Kind::Section, "anything", Value::Flag(true)),
            (Kind::Int { min: -1, max: 5 }, "-1", Value::Int(-1)),
            (Kind::Int { min: -1, max: 5 }, "5", Value::Int(5)),
            (Kind::Duration, "2", Value::Duration(Duration::from_secs(2))),
            (Kind::Text, " as it is,", Value::Text(" as it is,".to_owned())),
            (Kind::List, "a, b ,c", items(&["a", "b", "c"])),
            (Kind::List, "", items(&[])),
            (Kind::List, "a", items(&["a"])),
            (WORDS, "JSON", Value::Word("json")),
            (Kind::Address, ":80", Value::Address(":80".parse().unwrap())),
        ];
        for (kind, text, want) in cases {
            assert_eq!(Value::parse(kind, text), Ok(want), "{kind:?} {text:?}");
        }
    }

    #[test]
    fn every_kind_says_what_it_expected() {
        const WORDS: Kind = Kind::Enum(&["common", "json"]);
        let cases = [
            (Kind::Bool, "yes", "`yes` is neither true nor false"),
            (Kind::Presence, "", "`` is neither true nor false"),
            (Kind::Int { min: 0, max: 5 }, "6", "`6` is not a whole number from 0 to 5"),
            (Kind::Int { min: 0, max: 5 }, "1.5", "`1.5` is not a whole number from 0 to 5"),
            (
                Kind::Int { min: 0, max: 5 },
                "99999999999999999999",
                "`99999999999999999999` is not a whole number from 0 to 5",
            ),
            (Kind::Duration, "-1s", "`-1s`: expected a duration that is not negative"),
            (Kind::List, "a,,b", "item 2 of the list is empty"),
            (Kind::List, "a,", "item 2 of the list is empty"),
            (WORDS, "xml", "`xml` is not one of common, json"),
            (Kind::Address, "80", "`80`: expected `[host]:port` with a port number, such as `:80` or `127.0.0.1:8080`"),
        ];
        for (kind, text, want) in cases {
            assert_eq!(Value::parse(kind, text).unwrap_err().to_string(), want, "{kind:?} {text:?}");
        }
    }
}
