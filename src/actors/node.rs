//! The node actor: Node objects become [`NodeFact`]s.
use super::kind::{Kind, KindActor, Watched};
use crate::cluster::lenient::{Sparse, Unread};
use crate::model::facts::NodeFact;
use crate::model::keys::{Kind as KindName, NodeKey, ObjectRef};
use crate::model::patch::{Changes, ModelPatch};
use k8s_openapi::api::core::v1::Node;
use std::sync::Arc;

/// What is particular to Node.
pub struct NodeKind;

/// The node actor.
pub type NodeActor = KindActor<NodeKind>;

/// Of a Node its name and addresses are read. A kubelet writes most of the rest every few minutes, and there may be fifty images.
impl Sparse for Node {
    const UNREAD: &'static [Unread] = &[
        Unread::AllBut("metadata", &["name", "resourceVersion"]),
        Unread::Field("spec"),
        Unread::AllBut("status", &["addresses"]),
    ];
}

impl Watched for NodeKind {
    type Object = Node;
    type Key = NodeKey;
    type Fact = NodeFact;
    const KIND: KindName = KindName::Node;

    fn key(_namespace: Option<&Arc<str>>, name: &Arc<str>) -> NodeKey {
        NodeKey(name.clone())
    }
    fn key_of(fact: &NodeFact) -> &NodeKey {
        &fact.key
    }
    fn object_ref(key: &NodeKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &Node) -> NodeFact {
        crate::parse::node::parse(object)
    }
}

impl Kind for NodeKind {
    const ACTOR: &'static str = "node";

    fn changes(patch: &mut ModelPatch) -> &mut Changes<NodeKey, NodeFact> {
        &mut patch.nodes
    }
}
