//! One copy of each text that many objects repeat: namespaces, names of Services, classes, entry points.
//!
//! A table per thread (facts are made on one), because it needs no lock then. Texts that nobody holds any more are swept out
//! when the table has doubled, so it cannot outgrow what is in use. Equal texts mean the same with or without it.
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

/// Below this many texts it is not worth looking for unused ones.
const LEAST: usize = 1_024;

thread_local! {
    static TEXTS: RefCell<Texts> = RefCell::default();
}

#[derive(Default)]
struct Texts {
    known: HashSet<Arc<str>>,
    /// How many there may be before the next sweep.
    sweep_at: usize,
}

/// `text`, in the same memory as all equal ones that came this way on this thread.
pub fn intern(text: &str) -> Arc<str> {
    TEXTS.with_borrow_mut(|texts| texts.get(text))
}

impl Texts {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.sweep_at {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.sweep_at = (2 * self.known.len()).max(LEAST);
        }
        let new: Arc<str> = text.into();
        self.known.insert(Arc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_their_memory() {
        let (one, two) = (intern("default"), intern(&String::from("default")));
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(&*intern(""), "");
    }

    #[test]
    fn texts_that_nobody_holds_are_swept_out() {
        let mut texts = Texts::default();
        let kept = texts.get("kept");
        for number in 0..10 * LEAST {
            texts.get(&number.to_string());
        }
        assert!(texts.known.len() <= LEAST + 1, "{}", texts.known.len());
        assert!(Arc::ptr_eq(&kept, &texts.get("kept")));
    }
}
