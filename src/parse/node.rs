//! Node: its internal and external addresses. Heartbeats and all else of a Node's busy status end here.
use super::{is_ip, is_server_host, name};
use crate::model::facts::NodeFact;
use crate::model::keys::NodeKey;
use k8s_openapi::api::core::v1 as api;

/// What the Node says.
pub fn parse(object: &api::Node) -> NodeFact {
    let addresses = object.status.iter().flat_map(|status| status.addresses.iter().flatten());
    let external = addresses.clone();
    // A status may hold IP addresses only: one that is none would have the API server refuse the whole list.
    let external = external.filter(|address| address.type_ == "ExternalIP" && is_ip(&address.address));
    let internal = addresses.filter(|address| address.type_ == "InternalIP" && is_server_host(&address.address));
    NodeFact {
        key: NodeKey(name(&object.metadata).into()),
        internal_ips: internal.map(|address| address.address.as_str().into()).collect(),
        external_ips: external.map(|address| address.address.as_str().into()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn internal_and_external_addresses_are_kept_in_order() {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "n1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [
                    {"type": "ExternalIP", "address": "1.2.3.4"},
                    {"type": "ExternalIP", "address": "node.example"},
                    {"type": "InternalIP", "address": "10.0.0.2"},
                    {"type": "InternalIP", "address": "fd00::2"},
                    {"type": "InternalIP", "address": "nonsense/@"},
                    {"type": "Hostname", "address": "n1"}
                ]
            }
        }))
        .unwrap();
        let fact = parse(&object);
        assert_eq!(
            fact,
            NodeFact {
                key: NodeKey("n1".into()),
                internal_ips: vec!["10.0.0.2".into(), "fd00::2".into()],
                external_ips: vec!["1.2.3.4".into()],
            }
        );
    }

    #[test]
    fn a_node_without_status_has_no_addresses() {
        assert!(parse(&api::Node::default()).internal_ips.is_empty());
    }
}
