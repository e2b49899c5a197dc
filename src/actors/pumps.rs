//! Watch pumps: one task per kind and scope, from the API server to the kind's actor. Objects become facts here, as they
//! arrive.
//!
//! Not actors: they hold no state that outlives them. They wait for an actor that is behind, and so does the watch.
use super::kind::Watched;
use super::tell::Line;
use crate::base::backoff::{Backoff, BackoffPolicy};
use crate::cluster::lenient::{Lenient, Sparse};
use crate::cluster::link::Link;
use crate::cluster::watch::{Cause, Delivery, FIRST_RETRY, Manners, SLOWEST_RETRY, Sink, Trouble, run};
use crate::messages::server::{WatchRecovered, WatchTroubled};
use crate::messages::watch::{Applied, Deleted, Replaced, Scope, Seen, WatchUnavailable};
use crate::model::keys::Kind as KindName;
use kube::{Api, Resource};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;
use tracing::info;

/// The lines from one pump to its actor.
pub struct Lines<O: Send + Sync + 'static> {
    /// For one object.
    pub applied: Line<Applied<O>>,
    /// For one object that is gone.
    pub deleted: Line<Deleted<O>>,
    /// For a whole list.
    pub replaced: Line<Replaced<O>>,
    /// For a watch that cannot be had.
    pub unavailable: Line<WatchUnavailable<O>>,
}

impl<O: Send + Sync + 'static> Clone for Lines<O> {
    fn clone(&self) -> Self {
        Self {
            applied: self.applied.clone(),
            deleted: self.deleted.clone(),
            replaced: self.replaced.clone(),
            unavailable: self.unavailable.clone(),
        }
    }
}

/// The lines from all pumps to the api-server actor.
#[derive(Clone)]
pub struct HealthLines {
    /// For a watch that does not work.
    pub troubled: Line<WatchTroubled>,
    /// For one that works again.
    pub recovered: Line<WatchRecovered>,
}

/// Whether the rest goes on when a kind may not be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it nothing is served: an Ingress controller that cannot read Ingresses must not look ready.
    Required,
    /// Only a feature is missing.
    Optional,
}

/// One watch to start.
pub struct Pump<W: Watched> {
    /// The kind, for logs.
    pub kind: KindName,
    /// Which part of it.
    pub scope: Scope,
    /// Whether the rest can do without.
    pub need: Need,
    /// Label selector, as Kubernetes spells it; empty for all.
    pub selector: Arc<str>,
    /// Where it goes.
    pub lines: Lines<W::Fact>,
    /// Shown every object that is there, beside what is sent: for what is in no fact.
    pub aside: Option<Aside<W::Object>>,
    /// Where it says how it is doing.
    pub health: HealthLines,
}

/// Looks at an object of the watch.
pub type Aside<O> = Box<dyn Fn(&O)>;

impl<W: Watched> Pump<W>
where
    W::Object: Resource<DynamicType = ()> + Clone + Sparse + Debug + Send,
{
    /// Runs until the actor is gone. `seed` sets the jitter of its retries.
    pub async fn run(mut self, api: Api<Lenient<W::Object>>, link: Link, seed: u64) {
        let policy = BackoffPolicy { min: FIRST_RETRY, max: SLOWEST_RETRY, factor: 2 };
        let selector = self.selector.clone();
        let manners = Manners { backoff: Backoff::new(policy, seed), link, seed };
        run(api, &selector, &mut self, manners).await;
    }
}

impl<W: Watched> Pump<W> {
    fn namespace(&self) -> &str {
        match &self.scope {
            Scope::Everywhere => "",
            Scope::Namespace(name) => name,
        }
    }

    fn show(&self, object: &Lenient<W::Object>) {
        if let (Some(aside), Ok(object)) = (&self.aside, &object.object) {
            aside(object);
        }
    }
}

impl<W: Watched> Sink<W::Object> for Pump<W>
where
    W::Object: Resource<DynamicType = ()> + Debug,
{
    type Kept = Seen<W::Fact>;

    fn keep(&self, object: Lenient<W::Object>) -> Option<Seen<W::Fact>> {
        self.show(&object);
        seen::<W>(object)
    }

    async fn replaced(&mut self, objects: Vec<Seen<W::Fact>>) -> Delivery {
        info!(kind = %self.kind, namespace = self.namespace(), objects = objects.len(), "listed");
        self.lines.replaced.send(Replaced { scope: self.scope.clone(), objects }).await
    }

    async fn applied(&mut self, object: Lenient<W::Object>) -> Delivery {
        self.show(&object);
        match seen::<W>(object) {
            Some(seen) => self.lines.applied.pass(Applied(seen)).await,
            None => Delivery::Taken,
        }
    }

    async fn deleted(&mut self, object: Lenient<W::Object>) -> Delivery {
        match seen::<W>(object) {
            Some(seen) => self.lines.deleted.pass(Deleted(seen)).await,
            None => Delivery::Taken,
        }
    }

    async fn troubled(&mut self, trouble: &Trouble) -> Delivery {
        let remedy = match trouble.cause {
            Cause::Forbidden => "grant list and watch on this kind to the service account",
            Cause::Unauthorized => "check the token of the service account; its file is read again for each try",
            Cause::UnknownKind => "install this kind in the cluster, or switch off what needs it",
            Cause::Passing => "the last known objects stay in force; it is tried again",
        };
        let (kind, scope, reason) = (self.kind, self.scope.clone(), trouble.text.clone());
        self.health.troubled.tell(WatchTroubled { kind, scope, reason, remedy });
        match (self.need, trouble.cause) {
            (Need::Optional, Cause::Forbidden | Cause::UnknownKind) => {
                let scope = self.scope.clone();
                let message = WatchUnavailable { scope, reason: trouble.text.clone(), kind: PhantomData };
                self.lines.unavailable.send(message).await
            }
            _ => Delivery::Taken,
        }
    }

    async fn recovered(&mut self) -> Delivery {
        self.health.recovered.tell(WatchRecovered { kind: self.kind, scope: self.scope.clone() });
        Delivery::Taken
    }
}

/// `None` for an object without a name, which nothing can refer to.
fn seen<W: Watched>(object: Lenient<W::Object>) -> Option<Seen<W::Fact>> {
    let name = object.metadata.name?.into();
    let fact = object.object.map(|object| Arc::new(W::parse(&object)));
    Some(Seen { namespace: object.metadata.namespace.map(Into::into), name, object: fact })
}
