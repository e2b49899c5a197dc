//! The paths of one host: a persistent radix tree over their bytes.
//!
//! Most hosts have one path, which lies in the host itself: among very many hosts nearly everything that a request looks
//! at has to come from memory, so each pointer less counts. Short labels lie in their nodes for the same reason.
//!
//! One walk down the request's path passes every prefix route and ends at the exact one, however many routes there are.
//! A change copies the nodes on its way, with at most 256 children each. (An `imbl::OrdMap` would allocate a cursor for
//! each search once it holds more than 16 keys, and need one search per prefix.)
use super::entry::Entry;
use super::lists::EntryList;
use crate::model::plan::PathRank;
use smallvec::SmallVec;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Longest path that is indexed. It bounds the depth of the tree, and with it the stack that a removal needs.
pub(super) const MAX_INDEXED: usize = 1024;

/// How a route names its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathKind {
    /// All of it.
    Exact,
    /// How it begins.
    Prefix,
}

/// Routes by path.
#[derive(Clone, Debug, Default)]
pub(super) struct PathTree(Shape);

#[derive(Clone, Debug, Default)]
enum Shape {
    #[default]
    Empty,
    /// All routes name one path in one way.
    One(Single),
    Tree(Arc<Node>),
}

/// Routes that name the same path in the same way.
#[derive(Clone, Debug)]
struct Single {
    path: Label,
    kind: PathKind,
    list: EntryList,
}

/// Bytes of a path, up to 16 of them without an allocation of their own.
type Label = SmallVec<[u8; 16]>;

#[derive(Clone, Debug, Default)]
struct Node {
    /// The bytes from the parent to here; empty only at the root.
    label: Label,
    /// Routes whose path ends here.
    exact: EntryList,
    /// Routes whose prefix ends here.
    prefix: EntryList,
    /// What goes on from here, sorted by the first byte of the label, each of which is there once.
    children: Vec<(u8, Arc<Node>)>,
}

/// A list on the way of a path, with what bounds the rank of its entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'t> {
    /// The entries.
    pub(super) list: &'t EntryList,
    /// Length of the path or prefix in the index.
    pub(super) length: usize,
    /// The best rank a path can have here.
    pub(super) rank: PathRank,
}

/// The prefix lists on the way of a path, the last few of them: enough to need no second walk.
struct Window<'t> {
    exact: Option<Stop<'t>>,
    /// The prefix list number `n` (from the shortest) is at `n % WINDOW`.
    last: [Option<Stop<'t>>; WINDOW],
    /// How many prefix lists there were.
    seen: usize,
}

const WINDOW: usize = 8;

/// What a removal left.
enum Left {
    Something,
    Nothing,
}

impl PathTree {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.0, Shape::Empty)
    }

    /// Adds `entry` under `path`.
    pub(super) fn insert(&mut self, path: &str, kind: PathKind, entry: Arc<Entry>) {
        let path = path.as_bytes();
        self.0 = match std::mem::take(&mut self.0) {
            Shape::Empty => Shape::One(Single::new(path, kind, entry)),
            Shape::One(mut single) if single.is_at(path, kind) => {
                single.list.insert(entry);
                Shape::One(single)
            }
            Shape::One(single) => {
                let mut root = Arc::new(Node::from(single));
                Node::insert(&mut root, path, kind, entry);
                Shape::Tree(root)
            }
            Shape::Tree(mut root) => {
                Node::insert(&mut root, path, kind, entry);
                Shape::Tree(root)
            }
        };
    }

    /// Takes `entry` out from under `path`; a node without purpose goes with it.
    pub(super) fn remove(&mut self, path: &str, kind: PathKind, entry: &Entry) {
        let path = path.as_bytes();
        self.0 = match std::mem::take(&mut self.0) {
            Shape::One(mut single) if single.is_at(path, kind) => {
                single.list.remove(entry);
                if single.list.is_empty() { Shape::Empty } else { Shape::One(single) }
            }
            Shape::Tree(mut root) => match Node::remove(&mut root, path, kind, entry) {
                Left::Nothing => Shape::Empty,
                Left::Something => Single::of(&root).map_or(Shape::Tree(root), Shape::One),
            },
            other => other,
        };
    }

    /// Visits the lists whose path or prefix `path` has: the exact one, then prefixes, the longest first. Stops early on
    /// [`ControlFlow::Break`] and returns it.
    pub(super) fn visit<'t, B>(
        &'t self,
        path: &str,
        mut visit: impl FnMut(Stop<'t>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match &self.0 {
            Shape::Empty => ControlFlow::Continue(()),
            Shape::One(single) => single.stop(path.as_bytes()).map_or(ControlFlow::Continue(()), visit),
            Shape::Tree(root) => root.visit(path.as_bytes(), &mut visit),
        }
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub(super) fn nodes(&self) -> usize {
        fn count(node: &Node) -> usize {
            1 + node.children.iter().map(|(_, child)| count(child)).sum::<usize>()
        }
        match &self.0 {
            Shape::Empty => 0,
            Shape::One(_) => 1,
            Shape::Tree(root) => count(root),
        }
    }
}

impl Single {
    fn new(path: &[u8], kind: PathKind, entry: Arc<Entry>) -> Self {
        let mut list = EntryList::default();
        list.insert(entry);
        Self { path: path.into(), kind, list }
    }

    /// What is left of a tree, if that is a single list.
    fn of(root: &Node) -> Option<Self> {
        let Node { label, exact, prefix, children } = root;
        let (kind, list) = match (exact.is_empty(), prefix.is_empty(), children.is_empty()) {
            (false, true, true) => (PathKind::Exact, exact),
            (true, false, true) => (PathKind::Prefix, prefix),
            _ => return None,
        };
        Some(Self { path: label.clone(), kind, list: list.clone() })
    }

    fn is_at(&self, path: &[u8], kind: PathKind) -> bool {
        self.kind == kind && *self.path == *path
    }

    /// The list, if a request for `path` comes by it.
    fn stop(&self, path: &[u8]) -> Option<Stop<'_>> {
        let (meets, rank) = match self.kind {
            PathKind::Exact => (*self.path == *path, PathRank::Exact),
            PathKind::Prefix => (path.starts_with(&self.path), PathRank::Prefix),
        };
        meets.then_some(Stop { list: &self.list, length: self.path.len(), rank })
    }
}

impl From<Single> for Node {
    fn from(Single { path, kind, list }: Single) -> Self {
        let mut node = Self { label: path, ..Self::default() };
        *node.list(kind) = list;
        node
    }
}

impl Node {
    fn leaf(label: &[u8], kind: PathKind, entry: Arc<Entry>) -> Arc<Self> {
        Arc::new(Single::new(label, kind, entry).into())
    }

    fn list(&mut self, kind: PathKind) -> &mut EntryList {
        match kind {
            PathKind::Exact => &mut self.exact,
            PathKind::Prefix => &mut self.prefix,
        }
    }

    fn child(&self, byte: u8) -> Result<usize, usize> {
        self.children.binary_search_by_key(&byte, |(first, _)| *first)
    }

    fn visit<'t, B>(&'t self, path: &[u8], visit: &mut impl FnMut(Stop<'t>) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut window = self.walk(path, usize::MAX);
        if let Some(stop) = window.exact {
            visit(stop)?;
        }
        loop {
            for number in (window.seen.saturating_sub(WINDOW)..window.seen).rev() {
                if let Some(stop) = window.last.get(number % WINDOW).copied().flatten() {
                    visit(stop)?;
                }
            }
            // More prefixes than the window holds: walk again, up to where it began.
            match window.seen.checked_sub(WINDOW) {
                None | Some(0) => return ControlFlow::Continue(()),
                Some(left) => window = self.walk(path, left),
            }
        }
    }

    /// Collects the lists on the way of `path`: all of them, or the first `limit` prefix lists.
    fn walk<'t>(&'t self, path: &[u8], limit: usize) -> Window<'t> {
        let mut window = Window { exact: None, last: [None; WINDOW], seen: 0 };
        let (mut node, mut rest) = (self, path);
        while let Some(after) = rest.strip_prefix(&*node.label) {
            rest = after;
            let length = path.len() - rest.len();
            if !node.prefix.is_empty() {
                window.push(Stop { list: &node.prefix, length, rank: PathRank::Prefix });
                if window.seen == limit {
                    return window;
                }
            }
            let Some(next) = rest.first() else {
                window.exact =
                    (!node.exact.is_empty()).then_some(Stop { list: &node.exact, length, rank: PathRank::Exact });
                return window;
            };
            match node.child(*next).ok().and_then(|place| node.children.get(place)) {
                Some((_, child)) => node = child,
                None => return window,
            }
        }
        window
    }

    fn insert(start: &mut Arc<Self>, path: &[u8], kind: PathKind, entry: Arc<Entry>) {
        let (mut slot, mut rest) = (start, path);
        loop {
            let node = Self::split_off(slot, rest);
            rest = rest.get(node.label.len()..).unwrap_or_default();
            let Some(next) = rest.first() else {
                node.list(kind).insert(entry);
                return;
            };
            match node.child(*next) {
                Err(place) => {
                    node.children.insert(place, (*next, Self::leaf(rest, kind, entry)));
                    return;
                }
                Ok(place) => slot = &mut node.children[place].1,
            }
        }
    }

    /// Makes the label of `slot` end where `path` takes another way; what it had beyond becomes its only child.
    fn split_off<'n>(slot: &'n mut Arc<Self>, path: &[u8]) -> &'n mut Self {
        let node = Arc::make_mut(slot);
        let common = node.label.iter().zip(path).take_while(|(own, given)| own == given).count();
        let (shared, beyond) = node.label.split_at(common);
        if let Some(first) = beyond.first() {
            let (first, shared, beyond) = (*first, Label::from(shared), Label::from(beyond));
            let lower = Self { label: beyond, ..std::mem::take(node) };
            *node = Self { label: shared, children: vec![(first, Arc::new(lower))], ..Self::default() };
        }
        node
    }

    fn remove(slot: &mut Arc<Self>, path: &[u8], kind: PathKind, entry: &Entry) -> Left {
        let node = Arc::make_mut(slot);
        let Some(rest) = path.strip_prefix(&*node.label) else { return Left::Something };
        match rest.first() {
            None => node.list(kind).remove(entry),
            Some(next) => {
                let Ok(place) = node.child(*next) else { return Left::Something };
                if let Left::Nothing = Self::remove(&mut node.children[place].1, rest, kind, entry) {
                    node.children.remove(place);
                }
            }
        }
        node.tidy()
    }

    /// Undoes the split where this node has become a mere step on the way to one other.
    fn tidy(&mut self) -> Left {
        if !self.exact.is_empty() || !self.prefix.is_empty() || self.children.len() > 1 {
            return Left::Something;
        }
        let Some((_, child)) = self.children.pop() else { return Left::Nothing };
        let mut child = Arc::unwrap_or_clone(child);
        child.label = self.label.iter().chain(&*child.label).copied().collect();
        *self = child;
        Left::Something
    }
}

impl<'t> Window<'t> {
    fn push(&mut self, stop: Stop<'t>) {
        if let Some(place) = self.last.get_mut(self.seen % WINDOW) {
            *place = Some(stop);
        }
        self.seen += 1;
    }
}
