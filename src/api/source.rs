//! What the API is told by others: the published plan, the state of the process, the actors' observations.
//!
//! Traits, so that a test needs neither a routing table nor an actor. [`Published`] is the plan that a proxy publishes,
//! [`DebugActor`] what the debug actor knows.
use crate::base::Drain;
use crate::messages::debug::{GetFindings, GetObservations, Observation};
use crate::model::facts::KeyPair;
use crate::model::finding::Finding;
use crate::model::plan::{Balancer, Router};
use crate::proxy::Publisher;
use crate::proxy::table::Table;
use actix::{MailboxError, Recipient};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// One version of the plan. Order does not matter.
#[derive(Clone, Debug, Default)]
pub struct PlanView {
    /// All routers.
    pub routers: Vec<Arc<Router>>,
    /// All load balancers.
    pub balancers: Vec<Arc<Balancer>>,
    /// All certificates. Only their chains are read.
    pub certificates: Vec<Arc<KeyPair>>,
    /// Number of the version.
    pub generation: u64,
}

impl PlanView {
    /// What `table` holds.
    pub fn of(table: &Table) -> Self {
        Self {
            routers: table.routers().cloned().collect(),
            balancers: table.balancers().map(|live| Arc::clone(live.plan())).collect(),
            certificates: table.certificates().map(|(_, pair)| Arc::clone(pair)).collect(),
            generation: table.generation(),
        }
    }
}

/// The published plan and the state of the process.
pub trait PlanSource: Send + Sync + 'static {
    /// The version that requests see now. Called on a blocking thread.
    fn plan(&self) -> PlanView;
    /// Whether the first complete table is live.
    fn is_ready(&self) -> bool;
    /// Whether the process was told to stop.
    fn is_draining(&self) -> bool;
}

/// The plan that a proxy publishes. The proxy wants the API when it binds, and the API wants the proxy's publisher: so
/// the publisher is handed in later.
#[derive(Clone)]
pub struct Published {
    publisher: Arc<OnceLock<Publisher>>,
    drain: Drain,
}

impl Published {
    /// Nothing is published yet; `drain` is the stop signal of the process.
    pub fn new(drain: Drain) -> Self {
        Self { publisher: Arc::default(), drain }
    }

    /// Shows what `publisher` publishes from now on. Only the first call counts.
    pub fn follow(&self, publisher: Publisher) {
        self.publisher.get_or_init(|| publisher);
    }
}

impl PlanSource for Published {
    fn plan(&self) -> PlanView {
        self.publisher.get().map(|publisher| PlanView::of(&publisher.table())).unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        self.publisher.get().is_some_and(|publisher| publisher.table().is_ready())
    }

    fn is_draining(&self) -> bool {
        !self.drain.is_ready()
    }
}

/// An answer of the debug actor that is on its way.
pub type Told<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, Unobservable>> + Send + 'a>>;

/// The debug actor told nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unobservable {
    /// It is gone, or not there yet.
    #[error("the debug actor is not there")]
    Gone,
    /// It did not answer in time.
    #[error("the debug actor did not answer within {0:?}")]
    Silent(Duration),
}

/// What the actors show of themselves.
pub trait DebugSource: Send + Sync + 'static {
    /// The last observation of each actor.
    fn observations(&self) -> Told<'_, Observation>;
    /// What is wrong with users' objects now.
    fn findings(&self) -> Told<'_, Finding>;
}

/// How long the debug actor may take. It answers from memory, so more than this means that it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// The debug actor. The sockets must know whom to ask before the actors run: so it is handed in later.
#[derive(Clone, Default)]
pub struct DebugActor(Arc<OnceLock<(Recipient<GetObservations>, Recipient<GetFindings>)>>);

impl DebugActor {
    /// Asks these from now on. Only the first call counts.
    pub fn follow(&self, observations: Recipient<GetObservations>, findings: Recipient<GetFindings>) {
        self.0.get_or_init(|| (observations, findings));
    }
}

impl DebugSource for DebugActor {
    fn observations(&self) -> Told<'_, Observation> {
        let asked = self.0.get().map(|(observations, _)| observations.send(GetObservations));
        Box::pin(told(asked))
    }

    fn findings(&self) -> Told<'_, Finding> {
        let asked = self.0.get().map(|(_, findings)| findings.send(GetFindings));
        Box::pin(told(asked))
    }
}

async fn told<T>(asked: Option<impl Future<Output = Result<T, MailboxError>>>) -> Result<T, Unobservable> {
    match tokio::time::timeout(PATIENCE, asked.ok_or(Unobservable::Gone)?).await {
        Ok(answer) => answer.map_err(|_| Unobservable::Gone),
        Err(_) => Err(Unobservable::Silent(PATIENCE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::*;

    struct Debug;

    impl Actor for Debug {
        type Context = Context<Self>;
    }

    impl Handler<GetObservations> for Debug {
        type Result = MessageResult<GetObservations>;

        fn handle(&mut self, _: GetObservations, ctx: &mut Self::Context) -> Self::Result {
            ctx.stop();
            MessageResult(vec![super::super::testing::observation("ingress")])
        }
    }

    impl Handler<GetFindings> for Debug {
        type Result = MessageResult<GetFindings>;

        fn handle(&mut self, _: GetFindings, _: &mut Self::Context) -> Self::Result {
            MessageResult(Vec::new())
        }
    }

    #[test]
    fn a_view_of_a_table_holds_all_that_was_put_in() {
        use super::super::testing::{balancer, key_pair, port_80, router};
        use crate::model::keys::SecretKey;
        use crate::model::plan::PlanPatch;
        let (router, balancer) = (Arc::new(router("r", "i", "Host(`a`)", "s")), Arc::new(balancer("s", &["10.0.0.1"])));
        let patch = PlanPatch {
            generation: 3,
            routers: vec![(router.key.clone(), Some(router.clone()))],
            balancers: vec![(port_80("testing", "s"), Some(balancer.clone()))],
            certificates: vec![(SecretKey::new("testing", "tls"), Some(key_pair(&["a.test"])))],
            ..PlanPatch::default()
        };
        let view = PlanView::of(&Table::new(&["web".into()]).apply(&patch));
        assert_eq!((view.routers, view.balancers), (vec![router], vec![balancer]));
        assert_eq!((view.certificates.len(), view.generation), (1, 3));
    }

    #[test]
    fn observations_come_from_the_actor_until_it_is_gone() {
        actix::System::new().block_on(async {
            let source = DebugActor::default();
            assert_eq!(source.observations().await.map(|all| all.len()), Err(Unobservable::Gone));
            let debug = Debug.start();
            source.follow(debug.clone().recipient(), debug.recipient());
            assert_eq!(source.findings().await, Ok(Vec::new()));
            let observed = source.observations().await.unwrap();
            assert_eq!(observed[0].actor, "ingress");
            assert_eq!(source.observations().await.map(|all| all.len()), Err(Unobservable::Gone));
        });
    }
}
