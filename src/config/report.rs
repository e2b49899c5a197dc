//! What is wrong with the options: every mistake at once, each with the place where it was made.
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The longest name that a report repeats, in characters.
const LONGEST_NAME: usize = 200;

/// What kind of place a value comes from. Ordered by precedence: what comes first wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An argument of the command line.
    Argument,
    /// An environment variable under our own name, `PILOTAGE_…`.
    PilotageVariable,
    /// An environment variable under Traefik's name, `TRAEFIK_…`.
    TraefikVariable,
    /// The configuration file.
    File,
}

/// Where a value was given, as people should read it: `argument 3: --foo.bar`. Never with the value, which may be a
/// secret. Ordered by precedence, then by position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    source: Source,
    position: usize,
    text: Arc<str>,
}

impl Origin {
    /// The argument at `position`, counted from 1 after the name of the program, up to its `=`.
    pub fn argument(position: usize, name: &str) -> Self {
        let text = format!("argument {position}: {}", shown(name)).into();
        Self { source: Source::Argument, position, text }
    }

    /// The environment variable of that name; `position` only orders the variables among themselves.
    pub fn variable(source: Source, position: usize, name: &str) -> Self {
        Self { source, position, text: format!("environment variable {}", shown(name)).into() }
    }

    /// The key, with those above it, in the line of a file. Line 0 is the file as a whole, and so is an empty key.
    pub fn in_file(file: &Path, line: usize, key: &str) -> Self {
        let mut text = file.display().to_string();
        if line > 0 {
            text += &format!(", line {line}");
        }
        if !key.is_empty() {
            text += &format!(": {}", shown(key));
        }
        Self { source: Source::File, position: line, text: text.into() }
    }

    /// What kind of place it is.
    pub fn source(&self) -> Source {
        self.source
    }
}

/// A name from outside as one line of bounded length.
fn shown(name: &str) -> String {
    let clean: String = name.chars().take(LONGEST_NAME).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if clean.len() < name.len() && name.chars().count() > LONGEST_NAME { clean + "…" } else { clean }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A mistake, or a warning about an option that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where it was given; `None` if it is about something that was not.
    pub origin: Option<Origin>,
    /// What is wrong and what was expected.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// All mistakes: of the arguments, of the environment, of the file, each in its order. Whoever gets one prints it and ends the process with status 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    mistakes: Vec<Remark>,
}

impl Report {
    /// The mistakes; at least one.
    pub fn mistakes(&self) -> &[Remark] {
        &self.mistakes
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => f.write_str("1 mistake in the options:")?,
            count => write!(f, "{count} mistakes in the options:")?,
        }
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Report {}

/// Collects while the options are read and checked.
#[derive(Debug, Default)]
pub(super) struct Findings {
    mistakes: Vec<Remark>,
    warnings: Vec<Remark>,
}

impl Findings {
    pub(super) fn mistake(&mut self, origin: Option<&Origin>, text: impl Into<String>) {
        self.mistakes.push(Remark { origin: origin.cloned(), text: text.into() });
    }

    pub(super) fn warning(&mut self, origin: Option<&Origin>, text: impl Into<String>) {
        self.warnings.push(Remark { origin: origin.cloned(), text: text.into() });
    }

    /// The warnings, if there was no mistake.
    pub(super) fn conclude(mut self) -> Result<Vec<Remark>, Report> {
        // What has no origin comes last.
        let place = |remark: &Remark| (remark.origin.is_none(), remark.origin.clone());
        self.mistakes.sort_by_key(place);
        self.warnings.sort_by_key(place);
        if self.mistakes.is_empty() { Ok(self.warnings) } else { Err(Report { mistakes: self.mistakes }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_lists_its_mistakes_in_the_order_of_the_arguments() {
        let mut findings = Findings::default();
        findings.mistake(None, "no address");
        findings.mistake(Some(&Origin::argument(10, "--b")), "wrong");
        findings.mistake(Some(&Origin::argument(2, "-a")), "unknown");
        let report = findings.conclude().unwrap_err();
        let want = "3 mistakes in the options:\n  argument 2: -a: unknown\n  argument 10: --b: wrong\n  no address";
        assert_eq!(report.to_string(), want);
    }

    #[test]
    fn warnings_alone_are_no_mistake() {
        let mut findings = Findings::default();
        findings.warning(None, "deprecated");
        assert_eq!(findings.conclude().unwrap()[0].to_string(), "deprecated");
    }
}
