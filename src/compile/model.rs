//! All facts joined, with the references back that tell what a change touches: class -> Ingresses, Secret -> Ingresses.
//! (Service -> Ingresses goes through the load balancers: `balancers.rs`.)
use crate::model::facts::{ClassFact, EndpointsFact, IngressFact, NodeFact, SecretFact, ServiceFact};
use crate::model::finding::{Finding, Problem};
use crate::model::keys::{ClassKey, IngressKey, NodeKey, ObjectRef, SecretKey, ServiceKey};
use crate::model::patch::{Change, Changes, ModelPatch};
use crate::model::tls::TlsOptionsKey;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// The facts that hold now.
#[derive(Debug, Default)]
pub(super) struct Model {
    ingresses: HashMap<IngressKey, Arc<IngressFact>>,
    classes: HashMap<ClassKey, Arc<ClassFact>>,
    services: HashMap<ServiceKey, Arc<ServiceFact>>,
    endpoints: HashMap<ServiceKey, Arc<EndpointsFact>>,
    secrets: HashMap<SecretKey, Arc<SecretFact>>,
    nodes: BTreeMap<NodeKey, Arc<NodeFact>>,
    malformed: HashMap<ObjectRef, Arc<Vec<Problem>>>,
    /// TLS options with a name that are there and valid. No object makes any yet.
    tls_options: BTreeSet<TlsOptionsKey>,
    ingresses_by_class: HashMap<ClassKey, BTreeSet<IngressKey>>,
    ingresses_by_secret: HashMap<SecretKey, BTreeSet<IngressKey>>,
}

/// What a patch really changed: objects whose fact is other than before.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub ingresses: BTreeSet<IngressKey>,
    pub classes: Vec<ClassKey>,
    pub services: Vec<ServiceKey>,
    pub endpoints: Vec<ServiceKey>,
    pub secrets: Vec<SecretKey>,
    pub nodes: Vec<NodeKey>,
    pub malformed: Vec<ObjectRef>,
}

impl Model {
    /// Takes over a patch.
    pub(super) fn take(&mut self, patch: ModelPatch) -> Touched {
        let ModelPatch { ingresses, classes, services, endpoints, secrets, nodes, malformed } = patch;
        Touched {
            ingresses: ingresses.into_iter().filter_map(|(key, change)| self.take_ingress(key, change)).collect(),
            classes: take(&mut self.classes, classes),
            services: take(&mut self.services, services),
            endpoints: take(&mut self.endpoints, endpoints),
            secrets: take(&mut self.secrets, secrets),
            nodes: self.take_nodes(nodes),
            malformed: take(&mut self.malformed, malformed),
        }
    }

    fn take_ingress(&mut self, key: IngressKey, change: Change<IngressFact>) -> Option<IngressKey> {
        let before = self.ingresses.get(&key).cloned();
        let after = match change {
            Change::Put(fact) => Some(fact),
            Change::Gone => None,
        };
        if before == after {
            return None;
        }
        if let Some(fact) = &before {
            self.unlink(&key, fact);
        }
        match after {
            Some(fact) => {
                self.link(&key, &fact);
                self.ingresses.insert(key.clone(), fact);
            }
            None => {
                self.ingresses.remove(&key);
            }
        }
        Some(key)
    }

    fn link(&mut self, key: &IngressKey, fact: &IngressFact) {
        if let Some(name) = &fact.class_name {
            self.ingresses_by_class.entry(ClassKey(name.clone())).or_default().insert(key.clone());
        }
        for secret in &fact.tls_secrets {
            self.ingresses_by_secret.entry(secret.clone()).or_default().insert(key.clone());
        }
    }

    fn unlink(&mut self, key: &IngressKey, fact: &IngressFact) {
        if let Some(name) = &fact.class_name {
            remove_reference(&mut self.ingresses_by_class, &ClassKey(name.clone()), key);
        }
        for secret in &fact.tls_secrets {
            remove_reference(&mut self.ingresses_by_secret, secret, key);
        }
    }

    fn take_nodes(&mut self, changes: Changes<NodeKey, NodeFact>) -> Vec<NodeKey> {
        let mut touched = Vec::new();
        for (key, change) in changes {
            let differs = match change {
                Change::Put(fact) if self.nodes.get(&key) == Some(&fact) => false,
                Change::Put(fact) => {
                    self.nodes.insert(key.clone(), fact);
                    true
                }
                Change::Gone => self.nodes.remove(&key).is_some(),
            };
            if differs {
                touched.push(key);
            }
        }
        touched
    }

    /// Whether there are TLS options of that name, and valid ones.
    pub(super) fn has_tls_options(&self, key: &TlsOptionsKey) -> bool {
        *key == TlsOptionsKey::Default || self.tls_options.contains(key)
    }

    #[cfg(test)]
    pub(super) fn define_tls_options(&mut self, name: &str) {
        self.tls_options.insert(TlsOptionsKey::Named(name.into()));
    }

    pub(super) fn ingress(&self, key: &IngressKey) -> Option<&Arc<IngressFact>> {
        self.ingresses.get(key)
    }

    pub(super) fn class(&self, key: &ClassKey) -> Option<&ClassFact> {
        self.classes.get(key).map(|fact| &**fact)
    }

    pub(super) fn service(&self, key: &ServiceKey) -> Option<&ServiceFact> {
        self.services.get(key).map(|fact| &**fact)
    }

    pub(super) fn endpoints(&self, key: &ServiceKey) -> Option<&EndpointsFact> {
        self.endpoints.get(key).map(|fact| &**fact)
    }

    pub(super) fn secret(&self, key: &SecretKey) -> Option<&SecretFact> {
        self.secrets.get(key).map(|fact| &**fact)
    }

    /// All Nodes, by name.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &NodeFact> {
        self.nodes.values().map(|fact| &**fact)
    }

    pub(super) fn ingresses_of_class(&self, key: &ClassKey) -> impl Iterator<Item = &IngressKey> {
        self.ingresses_by_class.get(key).into_iter().flatten()
    }

    pub(super) fn ingresses_with_secret(&self, key: &SecretKey) -> impl Iterator<Item = &IngressKey> {
        self.ingresses_by_secret.get(key).into_iter().flatten()
    }

    /// What is wrong with a Service in itself.
    pub(super) fn service_findings(&self, key: &ServiceKey) -> Vec<Finding> {
        let Some(fact) = self.services.get(key) else { return Vec::new() };
        let unreadable = fact.options.as_ref().err().into_iter().flatten();
        unreadable.chain(&fact.problems).map(|problem| problem.clone().about(key.into())).collect()
    }

    /// What is wrong with the slices of a Service.
    pub(super) fn endpoints_findings(&self, key: &ServiceKey) -> Vec<Finding> {
        let slices = self.endpoints.get(key).into_iter().flat_map(|fact| &fact.slices);
        slices
            .flat_map(|slice| slice.problems.iter().map(|problem| problem.clone().about((&slice.key).into())))
            .collect()
    }

    /// What is wrong with an object that has no fact.
    pub(super) fn malformed_findings(&self, object: &ObjectRef) -> Vec<Finding> {
        let problems = self.malformed.get(object).into_iter().flat_map(|problems| problems.iter());
        problems.map(|problem| problem.clone().about(object.clone())).collect()
    }

    /// How many objects of each kind are known, by plural.
    pub(super) fn counts(&self) -> [(&'static str, usize); 7] {
        [
            ("ingresses", self.ingresses.len()),
            ("ingressclasses", self.classes.len()),
            ("services", self.services.len()),
            ("endpoints", self.endpoints.len()),
            ("secrets", self.secrets.len()),
            ("nodes", self.nodes.len()),
            ("malformed", self.malformed.len()),
        ]
    }
}

fn take<K: Eq + Hash + Clone, F: PartialEq>(facts: &mut HashMap<K, Arc<F>>, changes: Changes<K, F>) -> Vec<K> {
    let mut touched = Vec::new();
    for (key, change) in changes {
        let differs = match change {
            Change::Put(fact) if facts.get(&key) == Some(&fact) => false,
            Change::Put(fact) => {
                facts.insert(key.clone(), fact);
                true
            }
            Change::Gone => facts.remove(&key).is_some(),
        };
        if differs {
            touched.push(key);
        }
    }
    touched
}

fn remove_reference<K: Eq + Hash>(references: &mut HashMap<K, BTreeSet<IngressKey>>, to: &K, from: &IngressKey) {
    if let Some(sources) = references.get_mut(to) {
        sources.remove(from);
        if sources.is_empty() {
            references.remove(to);
        }
    }
}
