//! The forms of a request path (`spec/http.md` 1.6): from the raw target to the escaped path that is forwarded, and from
//! that to the routing path that rules look at.
//!
//! Each function borrows when there is nothing to change, after one pass over the bytes.
use std::borrow::Cow;

/// A path that cannot be normalised; the request is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEscape {
    /// A `%` without two hexadecimal digits behind it.
    #[error("incomplete or invalid percent escape at byte {at}")]
    Escape {
        /// Where the `%` stands.
        at: usize,
    },
    /// A `#`, which no request target may hold.
    #[error("raw '#' at byte {at}")]
    Fragment {
        /// Where it stands.
        at: usize,
    },
}

/// What a byte means in a raw path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Stands for itself and is never escaped (RFC 3986 2.3).
    Unreserved,
    /// Stands for itself if raw, and is another thing than its escape.
    Reserved,
    Percent,
    Fragment,
    /// Has to be escaped.
    Escaped,
}

const CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut table = [Class::Escaped; 256];
    let mut index = 0;
    while index < 256 {
        table[index] = match index as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => Class::Unreserved,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => Class::Reserved,
            b':' | b'@' | b'/' | b'[' | b']' => Class::Reserved,
            b'%' => Class::Percent,
            b'#' => Class::Fragment,
            _ => Class::Escaped,
        };
        index += 1;
    }
    table
}

/// Characters whose escapes stay in the routing path: there they differ from the raw character.
const KEPT_ESCAPED: &[u8] = b":/?#[]@!$&'()*+,;=%";

/// The escaped path: escapes of unreserved characters decoded, all others in upper-case hex, and every byte escaped that
/// must be. `raw_path` is the target's path without `?` and query.
pub fn normalize(raw_path: &str) -> Result<Cow<'_, str>, BadEscape> {
    let bytes = raw_path.as_bytes();
    let Some(first) = first_change(bytes)? else { return Ok(Cow::Borrowed(raw_path)) };
    let mut out = String::with_capacity(raw_path.len() + 16);
    out.push_str(&raw_path[..first]);
    let mut at = first;
    while let Some(&byte) = bytes.get(at) {
        match CLASSES[usize::from(byte)] {
            Class::Unreserved | Class::Reserved => out.push(char::from(byte)),
            Class::Escaped => push_escape(&mut out, byte),
            Class::Fragment => return Err(BadEscape::Fragment { at }),
            Class::Percent => {
                let value = escape_at(bytes, at).ok_or(BadEscape::Escape { at })?;
                match CLASSES[usize::from(value)] {
                    Class::Unreserved => out.push(char::from(value)),
                    _ => push_escape(&mut out, value),
                }
                at += 2;
            }
        }
        at += 1;
    }
    Ok(Cow::Owned(out))
}

/// Where [`normalize`] has to begin to change something. Always at a character boundary: before it all is ASCII.
fn first_change(bytes: &[u8]) -> Result<Option<usize>, BadEscape> {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match CLASSES[usize::from(byte)] {
            Class::Unreserved | Class::Reserved => at += 1,
            Class::Escaped => return Ok(Some(at)),
            Class::Fragment => return Err(BadEscape::Fragment { at }),
            Class::Percent => {
                let value = escape_at(bytes, at).ok_or(BadEscape::Escape { at })?;
                let lower = bytes[at + 1].is_ascii_lowercase() || bytes[at + 2].is_ascii_lowercase();
                if lower || CLASSES[usize::from(value)] == Class::Unreserved {
                    return Ok(Some(at));
                }
                at += 3;
            }
        }
    }
    Ok(None)
}

/// The path without `.` and `..` segments and without empty ones; a trailing slash stays, `..` stops at the root. `%2F` is
/// no slash here. What does not begin with `/` (such as `*`) is left alone.
pub fn sanitize(path: &str) -> Cow<'_, str> {
    if !path.starts_with('/') || is_clean(path.as_bytes()) {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if out.is_empty() || path.ends_with('/') {
        out.push('/');
    }
    Cow::Owned(out)
}

/// Whether no `/` is followed by another one or by a segment of one or two dots.
fn is_clean(bytes: &[u8]) -> bool {
    let mut previous = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if previous == b'/' && (byte == b'/' || byte == b'.' && is_dots(&bytes[at..])) {
            return false;
        }
        previous = byte;
    }
    true
}

fn is_dots(rest: &[u8]) -> bool {
    matches!(rest, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
}

/// The path that `Path`, `PathPrefix` and `PathRegexp` compare: every escape decoded but those of the reserved set. Escapes
/// that would not form UTF-8 stay, since the result is text.
pub fn routing_path(escaped: &str) -> Cow<'_, str> {
    let Some(first) = escaped.find('%') else { return Cow::Borrowed(escaped) };
    let mut out = String::with_capacity(escaped.len());
    out.push_str(&escaped[..first]);
    let mut rest = &escaped[first..];
    let mut run = Vec::new();
    while let Some(c) = rest.chars().next() {
        let value = if c == '%' { escape_at(rest.as_bytes(), 0) } else { None };
        match value {
            Some(value) if value >= 0x80 => {
                run.push(value);
                rest = &rest[3..];
                continue;
            }
            _ => flush(&mut out, &mut run),
        }
        match value {
            Some(value) => {
                if KEPT_ESCAPED.contains(&value) {
                    push_escape(&mut out, value)
                } else {
                    out.push(char::from(value))
                }
                rest = &rest[3..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    flush(&mut out, &mut run);
    Cow::Owned(out)
}

/// Appends the decoded bytes of `run` as far as they are UTF-8, the others escaped, and empties it.
fn flush(out: &mut String, run: &mut Vec<u8>) {
    for chunk in run.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|&byte| push_escape(out, byte));
    }
    run.clear();
}

/// The value of the escape at `at`, if it is a whole one.
pub(super) fn escape_at(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..at + 3) {
        Some(&[b'%', high, low]) => Some(hex_digit(high)? << 4 | hex_digit(low)?),
        _ => None,
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 0xf)]));
}
