//! The load balancers that Ingresses ask for, each built once, with the Ingresses that ask: so a change of a Service
//! reaches its load balancers first, and Ingresses only if they would see a difference.
//!
//! ```text
//! Service, its endpoints, Nodes, target of an external name  ->  Entry { built, users }  ->  Ingresses
//! ```
use super::model::{Model, Touched};
use super::options::Options;
use super::servers::ReadsNodes;
use super::services::{Built, ServiceError, Wanted, build};
use crate::model::keys::{IngressKey, ServiceKey};
use crate::model::plan::Balancer;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// All load balancers that somebody asks for.
#[derive(Debug, Default)]
pub(super) struct Balancers {
    entries: HashMap<Wanted, Entry>,
    /// Which entries a Service, or its endpoints, reach; in order. Nearly always one: its port.
    by_service: HashMap<ServiceKey, Vec<Wanted>>,
    /// Which entries the Nodes reach.
    with_nodes: BTreeSet<Wanted>,
}

#[derive(Debug)]
struct Entry {
    built: Built,
    users: BTreeSet<IngressKey>,
}

/// What an Ingress sees of a load balancer. As long as it is equal, no Ingress is compiled anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// There is none.
    Broken(ServiceError),
    /// It has no server, and must have one.
    NoEndpoints,
    /// It can be used.
    Ready {
        /// Why routers to it answer 503; empty if they do not.
        refused: Arc<[Arc<str>]>,
    },
}

impl Built {
    fn view(&self, options: &Options) -> View {
        match &self.balancer {
            Err(error) => View::Broken(error.clone()),
            Ok(balancer) if balancer.servers.is_empty() && !options.allow_empty_services => View::NoEndpoints,
            Ok(_) => View::Ready { refused: self.refused.clone() },
        }
    }
}

impl Balancers {
    /// Builds anew what the change reaches. Returns the entries that were built, and the Ingresses that see a difference.
    pub(super) fn rebuild(
        &mut self,
        touched: &Touched,
        model: &Model,
        options: &Options,
    ) -> (BTreeSet<Wanted>, BTreeSet<IngressKey>) {
        let mut reached = BTreeSet::new();
        for service in touched.services.iter().chain(&touched.endpoints) {
            reached.extend(self.by_service.get(service).into_iter().flatten().cloned());
        }
        if !touched.nodes.is_empty() {
            reached.extend(self.with_nodes.iter().cloned());
        }
        let mut affected = BTreeSet::new();
        for wanted in &reached {
            let Some(users) = self.entries.get_mut(wanted).map(|entry| std::mem::take(&mut entry.users)) else {
                continue;
            };
            let before = self.forget(wanted).map(|built| built.view(options));
            let built = build(wanted, model, options);
            if before != Some(built.view(options)) {
                affected.extend(users.iter().cloned());
            }
            self.remember(wanted, Entry { built, users });
        }
        (reached, affected)
    }

    /// `ingress` asks for `wanted`.
    pub(super) fn ask(&mut self, ingress: &IngressKey, wanted: &Wanted, model: &Model, options: &Options) {
        if !self.entries.contains_key(wanted) {
            let built = build(wanted, model, options);
            self.remember(wanted, Entry { built, users: BTreeSet::new() });
        }
        if let Some(entry) = self.entries.get_mut(wanted) {
            entry.users.insert(ingress.clone());
        }
    }

    /// `ingress` asks no more.
    pub(super) fn release(&mut self, ingress: &IngressKey, wanted: &Wanted) {
        let Some(entry) = self.entries.get_mut(wanted) else { return };
        entry.users.remove(ingress);
        if entry.users.is_empty() {
            self.forget(wanted);
        }
    }

    /// What Ingresses see of `wanted`; `None` if nobody asked for it.
    pub(super) fn view(&self, wanted: &Wanted, options: &Options) -> Option<View> {
        self.entries.get(wanted).map(|entry| entry.built.view(options))
    }

    /// What came of `wanted`.
    pub(super) fn built(&self, wanted: &Wanted) -> Option<&Built> {
        self.entries.get(wanted).map(|entry| &entry.built)
    }

    /// The load balancer as it belongs into the plan. It is there even if all its paths failed for other reasons, as in
    /// the reference (spec/ingress.md 6.7f).
    pub(super) fn usable(&self, wanted: &Wanted, options: &Options) -> Option<&Arc<Balancer>> {
        let built = self.built(wanted)?;
        match built.view(options) {
            View::Ready { .. } => built.balancer.as_ref().ok(),
            View::Broken(_) | View::NoEndpoints => None,
        }
    }

    fn remember(&mut self, wanted: &Wanted, entry: Entry) {
        for service in reached_by(wanted, &entry.built) {
            let entries = self.by_service.entry(service.clone()).or_default();
            if let Err(place) = entries.binary_search(wanted) {
                if entries.is_empty() {
                    // A vector that grows by itself begins with room for four.
                    entries.reserve_exact(1);
                }
                entries.insert(place, wanted.clone());
            }
        }
        if entry.built.reads.nodes == ReadsNodes::Yes {
            self.with_nodes.insert(wanted.clone());
        }
        self.entries.insert(wanted.clone(), entry);
    }

    fn forget(&mut self, wanted: &Wanted) -> Option<Built> {
        let entry = self.entries.remove(wanted)?;
        for service in reached_by(wanted, &entry.built) {
            if let Some(entries) = self.by_service.get_mut(service) {
                if let Ok(place) = entries.binary_search(wanted) {
                    entries.remove(place);
                }
                if entries.is_empty() {
                    self.by_service.remove(service);
                }
            }
        }
        self.with_nodes.remove(wanted);
        Some(entry.built)
    }
}

fn reached_by<'a>(wanted: &'a Wanted, built: &'a Built) -> impl Iterator<Item = &'a ServiceKey> {
    std::iter::once(&wanted.service).chain(&built.reads.target)
}
