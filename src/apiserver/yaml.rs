//! YAML to JSON values as Kubernetes reads YAML: one or several documents, bounded, with positions in errors.
//!
//! Kubernetes' reader is YAML 1.1 (`yes` is a boolean, `0644` octal); a key given twice is an error. An alias repeats
//! what it names, so a short text can stand for a huge value: bodies from the network may have none, files a few.

use serde_json::Value;

/// What to do with `*alias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aliases {
    /// An error.
    Refused,
    /// A thousand of them, each for 64 kB at most.
    Bounded,
}

/// Text that is not YAML, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub(super) struct YamlError {
    /// From 1; 0 if unknown.
    pub(super) line: u64,
    /// From 1; 0 if unknown.
    pub(super) column: u64,
    /// What is wrong.
    pub(super) message: String,
}

/// One document.
pub(super) fn document(text: &str, aliases: Aliases) -> Result<Value, YamlError> {
    serde_saphyr::from_str_with_options(text, options(aliases)).map_err(|error| located(&error))
}

/// All documents of a text; empty ones are left out.
pub(super) fn documents(text: &str, aliases: Aliases) -> Result<Vec<Value>, YamlError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options(aliases)).map_err(|error| located(&error))?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

fn located(error: &serde_saphyr::Error) -> YamlError {
    let location = error.location();
    // The first line says it; the rest draws a picture.
    let message = error.without_snippet().to_string();
    YamlError {
        line: location.map_or(0, |it| it.line()),
        column: location.map_or(0, |it| it.column()),
        message: message.lines().next().unwrap_or("").to_owned(),
    }
}

fn options(aliases: Aliases) -> serde_saphyr::Options {
    let (max_aliases, max_recorded_anchor_bytes) = match aliases {
        Aliases::Refused => (0, 64 * 1024),
        Aliases::Bounded => (1_000, 64 * 1024),
    };
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: max_aliases,
            max_recorded_anchor_bytes: max_recorded_anchor_bytes,
            max_nodes: 2_000_000,
            max_events: 4_000_000,
            max_documents: 20_000,
            max_depth: 100,
        },
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kubernetes_yaml_reads_as_json() {
        let text = "# a comment\n---\na: {b: yes, c: 0644, d: '1', e: 1.5}\n---\n---\nl:\n- x\n- null\n";
        let got = documents(text, Aliases::Bounded).expect("good");
        assert_eq!(got, [json!({"a": {"b": true, "c": 420, "d": "1", "e": 1.5}}), json!({"l": ["x", null]})]);
    }

    #[test]
    fn mistakes_are_located() {
        let error = documents("a: 1\nb: [1, 2\nc: 3\n", Aliases::Bounded).expect_err("no end");
        assert!(error.line >= 2, "{error}");
        let error = documents("a: 1\nb: 2\na: 3\n", Aliases::Bounded).expect_err("twice");
        assert_eq!((error.line, error.column), (3, 1), "{error}");
        assert!(!error.message.contains('\n'));
    }

    #[test]
    fn aliases_are_refused_from_the_network_and_bounded_in_files() {
        let text = "a: &x [1]\nb: *x\n";
        assert!(document(text, Aliases::Refused).is_err());
        assert_eq!(document(text, Aliases::Bounded), Ok(json!({"a": [1], "b": [1]})));
        let bomb = format!("a: &x {}\nb: [{}]\n", "y".repeat(200_000), "*x,".repeat(900));
        assert!(document(&bomb, Aliases::Bounded).is_err());
    }
}
