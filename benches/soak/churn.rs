//! The changes: one of several sorts at a time, in a fixed mixture and a seeded order.
use crate::common::cluster::{Cluster, Kind};
use crate::common::objects;
use crate::common::origin::Origin;
use crate::{CHANGING, NODES, SERVICES, service};
use serde_json::json;
use std::collections::VecDeque;

/// Changes one object after the other.
pub struct Churn<'c> {
    cluster: &'c Cluster,
    origins: &'c [Origin],
    turn: usize,
    random: u64,
    /// Numbers of the changing Ingresses that are there, oldest first.
    present: VecDeque<usize>,
    next: usize,
}

/// A changing Ingress at its `turn`th version.
pub fn ingress(number: usize, turn: usize) -> serde_json::Value {
    let host = format!("changing-{number}.bench.example");
    objects::ingress(&format!("changing-{number}"), &host, &format!("/v{turn}"), &service(number % SERVICES))
}

impl<'c> Churn<'c> {
    /// Nothing was changed yet.
    pub fn new(cluster: &'c Cluster, origins: &'c [Origin]) -> Self {
        Self { cluster, origins, turn: 0, random: 7, present: (0..CHANGING).collect(), next: CHANGING }
    }

    /// A number below `limit`: <https://en.wikipedia.org/wiki/Linear_congruential_generator>, the upper bits.
    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap_or_default() % limit.max(1)
    }

    /// Makes one change.
    pub fn step(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        match self.turn % 10 {
            0 | 5 => self.replace_oldest_part(),
            1 | 6 => self.change_ingress(),
            2 | 4 | 7 | 9 => self.move_endpoints(),
            3 => self.change_secret(),
            _ => self.change_node(),
        }
    }

    /// A new Ingress, and at the next such turn the oldest goes: their number stays.
    fn replace_oldest_part(&mut self) -> anyhow::Result<()> {
        if self.present.len() > CHANGING
            && let Some(oldest) = self.present.pop_front()
        {
            return self.cluster.delete(Kind::Ingress, &format!("changing-{oldest}"));
        }
        let number = self.next;
        self.next += 1;
        self.present.push_back(number);
        self.cluster.create(Kind::Ingress, &ingress(number, self.turn))
    }

    fn change_ingress(&mut self) -> anyhow::Result<()> {
        let at = self.below(self.present.len());
        let Some(number) = self.present.get(at).copied() else { return Ok(()) };
        let spec = ingress(number, self.turn)["spec"].take();
        self.cluster.patch(Kind::Ingress, &format!("changing-{number}"), &json!({"spec": spec}))
    }

    fn move_endpoints(&mut self) -> anyhow::Result<()> {
        let number = SERVICES / 2 + self.below(SERVICES / 2);
        let at = self.below(self.origins.len());
        let Some(origin) = self.origins.get(at) else { return Ok(()) };
        let ports = json!([{"name": "http", "port": origin.port, "protocol": "TCP"}]);
        self.cluster.patch(Kind::Slice, &format!("{}-x7k2p", service(number)), &json!({"ports": ports}))
    }

    fn change_secret(&mut self) -> anyhow::Result<()> {
        let number = self.below(100);
        let change = json!({"stringData": {"password": format!("not-a-secret-{}", self.turn)}});
        self.cluster.patch(Kind::Secret, &format!("secret-{number}"), &change)
    }

    fn change_node(&mut self) -> anyhow::Result<()> {
        if !self.cluster.owns_nodes() {
            return self.change_secret();
        }
        let (number, turn) = (self.below(NODES), self.turn);
        let address = format!("10.9.{}.{}", turn / 250 % 250, turn % 250);
        let status = json!({"addresses": [{"type": "InternalIP", "address": address}],
                            "conditions": objects::conditions("2026-01-01T00:05:00Z")});
        self.cluster.patch(Kind::Node, &format!("node-{number}/status"), &json!({"status": status}))
    }
}
