//! From facts to the plan: pure, incremental, deterministic. A patch of facts goes in; what is different in the plan, the
//! findings that came and went, and what to log and report come out.
//!
//! ```text
//! ModelPatch -> model      facts that really changed, and what refers to them
//!            -> balancers  Service port -> load balancer (services, servers, refusals)
//!            -> ingress    paths -> routers              (classes, rules, names, paths)
//!            -> certificates, default_backend, findings
//!            -> published  what is different from the plan so far -> Outcome
//!            -> addresses, standing   what statuses and Events are to say -> Outcome
//! ```
//!
//! The plan is a function of the facts alone: any order of the same changes gives the same plan. Read next: [`Options`],
//! `ingress.rs`, `balancers.rs`.
mod addresses;
mod balancers;
mod certificates;
mod classes;
mod default_backend;
mod external_name;
mod findings;
mod ingress;
mod model;
mod names;
mod options;
mod outcome;
mod paths;
mod published;
mod refusals;
mod rules;
mod security;
mod servers;
mod services;
mod standing;
#[cfg(test)]
mod tests;

pub use crate::model::finding::FindingChanges;
pub use classes::CONTROLLER;
pub use options::{CrossProvider, Namespaces, Options, Publish};
pub use outcome::{Counts, Outcome, RouterChange, RouterEvent};
pub use standing::Reports;

use crate::model::facts::KeyPair;
use crate::model::finding::{Finding, Severity};
use crate::model::keys::{BalancerKey, IngressKey, Kind, ObjectRef, RouterKey, SecretKey};
use crate::model::patch::ModelPatch;
use crate::model::plan::{Balancer, PlanPatch, Router};
use crate::model::status::{Notice, Verdict};
use addresses::Publisher;
use balancers::Balancers;
use classes::{Selection, select};
use default_backend::DefaultBackends;
use findings::{Ledger, Source};
use ingress::{Admission, Compiled};
use model::{Model, Touched};
use published::Shelf;
use services::{Role, Wanted};
use standing::{Health, Service, Standing, Whose, Youngest};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The compiler, with everything it must remember to compile only what a change reaches.
#[derive(Debug)]
pub struct Compiler {
    options: Options,
    model: Model,
    balancers: Balancers,
    defaults: DefaultBackends,
    ledger: Ledger,
    traces: HashMap<IngressKey, Trace>,
    /// By how many Ingresses a Secret is loaded; never 0.
    secret_users: HashMap<SecretKey, usize>,
    routers: Shelf<RouterKey, Router>,
    tls_hosts: security::Hosts,
    published_balancers: Shelf<BalancerKey, Balancer>,
    certificates: Shelf<SecretKey, KeyPair>,
    publisher: Publisher,
    generation: u64,
}

/// What an Ingress left in the plan, each in order. Slices, because nearly all hold one or none: the smallest node of a tree
/// has room for eleven, which came to over 1 kB per Ingress.
#[derive(Debug, Default)]
struct Trace {
    routers: Box<[RouterKey]>,
    wanted: Box<[Wanted]>,
    secrets: Box<[SecretKey]>,
    standing: Standing,
}

impl Compiler {
    /// A compiler that knows no object yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            model: Model::default(),
            balancers: Balancers::default(),
            defaults: DefaultBackends::default(),
            ledger: Ledger::default(),
            traces: HashMap::new(),
            secret_users: HashMap::new(),
            routers: Shelf::default(),
            tls_hosts: security::Hosts::default(),
            published_balancers: Shelf::default(),
            certificates: Shelf::default(),
            publisher: Publisher::default(),
            generation: 0,
        }
    }

    #[cfg(test)]
    fn define_tls_options(&mut self, name: &str) {
        self.model.define_tls_options(name);
    }

    /// Takes over a patch and compiles what it reaches. Applying the same patch again changes nothing.
    pub fn apply(&mut self, patch: ModelPatch) -> Outcome {
        let touched = self.model.take(patch);
        self.report_objects(&touched);
        let (mut rebuilt, affected) = self.balancers.rebuild(&touched, &self.model, &self.options);
        let dirty = self.dirty_ingresses(&touched, affected);
        for key in &dirty {
            self.compile(key, &mut rebuilt);
        }
        let mut secrets: BTreeSet<SecretKey> = touched.secrets.iter().cloned().collect();
        let reviewed = self.with_dirty_secrets(&touched, &dirty);
        for key in &reviewed {
            self.load_secrets(key, &mut secrets);
        }
        self.publish_balancers(rebuilt);
        self.publish_certificates(secrets);
        self.defaults.settle(&mut self.ledger);
        self.tls_hosts.settle(&mut self.routers, &mut self.ledger);
        let addresses = self.publisher.settle(&touched, &self.model, &self.options, &mut self.ledger);
        let first = self.generation == 0;
        let mut outcome = self.outcome(dirty.len(), reviewed.len());
        outcome.reports = Reports { generation: self.generation, addresses, ..Reports::default() };
        self.review(reviewed, first, &mut outcome);
        outcome
    }

    /// What became of the Ingresses that the change reached, and of every object whose findings are others now.
    fn review(&mut self, reached: BTreeSet<IngressKey>, first: bool, outcome: &mut Outcome) {
        let mut ingresses = reached;
        let mut others = BTreeSet::new();
        let changed = outcome.findings.appeared.iter().chain(&outcome.findings.gone).map(|finding| &finding.object);
        for object in changed {
            match (object.kind, &object.namespace) {
                (Kind::Ingress, Some(namespace)) => {
                    ingresses.insert(IngressKey::new(namespace.clone(), object.name.clone()));
                }
                _ => {
                    others.insert(object.clone());
                }
            }
        }
        let mut youngest = Youngest::default();
        for key in &ingresses {
            self.review_ingress(key, first.then_some(&mut youngest), outcome);
        }
        for object in others {
            let verdict = self.warning(&object).unwrap_or(Verdict::Clean);
            outcome.reports.verdicts.push((object, verdict));
        }
        outcome.reports.verdicts.extend(youngest.into_verdicts());
    }

    fn review_ingress(&mut self, key: &IngressKey, first: Option<&mut Youngest>, outcome: &mut Outcome) {
        let object = ObjectRef::from(key);
        let fact = self.model.ingress(key);
        let before = self.traces.get(key).map(|trace| trace.standing).unwrap_or_default();
        let now = self.standing(key, &object);
        let reports = &mut outcome.reports;
        if self.options.publish != Publish::Nothing {
            reports.claims.extend(before.claim(now, fact.is_some()).map(|claim| (key.clone(), claim)));
        }
        match self.warning(&object) {
            Some(warning) => reports.verdicts.push((object.clone(), warning)),
            None if fact.is_none() => reports.verdicts.push((object.clone(), Verdict::Gone)),
            None if before.health != Health::Clean => reports.verdicts.push((object.clone(), Verdict::Clean)),
            None => {}
        }
        if before.becomes_programmed(now) {
            match (first, fact) {
                (Some(youngest), Some(fact)) => youngest.offer(fact.created, key),
                _ => reports.verdicts.push((object, Verdict::Programmed)),
            }
        }
        if let Some(trace) = self.traces.get_mut(key) {
            trace.standing = now;
            // Gone for good: `load_secrets` left it for this comparison.
            if self.model.ingress(key).is_none() {
                self.traces.remove(key);
            }
        }
    }

    fn standing(&self, key: &IngressKey, object: &ObjectRef) -> Standing {
        let ours =
            self.model.ingress(key).is_some_and(|fact| select(fact, &self.model, &self.options) == Selection::Ours);
        let routed = self.traces.get(key).is_some_and(|trace| !trace.routers.is_empty());
        let wins = self.defaults.winner().is_some_and(|route| route.router.origin.ingress == *key);
        Standing {
            whose: if ours { Whose::Ours } else { Whose::Foreign },
            health: match self.ledger.about(object).map(|finding| finding.severity).min() {
                None => Health::Clean,
                Some(Severity::Warning) => Health::Remarked,
                Some(Severity::Error) => Health::Broken,
            },
            service: if routed || wins { Service::Some } else { Service::None },
        }
    }

    fn warning(&self, object: &ObjectRef) -> Option<Verdict> {
        Notice::of(self.ledger.about(object)).map(|notice| Verdict::Warned(Arc::new(notice)))
    }

    /// Everything that is wrong now, in no order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.ledger.all()
    }

    /// The routers of the plan, in no order.
    pub fn routers(&self) -> impl Iterator<Item = &Arc<Router>> {
        self.routers.values()
    }

    /// The load balancers of the plan, in no order.
    pub fn balancers(&self) -> impl Iterator<Item = &Arc<Balancer>> {
        self.published_balancers.values()
    }

    /// Sizes, for the debug page.
    pub fn counts(&self) -> Counts {
        Counts {
            generation: self.generation,
            objects: self.model.counts().into_iter().collect(),
            routers: self.routers.len(),
            balancers: self.published_balancers.len(),
            certificates: self.certificates.len(),
            findings: self.ledger.len(),
        }
    }

    /// Findings that parsing made, of kinds that are reported whether an Ingress uses the object or not.
    fn report_objects(&mut self, touched: &Touched) {
        for key in &touched.services {
            self.ledger.replace(Source::Service(key.clone()), self.model.service_findings(key));
        }
        for key in &touched.endpoints {
            self.ledger.replace(Source::Endpoints(key.clone()), self.model.endpoints_findings(key));
        }
        for object in &touched.malformed {
            self.ledger.replace(Source::Malformed(object.clone()), self.model.malformed_findings(object));
        }
    }

    fn dirty_ingresses(&self, touched: &Touched, affected: BTreeSet<IngressKey>) -> BTreeSet<IngressKey> {
        let mut dirty = affected;
        dirty.extend(touched.ingresses.iter().cloned());
        for class in &touched.classes {
            dirty.extend(self.model.ingresses_of_class(class).cloned());
        }
        dirty
    }

    fn with_dirty_secrets(&self, touched: &Touched, dirty: &BTreeSet<IngressKey>) -> BTreeSet<IngressKey> {
        let mut reached = dirty.clone();
        for secret in &touched.secrets {
            reached.extend(self.model.ingresses_with_secret(secret).cloned());
        }
        reached
    }

    /// Compiles one Ingress anew and takes its routers into the plan. `reached` collects the load balancers it asks for
    /// or asks for no more.
    fn compile(&mut self, key: &IngressKey, reached: &mut BTreeSet<Wanted>) {
        let fact = self.model.ingress(key).cloned();
        let wanted = fact.as_ref().map(|fact| ingress::wanted(fact, &self.model, &self.options)).unwrap_or_default();
        for wanted in &wanted {
            self.balancers.ask(key, wanted, &self.model, &self.options);
        }
        let compiled = match &fact {
            Some(fact) => ingress::compile(fact, &self.model, &self.balancers, &self.options),
            None => Compiled::default(),
        };
        let mut trace = self.traces.remove(key).unwrap_or_default();
        self.defaults.withdraw(key);
        if let Some(route) = compiled.default {
            self.defaults.stand(route);
        }
        let routers: BTreeSet<RouterKey> = compiled.routers.iter().map(|router| router.key.clone()).collect();
        for gone in trace.routers.iter().filter(|key| !routers.contains(*key)) {
            self.set_router(gone.clone(), None);
        }
        for router in compiled.routers {
            self.set_router(router.key.clone(), Some(router));
        }
        for released in trace.wanted.iter().filter(|before| !wanted.contains(*before)) {
            self.balancers.release(key, released);
        }
        reached.extend(trace.wanted.iter().cloned());
        reached.extend(wanted.iter().cloned());
        self.ledger.replace(Source::Ingress(key.clone()), compiled.findings);
        trace.routers = routers.into_iter().collect();
        trace.wanted = wanted.into_iter().collect();
        self.traces.insert(key.clone(), trace);
    }

    /// Reads the TLS entries of one Ingress anew. Routers do not depend on them. `reached` collects the Secrets it loads
    /// or loads no more.
    fn load_secrets(&mut self, key: &IngressKey, reached: &mut BTreeSet<SecretKey>) {
        let loaded = match self.model.ingress(key) {
            Some(fact) if matches!(Admission::of(fact, &self.model, &self.options), Admission::Open(_)) => {
                certificates::load(fact, &self.model)
            }
            _ => certificates::Loaded::default(),
        };
        self.ledger.replace(Source::Certificates(key.clone()), loaded.findings);
        let trace = self.traces.entry(key.clone()).or_default();
        let before = std::mem::replace(&mut trace.secrets, loaded.secrets.iter().cloned().collect());
        for secret in loaded.secrets.iter().filter(|secret| before.binary_search(secret).is_err()) {
            *self.secret_users.entry(secret.clone()).or_default() += 1;
            reached.insert(secret.clone());
        }
        for secret in before.iter().filter(|secret| !loaded.secrets.contains(*secret)) {
            if let Some(users) = self.secret_users.get_mut(secret) {
                *users -= 1;
                if *users == 0 {
                    self.secret_users.remove(secret);
                }
            }
            reached.insert(secret.clone());
        }
    }

    fn publish_balancers(&mut self, reached: BTreeSet<Wanted>) {
        for wanted in reached {
            let findings = self.balancers.built(&wanted).map(|built| built.findings.clone()).unwrap_or_default();
            if wanted.role == Role::Path {
                let balancer = self.balancers.usable(&wanted, &self.options).cloned();
                self.published_balancers.set(wanted.key(), balancer);
            }
            self.ledger.replace(Source::Balancer(wanted), findings);
        }
        let winner = self.defaults.winner();
        let balancer = winner.and_then(|route| self.balancers.usable(&route.wanted, &self.options)).cloned();
        let router = winner.map(|route| route.router.clone());
        self.published_balancers.set(BalancerKey::Default, balancer);
        self.set_router(RouterKey::Default, router);
    }

    /// `key` is now compiled to this router, or to none. A TLS router enters the plan when all were heard.
    fn set_router(&mut self, key: RouterKey, router: Option<Arc<Router>>) {
        self.tls_hosts.set(&key, router.as_ref());
        if router.as_ref().is_none_or(|router| router.secured.is_empty()) {
            self.routers.set(key, router);
        }
    }

    fn publish_certificates(&mut self, reached: BTreeSet<SecretKey>) {
        for key in reached {
            let secret = self.model.secret(&key).filter(|_| self.secret_users.contains_key(&key));
            let pair = secret.and_then(|secret| secret.pair.as_ref()?.as_ref().ok());
            self.certificates.set(key.clone(), pair.cloned());
        }
    }

    fn outcome(&mut self, compiled_ingresses: usize, read_ingresses: usize) -> Outcome {
        let routers = self.routers.differences();
        let events = routers.iter().filter_map(RouterEvent::of).collect();
        let mut plan = PlanPatch {
            generation: self.generation,
            routers: routers.into_iter().map(|found| (found.key, found.now)).collect(),
            balancers: entries(&mut self.published_balancers),
            certificates: entries(&mut self.certificates),
            tls_options: Vec::new(),
            tls_hosts: self.tls_hosts.differences(),
            // ServersTransport objects are not compiled yet; what names one is refused (`refusals.rs`).
            transports: Vec::new(),
        };
        if !plan.is_empty() || self.generation == 0 {
            self.generation += 1;
            plan.generation = self.generation;
        }
        let findings = self.ledger.changes();
        Outcome { plan, findings, routers: events, reports: Reports::default(), compiled_ingresses, read_ingresses }
    }
}

fn entries<K: Ord + std::hash::Hash + Clone, V: PartialEq>(shelf: &mut Shelf<K, V>) -> Vec<(K, Option<Arc<V>>)> {
    shelf.differences().into_iter().map(|found| (found.key, found.now)).collect()
}
