//! The lines of a head as places in its bytes: the parser borrows them, the headers share them.
use bytes::Bytes;
use http::HeaderValue;
use std::ops::Range;

/// Whether a connection may serve another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Keep {
    /// It may.
    Open,
    /// It ends.
    Close,
}

/// A part of a head. Heads are far below 4 GB.
pub(in crate::proxy) type Place = Range<u32>;

/// The name and the value of a line.
pub(in crate::proxy) type Line = (Place, Place);

/// Where `part` of `whole` begins and ends in it. A wrong place would be an error later on.
pub(in crate::proxy) fn place(whole: &[u8], part: &[u8]) -> Place {
    let begin = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    let narrow = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    narrow(begin)..narrow(begin.wrapping_add(part.len()))
}

/// The bytes at `place`.
pub(in crate::proxy) fn cut<'a>(bytes: &'a Bytes, place: &Place) -> &'a [u8] {
    let wide = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
    bytes.get(wide(place.start)..wide(place.end)).unwrap_or_default()
}

/// The value at `place`, which shares `bytes`; `None` if it is none.
pub(in crate::proxy) fn value(bytes: &Bytes, place: &Place) -> Option<HeaderValue> {
    match cut(bytes, place) {
        // A slice would hold on to the buffer for nothing.
        [] => Some(HeaderValue::from_static("")),
        raw => HeaderValue::from_maybe_shared(bytes.slice_ref(raw)).ok(),
    }
}

/// A number of decimal digits and nothing else.
pub(in crate::proxy) fn digits(text: &[u8]) -> Option<u64> {
    let all = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}
