//! JSON as the API writes it: one line, a line feed, and `<`, `>`, `&`, U+2028 and U+2029 escaped (spec/http.md 4.10).
//!
//! The escapes make the text harmless inside HTML. Values go straight to the bytes, without a tree in between.
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// The bytes of `value`, with the line feed.
pub fn line(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(1024);
    value.serialize(&mut Serializer::with_formatter(&mut out, Escaping))?;
    out.push(b'\n');
    Ok(out)
}

/// Writes compact JSON with the escapes.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut written = 0;
        let mut at = 0;
        while at < bytes.len() {
            let (escape, length): (&[u8], usize) = match &bytes[at..] {
                [b'<', ..] => (b"\\u003c", 1),
                [b'>', ..] => (b"\\u003e", 1),
                [b'&', ..] => (b"\\u0026", 1),
                [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
                [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
                _ => {
                    at += 1;
                    continue;
                }
            };
            writer.write_all(&bytes[written..at])?;
            writer.write_all(escape)?;
            at += length;
            written = at;
        }
        writer.write_all(&bytes[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &str) -> String {
        String::from_utf8(line(&value).unwrap()).unwrap()
    }

    #[test]
    fn characters_that_html_gives_a_meaning_are_escaped() {
        assert_eq!(text("a<b>&c"), "\"a\\u003cb\\u003e\\u0026c\"\n");
        assert_eq!(text("x\u{2028}y\u{2029}"), "\"x\\u2028y\\u2029\"\n");
        assert_eq!(text("q\"\\\u{1}\n"), "\"q\\\"\\\\\\u0001\\n\"\n");
        assert_eq!(text("ümlaut ☃"), "\"ümlaut ☃\"\n");
    }

    #[test]
    fn keys_of_maps_are_escaped_too() {
        let map = std::collections::BTreeMap::from([("<k>", 1)]);
        assert_eq!(line(&map).unwrap(), b"{\"\\u003ck\\u003e\":1}\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_it_was(value in ".*") {
            let written = text(&value);
            let forbidden = written.contains(['<', '>', '&', '\u{2028}', '\u{2029}']);
            prop_assert!(!forbidden);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), value);
        }
    }
}
