//! The ingress_class actor: IngressClass objects become [`ClassFact`]s.
use super::kind::{Kind, KindActor, Watched};
use crate::cluster::lenient::{Sparse, UNREAD_METADATA, Unread};
use crate::model::facts::ClassFact;
use crate::model::keys::{ClassKey, Kind as KindName, ObjectRef};
use crate::model::patch::{Changes, ModelPatch};
use k8s_openapi::api::networking::v1::IngressClass;
use std::sync::Arc;

/// What is particular to IngressClass.
pub struct IngressClassKind;

/// The ingress_class actor.
pub type IngressClassActor = KindActor<IngressClassKind>;

impl Sparse for IngressClass {
    const UNREAD: &'static [Unread] = &[Unread::Within("metadata", UNREAD_METADATA)];
}

impl Watched for IngressClassKind {
    type Object = IngressClass;
    type Key = ClassKey;
    type Fact = ClassFact;
    const KIND: KindName = KindName::IngressClass;

    fn key(_namespace: Option<&Arc<str>>, name: &Arc<str>) -> ClassKey {
        ClassKey(name.clone())
    }
    fn key_of(fact: &ClassFact) -> &ClassKey {
        &fact.key
    }
    fn object_ref(key: &ClassKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &IngressClass) -> ClassFact {
        crate::parse::ingress_class::parse(object)
    }
}

impl Kind for IngressClassKind {
    const ACTOR: &'static str = "ingress_class";

    fn changes(patch: &mut ModelPatch) -> &mut Changes<ClassKey, ClassFact> {
        &mut patch.classes
    }
}
