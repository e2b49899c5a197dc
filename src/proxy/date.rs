//! The `Date` of answers (RFC 9110 6.6.1): made anew once per tick of the worker's clock, at most half a second old.
use super::entrypoint::watchdog::Ticks;
use crate::base::clock::{Clock, SystemClock};
use std::cell::Cell;

/// Bytes of a date.
const LENGTH: usize = 29;

/// The date of one worker.
pub(crate) struct Date {
    tick: Cell<Option<u64>>,
    text: Cell<[u8; LENGTH]>,
}

impl Date {
    /// None was asked for yet.
    pub(super) fn new() -> Self {
        Self { tick: Cell::new(None), text: Cell::new([b' '; LENGTH]) }
    }

    /// The date as of the last of `ticks`.
    pub(crate) fn at(&self, ticks: &Ticks) -> [u8; LENGTH] {
        let now = Some(ticks.now());
        if self.tick.get() != now {
            self.tick.set(now);
            let text = httpdate::fmt_http_date(SystemClock.wall());
            // It has that length until the year 10,000.
            if let Ok(text) = text.as_bytes().try_into() {
                self.text.set(text);
            }
        }
        self.text.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_stands_until_the_next_tick() {
        let (date, ticks) = (Date::new(), Ticks::default());
        let first = date.at(&ticks);
        assert!(first.ends_with(b" GMT"), "{}", String::from_utf8_lossy(&first));
        date.text.set([b'x'; LENGTH]);
        assert_eq!(date.at(&ticks), [b'x'; LENGTH]);
        ticks.set(500);
        assert!(date.at(&ticks).ends_with(b" GMT"));
    }
}
