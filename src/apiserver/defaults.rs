//! Default values that a cluster fills in when it stores an object and that clients then rely on.
//!
//! Only the few that selectors, printed columns and controllers look at; everything else stays as written. Not applied
//! under [`super::Validation::Off`]. Source: `pkg/apis/core/v1/defaults.go`.

use serde_json::{Map, Value, json};

use super::kinds::Kind;

/// Fills in what the object leaves open. Absurd objects pass unchanged.
pub(super) fn fill(kind: &Kind, object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    match (kind.group, kind.kind) {
        ("", "Secret") => default(fields, "type", json!("Opaque")),
        ("", "Namespace") => {
            default(fields, "spec", json!({"finalizers": ["kubernetes"]}));
            default(fields, "status", json!({"phase": "Active"}));
        }
        ("", "Service") => fields.get_mut("spec").and_then(Value::as_object_mut).into_iter().for_each(service),
        _ => {}
    }
}

fn default(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let slot = fields.entry(name).or_insert(Value::Null);
    if slot.is_null() || slot.as_str() == Some("") {
        *slot = value;
    }
}

fn service(spec: &mut Map<String, Value>) {
    default(spec, "type", json!("ClusterIP"));
    default(spec, "sessionAffinity", json!("None"));
    let external_name = spec.get("type").and_then(Value::as_str) == Some("ExternalName");
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(port) = port.as_object_mut() else { continue };
        default(port, "protocol", json!("TCP"));
        if let (false, Some(number)) = (external_name, port.get("port").cloned()) {
            default(port, "targetPort", number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn a_service_gets_its_protocol_and_target_port() {
        let mut service =
            json!({"spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}]}});
        fill(kinds::by_name("Service").expect("served"), &mut service);
        assert_eq!(
            service["spec"]["ports"],
            json!([{"port": 80, "protocol": "TCP", "targetPort": 80}, {"port": 53, "protocol": "UDP", "targetPort": "dns"}])
        );
        assert_eq!(service["spec"]["type"], "ClusterIP");
    }

    #[test]
    fn absurd_objects_pass_unchanged() {
        for absurd in
            [json!(7), json!({"spec": [1]}), json!({"spec": {"type": 4, "ports": {"a": 1}, "sessionAffinity": []}})]
        {
            let mut object = absurd.clone();
            fill(kinds::by_name("Service").expect("served"), &mut object);
            assert_eq!(object, absurd);
        }
    }
}
