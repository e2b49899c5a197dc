//! The command line: `--name value` pairs.
use anyhow::{Context, bail};
use std::collections::HashMap;

/// Options as given. cargo's own `--bench` is skipped.
pub struct Args(HashMap<String, String>);

impl Args {
    /// Reads the command line; only `known` names are accepted.
    pub fn read(known: &[&str]) -> anyhow::Result<Self> {
        let mut found = HashMap::new();
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--").filter(|name| known.contains(name)) else {
                bail!("{word} is not known; options are --{} VALUE", known.join(" VALUE, --"));
            };
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            found.insert(name.to_owned(), value);
        }
        Ok(Self(found))
    }

    /// The text of an option.
    pub fn text(&self, name: &str, default: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| default.to_owned())
    }

    /// A number.
    pub fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        match self.0.get(name) {
            None => Ok(default),
            Some(text) => text.parse().ok().with_context(|| format!("--{name} {text} is not a number")),
        }
    }
}
