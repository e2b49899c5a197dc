//! What changes in the cluster while nobody can see it, and how it shows once it is live.
use crate::common::client::Connection;
use crate::common::cluster::Inside;
use crate::common::objects;
use crate::common::origin::Origin;
use crate::{FIRST, SECOND, backend};
use anyhow::ensure;
use serde_json::{Value, json};

/// One change: every fifth deletes an Ingress, every fifth changes its Service, every fifth moves the endpoints of a
/// Service, the others create an Ingress.
pub struct Changes<'a> {
    /// Where they are made.
    pub inside: Inside,
    /// Namespace of all objects.
    pub namespace: &'a str,
    /// Where endpoints move to.
    pub second: &'a Origin,
}

#[derive(Clone, Copy)]
enum What {
    Create,
    Delete,
    Point,
    Move,
}

fn what(number: usize) -> What {
    match number % 5 {
        0 => What::Delete,
        1 => What::Point,
        2 => What::Move,
        _ => What::Create,
    }
}

/// Host of the Ingress that a change is about.
fn host(number: usize) -> String {
    format!("changing-{number}.bench.example")
}

/// Service of that Ingress at the beginning.
fn service(number: usize) -> String {
    format!("changing-{number}")
}

impl Changes<'_> {
    /// What has to be there before: Services and slices for each, and Ingresses for those that are not created.
    pub fn before(count: usize, first: &Origin) -> (Vec<Value>, Vec<Value>, Vec<Value>) {
        let services = (0..count).map(|number| objects::service(&service(number))).collect();
        let slices = (0..count).map(|number| objects::slice(&service(number), first)).collect();
        let there = (0..count).filter(|number| !matches!(what(*number), What::Create));
        (services, slices, there.map(ingress).collect())
    }

    /// Makes change `number`.
    pub fn make(&self, number: usize) -> anyhow::Result<()> {
        match what(number) {
            What::Create => self.apply(ingress(number)),
            What::Delete => {
                self.inside.store.delete("Ingress", self.namespace, &service(number))?;
                Ok(())
            }
            What::Point => {
                let mut changed = ingress(number);
                changed["spec"]["rules"][0]["http"]["paths"] = json!([objects::rule_path("/", &backend(SECOND))]);
                self.apply(changed)
            }
            What::Move => self.apply(objects::slice(&service(number), self.second)),
        }
    }

    fn apply(&self, mut object: Value) -> anyhow::Result<()> {
        object["metadata"]["namespace"] = self.namespace.into();
        self.inside.store.apply(object)?;
        Ok(())
    }
}

fn ingress(number: usize) -> Value {
    objects::ingress(&service(number), &host(number), "/", &service(number))
}

/// Whether change `number` is live.
pub fn is_live(connection: &mut Connection, number: usize) -> anyhow::Result<bool> {
    let answer = connection.get(&host(number), "/")?;
    Ok(match what(number) {
        What::Create => answer.status == 200 && answer.origin == FIRST,
        What::Delete => answer.status == 404,
        What::Point | What::Move => answer.status == 200 && answer.origin == SECOND,
    })
}

/// Fails unless all are as they were before: otherwise nothing is measured.
pub fn none_is_live(connection: &mut Connection, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        ensure!(!is_live(connection, number)?, "change {number} was seen although the API server was away");
    }
    Ok(())
}
