//! Placeholder until the rules branch lands.
use std::sync::Arc;
/// Syntax
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Syntax {
    /// v3
    #[default]
    V3,
    /// v2
    V2,
}
/// Rule
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// text
    pub text: Arc<str>,
    /// syntax
    pub syntax: Syntax,
}
impl Rule {
    /// text
    pub fn text(&self) -> &str {
        &self.text
    }
}
/// parse
pub fn parse(text: &str, syntax: Syntax) -> Result<Rule, String> {
    if text.is_empty() {
        return Err("empty rule".into());
    }
    if let Some((_, rest)) = text.split_once("Path(\"").or_else(|| text.split_once("PathPrefix(\""))
        && !rest.starts_with('/')
    {
        return Err("path does not start with a '/'".into());
    }
    if let Some((_, rest)) = text.split_once("Host(\"")
        && rest.split('"').next().is_some_and(|host| !host.is_ascii())
    {
        return Err("non-ASCII characters are not allowed".into());
    }
    Ok(Rule { text: text.into(), syntax })
}
/// quote
pub fn quote(text: &str) -> String {
    format!("{text:?}")
}
