//! The debug actor: the last observation of every actor and all current findings, answered from memory.
use super::pulse::Pulse;
use super::tell::QueueDepth;
use crate::messages::debug::{FindingsChanged, GetFindings, GetObservations, Observation, Observed};
use crate::messages::plan::PlanInstalled;
use crate::model::finding::Finding;
use actix::{Actor, Context, Handler, MessageResult};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Message names kept for the page.
const RECENT: usize = 64;

/// The debug actor.
pub struct Debug {
    /// Held for its `Drop`.
    _pulse: Pulse,
    depth: QueueDepth,
    observations: BTreeMap<&'static str, Observation>,
    recent: VecDeque<(&'static str, &'static str)>,
    findings: BTreeSet<Finding>,
    generation: u64,
    handled: u64,
}

impl Debug {
    /// An actor that has seen nothing yet.
    pub fn new(pulse: Pulse, depth: QueueDepth) -> Self {
        Self {
            _pulse: pulse,
            depth,
            observations: BTreeMap::new(),
            recent: VecDeque::new(),
            findings: BTreeSet::new(),
            generation: 0,
            handled: 0,
        }
    }

    fn own(&self) -> Observation {
        let recent: Vec<String> = self.recent.iter().map(|(actor, message)| format!("{actor}: {message}")).collect();
        Observation {
            actor: "debug",
            last_message: self.recent.back().map_or("", |(_, message)| message),
            handled: self.handled,
            queued: self.depth.get(),
            restarts: 0,
            last_error: None,
            state: Arc::new(json!({
                "actors": self.observations.len() + 1,
                "findings": self.findings.len(),
                "generation": self.generation,
                "lostMessages": super::tell::lost(),
                "recent": recent,
            })),
        }
    }
}

impl Actor for Debug {
    type Context = Context<Self>;
}

impl Handler<Observed> for Debug {
    type Result = ();
    fn handle(&mut self, Observed(observation): Observed, _: &mut Self::Context) {
        self.depth.left();
        self.handled += 1;
        if !observation.last_message.is_empty() {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((observation.actor, observation.last_message));
        }
        self.observations.insert(observation.actor, observation);
    }
}

impl Handler<FindingsChanged> for Debug {
    type Result = ();
    fn handle(&mut self, FindingsChanged { changes }: FindingsChanged, _: &mut Self::Context) {
        self.depth.left();
        self.handled += 1;
        for gone in &changes.gone {
            self.findings.remove(gone);
        }
        self.findings.extend(changes.appeared);
    }
}

impl Handler<PlanInstalled> for Debug {
    type Result = ();
    fn handle(&mut self, PlanInstalled { generation }: PlanInstalled, _: &mut Self::Context) {
        self.depth.left();
        self.handled += 1;
        self.generation = generation;
    }
}

impl Handler<GetObservations> for Debug {
    type Result = MessageResult<GetObservations>;
    fn handle(&mut self, _: GetObservations, _: &mut Self::Context) -> Self::Result {
        let mut all: Vec<Observation> = self.observations.values().cloned().collect();
        all.push(self.own());
        all.sort_by_key(|observation| observation.actor);
        MessageResult(all)
    }
}

impl Handler<GetFindings> for Debug {
    type Result = MessageResult<GetFindings>;
    fn handle(&mut self, _: GetFindings, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.findings.iter().cloned().collect())
    }
}
