//! Looks at the directory and reads files. Blocking; runs on tokio's blocking threads.
//!
//! Symbolic links to files are followed, as Kubernetes mounts ConfigMaps (`a.yaml -> ..data/a.yaml`); links to
//! directories are not, so there is no loop. Names that begin with `..` are Kubernetes' own and are skipped.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::folder::{Reading, Scan, Stamp};
use super::{MAX_FILE, MAX_FILES, ManifestError, parse};

const MAX_DEPTH: usize = 32;

/// All manifest files below a directory.
pub(super) fn look(directory: &Path) -> Scan {
    let mut scan = Scan::default();
    look_into(directory, 0, &mut scan);
    scan
}

fn look_into(directory: &Path, depth: usize, scan: &mut Scan) {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return blind(directory, &error, scan),
    };
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with("..") {
            continue;
        }
        let path = entry.path();
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => {
                blind(&path, &error, scan);
                continue;
            }
        };
        match (kind.is_dir(), depth < MAX_DEPTH) {
            (true, true) => look_into(&path, depth + 1, scan),
            (true, false) => too_many(path, format!("directories nested deeper than {MAX_DEPTH}"), scan),
            (false, _) if is_manifest(&path) => look_at(path, scan),
            (false, _) => {}
        }
    }
}

fn look_at(path: PathBuf, scan: &mut Scan) {
    if scan.files.len() >= MAX_FILES {
        return too_many(path, format!("more than {MAX_FILES} files"), scan);
    }
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {
            let stamp = Stamp { size: metadata.len(), modified: metadata.modified().ok() };
            scan.files.insert(path, stamp);
        }
        // A link to a directory, a pipe, a device: nothing to read.
        Ok(_) => {}
        // It went away between the two looks, or the link points nowhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => blind(&path, &error, scan),
    }
}

fn blind(path: &Path, error: &io::Error, scan: &mut Scan) {
    scan.unreadable.push(ManifestError::Unreadable { path: path.to_owned(), message: error.to_string() });
    scan.blind.push(path.to_owned());
}

/// Reported once, however much is too much.
fn too_many(path: PathBuf, message: String, scan: &mut Scan) {
    if !scan
        .unreadable
        .iter()
        .any(|error| matches!(error, ManifestError::TooMany { message: it, .. } if *it == message))
    {
        scan.unreadable.push(ManifestError::TooMany { path: path.clone(), message });
    }
    scan.blind.push(path);
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|it| extension == *it))
}

/// Reads and parses one file.
pub(super) fn read((path, stamp): (PathBuf, Stamp)) -> Reading {
    let content = text(&path, stamp).and_then(|text| parse::content(&path, &text));
    Reading { path, content }
}

fn text(path: &Path, stamp: Stamp) -> Result<String, ManifestError> {
    let too_large = |size| ManifestError::TooLarge { path: path.to_owned(), size };
    if stamp.size > MAX_FILE {
        return Err(too_large(stamp.size));
    }
    let mut bytes = Vec::new();
    // One more than allowed, to notice a file that grew meanwhile.
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    let unreadable = |message: String| ManifestError::Unreadable { path: path.to_owned(), message };
    read.map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(too_large(bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|error| unreadable(format!("not UTF-8: {error}")))
}
