//! What the watch pumps tell the kind actors: one object appeared or changed, one is gone, or here is all of it anew.
//! Messages carry facts (`O`), made as soon as an object arrives: whole objects are never held.
use actix::Message;
use std::sync::Arc;

/// Which part of a kind a watch covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// All namespaces, or a cluster-scoped kind.
    Everywhere,
    /// One namespace.
    Namespace(Arc<str>),
}

/// What an object said that came from the watch, or that it is not even of its kind.
#[derive(Clone, Debug)]
pub struct Seen<O> {
    /// `metadata.namespace`; `None` for cluster-scoped kinds.
    pub namespace: Option<Arc<str>>,
    /// `metadata.name`.
    pub name: Arc<str>,
    /// Its fact, or what is wrong with its form (field and expectation, never its content).
    pub object: Result<Arc<O>, Arc<str>>,
}

/// An object was created or changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Applied<O: 'static>(pub Seen<O>);

/// An object was deleted.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deleted<O: 'static>(pub Seen<O>);

/// A whole list: what is not in it is gone. Swapped in at once, never object by object.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Replaced<O: 'static> {
    /// What the list covers; objects outside it are not touched.
    pub scope: Scope,
    /// All objects.
    pub objects: Vec<Seen<O>>,
}

/// A watch cannot be had, and the rest shall go on without it (no right to list an optional kind, or the kind is unknown).
#[derive(Message)]
#[rtype(result = "()")]
pub struct WatchUnavailable<O: 'static> {
    /// What the watch would have covered.
    pub scope: Scope,
    /// Why, for logs and the debug page.
    pub reason: Arc<str>,
    /// Ties the message to its kind.
    pub kind: std::marker::PhantomData<fn() -> O>,
}
