//! The patch: which facts changed, at most one entry per object. It merges, so a queue of patches cannot outgrow the cluster.
use super::facts::{ClassFact, EndpointsFact, IngressFact, NodeFact, SecretFact, ServiceFact};
use super::finding::Problem;
use super::keys::{ClassKey, IngressKey, NodeKey, ObjectRef, SecretKey, ServiceKey};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What became of one object.
#[derive(Debug, PartialEq, Eq)]
pub enum Change<F> {
    /// It is there, and this is what it says.
    Put(Arc<F>),
    /// It is gone.
    Gone,
}

impl<F> Clone for Change<F> {
    fn clone(&self) -> Self {
        match self {
            Self::Put(fact) => Self::Put(fact.clone()),
            Self::Gone => Self::Gone,
        }
    }
}

/// Changes of one kind by key.
pub type Changes<K, F> = HashMap<K, Change<F>>;

/// Changed facts of all kinds. Applying the same patch twice has no second effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPatch {
    /// Ingresses.
    pub ingresses: Changes<IngressKey, IngressFact>,
    /// IngressClasses.
    pub classes: Changes<ClassKey, ClassFact>,
    /// Services, without their endpoints.
    pub services: Changes<ServiceKey, ServiceFact>,
    /// Endpoints by the Service they belong to. These alone are never throttled.
    pub endpoints: Changes<ServiceKey, EndpointsFact>,
    /// Secrets.
    pub secrets: Changes<SecretKey, SecretFact>,
    /// Nodes.
    pub nodes: Changes<NodeKey, NodeFact>,
    /// Objects that are no objects of their kind at all (a text where a list belongs, say). They have no fact; what is
    /// wrong with them is told as findings. `Gone` when they are mended or deleted.
    pub malformed: Changes<ObjectRef, Vec<Problem>>,
}

impl ModelPatch {
    /// How many objects it changes.
    pub fn len(&self) -> usize {
        let Self { ingresses, classes, services, endpoints, secrets, nodes, malformed } = self;
        ingresses.len()
            + classes.len()
            + services.len()
            + endpoints.len()
            + secrets.len()
            + nodes.len()
            + malformed.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes over `later`; where both speak of one object, `later` wins.
    pub fn merge(&mut self, later: Self) {
        let Self { ingresses, classes, services, endpoints, secrets, nodes, malformed } = later;
        merge(&mut self.ingresses, ingresses);
        merge(&mut self.classes, classes);
        merge(&mut self.services, services);
        merge(&mut self.endpoints, endpoints);
        merge(&mut self.secrets, secrets);
        merge(&mut self.nodes, nodes);
        merge(&mut self.malformed, malformed);
    }

    /// Takes the endpoints out, which is the lane that is never throttled.
    pub fn take_endpoints(&mut self) -> Self {
        Self { endpoints: std::mem::take(&mut self.endpoints), ..Self::default() }
    }
}

fn merge<K: Eq + Hash, F>(into: &mut Changes<K, F>, later: Changes<K, F>) {
    if into.is_empty() {
        *into = later;
    } else {
        into.extend(later);
    }
}
