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

/// Nothing but names and addresses is read. A kubelet writes most of this every few minutes, and of images there may be fifty.
impl Sparse for Node {
    const UNREAD: &'static [Unread] = &[
        Unread::Within(
            "metadata",
            &[
                Unread::Field("managedFields"),
                Unread::Field("ownerReferences"),
                Unread::Field("annotations"),
                Unread::Field("labels"),
            ],
        ),
        Unread::Field("spec"),
        Unread::Within(
            "status",
            &[
                Unread::Field("allocatable"),
                Unread::Field("capacity"),
                Unread::Field("conditions"),
                Unread::Field("config"),
                Unread::Field("daemonEndpoints"),
                Unread::Field("declaredFeatures"),
                Unread::Field("features"),
                Unread::Field("images"),
                Unread::Field("nodeInfo"),
                Unread::Field("runtimeHandlers"),
                Unread::Field("volumesAttached"),
                Unread::Field("volumesInUse"),
            ],
        ),
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
