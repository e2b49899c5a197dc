//! The objects and the rules by which they change. No lock, clock or I/O: `state + write + now -> object or error`.
//!
//! All operations take and give objects as clients of a kind see them; inside, two kinds may share one stored form.
//! A write that changes nothing makes no version and no event, as in etcd-backed servers. Reading the past is in
//! [`super::history`], stamping in [`super::metadata`].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::history::{Event, History};
use super::metadata::{self, Tokens};
use super::{Limits, ObjectKey};
use crate::apiserver::kinds::{Kind, ResourceId, Scope, StatusPart, VersionlessUpdate};
use crate::apiserver::size::{self, MAX_BYTES, MAX_DEPTH};
use crate::apiserver::status::{ApiError, Cause, Subject};
use crate::apiserver::validate::{self, Validation};
use crate::apiserver::{defaults, kinds};

/// Whether a write really happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// It does.
    #[default]
    Real,
    /// Everything is checked and the result is answered, but nothing is stored.
    Dry,
}

/// Which part of an object an update changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All but `status`, for kinds that have a status subresource; all for others.
    Main,
    /// Only `status`.
    Status,
    /// Everything; only from inside the process.
    Whole,
}

/// How a write is made.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// Time of the write, for timestamps.
    pub now: Timestamp,
    /// Real or dry.
    pub run: Run,
    /// How closely the object is looked at.
    pub validation: Validation,
}

/// What a client wants to be true of the object that it deletes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The uid, if it must be a certain one.
    pub uid: Option<String>,
    /// The resourceVersion, if it must be a certain one.
    pub resource_version: Option<String>,
}

/// What became of a delete.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The object is gone; this is its last state.
    Gone(Arc<Value>),
    /// The object waits for its finalizers.
    Pending(Arc<Value>),
}

/// Objects of one kind at one version, ordered by namespace and name.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The version at which the objects were like this.
    pub version: u64,
    /// The objects with their keys.
    pub items: Vec<(ObjectKey, Arc<Value>)>,
    /// How many more there are beyond the window.
    pub left: usize,
}

/// Which part of a list is wanted, in order of the keys. What is outside is only counted: a page costs its objects.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// Only what comes after this key.
    pub after: Option<&'a ObjectKey>,
    /// At most so many.
    pub most: usize,
}

impl Window<'_> {
    /// Everything.
    pub const ALL: Self = Self { after: None, most: usize::MAX };

    fn of(self, kind: &Kind, namespace: Option<&str>, version: u64, objects: Option<&Collection>) -> Listing {
        let start = self.after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let objects = objects.into_iter().flat_map(|objects| objects.range((start.clone(), Bound::Unbounded)));
        let mut wanted = objects.filter(|(key, _)| key.is_in(namespace));
        let items = wanted.by_ref().take(self.most).map(|(key, it)| (key.clone(), kind.served_form(it))).collect();
        Listing { version, items, left: wanted.count() }
    }
}

type Collection = BTreeMap<ObjectKey, Arc<Value>>;

/// All objects and their recent past.
#[derive(Debug)]
pub(super) struct State {
    collections: BTreeMap<ResourceId, Collection>,
    history: History,
    tokens: Tokens,
    object_count: usize,
    max_objects: usize,
}

impl State {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            collections: BTreeMap::new(),
            history: History::new(limits.history),
            tokens: Tokens::new(limits.seed),
            object_count: 0,
            max_objects: limits.objects,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.history.newest()
    }

    pub(super) fn compact(&mut self) {
        self.history.compact();
    }

    pub(super) fn events_after(&self, version: u64) -> Result<impl DoubleEndedIterator<Item = &Event>, ApiError> {
        self.history.after(version)
    }

    pub(super) fn get(&self, kind: &'static Kind, key: &ObjectKey) -> Result<Arc<Value>, ApiError> {
        let found = self.collections.get(&kind.resource()).and_then(|objects| objects.get(key));
        found.map(|object| kind.served_form(object)).ok_or_else(|| ApiError::NotFound(Subject::new(kind, &key.name)))
    }

    /// All objects of a kind, in one namespace or in all.
    pub(super) fn list(&self, kind: &'static Kind, namespace: Option<&str>, window: Window<'_>) -> Listing {
        window.of(kind, namespace, self.version(), self.collections.get(&kind.resource()))
    }

    /// The same as it was at `version`: what changed since is undone, newest first.
    pub(super) fn list_at(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        version: u64,
        window: Window<'_>,
    ) -> Result<Listing, ApiError> {
        let now = self.collections.get(&kind.resource());
        let mut since = self.history.after(version)?.rev().filter(|event| event.resource == kind.resource()).peekable();
        if since.peek().is_none() {
            return Ok(window.of(kind, namespace, version, now));
        }
        let mut objects = now.cloned().unwrap_or_default();
        for event in since {
            match &event.before {
                Some(before) => objects.insert(event.key.clone(), Arc::clone(before)),
                None => objects.remove(&event.key),
            };
        }
        Ok(window.of(kind, namespace, version, Some(&objects)))
    }

    /// Stores a new object. `namespace` is ignored for cluster-wide kinds.
    pub(super) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        mut object: Value,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        metadata::settle_type(kind, &mut object)?;
        metadata::settle_namespace(kind, &mut object, namespace)?;
        let name = metadata::settle_name(kind, &mut object, &mut self.tokens)?;
        let key = ObjectKey::of(kind, namespace, &name);
        if self.get(kind, &key).is_ok() {
            return Err(ApiError::AlreadyExists(Subject::new(kind, &name)));
        }
        if self.object_count >= self.max_objects {
            let message = format!("exceeded quota: the embedded API server holds {} objects at most", self.max_objects);
            return Err(ApiError::Forbidden(message));
        }
        if part != Part::Whole && kind.status == StatusPart::Subresource {
            object.as_object_mut().and_then(|fields| fields.remove("status"));
        }
        finish(kind, &name, &mut object, part, write)?;
        metadata::stamp_new(&mut object, &mut self.tokens, write.now);
        self.commit(kind, key, object, write)
    }

    /// Replaces an object, or its status.
    pub(super) fn update(
        &mut self,
        kind: &'static Kind,
        key: &ObjectKey,
        object: Value,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        let old = self.get(kind, key)?;
        self.replace(kind, key, &old, object, part, write)
    }

    /// Changes an object by a function of its present state.
    pub(super) fn modify(
        &mut self,
        kind: &'static Kind,
        key: &ObjectKey,
        change: impl FnOnce(&Value) -> Result<Value, ApiError>,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        let old = self.get(kind, key)?;
        let new = change(&old)?;
        self.replace(kind, key, &old, new, part, write)
    }

    fn replace(
        &mut self,
        kind: &'static Kind,
        key: &ObjectKey,
        old: &Arc<Value>,
        mut object: Value,
        part: Part,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        metadata::settle_type(kind, &mut object)?;
        metadata::settle_namespace(kind, &mut object, &key.namespace)?;
        check_identity(kind, key, old, &object, part)?;
        let mut new = combine(kind, old, object, part);
        metadata::carry_over(old, &mut new);
        finish(kind, &key.name, &mut new, part, write)?;
        metadata::count_generation(old, &mut new);
        if metadata::is_terminating(&new) && !metadata::has_finalizers(&new) {
            return self.remove(kind, key, old, write).map(|_| Arc::new(new));
        }
        if new == **old { Ok(Arc::clone(old)) } else { self.commit(kind, key.clone(), new, write) }
    }

    /// Deletes an object, or marks it if finalizers hold it. With a Namespace goes all that is in it.
    pub(super) fn delete(
        &mut self,
        kind: &'static Kind,
        key: &ObjectKey,
        wanted: &Preconditions,
        write: &Write,
    ) -> Result<Deletion, ApiError> {
        let old = self.get(kind, key)?;
        check_preconditions(kind, &old, wanted)?;
        if !metadata::has_finalizers(&old) {
            let gone = self.remove(kind, key, &old, write)?;
            if kind.kind == "Namespace" {
                self.empty_namespace(&key.name, write);
            }
            return Ok(Deletion::Gone(gone));
        }
        if metadata::is_terminating(&old) {
            return Ok(Deletion::Pending(old));
        }
        let mut new = Value::clone(&old);
        if let Some(metadata) = metadata::metadata_mut(&mut new) {
            metadata.insert("deletionTimestamp".to_owned(), Value::from(metadata::seconds(write.now)));
            metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(0));
        }
        self.commit(kind, key.clone(), new, write).map(Deletion::Pending)
    }

    fn empty_namespace(&mut self, namespace: &str, write: &Write) {
        if write.run == Run::Dry {
            return;
        }
        for kind in kinds::KINDS.iter().filter(|kind| kind.scope == Scope::Namespaced) {
            for (key, _) in self.list(kind, Some(namespace), Window::ALL).items {
                if let Err(error) = self.delete(kind, &key, &Preconditions::default(), write) {
                    let (kind, name) = (kind.kind, &*key.name);
                    tracing::debug!(namespace, kind, name, %error, "object outlives its namespace");
                }
            }
        }
    }

    fn remove(
        &mut self,
        kind: &'static Kind,
        key: &ObjectKey,
        old: &Value,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        let version = self.version() + 1;
        if write.run == Run::Real {
            let before = self.collections.get_mut(&kind.resource()).and_then(|objects| objects.remove(key));
            self.object_count = self.object_count.saturating_sub(1);
            self.history.push(Event { version, resource: kind.resource(), key: key.clone(), before, after: None });
        }
        Ok(Arc::new(metadata::with_version(old, version)))
    }

    fn commit(
        &mut self,
        kind: &'static Kind,
        key: ObjectKey,
        new: Value,
        write: &Write,
    ) -> Result<Arc<Value>, ApiError> {
        if write.run == Run::Dry {
            return Ok(Arc::new(new));
        }
        let version = self.version() + 1;
        let stored = Arc::new(kind.stored_form(metadata::with_version(&new, version)));
        let before = self.collections.entry(kind.resource()).or_default().insert(key.clone(), Arc::clone(&stored));
        if before.is_none() {
            self.object_count += 1;
        }
        let after = Some(Arc::clone(&stored));
        self.history.push(Event { version, resource: kind.resource(), key, before, after });
        Ok(kind.served_form(&stored))
    }
}

/// Last touches before an object is stored: bounds, folding, defaults, checks.
fn finish(kind: &'static Kind, name: &str, object: &mut Value, part: Part, write: &Write) -> Result<(), ApiError> {
    match size::of(object, MAX_DEPTH) {
        None => return Err(ApiError::BadRequest(format!("the object is nested deeper than {MAX_DEPTH} levels"))),
        Some(bytes) if bytes > MAX_BYTES => return Err(ApiError::TooLarge(MAX_BYTES)),
        Some(_) => {}
    }
    if kind.kind == "Secret" {
        metadata::fold_string_data(object);
    }
    match (write.validation, part) {
        (Validation::Off, _) => Ok(()),
        // Whatever the rest looks like: it is not what this write brings.
        (Validation::Strict, Part::Status) => validate::check_status(kind, object),
        (Validation::Strict, Part::Main | Part::Whole) => {
            defaults::fill(kind, object);
            validate::check(kind, name, object)
        }
    }
}

/// The object that results when `part` of `new` is written over `old`.
fn combine(kind: &Kind, old: &Value, new: Value, part: Part) -> Value {
    let with_status = |mut object: Value, status: Option<&Value>| {
        if let Some(fields) = object.as_object_mut() {
            match status {
                Some(status) => fields.insert("status".to_owned(), status.clone()),
                None => fields.remove("status"),
            };
        }
        object
    };
    match part {
        Part::Whole => new,
        Part::Main if kind.has_status_subresource() => with_status(new, old.get("status")),
        Part::Main => new,
        Part::Status => {
            let mut object = with_status(old.clone(), new.get("status"));
            let managed = new["metadata"].get("managedFields");
            if let (Some(metadata), Some(managed)) = (metadata::metadata_mut(&mut object), managed) {
                metadata.insert("managedFields".to_owned(), managed.clone());
            }
            object
        }
    }
}

/// An update has to be about the object at that address, and not about an older state of it.
fn check_identity(kind: &'static Kind, key: &ObjectKey, old: &Value, new: &Value, part: Part) -> Result<(), ApiError> {
    let name = metadata::text(new, "name");
    if name != &*key.name {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", key.name);
        return Err(ApiError::BadRequest(message));
    }
    let uid = metadata::text(new, "uid");
    if !uid.is_empty() && uid != metadata::text(old, "uid") {
        let message = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            metadata::text(old, "uid")
        );
        return Err(ApiError::Conflict { subject: Subject::new(kind, name), message });
    }
    match metadata::text(new, "resourceVersion") {
        "" if kind.versionless_update == VersionlessUpdate::Refused && part != Part::Whole => {
            let cause = Cause::invalid("metadata.resourceVersion", &Value::from(0), "must be specified for an update");
            Err(ApiError::invalid(kind, name, cause))
        }
        "" => Ok(()),
        version if version == metadata::text(old, "resourceVersion") => Ok(()),
        _ => Err(ApiError::modified(kind, name)),
    }
}

fn check_preconditions(kind: &'static Kind, old: &Value, wanted: &Preconditions) -> Result<(), ApiError> {
    for (field, label, wanted) in
        [("uid", "UID", &wanted.uid), ("resourceVersion", "ResourceVersion", &wanted.resource_version)]
    {
        let found = metadata::text(old, field);
        if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) {
            let message =
                format!("Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {found}");
            return Err(ApiError::Conflict { subject: Subject::new(kind, metadata::text(old, "name")), message });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
