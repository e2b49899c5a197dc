//! Secrets that cannot be printed by accident and do not outlive their owner.
//!
//! Safe Rust cannot promise that no copy was left behind by an earlier move or reallocation; what it can do is done
//! here: the bytes of the value itself are overwritten before its memory goes back to the allocator.
use std::fmt;
use std::hint::black_box;

/// A secret: `Debug` shows a placeholder, there is no `Display` and no `Serialize`, and dropping it wipes it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Redacted<T: Wipe>(T);

impl<T: Wipe> Redacted<T> {
    /// Takes the secret over.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself. Each call is a place to look at in a review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Wipe> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

impl<T: Wipe> Drop for Redacted<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

/// Values whose bytes can be overwritten in place.
pub trait Wipe {
    /// Overwrites the content with zeros. The value stays valid and may be empty afterwards.
    fn wipe(&mut self);
}

impl Wipe for [u8] {
    fn wipe(&mut self) {
        self.fill(0);
        // Without a reader the compiler may leave the zeros out.
        black_box(self);
    }
}

impl<const N: usize> Wipe for [u8; N] {
    fn wipe(&mut self) {
        self.as_mut_slice().wipe();
    }
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        // Bytes beyond the length may hold an earlier, longer content. Growing to the capacity does not reallocate.
        self.resize(self.capacity(), 0);
        self.as_mut_slice().wipe();
    }
}

impl Wipe for String {
    fn wipe(&mut self) {
        std::mem::take(self).into_bytes().wipe();
    }
}

impl<T: Wipe> Wipe for Option<T> {
    fn wipe(&mut self) {
        if let Some(value) = self {
            value.wipe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_placeholder_at_any_depth() {
        let shown = format!("{:?}", Some(Redacted::new("hunter2".to_owned())));
        assert_eq!(shown, "Some(<redacted>)");
    }

    #[test]
    fn two_secrets_are_equal_when_their_values_are() {
        assert_eq!(Redacted::new(b"a".to_vec()), Redacted::from(b"a".to_vec()));
        assert_ne!(Redacted::new(b"a".to_vec()), Redacted::new(b"b".to_vec()));
    }

    #[test]
    fn wiping_overwrites_bytes_beyond_the_length_too() {
        let mut secret = b"longer secret".to_vec();
        secret.truncate(2);
        let capacity = secret.capacity();
        secret.wipe();
        assert_eq!(secret, vec![0; capacity]);
        assert_eq!(secret.capacity(), capacity);
    }

    #[test]
    fn dropping_a_secret_wipes_it() {
        use std::sync::atomic::{AtomicBool, Ordering};
        static WIPED: AtomicBool = AtomicBool::new(false);
        struct Witness;
        impl Wipe for Witness {
            fn wipe(&mut self) {
                WIPED.store(true, Ordering::SeqCst);
            }
        }
        drop(Redacted::new(Witness));
        assert!(WIPED.load(Ordering::SeqCst));
    }

    #[test]
    fn every_kind_of_value_is_empty_or_zero_after_wiping() {
        let mut text = "secret".to_owned();
        text.wipe();
        assert_eq!(text, "");
        let mut key = [7u8; 4];
        key.wipe();
        assert_eq!(key, [0; 4]);
        let mut maybe = Some([7u8; 2]);
        maybe.wipe();
        assert_eq!(maybe, Some([0; 2]));
        None::<[u8; 2]>.wipe();
    }
}
