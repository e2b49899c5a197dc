//! What a mistyped name was meant to be: the known name with the smallest edit distance, if it is small.

/// The candidate nearest to `given` without regard to case, if less than about a third of `given` would have to change.
pub(super) fn nearest(given: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let wanted: Vec<char> = given.to_lowercase().chars().collect();
    let limit = (wanted.len() / 3).clamp(1, 6);
    candidates
        .filter(|candidate| candidate.chars().count().abs_diff(wanted.len()) <= limit)
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= limit)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements, one row of the table at a time.
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (done, goal) in to.chars().enumerate() {
        let mut diagonal = done;
        let mut left = done + 1;
        for (cell, source) in row.iter_mut().skip(1).zip(from) {
            let replaced = diagonal + usize::from(*source != goal);
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = done + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(from: &str, to: &str) -> usize {
        distance(&from.chars().collect::<Vec<_>>(), to)
    }

    #[test]
    fn the_distance_is_the_least_number_of_edits() {
        let cases =
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ä", "a", 1)];
        for (from, to, want) in cases {
            assert_eq!(steps(from, to), want, "{from} to {to}");
            assert_eq!(steps(to, from), want, "{to} to {from}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = || ["log.level", "log.format", "ping"].into_iter().map(str::to_owned);
        assert_eq!(nearest("LOG.LEVLE", known()).as_deref(), Some("log.level"));
        assert_eq!(nearest("pong", known()).as_deref(), Some("ping"));
        assert_eq!(nearest("entirely.different", known()), None);
        assert_eq!(nearest("", known()), None);
    }
}
