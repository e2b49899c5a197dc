//! Placeholder until the rules branch lands.
use std::sync::Arc;
/// Rule
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: Arc<str>,
}
impl Rule {
    pub fn text(&self) -> &str {
        &self.text
    }
}
