//! The lease task: takes part in the election and tells both writers of the outcome. Not an actor: it asks and waits.
use super::tell::Line;
use crate::base::clock::Clock;
use crate::cluster::lease::state::Elector;
use crate::cluster::lease::{Election, Voter};
use crate::messages::reports::LeadershipChanged;
use kube::{Api, Client};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// Which Lease, and under which name.
#[derive(Clone, Debug)]
pub struct Candidacy {
    /// Namespace of the Lease.
    pub namespace: Arc<str>,
    /// Name of the Lease.
    pub name: Arc<str>,
    /// Name of this process; no other one may have it.
    pub identity: Arc<str>,
}

/// The writers.
#[derive(Clone)]
pub struct Writers {
    /// To the status writer.
    pub status: Line<LeadershipChanged>,
    /// To the event recorder.
    pub events: Line<LeadershipChanged>,
}

impl Voter for Writers {
    fn lead(&mut self, until: Instant) {
        self.status.tell(LeadershipChanged { until: Some(until) });
        self.events.tell(LeadershipChanged { until: Some(until) });
    }

    async fn follow(&mut self) {
        let status = self.status.send(LeadershipChanged { until: None });
        let events = self.events.send(LeadershipChanged { until: None });
        futures_util::join!(status, events);
    }
}

/// Runs until `stop` says so; then the lease is given back.
pub async fn run(
    client: Client,
    candidacy: Candidacy,
    mut writers: Writers,
    clock: Arc<dyn Clock>,
    seed: u64,
    stop: watch::Receiver<bool>,
) {
    let Candidacy { namespace, name, identity } = candidacy;
    let election = Election { api: Api::namespaced(client, &namespace), namespace, name, clock };
    election.run(Elector::new(identity, seed), &mut writers, stop).await;
}
