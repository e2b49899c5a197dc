//! TOML to a tree. All errors of the syntax are told, not just the first.
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::SyntaxError;
use super::tree::{Children, Content, Key, Node};

/// Reads a document. The parser itself bounds the depth.
pub(super) fn read(text: &str) -> Result<Children, Vec<SyntaxError>> {
    let lines = Lines::of(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.children(root.get_ref()));
    }
    // The display of an error quotes the line, which may hold a secret; its message does not.
    let told = errors.iter().map(|error| SyntaxError {
        line: error.span().map_or(0, |span| lines.at(span.start)),
        message: format!("is not TOML: {}", error.message().lines().next().unwrap_or_default()),
    });
    Err(told.collect())
}

/// Where lines begin, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// The line of a byte, from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    fn children(&self, table: &DeTable<'_>) -> Children {
        let key = |key: &Spanned<_>| self.at(key.span().start);
        table
            .iter()
            .map(|(name, value)| (Key { name: name.get_ref().to_string(), line: key(name) }, self.node(value)))
            .collect()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let content = match value.get_ref() {
            DeValue::String(text) => Content::Scalar(text.to_string()),
            DeValue::Integer(number) => Content::Scalar(decimal(number)),
            DeValue::Float(number) => Content::Scalar(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Content::Scalar(flag.to_string()),
            DeValue::Datetime(_) => Content::Foreign("a date or time"),
            DeValue::Array(items) => Content::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Content::Mapping(self.children(table)),
        };
        Node { line: self.at(value.span().start), content }
    }
}

/// What is too large for any option stays as it was written.
fn decimal(number: &DeInteger<'_>) -> String {
    i128::from_str_radix(number.as_str(), number.radix())
        .map_or_else(|_| number.to_string(), |number| number.to_string())
}
