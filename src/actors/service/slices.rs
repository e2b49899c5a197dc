//! Slices joined by the Service they belong to, oldest first, then by name (spec/ingress.md 10.4). Pure.
use super::SliceKind;
use crate::actors::kind::state::FactChange;
use crate::model::facts::{Created, EndpointsFact, SliceFact};
use crate::model::keys::ServiceKey;
use crate::model::patch::{Change, Changes};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// All slices by Service. A change costs the slices of the Services it touches.
#[derive(Default)]
pub struct SlicesByService {
    by_service: HashMap<ServiceKey, Slices>,
}

/// The slices of one Service in their order: by time of creation, then by name.
type Slices = BTreeMap<(Created, Arc<str>), Arc<SliceFact>>;

impl SlicesByService {
    /// Takes changed slices over; what it means for the Services.
    pub fn apply(&mut self, changes: Vec<FactChange<SliceKind>>) -> Changes<ServiceKey, EndpointsFact> {
        let mut touched = HashSet::new();
        for FactChange { before, after, .. } in changes {
            if let Some((service, slice)) = belongs(before) {
                if let Some(slices) = self.by_service.get_mut(&service) {
                    slices.remove(&(slice.created, slice.key.name.clone()));
                }
                touched.insert(service);
            }
            if let Some((service, slice)) = belongs(after) {
                let place = (slice.created, slice.key.name.clone());
                self.by_service.entry(service.clone()).or_default().insert(place, slice);
                touched.insert(service);
            }
        }
        touched.into_iter().map(|service| (service.clone(), self.endpoints(service))).collect()
    }

    fn endpoints(&mut self, service: ServiceKey) -> Change<EndpointsFact> {
        match self.by_service.get(&service) {
            Some(slices) if !slices.is_empty() => {
                let slices = slices.values().cloned().collect();
                Change::Put(Arc::new(EndpointsFact { service, slices }))
            }
            _ => {
                self.by_service.remove(&service);
                Change::Gone
            }
        }
    }

    /// Services that have slices.
    pub fn len(&self) -> usize {
        self.by_service.len()
    }

    /// Whether there is no slice.
    pub fn is_empty(&self) -> bool {
        self.by_service.is_empty()
    }
}

fn belongs(slice: Option<Arc<SliceFact>>) -> Option<(ServiceKey, Arc<SliceFact>)> {
    let slice = slice?;
    Some((slice.service.clone()?, slice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::keys::SliceKey;

    fn slice(name: &str, service: Option<&str>, created: i64) -> Arc<SliceFact> {
        Arc::new(SliceFact {
            key: SliceKey::new("n", name),
            service: service.map(|service| ServiceKey::new("n", service)),
            created: Created(created),
            ports: vec![],
            endpoints: vec![],
            problems: vec![],
        })
    }
    fn change(before: Option<&Arc<SliceFact>>, after: Option<&Arc<SliceFact>>) -> FactChange<SliceKind> {
        let key = after.or(before).unwrap().key.clone();
        FactChange { key, before: before.cloned(), after: after.cloned() }
    }
    fn names(changes: &Changes<ServiceKey, EndpointsFact>, service: &str) -> Option<Vec<String>> {
        match changes.get(&ServiceKey::new("n", service))? {
            Change::Put(fact) => Some(fact.slices.iter().map(|slice| slice.key.name.to_string()).collect()),
            Change::Gone => Some(vec![]),
        }
    }

    #[test]
    fn slices_are_ordered_by_time_then_name() {
        let mut joined = SlicesByService::default();
        let all = [slice("b", Some("s"), 5), slice("a", Some("s"), 5), slice("z", Some("s"), 1)];
        let changes = joined.apply(all.iter().map(|slice| change(None, Some(slice))).collect());
        assert_eq!(names(&changes, "s").unwrap(), ["z", "a", "b"]);
    }

    #[test]
    fn a_slice_that_moves_to_another_service_touches_both() {
        let mut joined = SlicesByService::default();
        let (old, new) = (slice("a", Some("s"), 1), slice("a", Some("t"), 1));
        joined.apply(vec![change(None, Some(&old))]);
        let changes = joined.apply(vec![change(Some(&old), Some(&new))]);
        assert_eq!(names(&changes, "s").unwrap(), Vec::<String>::new());
        assert_eq!(names(&changes, "t").unwrap(), ["a"]);
        assert_eq!(joined.len(), 1);
    }

    #[test]
    fn a_slice_of_nobody_touches_nothing_and_the_last_one_leaves_nothing_behind() {
        let mut joined = SlicesByService::default();
        let (nobodys, ours) = (slice("x", None, 1), slice("a", Some("s"), 1));
        assert!(joined.apply(vec![change(None, Some(&nobodys))]).is_empty());
        joined.apply(vec![change(None, Some(&ours))]);
        let changes = joined.apply(vec![change(Some(&ours), None)]);
        assert_eq!(names(&changes, "s").unwrap(), Vec::<String>::new());
        assert!(joined.is_empty());
    }
}
