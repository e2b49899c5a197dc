//! Why a rule is refused, in the words users know (`spec/http.md` 1.3, table of error texts).
//!
//! The texts repeat their cause on purpose: the API shows them as one line in `error`, as Traefik does.
use std::fmt;
use std::sync::Arc;

use super::go_regexp::RegexpError;
use super::{MAX_ARGUMENTS, MAX_CALLS, MAX_DEPTH, MAX_TEXT, quote};

/// A rule that cannot be used. `Display` gives the text that follows `error while parsing rule <rule>: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text is not an expression of known matchers.
    #[error("parsing rule {rule}: {problem}")]
    Parse {
        /// The rule, cut if it is longer than [`MAX_TEXT`].
        rule: Arc<str>,
        /// What is wrong with it.
        problem: Box<SyntaxError>,
    },
    /// A matcher does not accept its arguments.
    #[error("adding rule {rule}: {failure}")]
    Add {
        /// The rule.
        rule: Arc<str>,
        /// Which matcher, where, and why.
        failure: Box<BuildError>,
    },
}

impl RuleError {
    /// The whole text as it stands in a router's `error`.
    pub fn full(&self) -> String {
        let (Self::Parse { rule, .. } | Self::Add { rule, .. }) = self;
        format!("error while parsing rule {rule}: {self}")
    }
}

/// What the lexer or the parser refused. Line and column start at 1, columns count bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The text breaks the grammar at one place.
    #[error("{line}:{column}: {message}")]
    At {
        /// Line, from 1.
        line: usize,
        /// Byte within the line, from 1.
        column: usize,
        /// What was wrong there.
        message: String,
    },
    /// A call to a matcher that does not exist in this syntax or in this spelling.
    #[error("unsupported function: {0}")]
    UnsupportedFunction(String),
    /// An operator of Go that rules do not have, such as a single `&`.
    #[error("{0} is not supported")]
    UnsupportedOperator(String),
    /// More than [`MAX_TEXT`] bytes.
    #[error("the rule has {0} bytes, at most {MAX_TEXT} are allowed")]
    TooLong(usize),
    /// More than [`MAX_DEPTH`] parentheses inside each other.
    #[error("the rule nests more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// More than [`MAX_CALLS`] matchers.
    #[error("the rule has more than {MAX_CALLS} matchers")]
    TooManyCalls,
    /// More than [`MAX_ARGUMENTS`] arguments in all.
    #[error("the rule has more than {MAX_ARGUMENTS} arguments")]
    TooManyArguments,
}

/// One matcher that refused its arguments, and the operators around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// Operators from the outermost inwards, each with the number of times it applies.
    pub(super) within: Vec<(&'static str, usize)>,
    pub(super) matcher: &'static str,
    pub(super) problem: MatcherError,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (operator, times) in &self.within {
            for _ in 0..*times {
                write!(f, "error while adding rule {operator}: ")?;
            }
        }
        let step = match self.problem {
            MatcherError::NoArguments { .. } | MatcherError::EmptyArguments { .. } => "checking",
            _ => "adding",
        };
        write!(f, "error while {step} rule {}: {}", self.matcher, self.problem)
    }
}

/// Why a matcher refused its arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// `Host()`.
    #[error("no args for matcher {matcher}")]
    NoArguments {
        /// Name of the matcher.
        matcher: &'static str,
    },
    /// One of the arguments is the empty string.
    #[error("empty args for matcher {matcher}, [{}]", arguments.join(" "))]
    EmptyArguments {
        /// Name of the matcher.
        matcher: &'static str,
        /// All arguments.
        arguments: Vec<Arc<str>>,
    },
    /// Too few or too many arguments.
    #[error("unexpected number of parameters; got {got}, expected one of {}", go_list(expected))]
    ParameterCount {
        /// How many there are.
        got: usize,
        /// How many there may be.
        expected: &'static [usize],
    },
    /// v2: arguments that come in pairs do not.
    #[error("number of parameters must be multiple of 2, got [{}]", arguments.join(" "))]
    OddPairs {
        /// The arguments as they would be paired.
        arguments: Vec<Arc<str>>,
    },
    /// A path that does not begin with a slash.
    #[error("path {} does not start with a '/'", quote(path))]
    PathWithoutSlash {
        /// The path.
        path: Arc<str>,
    },
    /// A host with other than ASCII characters; such names are written in Punycode.
    #[error("invalid value {} for {matcher} matcher, non-ASCII characters are not allowed", quote(value))]
    NonAscii {
        /// Name of the matcher.
        matcher: &'static str,
        /// The argument.
        value: Arc<str>,
    },
    /// A regular expression that does not compile. `shown_as` is the name the text uses, which is not always the matcher's.
    #[error("compiling {shown_as} matcher: {problem}")]
    Regexp {
        /// Name used in the text.
        shown_as: &'static str,
        /// What is wrong with the expression.
        problem: RegexpError,
    },
    /// Neither an address nor a range of addresses.
    #[error(
        "initializing IP checker for ClientIP matcher: parsing CIDR trusted IPs <nil>: invalid CIDR address: {value}"
    )]
    Address {
        /// The argument.
        value: Arc<str>,
    },
    /// v2: a template whose braces do not pair up.
    #[error("unbalanced braces in {}", quote(template))]
    UnbalancedBraces {
        /// The template.
        template: Arc<str>,
    },
    /// v2: `{}`, `{:x}` or `{x:}`.
    #[error("missing name or pattern in {}", quote(part))]
    MissingNameOrPattern {
        /// The part in braces.
        part: String,
    },
    /// More large regular expressions than one rule may have.
    #[error("the rule has more than {0} large regular expressions")]
    TooManyLargePatterns(usize),
}

/// The rule as it stands in an error text: cut when it is too long to be shown at all.
pub(super) fn shown_rule(text: &str) -> Arc<str> {
    const SHOWN: usize = 256;
    if text.len() <= MAX_TEXT {
        return text.into();
    }
    text.chars().take(SHOWN).chain(['…']).collect::<String>().into()
}

/// Numbers as Go prints a slice: `[1 2]`.
fn go_list(numbers: &[usize]) -> String {
    let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
    format!("[{}]", words.join(" "))
}
