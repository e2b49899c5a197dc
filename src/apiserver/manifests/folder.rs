//! Decides what follows from a look at the directory. No I/O: `state + scan + readings -> effects`.
//!
//! Per file it remembers the stamp, the objects and what is wrong. From all files together follows which objects are
//! wanted (the first file by path wins), and from what was applied before, what is to do. A file that vanished keeps
//! its objects for one more look, because editors replace files by deleting and renaming.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::{ManifestError, ObjectId};

/// How a file looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Last change, where the file system tells.
    pub modified: Option<SystemTime>,
}

/// One look at the directory.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// All manifest files.
    pub files: BTreeMap<PathBuf, Stamp>,
    /// Files and directories that could not be looked at; what was below them is taken to be as it was.
    pub unreadable: Vec<ManifestError>,
    /// The paths of `unreadable`.
    pub blind: Vec<PathBuf>,
}

/// What reading one file gave.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The file.
    pub path: PathBuf,
    /// Its objects, or why there are none.
    pub content: Result<Content, ManifestError>,
}

/// The objects of one file, and the documents that are none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// In the order of the file; each as it is to be stored.
    pub objects: Vec<(ObjectId, Arc<Value>)>,
    /// Documents that were left out.
    pub errors: Vec<ManifestError>,
}

/// Something to do with the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Create or replace; answer with [`Folder::applied`].
    Apply {
        /// The object's name.
        id: ObjectId,
        /// The object.
        object: Arc<Value>,
    },
    /// Delete.
    Delete {
        /// The object's name.
        id: ObjectId,
    },
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    content: Content,
    /// Why the file is not used as it is now; `content` is then from before.
    error: Option<ManifestError>,
    /// Two writes within a tick of the clock leave the same stamp, so each change is read once more.
    settled: Settled,
    presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Yes,
    ReadAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Presence {
    Present,
    /// Not seen at the last look.
    Missing,
}

/// Each object with the file that it is taken from.
type Wanted = BTreeMap<ObjectId, (PathBuf, Arc<Value>)>;

/// What has been loaded from the directory.
#[derive(Debug, Default)]
pub struct Folder {
    files: BTreeMap<PathBuf, File>,
    /// What was handed to the store, and from which file.
    applied: Wanted,
    refused: BTreeMap<ObjectId, String>,
    duplicates: Vec<ManifestError>,
    unreadable: Vec<ManifestError>,
}

impl Folder {
    /// The files that have to be read after this look: new ones, changed ones, and those changed at the look before.
    pub fn to_read(&self, scan: &Scan) -> Vec<(PathBuf, Stamp)> {
        let is_due = |path: &PathBuf, stamp: &Stamp| {
            self.files.get(path).is_none_or(|file| file.stamp != *stamp || file.settled == Settled::ReadAgain)
        };
        scan.files
            .iter()
            .filter(|(path, stamp)| is_due(path, stamp))
            .map(|(path, stamp)| (path.clone(), *stamp))
            .collect()
    }

    /// Takes in what the look and the readings gave.
    pub fn update(&mut self, scan: &Scan, readings: Vec<Reading>) -> Vec<Effect> {
        let mut changed = BTreeSet::new();
        for Reading { path, content } in readings {
            if let Some(stamp) = scan.files.get(&path) {
                self.take_in(path, *stamp, content, &mut changed);
            }
        }
        self.files.retain(|path, file| {
            if scan.files.contains_key(path) || scan.blind.iter().any(|blind| path.starts_with(blind)) {
                file.presence = Presence::Present;
                return true;
            }
            let keep = file.presence == Presence::Present;
            file.presence = Presence::Missing;
            keep
        });
        self.unreadable.clone_from(&scan.unreadable);
        self.settle(&changed)
    }

    fn take_in(
        &mut self,
        path: PathBuf,
        stamp: Stamp,
        content: Result<Content, ManifestError>,
        changed: &mut BTreeSet<PathBuf>,
    ) {
        let old = self.files.remove(&path);
        let settled = match &old {
            Some(file) if file.stamp == stamp => Settled::Yes,
            _ => Settled::ReadAgain,
        };
        let before = old.map(|file| file.content);
        let (content, error) = match content {
            Ok(content) => {
                if before.as_ref() != Some(&content) {
                    changed.insert(path.clone());
                }
                (content, None)
            }
            Err(error) => (before.unwrap_or_default(), Some(error)),
        };
        self.files.insert(path, File { stamp, content, error, settled, presence: Presence::Present });
    }

    /// From all files to effects.
    fn settle(&mut self, changed: &BTreeSet<PathBuf>) -> Vec<Effect> {
        let (wanted, duplicates) = self.wanted();
        self.duplicates = duplicates;
        let mut effects = Vec::new();
        let gone: Vec<ObjectId> = self.applied.keys().filter(|id| !wanted.contains_key(id)).cloned().collect();
        for id in gone {
            self.applied.remove(&id);
            self.refused.remove(&id);
            effects.push(Effect::Delete { id });
        }
        for (id, (path, object)) in wanted {
            let is_as_before = self.applied.get(&id).is_some_and(|(_, old)| *old == object);
            if !is_as_before || changed.contains(&path) {
                effects.push(Effect::Apply { id: id.clone(), object: Arc::clone(&object) });
            }
            self.applied.insert(id, (path, object));
        }
        effects
    }

    /// The objects that count, each from the first file that has it, and what is left out for that.
    fn wanted(&self) -> (Wanted, Vec<ManifestError>) {
        let mut wanted = Wanted::new();
        let mut duplicates = Vec::new();
        let mut files: Vec<(&PathBuf, &File)> = self.files.iter().collect();
        // A file that is perhaps being renamed must not win over its new name.
        files.sort_by_key(|(path, file)| (file.presence, *path));
        for (path, file) in files {
            for (id, object) in &file.content.objects {
                match wanted.get(id) {
                    None => drop(wanted.insert(id.clone(), (path.clone(), Arc::clone(object)))),
                    Some(_) if file.presence == Presence::Missing => {}
                    Some((first, _)) => {
                        let (path, first, object) = (path.clone(), first.clone(), Box::new(id.clone()));
                        duplicates.push(ManifestError::Duplicate { path, first, object });
                    }
                }
            }
        }
        (wanted, duplicates)
    }

    /// Whether the store took an object, or why not.
    pub fn applied(&mut self, id: &ObjectId, refused: Option<String>) {
        match refused {
            Some(message) => drop(self.refused.insert(id.clone(), message)),
            None => drop(self.refused.remove(id)),
        }
    }

    /// All that is wrong, ordered and each once.
    pub fn errors(&self) -> Vec<ManifestError> {
        let of_files = self.files.values().flat_map(|file| file.error.iter().chain(&file.content.errors));
        let refused = self.refused.iter().filter_map(|(id, message)| {
            let path = self.applied.get(id).map(|(path, _)| path.clone())?;
            Some(ManifestError::Refused { path, object: Box::new(id.clone()), message: message.clone() })
        });
        let all = of_files.chain(&self.duplicates).chain(&self.unreadable).cloned().chain(refused);
        let mut all: Vec<ManifestError> = all.collect();
        all.sort_by(|one, other| (path_of(one), one).cmp(&(path_of(other), other)));
        all.dedup();
        all
    }
}

fn path_of(error: &ManifestError) -> &Path {
    match error {
        ManifestError::Unreadable { path, .. }
        | ManifestError::TooLarge { path, .. }
        | ManifestError::TooMany { path, .. }
        | ManifestError::Syntax { path, .. }
        | ManifestError::NotAnObject { path, .. }
        | ManifestError::Duplicate { path, .. }
        | ManifestError::Refused { path, .. } => path,
    }
}

#[cfg(test)]
mod tests;
