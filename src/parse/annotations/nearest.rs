//! The known key nearest to an unknown one, for the remedy of a finding.
use super::{Root, TABLE};

/// Longest key that is compared, in bytes; the longest known key has half of it.
const MAX_COMPARED: usize = 96;

/// The known key below `root` with the fewest edits to `key`.
pub(super) fn nearest(root: Root, key: &str) -> &'static str {
    let key: Vec<u8> = key.bytes().take(MAX_COMPARED).map(|byte| byte.to_ascii_lowercase()).collect();
    TABLE
        .iter()
        .filter(|row| row.key.split('.').next() == Some(root.word()))
        .min_by_key(|row| distance(row.key.as_bytes(), &key))
        .map_or(root.word(), |row| row.key)
}

/// How many bytes must be put in, taken out or replaced to come from one text to the other (Levenshtein).
pub(super) fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, left_byte) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(above.len());
        let mut before = row + 1;
        current.push(before);
        for ((right_byte, diagonal), over) in right.iter().zip(&above).zip(above.iter().skip(1)) {
            before = (before + 1).min(over + 1).min(diagonal + usize::from(left_byte != right_byte));
            current.push(before);
        }
        above = current;
    }
    above.last().copied().unwrap_or_default()
}
