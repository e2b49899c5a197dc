//! The panic guard. actix ends an actor whose handler panics for good while the process lives on and its messages vanish;
//! so every actor holds a [`Pulse`], and a lost one ends the process after a drain: a fresh process is the repair, because
//! all state is a cache of the cluster.
use std::sync::Arc;
use tokio::sync::watch;

/// Held by an actor for as long as it lives.
#[derive(Debug)]
pub struct Pulse {
    actor: &'static str,
    lost: Arc<watch::Sender<Option<&'static str>>>,
}

/// Hands out pulses and tells when one is lost.
#[derive(Clone, Debug)]
pub struct PulseMonitor {
    lost: Arc<watch::Sender<Option<&'static str>>>,
}

impl PulseMonitor {
    /// A monitor with no pulse yet.
    pub fn new() -> Self {
        Self { lost: Arc::new(watch::Sender::new(None)) }
    }

    /// A pulse for the actor of that name.
    pub fn pulse(&self, actor: &'static str) -> Pulse {
        Pulse { actor, lost: self.lost.clone() }
    }

    /// Says that something is lost that holds no pulse of its own.
    pub fn report(&self, name: &'static str) {
        self.lost.send_replace(Some(name));
    }

    /// Waits until an actor panicked; its name.
    pub async fn lost(&self) -> &'static str {
        let mut receiver = self.lost.subscribe();
        loop {
            if let Some(actor) = *receiver.borrow_and_update() {
                return actor;
            }
            if receiver.changed().await.is_err() {
                // Cannot happen while `self` holds the sender; waiting is the safe answer.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Default for PulseMonitor {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.lost.send_replace(Some(self.actor));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::*;

    struct Fragile(#[allow(dead_code, reason = "held for its Drop")] Pulse);
    impl Actor for Fragile {
        type Context = Context<Self>;
    }
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Break;
    impl Handler<Break> for Fragile {
        type Result = ();
        fn handle(&mut self, _: Break, _: &mut Context<Self>) {
            panic!("on purpose");
        }
    }

    #[test]
    fn a_panic_in_a_handler_is_told_with_the_name_of_the_actor() {
        System::new().block_on(async {
            let monitor = PulseMonitor::new();
            let fragile = Fragile(monitor.pulse("fragile")).start();
            assert!(fragile.send(Break).await.is_err());
            assert_eq!(monitor.lost().await, "fragile");
        });
    }

    #[test]
    fn an_actor_that_stops_in_peace_loses_no_pulse() {
        let monitor = PulseMonitor::new();
        drop(monitor.pulse("calm"));
        assert_eq!(*monitor.lost.subscribe().borrow(), None);
    }
}
