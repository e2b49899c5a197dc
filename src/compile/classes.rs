//! Which Ingresses are ours (spec/ingress.md 5).
use super::model::Model;
use super::options::Options;
use crate::model::facts::IngressFact;
use crate::model::keys::ClassKey;

/// `spec.controller` of the classes that are ours.
pub const CONTROLLER: &str = "traefik.io/ingress-controller";

/// Whether an Ingress is for us. One that is not leaves no trace: no router, certificate, finding or log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// It is.
    Ours,
    /// It is somebody else's.
    Foreign,
}

/// Decides by `ingressClassName` if the Ingress has one, by the old annotation otherwise. The marker of the default class
/// is not read: the API server fills `ingressClassName` when an Ingress is created.
pub(super) fn select(fact: &IngressFact, model: &Model, options: &Options) -> Selection {
    let wanted = &options.ingress_class;
    let ours = match &fact.class_name {
        Some(name) => is_known(name, model, options),
        None => *wanted == fact.class_annotation || (wanted.is_empty() && &*fact.class_annotation == "traefik"),
    };
    if ours { Selection::Ours } else { Selection::Foreign }
}

fn is_known(name: &std::sync::Arc<str>, model: &Model, options: &Options) -> bool {
    let lookup = !options.disable_ingress_class_lookup && !options.disable_cluster_scope;
    lookup
        && (options.ingress_class.is_empty() || options.ingress_class == *name)
        && model.class(&ClassKey(name.clone())).is_some_and(|class| &*class.controller == CONTROLLER)
}
