//! YAML to a tree, as Traefik's reader takes it: `true` and `false` are booleans but `yes` is text, `0644` is octal, `<<`
//! merges. An alias repeats what it names, so a short text can stand for a huge value: a few small ones are allowed.
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::SyntaxError;
use super::tree::{Children, Content, Key, Node};

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Children, SyntaxError> {
    let node: Node = serde_saphyr::from_str_with_options(text, options()).map_err(|error| located(&error))?;
    match node.content {
        Content::Mapping(children) => Ok(children),
        Content::Nothing => Ok(Vec::new()),
        _ => Err(SyntaxError { line: node.line, message: "the file must hold a mapping (`key: value`)".to_owned() }),
    }
}

fn located(error: &serde_saphyr::Error) -> SyntaxError {
    let line = error.location().and_then(|location| usize::try_from(location.line()).ok());
    // The first line says it; the rest draws a picture, repeats the place, or is advice for programmers.
    let message = error.without_snippet().to_string();
    let ends = ["\n", " at line ", "; use "];
    let end = ends.into_iter().filter_map(|end| message.find(end)).min().unwrap_or(message.len());
    let message = message.get(..end).unwrap_or_default();
    SyntaxError { line: line.unwrap_or(0), message: format!("is not YAML as expected: {message}") }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 100,
            max_recorded_anchor_bytes: 1 << 20,
            max_total_scalar_bytes: 2 << 20,
            max_nodes: 50_000,
            max_events: 200_000,
            max_documents: 10,
            max_depth: 50,
        },
        legacy_octal_numbers: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { line: usize::try_from(spanned.referenced.line()).unwrap_or(0), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Content::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut children = Children::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let line = usize::try_from(key.referenced.line()).unwrap_or(0);
            children.push((Key { name: key.value, line }, entries.next_value()?));
        }
        Ok(Content::Mapping(children))
    }
}
