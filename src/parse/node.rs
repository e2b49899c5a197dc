//! Node: its internal addresses. Heartbeats and all else of a Node's busy status end here.
use super::{is_server_host, name};
use crate::model::facts::NodeFact;
use crate::model::keys::NodeKey;
use k8s_openapi::api::core::v1 as api;

/// What the Node says.
pub fn parse(object: &api::Node) -> NodeFact {
    let addresses = object.status.iter().flat_map(|status| status.addresses.iter().flatten());
    let internal = addresses.filter(|address| address.type_ == "InternalIP" && is_server_host(&address.address));
    NodeFact {
        key: NodeKey(name(&object.metadata).into()),
        internal_ips: internal.map(|address| address.address.as_str().into()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_internal_addresses_are_kept_in_order() {
        let object = serde_json::from_value(json!({
            "metadata": {"name": "n1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [
                    {"type": "ExternalIP", "address": "1.2.3.4"},
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
            NodeFact { key: NodeKey("n1".into()), internal_ips: vec!["10.0.0.2".into(), "fd00::2".into()] }
        );
    }

    #[test]
    fn a_node_without_status_has_no_addresses() {
        assert!(parse(&api::Node::default()).internal_ips.is_empty());
    }
}
