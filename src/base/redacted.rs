//! Placeholder until the base branch lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<T>(pub T);
impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}
impl<T> Redacted<T> {
    /// The secret
    pub fn expose(&self) -> &T {
        &self.0
    }
}
