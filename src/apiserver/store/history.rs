//! The bounded past: one event per version, oldest first, and what was dropped is remembered only as "too old".
//!
//! Every change takes exactly one version, so the event of a version is found by subtraction. Watches read from here,
//! each at its own pace; a watch that falls behind the oldest event is told so and keeps nothing alive.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::ObjectKey;
use crate::apiserver::kinds::ResourceId;
use crate::apiserver::status::ApiError;

/// One change of one object, in stored form.
#[derive(Clone, Debug)]
pub struct Event {
    /// The version that this change made.
    pub version: u64,
    /// The collection.
    pub resource: ResourceId,
    /// The object.
    pub key: ObjectKey,
    /// The object before, `None` if it was created.
    pub before: Option<Arc<Value>>,
    /// The object after, `None` if it was deleted.
    pub after: Option<Arc<Value>>,
}

/// The events after version `floor`, up to and including version `floor + events.len()`.
#[derive(Debug)]
pub(super) struct History {
    floor: u64,
    events: VecDeque<Event>,
    limit: usize,
}

impl History {
    /// Starts at version 1: clients read version 0 as "any".
    pub(super) fn new(limit: usize) -> Self {
        Self { floor: 1, events: VecDeque::new(), limit }
    }

    /// The version of the newest change.
    pub(super) fn newest(&self) -> u64 {
        self.floor + self.events.len() as u64
    }

    /// Appends a change, which has to carry version `newest() + 1`, and drops the oldest beyond the limit.
    pub(super) fn push(&mut self, event: Event) {
        debug_assert_eq!(event.version, self.newest() + 1, "versions are dense");
        self.events.push_back(event);
        while self.events.len() > self.limit {
            self.events.pop_front();
            self.floor += 1;
        }
    }

    /// Forgets everything up to now.
    pub(super) fn compact(&mut self) {
        self.floor = self.newest();
        self.events.clear();
    }

    /// All changes after `version`, oldest first.
    pub(super) fn after(&self, version: u64) -> Result<impl DoubleEndedIterator<Item = &Event>, ApiError> {
        if version < self.floor {
            return Err(ApiError::Expired { asked: version, oldest: self.floor });
        }
        if version > self.newest() {
            return Err(ApiError::TooLargeVersion { asked: version, current: self.newest() });
        }
        let skip = usize::try_from(version - self.floor).unwrap_or(usize::MAX);
        Ok(self.events.range(skip.min(self.events.len())..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(version: u64) -> Event {
        let resource = ResourceId { group: "", plural: "services" };
        Event { version, resource, key: ObjectKey::new("n", "a"), before: None, after: None }
    }

    fn versions(history: &History, after: u64) -> Result<Vec<u64>, ApiError> {
        history.after(after).map(|events| events.map(|event| event.version).collect())
    }

    #[test]
    fn a_full_history_forgets_the_oldest_events() {
        let mut history = History::new(3);
        for version in 2..=6 {
            history.push(event(version));
        }
        assert_eq!(versions(&history, 3), Ok(vec![4, 5, 6]));
        assert_eq!(versions(&history, 5), Ok(vec![6]));
        assert_eq!(versions(&history, 6), Ok(vec![]));
        assert_eq!(versions(&history, 2), Err(ApiError::Expired { asked: 2, oldest: 3 }));
        assert_eq!(versions(&history, 7), Err(ApiError::TooLargeVersion { asked: 7, current: 6 }));
    }

    #[test]
    fn after_compaction_only_the_newest_version_can_be_watched() {
        let mut history = History::new(10);
        history.push(event(2));
        history.push(event(3));
        history.compact();
        assert_eq!(history.newest(), 3);
        assert_eq!(versions(&history, 3), Ok(vec![]));
        assert!(versions(&history, 2).is_err());
        history.push(event(4));
        assert_eq!(versions(&history, 3), Ok(vec![4]));
    }
}
