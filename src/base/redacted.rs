//! Placeholder until the base branch lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<T>(pub T);
