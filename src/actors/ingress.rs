//! The ingress actor: Ingress objects become [`IngressFact`]s.
use super::kind::{Kind, KindActor, Watched};
use crate::cluster::lenient::{Sparse, UNREAD_METADATA, Unread};
use crate::model::facts::IngressFact;
use crate::model::keys::{IngressKey, Kind as KindName, ObjectRef};
use crate::model::patch::{Changes, ModelPatch};
use k8s_openapi::api::networking::v1::Ingress;
use std::sync::Arc;

/// What is particular to Ingress.
pub struct IngressKind;

/// The ingress actor.
pub type IngressActor = KindActor<IngressKind>;

impl Sparse for Ingress {
    const UNREAD: &'static [Unread] = &[Unread::Within("metadata", UNREAD_METADATA)];
}

impl Watched for IngressKind {
    type Object = Ingress;
    type Key = IngressKey;
    type Fact = IngressFact;
    const KIND: KindName = KindName::Ingress;

    fn key(namespace: Option<&Arc<str>>, name: &Arc<str>) -> IngressKey {
        IngressKey::new(namespace.cloned().unwrap_or_default(), name.clone())
    }
    fn key_of(fact: &IngressFact) -> &IngressKey {
        &fact.key
    }
    fn object_ref(key: &IngressKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &Ingress) -> IngressFact {
        crate::parse::ingress::parse(object)
    }
}

impl Kind for IngressKind {
    const ACTOR: &'static str = "ingress";

    fn changes(patch: &mut ModelPatch) -> &mut Changes<IngressKey, IngressFact> {
        &mut patch.ingresses
    }
}
