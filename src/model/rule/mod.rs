//! Placeholder until the rules branch lands; same names and types as there.
use std::sync::Arc;
/// Rule
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Text
    pub text: Arc<str>,
    /// Meaning
    pub expr: Expr,
}
/// Meaning
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(Arc<str>);
impl Rule {
    /// Text
    pub fn text(&self) -> &str {
        &self.text
    }
}
/// Syntax
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// 3
    V3,
}
/// Placeholder: accepts anything but empty text.
pub fn parse(text: &str, _: Syntax) -> Result<Rule, String> {
    if text.is_empty() { Err("empty".into()) } else { Ok(Rule { text: text.into(), expr: Expr(text.into()) }) }
}
/// Placeholder: names in `Host(..)`.
pub fn hosts(expr: &Expr) -> Vec<Arc<str>> {
    let quoted = |part: &str| part.split(['`', '"']).nth(1).map(|host| host.to_lowercase().into());
    expr.0.split("Host(").skip(1).filter_map(quoted).collect()
}
