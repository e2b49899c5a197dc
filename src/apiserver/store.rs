//! The store: all objects in memory, one version that only grows, and a bounded past.
//!
//! [`Store`] is the handle that the HTTP side, the manifest loader and tests share. The rules are in `state` (pure),
//! the past in [`history`], the server's own fields in `metadata`. The lock is held for one operation, never across
//! an await; watchers learn through a channel that there is something new and read it from the history themselves.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::kinds::{self, Kind, Scope};
use super::status::ApiError;
use super::validate::Validation;

pub mod history;
mod metadata;
mod state;

pub use history::Event;
pub use metadata::with_version;
use state::State;
pub use state::{Deletion, Listing, Part, Preconditions, Run, Window, Write};

/// Names one object of a kind. Two fields, never one joined text; the namespace is empty for cluster-wide kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Namespace, or empty.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// The key of exactly this namespace and name.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object of `kind`: cluster-wide kinds have no namespace, whatever the caller says.
    pub fn of(kind: &Kind, namespace: &str, name: &str) -> Self {
        match kind.scope {
            Scope::Cluster => Self::new("", name),
            Scope::Namespaced => Self::new(namespace, name),
        }
    }

    fn is_in(&self, namespace: Option<&str>) -> bool {
        namespace.is_none_or(|wanted| wanted == &*self.namespace)
    }
}

/// Where the store gets the time from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How much a store keeps.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Events kept for watches; a watch that is further behind gets 410.
    pub history: usize,
    /// Objects in all; more are refused as over quota.
    pub objects: usize,
    /// Seed of uids and generated names; `None` for different ones in each store.
    pub seed: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { history: 10_000, objects: 200_000, seed: None }
    }
}

/// A shared handle to one store.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Bumped after each change, and by faults that watches have to notice.
    pulse: watch::Sender<u64>,
    clock: Clock,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the objects: some are Secrets.
        f.debug_struct("Store").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Store {
    /// An empty store.
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        let shared = Shared { state: Mutex::new(State::new(limits)), pulse: watch::Sender::new(0), clock };
        Self { shared: Arc::new(shared) }
    }

    /// Creates the object, or replaces the one of that name whatever its version. `status` is replaced if the object
    /// has one and kept otherwise. Nothing is validated beyond what storing needs; without a namespace it is `default`.
    pub fn apply(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        self.apply_validated(object, Validation::Off)
    }

    /// [`Store::apply`] with validation of choice.
    pub fn apply_validated(&self, mut object: Value, validation: Validation) -> Result<Arc<Value>, ApiError> {
        let (kind, namespace) = address(&object)?;
        let write = self.write(validation);
        self.change(|state| {
            let key = ObjectKey::of(kind, &namespace, metadata::text(&object, "name"));
            let Ok(old) = state.get(kind, &key) else {
                return state.create(kind, &namespace, object, Part::Whole, &write);
            };
            if let Some(fields) = object.as_object_mut().filter(|fields| !fields.contains_key("status")) {
                fields.extend(old.get("status").map(|status| ("status".to_owned(), status.clone())));
            }
            for field in ["uid", "resourceVersion"] {
                metadata::metadata_mut(&mut object).and_then(|metadata| metadata.remove(field));
            }
            state.update(kind, &key, object, Part::Whole, &write)
        })
    }

    /// Creates the object as it is, `status` included; 409 if there is one of that name.
    pub fn create(&self, object: Value) -> Result<Arc<Value>, ApiError> {
        let (kind, namespace) = address(&object)?;
        let write = self.write(Validation::Off);
        self.change(|state| state.create(kind, &namespace, object, Part::Whole, &write))
    }

    /// The object of a kind (`Ingress`, or `Event.events.k8s.io` where several share a name), if it exists.
    /// `namespace` is ignored for cluster-wide kinds.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let kind = kinds::by_name(kind)?;
        self.lock().get(kind, &ObjectKey::of(kind, namespace, name)).ok()
    }

    /// Deletes an object as a client would: at once, or once its finalizers are gone.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<Deletion, ApiError> {
        let Some(kind) = kinds::by_name(kind) else { return Err(ApiError::NoSuchPath) };
        self.delete_at(
            kind,
            &ObjectKey::of(kind, namespace, name),
            &Preconditions::default(),
            &self.write(Validation::Off),
        )
    }

    /// All objects of a kind in all namespaces, ordered by namespace and name; empty for unknown kinds.
    pub fn list(&self, kind: &str) -> Vec<Arc<Value>> {
        let listing = kinds::by_name(kind).map(|kind| self.lock().list(kind, None, Window::ALL));
        listing.into_iter().flat_map(|listing| listing.items).map(|(_, object)| object).collect()
    }

    /// The version of the newest change.
    pub fn version(&self) -> u64 {
        self.lock().version()
    }

    /// Forgets the past: watches and continued lists from before now get 410.
    pub fn compact(&self) {
        self.lock().compact();
        self.wake_watches();
    }

    /// The time, from the store's clock.
    pub(super) fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    pub(super) fn write(&self, validation: Validation) -> Write {
        Write { now: self.now(), run: Run::Real, validation }
    }

    pub(super) fn get_at(&self, kind: &'static Kind, key: &ObjectKey) -> Result<Arc<Value>, ApiError> {
        self.lock().get(kind, key)
    }

    /// The objects of a kind now.
    pub(super) fn list_now(&self, kind: &'static Kind, namespace: Option<&str>, window: Window<'_>) -> Listing {
        self.lock().list(kind, namespace, window)
    }

    /// The objects of a kind as they were at `version`.
    pub(super) fn list_at(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        version: u64,
        window: Window<'_>,
    ) -> Result<Listing, ApiError> {
        self.lock().list_at(kind, namespace, version, window)
    }

    pub(super) fn create_at(
        &self,
        kind: &'static Kind,
        namespace: &str,
        object: Value,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        self.change(|state| state.create(kind, namespace, object, Part::Main, write))
    }

    pub(super) fn update_at(
        &self,
        kind: &'static Kind,
        key: &ObjectKey,
        object: Value,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        self.change(|state| state.update(kind, key, object, part, write))
    }

    pub(super) fn modify_at(
        &self,
        kind: &'static Kind,
        key: &ObjectKey,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        self.change(|state| state.modify(kind, key, change, part, write))
    }

    pub(super) fn delete_at(
        &self,
        kind: &'static Kind,
        key: &ObjectKey,
        wanted: &Preconditions,
        write: &Write,
    ) -> Result<Deletion, ApiError> {
        self.change(|state| state.delete(kind, key, wanted, write))
    }

    /// Up to `most` events of one collection after `cursor`, and the version up to which all was read.
    pub(super) fn events(&self, kind: &Kind, cursor: u64, most: usize) -> Result<(Vec<Event>, u64), ApiError> {
        let state = self.lock();
        let resource = kind.resource();
        let mut found = Vec::new();
        let mut read_up_to = cursor;
        for event in state.events_after(cursor)? {
            if found.len() == most {
                return Ok((found, read_up_to));
            }
            read_up_to = event.version;
            if event.resource == resource {
                found.push(event.clone());
            }
        }
        Ok((found, read_up_to))
    }

    /// Changes whenever there may be something new for a watch.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.pulse.subscribe()
    }

    /// Makes every watch look up: after a change, and when a fault concerns it.
    pub(super) fn wake_watches(&self) {
        self.shared.pulse.send_modify(|pulse| *pulse = pulse.wrapping_add(1));
    }

    fn change<T>(&self, operation: impl FnOnce(&mut State) -> T) -> T {
        let (before, result, after) = {
            let mut state = self.lock();
            let before = state.version();
            let result = operation(&mut state);
            (before, result, state.version())
        };
        if after != before {
            self.wake_watches();
        }
        result
    }

    /// A panic elsewhere while locked leaves the state usable: writes check first and store last.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kind and namespace that an object names itself.
fn address(object: &Value) -> Result<(&'static Kind, String), ApiError> {
    let (api_version, kind) = (object["apiVersion"].as_str().unwrap_or(""), object["kind"].as_str().unwrap_or(""));
    let Some(kind) = kinds::by_type(api_version, kind) else {
        return Err(ApiError::BadRequest(format!("no matches for kind {kind:?} in version {api_version:?}")));
    };
    let namespace = match metadata::text(object, "namespace") {
        "" => "default",
        namespace => namespace,
    };
    Ok((kind, namespace.to_owned()))
}
