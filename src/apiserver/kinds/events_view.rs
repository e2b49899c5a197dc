//! `events.k8s.io/v1` is another view of the same stored Events as `v1`: seven fields have other names.
//!
//! Kubernetes does the same (`pkg/apis/events/v1/conversion.go`), so that an Event which a controller records through
//! the newer API shows up in `kubectl describe`, which reads the older one.

use serde_json::Value;

/// Name in `v1`, name in `events.k8s.io/v1`.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// `events.k8s.io/v1` to `v1`. Anything that is not an object passes unchanged.
pub(super) fn to_core(mut event: Value) -> Value {
    rename(&mut event, "v1", |(core, events)| (events, core));
    event
}

/// `v1` to `events.k8s.io/v1`.
pub(super) fn from_core(event: &Value) -> Value {
    let mut event = event.clone();
    rename(&mut event, "events.k8s.io/v1", |(core, events)| (core, events));
    event
}

type Pair = (&'static str, &'static str);

fn rename(event: &mut Value, api_version: &str, direction: fn(Pair) -> Pair) {
    let Some(fields) = event.as_object_mut() else { return };
    fields.insert("apiVersion".to_owned(), Value::from(api_version));
    for (from, to) in RENAMED.map(direction) {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_survives_the_way_there_and_back() {
        let served = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
            "regarding": {"kind": "Ingress"}, "note": "left out", "reportingController": "pilotage", "action": "Route"});
        let stored = to_core(served.clone());
        assert_eq!(stored["involvedObject"]["kind"], "Ingress");
        assert_eq!(stored["message"], "left out");
        assert_eq!(stored["apiVersion"], "v1");
        assert_eq!(from_core(&stored), served);
    }
}
