//! A directory of manifests as the source of objects: loaded, watched by polling, and kept in step with the store.
//!
//! [`folder`] decides (pure: state and what a look at the directory gave, to effects), `scan` looks and reads,
//! `parse` makes objects of text; this file is the task that lets them work together. A file that cannot be used
//! keeps the objects it had and leaves all other files alone; objects that come from no file are never touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::kinds::Kind;
use super::store::{ObjectKey, Store};
use super::validate::Validation;

pub mod folder;
mod parse;
mod scan;

use folder::{Effect, Folder};

/// Names one object of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// `v1`, `networking.k8s.io/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace and name.
    pub key: ObjectKey,
}

impl ObjectId {
    pub(super) fn of(kind: &Kind, key: ObjectKey) -> Self {
        Self { api_version: kind.api_version(), kind: kind.kind.to_owned(), key }
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.key.namespace.is_empty() {
            true => write!(f, "{} {}", self.kind, self.key.name),
            false => write!(f, "{} {}/{}", self.kind, self.key.namespace, self.key.name),
        }
    }
}

/// What is wrong with a manifest. Each stays reported until the file is mended or gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ManifestError {
    /// The file or directory cannot be read.
    #[error("{}: {message}", .path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        message: String,
    },
    /// The file is larger than [`MAX_FILE`].
    #[error("{}: {size} bytes are more than the limit of {MAX_FILE}", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// More files than [`MAX_FILES`], or directories nested too deep; the rest is not looked at.
    #[error("{}: {message}", .path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
        /// What there is too much of.
        message: String,
    },
    /// The text is neither YAML nor JSON.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1; 0 if unknown.
        line: u64,
        /// From 1; 0 if unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A document is no object that this server keeps.
    #[error("{}: document {document}: {message}", .path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
        /// From 1, empty documents not counted.
        document: usize,
        /// What is wrong.
        message: String,
    },
    /// Another file, earlier by path, or the same file defines this object, too; that one counts.
    #[error("{}: {object} is already defined in {}", .path.display(), .first.display())]
    Duplicate {
        /// The file that is not used for this object.
        path: PathBuf,
        /// The file that is.
        first: PathBuf,
        /// The object.
        object: Box<ObjectId>,
    },
    /// The store refuses the object, as a cluster would.
    #[error("{}: {object}: {message}", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The object.
        object: Box<ObjectId>,
        /// Why.
        message: String,
    },
}

/// Bytes that one file may have.
pub const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Files that a directory may have, with all below it.
pub const MAX_FILES: usize = 10_000;

/// How a directory is followed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time between two looks.
    pub poll_every: Duration,
    /// How closely objects are looked at before they are stored.
    pub validation: Validation,
}

impl Default for Options {
    fn default() -> Self {
        Self { poll_every: Duration::from_millis(500), validation: Validation::Strict }
    }
}

/// A running task that keeps the store in step with a directory. Dropping it stops the task; the objects stay.
#[derive(Debug)]
pub struct ManifestLoader {
    errors: watch::Receiver<Arc<Vec<ManifestError>>>,
    passes: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl ManifestLoader {
    /// Loads the directory once, then starts to follow it on the tokio runtime that calls this.
    pub async fn start(store: Store, directory: &Path, options: Options) -> Self {
        let mut pass =
            Pass { store, directory: directory.to_owned(), validation: options.validation, folder: Folder::default() };
        pass.run().await;
        let (errors, errors_out) = watch::channel(Arc::new(pass.folder.errors()));
        let (passes, passes_out) = watch::channel(1);
        let poll_every = options.poll_every.max(Duration::from_millis(1));
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(poll_every).await;
                pass.run().await;
                let found = pass.folder.errors();
                errors.send_if_modified(|shown| {
                    let differ = **shown != found;
                    if differ {
                        *shown = Arc::new(found);
                    }
                    differ
                });
                passes.send_modify(|count| *count += 1);
            }
        });
        Self { errors: errors_out, passes: passes_out, task }
    }

    /// What is wrong now, in order of path; empty if nothing is.
    pub fn errors(&self) -> Arc<Vec<ManifestError>> {
        Arc::clone(&self.errors.borrow())
    }

    /// Follows [`ManifestLoader::errors`].
    pub fn subscribe(&self) -> watch::Receiver<Arc<Vec<ManifestError>>> {
        self.errors.clone()
    }

    /// Follows how often the directory was looked at.
    pub fn passes(&self) -> watch::Receiver<u64> {
        self.passes.clone()
    }
}

impl Drop for ManifestLoader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One look at the directory and what follows from it, again and again.
struct Pass {
    store: Store,
    directory: PathBuf,
    validation: Validation,
    folder: Folder,
}

impl Pass {
    async fn run(&mut self) {
        let before = self.folder.errors();
        let directory = self.directory.clone();
        let Ok(scan) = tokio::task::spawn_blocking(move || scan::look(&directory)).await else { return };
        let wanted = self.folder.to_read(&scan);
        let Ok(readings) =
            tokio::task::spawn_blocking(move || wanted.into_iter().map(scan::read).collect::<Vec<_>>()).await
        else {
            return;
        };
        for effect in self.folder.update(&scan, readings) {
            self.perform(effect);
        }
        report(&before, &self.folder.errors());
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Apply { id, object } => {
                let refused = self.store.apply_validated(Arc::unwrap_or_clone(object), self.validation).err();
                self.folder.applied(&id, refused.map(|error| error.to_string()));
            }
            Effect::Delete { id } => {
                let kind = super::kinds::by_type(&id.api_version, &id.kind);
                let gone = kind.map(|kind| {
                    let write = self.store.write(Validation::Off);
                    self.store.delete_at(kind, &id.key, &super::store::Preconditions::default(), &write)
                });
                if let Some(Err(error)) = gone {
                    tracing::debug!(object = %id, %error, "object of a vanished manifest was gone already");
                }
            }
        }
    }
}

/// One line when an error appears and one when it is mended.
fn report(before: &[ManifestError], now: &[ManifestError]) {
    for error in now.iter().filter(|error| !before.contains(error)) {
        tracing::warn!(%error, "manifest not used as written");
    }
    for error in before.iter().filter(|error| !now.contains(error)) {
        tracing::info!(was = %error, "manifest mended");
    }
}

#[cfg(test)]
mod tests;
