//! The service actor: Services with their EndpointSlices, because one is useless without the other.
//!
//! Services go on one by one; slices are joined per Service and go on as one `EndpointsFact` in the lane that is never
//! throttled. [`slices`] does the join.
use super::kind::state::{Listing, State};
use super::kind::{Kind, Watched, add_to};
use super::shell::{Observable, Shell, introduce, observe};
use super::tell::Line;
use crate::cluster::lenient::{Sparse, UNREAD_METADATA, Unread};
use crate::messages::facts::{FactsChanged, KindListed};
use crate::messages::watch::{Applied, Deleted, Replaced, Scope, WatchUnavailable};
use crate::model::facts::{ServiceFact, SliceFact};
use crate::model::keys::{Kind as KindName, ObjectRef, ServiceKey, SliceKey};
use crate::model::patch::{Changes, ModelPatch};
use actix::{Actor, Context, Handler};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub mod slices;
use slices::SlicesByService;

/// What is particular to Service.
pub struct ServiceKind;

impl Sparse for Service {
    const UNREAD: &'static [Unread] = &[
        Unread::Within("metadata", UNREAD_METADATA),
        Unread::Within("spec", &[Unread::Field("selector")]),
        Unread::Within("status", &[Unread::Field("conditions")]),
    ];
}

impl Watched for ServiceKind {
    type Object = Service;
    type Key = ServiceKey;
    type Fact = ServiceFact;
    const KIND: KindName = KindName::Service;

    fn key(namespace: Option<&Arc<str>>, name: &Arc<str>) -> ServiceKey {
        ServiceKey::new(namespace.cloned().unwrap_or_default(), name.clone())
    }
    fn key_of(fact: &ServiceFact) -> &ServiceKey {
        &fact.key
    }
    fn object_ref(key: &ServiceKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &Service) -> ServiceFact {
        crate::parse::service::parse(object)
    }
}

impl Kind for ServiceKind {
    const ACTOR: &'static str = "service";

    fn changes(patch: &mut ModelPatch) -> &mut Changes<ServiceKey, ServiceFact> {
        &mut patch.services
    }
}

/// What is particular to EndpointSlice.
pub struct SliceKind;

/// Of an endpoint its addresses and conditions are read; where its pod runs is the larger part.
impl Sparse for EndpointSlice {
    const UNREAD: &'static [Unread] =
        &[Unread::Within("metadata", UNREAD_METADATA), Unread::AllBut("endpoints", &["addresses", "conditions"])];
}

impl Watched for SliceKind {
    type Object = EndpointSlice;
    type Key = SliceKey;
    type Fact = SliceFact;
    const KIND: KindName = KindName::EndpointSlice;

    fn key(namespace: Option<&Arc<str>>, name: &Arc<str>) -> SliceKey {
        SliceKey::new(namespace.cloned().unwrap_or_default(), name.clone())
    }
    fn key_of(fact: &SliceFact) -> &SliceKey {
        &fact.key
    }
    fn object_ref(key: &SliceKey) -> ObjectRef {
        key.into()
    }
    fn parse(object: &EndpointSlice) -> SliceFact {
        crate::parse::endpoint_slice::parse(object)
    }
}

/// The service actor.
pub struct ServiceActor {
    services: State<ServiceKind>,
    slices: State<SliceKind>,
    joined: SlicesByService,
    shell: Shell,
    throttler: Line<FactsChanged>,
    listed: Line<KindListed>,
}

/// What the debug page shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    objects: usize,
    slices: usize,
    services_with_slices: usize,
    malformed: usize,
    unchanged: u64,
    waiting_for: Both<Vec<String>>,
    unavailable: Both<BTreeMap<String, Arc<str>>>,
}

/// Something of both kinds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Both<T> {
    service: T,
    endpoint_slice: T,
}

impl ServiceActor {
    /// An actor that waits for a list of each of `scopes`, of both kinds.
    pub fn new(scopes: &[Scope], shell: Shell, throttler: Line<FactsChanged>, listed: Line<KindListed>) -> Self {
        Self {
            services: State::new(scopes.iter().cloned()),
            slices: State::new(scopes.iter().cloned()),
            joined: SlicesByService::default(),
            shell,
            throttler,
            listed,
        }
    }

    fn forward(&self, patch: ModelPatch) {
        if !patch.is_empty() {
            self.throttler.tell(FactsChanged { patch });
        }
    }

    fn services_changed(&self, changed: super::kind::state::Changed<ServiceKind>) {
        let mut patch = ModelPatch::default();
        add_to(&mut patch, changed);
        self.forward(patch);
    }

    fn slices_changed(&mut self, changed: super::kind::state::Changed<SliceKind>) {
        let mut patch = ModelPatch::default();
        patch.malformed.extend(changed.malformed);
        patch.endpoints = self.joined.apply(changed.facts);
        self.forward(patch);
    }

    fn listed(&self, kind: KindName, listing: Listing) {
        if listing == Listing::JustCompleted {
            self.listed.tell(KindListed { kind });
        }
    }
}

impl Actor for ServiceActor {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        introduce(self, ctx);
    }
}

impl Observable for ServiceActor {
    type Shown = Shown;
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
    fn shown(&self) -> Shown {
        let Self { services, slices, joined, .. } = self;
        Shown {
            objects: services.len(),
            slices: slices.len(),
            services_with_slices: joined.len(),
            malformed: services.malformed_len() + slices.malformed_len(),
            unchanged: services.unchanged() + slices.unchanged(),
            waiting_for: Both { service: services.waiting_for(), endpoint_slice: slices.waiting_for() },
            unavailable: Both { service: services.unavailable(), endpoint_slice: slices.unavailable() },
        }
    }
}

impl Handler<Applied<ServiceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Applied(seen): Applied<ServiceFact>, ctx: &mut Self::Context) {
        let changed = self.services.on_applied(seen);
        self.services_changed(changed);
        observe(self, "Applied<Service>", ctx);
    }
}

impl Handler<Deleted<ServiceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Deleted(seen): Deleted<ServiceFact>, ctx: &mut Self::Context) {
        let changed = self.services.on_deleted(&seen);
        self.services_changed(changed);
        observe(self, "Deleted<Service>", ctx);
    }
}

impl Handler<Replaced<ServiceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Replaced { scope, objects }: Replaced<ServiceFact>, ctx: &mut Self::Context) {
        let changed = self.services.on_replaced(&scope, objects);
        self.services_changed(changed);
        let listing = self.services.listed(&scope);
        self.listed(KindName::Service, listing);
        observe(self, "Replaced<Service>", ctx);
    }
}

impl Handler<WatchUnavailable<ServiceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, message: WatchUnavailable<ServiceFact>, ctx: &mut Self::Context) {
        self.shell.failed(message.reason.clone());
        self.services.on_unavailable(&message.scope, message.reason);
        let listing = self.services.listed(&message.scope);
        self.listed(KindName::Service, listing);
        observe(self, "WatchUnavailable<Service>", ctx);
    }
}

impl Handler<Applied<SliceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Applied(seen): Applied<SliceFact>, ctx: &mut Self::Context) {
        let changed = self.slices.on_applied(seen);
        self.slices_changed(changed);
        observe(self, "Applied<EndpointSlice>", ctx);
    }
}

impl Handler<Deleted<SliceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Deleted(seen): Deleted<SliceFact>, ctx: &mut Self::Context) {
        let changed = self.slices.on_deleted(&seen);
        self.slices_changed(changed);
        observe(self, "Deleted<EndpointSlice>", ctx);
    }
}

impl Handler<Replaced<SliceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, Replaced { scope, objects }: Replaced<SliceFact>, ctx: &mut Self::Context) {
        let changed = self.slices.on_replaced(&scope, objects);
        self.slices_changed(changed);
        let listing = self.slices.listed(&scope);
        self.listed(KindName::EndpointSlice, listing);
        observe(self, "Replaced<EndpointSlice>", ctx);
    }
}

impl Handler<WatchUnavailable<SliceFact>> for ServiceActor {
    type Result = ();
    fn handle(&mut self, message: WatchUnavailable<SliceFact>, ctx: &mut Self::Context) {
        self.shell.failed(message.reason.clone());
        self.slices.on_unavailable(&message.scope, message.reason);
        let listing = self.slices.listed(&message.scope);
        self.listed(KindName::EndpointSlice, listing);
        observe(self, "WatchUnavailable<EndpointSlice>", ctx);
    }
}
