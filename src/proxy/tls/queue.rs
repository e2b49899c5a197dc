//! Handshakes that are under way on one worker, in the order they began: with too many, the oldest has to go.
//!
//! Whoever opens connections and dawdles loses them in the order they came, while a client that goes on with its handshake
//! is through long before its turn. Refusing the newest instead would let a few dawdlers lock everybody out.
use std::collections::VecDeque;

/// Handshakes in the order they began.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    limit: usize,
    waiting: VecDeque<T>,
}

impl<T> Queue<T> {
    /// At most `limit` at a time, which is at least 1.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), waiting: VecDeque::new() }
    }

    /// One begins. Which one has to go for it, if any; `goes_on` says whether one is still under way.
    pub(crate) fn begin(&mut self, new: T, goes_on: impl Fn(&T) -> bool) -> Option<T> {
        // Those that are through are taken out in one go when the limit is met: on average once per handshake.
        if self.waiting.len() >= self.limit {
            self.waiting.retain(goes_on);
        }
        self.waiting.push_back(new);
        if self.waiting.len() > self.limit { self.waiting.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_is_not_through_goes_when_there_are_too_many() {
        let mut queue = Queue::new(3);
        let all = |_: &u32| true;
        assert_eq!([1, 2, 3].map(|new| queue.begin(new, all)), [None, None, None]);
        assert_eq!(queue.begin(4, all), Some(1));
        assert_eq!(queue.begin(5, |old| *old != 2), None, "2 is through and makes room");
        assert_eq!(queue.begin(6, all), Some(3));
        assert!(queue.waiting.len() <= 3);
    }
}
