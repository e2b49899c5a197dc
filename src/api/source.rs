//! What the API is told by others: the published plan, the state of the process, the actors' observations.
//!
//! Traits, so that a test needs neither a routing table nor an actor. `app.rs` implements [`PlanSource`] over the
//! published table; [`ActorObservations`] is the one over the debug actor.
use crate::messages::debug::{GetObservations, Observation};
use crate::model::facts::KeyPair;
use crate::model::finding::Finding;
use crate::model::plan::{Balancer, Router};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
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

/// The published plan and the state of the process.
pub trait PlanSource: Send + Sync + 'static {
    /// The version that requests see now. Called on a blocking thread.
    fn plan(&self) -> PlanView;
    /// Whether the first complete table is live.
    fn is_ready(&self) -> bool;
    /// Whether the process was told to stop.
    fn is_draining(&self) -> bool;
}

/// A future of all observations.
pub type Observations<'a> = Pin<Box<dyn Future<Output = Result<Vec<Observation>, Unobservable>> + Send + 'a>>;

/// The actors' states could not be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unobservable {
    /// The debug actor is gone.
    #[error("the debug actor is gone")]
    Gone,
    /// It did not answer in time.
    #[error("the debug actor did not answer within {0:?}")]
    Silent(Duration),
}

/// What the actors show of themselves.
pub trait DebugSource: Send + Sync + 'static {
    /// The last observation of each actor.
    fn observations(&self) -> Observations<'_>;
    /// What is wrong with users' objects now.
    fn findings(&self) -> Vec<Finding>;
}

/// Nothing to observe.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDebug;

impl DebugSource for NoDebug {
    fn observations(&self) -> Observations<'_> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// How long the debug actor may take. It answers from memory, so more than this means that it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Observations from the debug actor.
pub struct ActorObservations<F> {
    debug: actix::Recipient<GetObservations>,
    findings: F,
}

impl<F: Fn() -> Vec<Finding> + Send + Sync + 'static> ActorObservations<F> {
    /// Asks `debug` for observations and `findings` for findings.
    pub fn new(debug: actix::Recipient<GetObservations>, findings: F) -> Self {
        Self { debug, findings }
    }
}

impl<F: Fn() -> Vec<Finding> + Send + Sync + 'static> DebugSource for ActorObservations<F> {
    fn observations(&self) -> Observations<'_> {
        let asked = self.debug.send(GetObservations);
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, asked).await {
                Ok(Ok(observed)) => Ok(observed),
                Ok(Err(_)) => Err(Unobservable::Gone),
                Err(_) => Err(Unobservable::Silent(PATIENCE)),
            }
        })
    }

    fn findings(&self) -> Vec<Finding> {
        (self.findings)()
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

    #[test]
    fn observations_come_from_the_actor_until_it_is_gone() {
        actix::System::new().block_on(async {
            let source = ActorObservations::new(Debug.start().recipient(), Vec::new);
            let observed = source.observations().await.unwrap();
            assert_eq!(observed[0].actor, "ingress");
            assert_eq!(source.observations().await.map(|all| all.len()), Err(Unobservable::Gone));
        });
    }
}
