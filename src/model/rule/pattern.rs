//! Regular expressions of rules: written as in Go, compiled within bounds, compared by their source.
//!
//! The crate `regex` runs in time linear in the text and never backtracks, so only the size needs a bound. Texts are
//! searched as bytes: header and query values need not be UTF-8.
use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::error::MatcherError;
use super::go_regexp::{RegexpError, translate};

/// A pattern may take this many bytes compiled.
const SIZE_LIMIT: usize = 1 << 20;
/// Up to this size a pattern is small, and a rule may have any number of them.
const SMALL: usize = 64 << 10;
/// So many patterns of one rule may be larger than [`SMALL`]; without this bound one rule could take a gigabyte.
const MOST_LARGE: usize = 16;
/// Memory for the lazily built automaton, per thread that searches. When it is full it is begun anew.
const CACHE_LIMIT: usize = 256 << 10;

/// A compiled regular expression. Equal if the sources are. Cheap to clone.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression written in Go's syntax, not anchored.
    pub fn parse(source: &str) -> Result<Self, RegexpError> {
        Self::compile(source, SIZE_LIMIT)
    }

    /// The expression as written.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Whether the expression is found anywhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    fn compile(source: &str, size_limit: usize) -> Result<Self, RegexpError> {
        let regex = RegexBuilder::new(&translate(source)?)
            .size_limit(size_limit)
            .dfa_size_limit(CACHE_LIMIT)
            .build()
            .map_err(|problem| RegexpError(described(&problem, source)))?;
        Ok(Self { source: source.into(), regex })
    }
}

/// How many large patterns the rule under construction may still have.
pub(super) struct Patterns {
    large_left: usize,
}

impl Patterns {
    pub fn new() -> Self {
        Self { large_left: MOST_LARGE }
    }

    /// Compiles one more expression; `shown_as` is the matcher's name in error texts.
    pub fn compile(&mut self, source: &str, shown_as: &'static str) -> Result<Pattern, MatcherError> {
        if let Ok(small) = Pattern::compile(source, SMALL) {
            return Ok(small);
        }
        // Too large, or wrong: then this says why, at the price of looking at it twice.
        let large = |left: usize| if left == 0 { SMALL } else { SIZE_LIMIT };
        match Pattern::compile(source, large(self.large_left)) {
            Ok(pattern) => {
                self.large_left = self.large_left.saturating_sub(1);
                Ok(pattern)
            }
            Err(_) if self.large_left == 0 && translate(source).is_ok() => {
                Err(MatcherError::TooManyLargePatterns(MOST_LARGE))
            }
            Err(problem) => Err(MatcherError::Regexp { shown_as, problem }),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// The crate's error in one line, without its drawing of the place.
fn described(problem: &regex::Error, source: &str) -> String {
    match problem {
        regex::Error::CompiledTooBig(_) => "expression needs more than 1 MiB when compiled".to_owned(),
        other => {
            let text = other.to_string();
            let line = text.lines().next_back().unwrap_or_default();
            format!("{}: `{source}`", line.strip_prefix("error: ").unwrap_or(line))
        }
    }
}
