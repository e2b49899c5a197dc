//! Query strings as rules see them: decoded pairs (`spec/http.md` 1.4).
use std::borrow::Cow;

use super::path::escape_at;

/// The decoded keys and values of a raw query, in order. `;` separates like `&`; a pair that does not decode is left out; a
/// key without `=` has an empty value. Borrows what holds no escape and no `+`.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(['&', ';']).filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(key)?, decoded(value)?))
    })
}

/// `text` with `+` as a space and escapes resolved; `None` if one of them is not whole.
fn decoded(text: &str) -> Option<Cow<'_, [u8]>> {
    let bytes = text.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                out.push(escape_at(bytes, at)?);
                at += 2;
            }
            _ => out.push(byte),
        }
        at += 1;
    }
    Some(Cow::Owned(out))
}
