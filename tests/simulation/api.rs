//! The API server of the simulation: Ingresses with statuses, one Lease, versions, and a history that replicas watch.
use super::Random;
use pilotage::cluster::lease::state::{Answer, Record, Request, Seen};
use pilotage::compile::CONTROLLER;
use pilotage::model::facts::{
    Backend, ClassFact, Created, IngressFact, IngressPath, IngressRule, PathType, RouterOptions, RulesPresent,
};
use pilotage::model::keys::{ClassKey, IngressKey, PortRef, ServiceKey};
use pilotage::model::patch::{Change, ModelPatch};
use pilotage::model::status::{Address, Addresses};
use pilotage::model::writing::{Ended, Failure, Wish};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

const INGRESSES: u64 = 12;
pub const OURS: &str = "203.0.113.1";
const THEIRS: &str = "198.51.100.9";

/// One Ingress.
#[derive(Clone)]
pub struct Object {
    class: &'static str,
    path: u64,
    pub says: Arc<Addresses>,
    version: u64,
    /// Whether somebody else has a right to what it says: then nobody of us may change it.
    theirs: bool,
    /// Who of us wrote it last.
    writer: Arc<str>,
}

/// What a replica learns from its watch.
#[derive(Clone)]
pub enum News {
    Put(IngressKey, Object),
    Gone(IngressKey),
}

/// A request on its way whose sender is dead.
pub enum Orphan {
    Lease(Request),
    Status { ingress: IngressKey, wish: Wish, version: u64, sender: Arc<str> },
}

pub struct Api {
    pub objects: BTreeMap<IngressKey, Object>,
    pub history: Vec<News>,
    lease: Option<(Record, u64)>,
    version: u64,
    orphans: Vec<(Instant, Orphan)>,
    pub status_writes: u64,
    pub leaders: u64,
    pub conflicts: u64,
}

pub fn list(ip: &str) -> Arc<Addresses> {
    Arc::new(Addresses(if ip.is_empty() { vec![] } else { vec![Address::ip(ip)] }))
}

impl Api {
    pub fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            history: Vec::new(),
            lease: None,
            version: 0,
            orphans: Vec::new(),
            status_writes: 0,
            leaders: 0,
            conflicts: 0,
        }
    }

    fn put(&mut self, key: IngressKey, mut object: Object) {
        self.version += 1;
        object.version = self.version;
        self.objects.insert(key.clone(), object.clone());
        self.history.push(News::Put(key, object));
    }

    /// A user, or another controller, does something.
    pub fn change_something(&mut self, random: &mut Random) {
        let key = IngressKey::new("n", format!("i{}", random.below(INGRESSES)));
        let Some(mut object) = self.objects.get(&key).cloned() else {
            let class = if random.one_in(3) { "other" } else { "ours" };
            self.put(key, Object { class, path: 0, says: list(""), version: 0, theirs: false, writer: "".into() });
            return;
        };
        match random.below(10) {
            0 => {
                self.version += 1;
                self.objects.remove(&key);
                self.history.push(News::Gone(key));
            }
            1..3 => {
                object.class = if object.class == "ours" { "other" } else { "ours" };
                self.put(key, object);
            }
            // Another controller writes into what is not ours.
            3 if object.class == "other" => {
                object.says = list(THEIRS);
                object.theirs = true;
                self.put(key, object);
            }
            4 if object.class == "ours" && random.one_in(4) => {
                object.says = list(THEIRS);
                self.put(key, object);
            }
            _ => {
                object.path += 1;
                self.put(key, object);
            }
        }
    }

    /// Ingresses that do not say what they are to say.
    pub fn wrong(&self) -> Vec<String> {
        let holder = self.holder();
        let says = |object: &Object| object.says.0.first().map_or("", |entry| &entry.ip).to_owned();
        let is_wrong = |object: &Object| match object.class {
            "ours" => says(object) != OURS,
            // What a dead process wrote, or one that leads no more, nobody else need know to be ours.
            _ => says(object) == OURS && !object.theirs && object.writer == holder,
        };
        let wrong = self.objects.iter().filter(|(_, object)| is_wrong(object));
        wrong.map(|(key, object)| format!("{key} of class {} says {:?}", object.class, says(object))).collect()
    }

    /// Ingresses of others that say our address all the same: nobody knows any more who wrote it.
    pub fn left_over(&self) -> usize {
        let ours = list(OURS);
        self.objects.values().filter(|object| object.class != "ours" && !object.theirs && object.says == ours).count()
    }

    fn holder(&self) -> Arc<str> {
        self.lease.as_ref().map(|(record, _)| record.holder.clone()).unwrap_or_default()
    }

    pub fn lease(&mut self, request: Request) -> Answer {
        let there = |lease: &(Record, u64)| {
            Answer::There(Seen { record: lease.0.clone(), version: lease.1.to_string().into() })
        };
        match (request, &self.lease) {
            (Request::Read, Some(lease)) => there(lease),
            (Request::Read, None) => Answer::Missing,
            (Request::Create(_), Some(_)) => Answer::Conflict,
            (Request::Replace(..), None) => Answer::Missing,
            (Request::Replace(_, version), Some((_, now))) if *version != now.to_string() => Answer::Conflict,
            (Request::Create(record) | Request::Replace(record, _), before) => {
                if before.as_ref().is_none_or(|(before, _)| before.holder != record.holder) && !record.holder.is_empty()
                {
                    self.leaders += 1;
                }
                self.version += 1;
                let lease = (record, self.version);
                let answer = there(&lease);
                self.lease = Some(lease);
                answer
            }
        }
    }

    /// The first half of a write: what the status says, at which version; or that nothing is to be done.
    pub fn read(&self, ingress: &IngressKey, wish: &Wish) -> Result<u64, (Ended, Option<Arc<Addresses>>)> {
        let Some(object) = self.objects.get(ingress) else { return Err((Ended::NoObject, None)) };
        let left = match wish {
            Wish::Say(wanted) => wanted.are_said_by(&object.says),
            Wish::Clear { ours } => object.says.0.is_empty() || !ours.are_said_by(&object.says),
        };
        if left { Err((Ended::Left, Some(object.says.clone()))) } else { Ok(object.version) }
    }

    /// The second half. What must never happen is looked for here.
    pub fn write(
        &mut self,
        ingress: &IngressKey,
        wish: &Wish,
        version: u64,
        sender: &str,
    ) -> (Ended, Option<Arc<Addresses>>) {
        let holder = self.holder();
        assert!(*holder == *sender || holder.is_empty(), "{sender} writes while {holder} has the lease");
        let Some(mut object) = self.objects.get(ingress).cloned() else { return (Ended::NoObject, None) };
        if object.version != version {
            self.conflicts += 1;
            return (Ended::Failed(Failure::Conflict), None);
        }
        object.says = match wish {
            Wish::Say(wanted) => {
                object.theirs = false;
                wanted.clone()
            }
            Wish::Clear { .. } => {
                assert!(!object.theirs, "{sender} clears what is not ours: {ingress}");
                list("")
            }
        };
        object.writer = sender.into();
        let says = object.says.clone();
        self.status_writes += 1;
        self.put(ingress.clone(), object);
        (Ended::Written, Some(says))
    }

    pub fn adopt(&mut self, at: Instant, orphan: Orphan) {
        self.orphans.push((at, orphan));
    }

    pub fn deliver_abandoned(&mut self, now: Instant) {
        let (due, later) = std::mem::take(&mut self.orphans).into_iter().partition(|(at, _)| *at <= now);
        self.orphans = later;
        for (_, orphan) in due {
            match orphan {
                Orphan::Lease(request) => drop(self.lease(request)),
                Orphan::Status { ingress, wish, version, sender } => {
                    drop(self.write(&ingress, &wish, version, &sender))
                }
            }
        }
    }
}

/// The classes, as a patch.
pub fn classes() -> ModelPatch {
    let class = |name: &str, controller: &str| {
        let key = ClassKey(name.into());
        (key.clone(), Change::Put(Arc::new(ClassFact { key, controller: controller.into() })))
    };
    let mut patch = ModelPatch::default();
    patch.classes.extend([class("ours", CONTROLLER), class("other", "example.com/other")]);
    patch
}

impl News {
    pub fn key(&self) -> &IngressKey {
        match self {
            Self::Put(key, _) | Self::Gone(key) => key,
        }
    }

    /// What the compiler is told: nothing of the status.
    pub fn patch(&self) -> ModelPatch {
        let mut patch = ModelPatch::default();
        let change = match self {
            Self::Put(key, object) => Change::Put(Arc::new(fact(key, object))),
            Self::Gone(_) => Change::Gone,
        };
        patch.ingresses.insert(self.key().clone(), change);
        patch
    }
}

fn fact(key: &IngressKey, object: &Object) -> IngressFact {
    let backend = Backend::Service { service: ServiceKey::new("n", "s"), port: PortRef::Number(80) };
    let path = IngressPath { path: format!("/{}", object.path).into(), path_type: PathType::Exact, backend, index: 0 };
    IngressFact {
        key: key.clone(),
        created: Created(0),
        class_name: Some(object.class.into()),
        class_annotation: "".into(),
        options: Ok(Arc::new(RouterOptions::default())),
        rules: vec![IngressRule { host: "a.test".into(), paths: vec![path], index: 0 }],
        rules_present: RulesPresent::Yes,
        default_backend: None,
        tls_secrets: Vec::new(),
        problems: Vec::new(),
    }
}
