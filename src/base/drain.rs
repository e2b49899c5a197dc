//! The signal that the process is about to end: one trigger, any number of watchers, on any runtime.
//!
//! Phases only go forward. `NotReady` comes first: `/ping` and readiness answer "no" while connections are still
//! accepted (`requestAcceptGraceTimeout`); then `Draining`: listeners close, running requests have their grace time
//! (`http.md` 4.6). Who waits how long is decided by the owner of the trigger, not here.
use tokio::sync::watch;

/// How far the shutdown has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrainPhase {
    /// Nothing has happened yet.
    Running,
    /// New work is still taken, but load balancers are told to stop sending it.
    NotReady,
    /// No new work is taken; what runs is finished.
    Draining,
}

/// The one owner of the signal. Dropping it drains: whoever watches a lost trigger must not wait forever.
#[derive(Debug)]
pub struct DrainTrigger(watch::Sender<DrainPhase>);

impl DrainTrigger {
    /// A trigger in phase `Running` and its first watcher.
    pub fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(DrainPhase::Running);
        (Self(sender), Drain(receiver))
    }

    /// A further watcher; it sees the present phase at once.
    pub fn watch(&self) -> Drain {
        Drain(self.0.subscribe())
    }

    /// Goes to `NotReady`, unless that or more has happened.
    pub fn not_ready(&self) {
        self.advance(DrainPhase::NotReady);
    }

    /// Goes to `Draining`. A second call changes nothing.
    pub fn start(&self) {
        self.advance(DrainPhase::Draining);
    }

    fn advance(&self, to: DrainPhase) {
        self.0.send_if_modified(|phase| {
            let forward = *phase < to;
            *phase = to.max(*phase);
            forward
        });
    }
}

impl Drop for DrainTrigger {
    fn drop(&mut self) {
        self.start();
    }
}

/// A watcher of the signal. Clones are independent.
#[derive(Clone, Debug)]
pub struct Drain(watch::Receiver<DrainPhase>);

impl Drain {
    /// The present phase.
    pub fn phase(&self) -> DrainPhase {
        *self.0.borrow()
    }

    /// Whether no new work may be taken.
    pub fn is_started(&self) -> bool {
        self.phase() == DrainPhase::Draining
    }

    /// Whether load balancers may send work here.
    pub fn is_ready(&self) -> bool {
        self.phase() == DrainPhase::Running
    }

    /// Returns once the phase is `Draining`. Safe to cancel and to call again.
    pub async fn started(&mut self) {
        self.reached(DrainPhase::Draining).await;
    }

    /// Returns once the phase is `NotReady` or later. Safe to cancel and to call again.
    pub async fn not_ready(&mut self) {
        self.reached(DrainPhase::NotReady).await;
    }

    async fn reached(&mut self, wanted: DrainPhase) {
        // An error means that the trigger is gone; its last act was to go to `Draining`, which is at least `wanted`.
        drop(self.0.wait_for(|phase| *phase >= wanted).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_watcher_sees_the_drain_whenever_it_was_made() {
        let (trigger, drain) = DrainTrigger::new();
        let mut early = drain.clone();
        let waiting = tokio::spawn(async move { early.started().await });
        assert!(!drain.is_started());
        trigger.start();
        waiting.await.unwrap();
        let mut late = trigger.watch();
        late.started().await;
        late.started().await;
        assert!(late.is_started() && drain.is_started());
    }

    #[tokio::test]
    async fn not_ready_comes_before_draining_and_does_not_start_it() {
        let (trigger, mut drain) = DrainTrigger::new();
        assert!(drain.is_ready());
        trigger.not_ready();
        drain.not_ready().await;
        assert_eq!((drain.phase(), drain.is_ready(), drain.is_started()), (DrainPhase::NotReady, false, false));
    }

    #[tokio::test]
    async fn phases_never_go_back() {
        let (trigger, drain) = DrainTrigger::new();
        trigger.start();
        trigger.not_ready();
        assert_eq!(drain.phase(), DrainPhase::Draining);
    }

    #[tokio::test]
    async fn a_lost_trigger_drains() {
        let (trigger, mut drain) = DrainTrigger::new();
        drop(trigger);
        drain.started().await;
        assert!(drain.is_started());
    }
}
