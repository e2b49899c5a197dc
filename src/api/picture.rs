//! The picture: one version of the plan with the built-in objects, as Traefik's API names and shapes it.
//!
//! Made in one pass per request: [`names`] gives every object a name of its own, [`routers`] splits routers as the entry
//! points and [`conflicts`] demand, [`services`] learns who uses what, [`internal`] adds what is built in. The shapes
//! that are serialized stand in [`bodies`]; they borrow from the plan.
mod bodies;
mod conflicts;
mod internal;
mod names;
mod routers;
mod services;

pub use bodies::{MiddlewareBody, RouterBody, ServiceBody};
pub use names::hex;

use super::options::ApiOptions;
use super::source::PlanView;
use crate::model::plan::Status;
use serde::{Serialize, Serializer};

/// Provider of everything that comes from Ingress objects.
pub const KUBERNETES: &str = "kubernetes";
/// Provider of what is built in.
pub const INTERNAL: &str = "internal";

/// One object with its name.
#[derive(Clone, Debug)]
pub struct Entry<B> {
    /// Qualified name, unique in its list.
    pub name: String,
    /// What comes after the `@` of the name.
    pub provider: &'static str,
    /// The object.
    pub body: B,
}

/// All that the API shows, each list sorted by name.
#[derive(Debug)]
pub struct Picture<'p> {
    /// Routers.
    pub routers: Vec<Entry<RouterBody<'p>>>,
    /// Services.
    pub services: Vec<Entry<ServiceBody<'p>>>,
    /// Middlewares.
    pub middlewares: Vec<Entry<MiddlewareBody<'p>>>,
}

impl<'p> Picture<'p> {
    /// The picture of `view`.
    pub fn of(view: &'p PlanView, options: &'p ApiOptions) -> Self {
        let names = names::Names::of(view);
        let mut routers = routers::of(&names, options);
        let mut services = services::of(&names, &routers);
        let mut middlewares = Vec::new();
        internal::add(options, &mut routers, &mut services, &mut middlewares);
        routers.sort_by(|a, b| a.entry.name.cmp(&b.entry.name));
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Self { routers: routers.into_iter().map(|shown| shown.entry).collect(), services, middlewares }
    }

    /// The value of `/api/rawdata`.
    pub fn raw(&self) -> RawData<'_, 'p> {
        RawData { routers: Map(&self.routers), middlewares: Map(&self.middlewares), services: Map(&self.services) }
    }
}

/// `/api/rawdata`: all objects as maps; empty maps are left out.
#[derive(Debug, Serialize)]
pub struct RawData<'a, 'p> {
    #[serde(skip_serializing_if = "Map::is_empty")]
    routers: Map<'a, RouterBody<'p>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    middlewares: Map<'a, MiddlewareBody<'p>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    services: Map<'a, ServiceBody<'p>>,
}

/// Entries as a map by name.
#[derive(Debug)]
struct Map<'a, B>(&'a [Entry<B>]);

impl<B> Map<'_, B> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<B: Serialize> Serialize for Map<'_, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|entry| (&entry.name, &entry.body)))
    }
}

/// `name@provider`, unless the name says its provider already.
fn qualified(name: &str, provider: &str) -> String {
    if name.contains('@') { name.to_owned() } else { format!("{name}@{provider}") }
}

/// Whether an object of that status serves.
fn serves(status: Status) -> bool {
    status != Status::Disabled
}

#[cfg(test)]
mod tests;
