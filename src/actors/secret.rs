//! The secret actor: Secret objects become [`SecretFact`]s.
use super::kind::{Kind, KindActor, Watched};
use crate::cluster::lenient::{Sparse, UNREAD_METADATA, Unread};
use crate::model::facts::SecretFact;
use crate::model::keys::{Kind as KindName, ObjectRef, SecretKey};
use crate::model::patch::{Changes, ModelPatch};
use k8s_openapi::api::core::v1::Secret;
use std::sync::Arc;

/// What is particular to Secret.
pub struct SecretKind;

/// The secret actor.
pub type SecretActor = KindActor<SecretKind>;

impl Sparse for Secret {
    const UNREAD: &'static [Unread] = &[
        Unread::Within("metadata", UNREAD_METADATA),
        // Helm keeps the history of each of its releases in Secrets, up to a megabyte each.
        Unread::Within("data", &[Unread::Field("release")]),
    ];
}

impl Watched for SecretKind {
    type Object = Secret;
    type Key = SecretKey;
    type Fact = SecretFact;
    const KIND: KindName = KindName::Secret;

    fn key(namespace: Option<&Arc<str>>, name: &Arc<str>) -> SecretKey {
        SecretKey::new(namespace.cloned().unwrap_or_default(), name.clone())
    }
    fn key_of(fact: &SecretFact) -> &SecretKey {
        &fact.key
    }
    fn object_ref(key: &SecretKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &Secret) -> SecretFact {
        crate::parse::secret::parse(object)
    }
}

impl Kind for SecretKind {
    const ACTOR: &'static str = "secret";

    fn changes(patch: &mut ModelPatch) -> &mut Changes<SecretKey, SecretFact> {
        &mut patch.secrets
    }
}
