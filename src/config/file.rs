//! The configuration file: which one it is, reading it within bounds, and its content as raw entries.
//!
//! One file at most: the one that was named, or the first of the usual places. `yaml` and `toml` make a tree with lines of
//! it (`tree`), and `walk` makes entries of the tree.
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::report::{Findings, Origin};

mod toml;
mod tree;
mod walk;
mod yaml;

/// The largest file that is read, in bytes. Static options are a few kB.
const LARGEST: u64 = 1 << 20;

/// Why a file gives no options at all.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("is not a file")]
    NoFile,
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("is not UTF-8 text")]
    NotText,
    #[error("is of no known format; the name must end in .toml, .yaml or .yml")]
    Format,
    #[error("is empty; remove it, or write options into it")]
    Empty,
}

/// A syntax error, or a root that is no mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SyntaxError {
    /// From 1; 0 if unknown.
    line: usize,
    message: String,
}

/// Where a file is looked for, best first (`http.md` 4.1): ours and Traefik's in each folder.
pub(super) fn usual_places(variables: &[(OsString, OsString)]) -> Vec<PathBuf> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(given, value)| given == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let folders = [
        Some(PathBuf::from("/etc/pilotage")),
        Some(PathBuf::from("/etc/traefik")),
        variable("XDG_CONFIG_HOME"),
        variable("HOME").map(|home| home.join(".config")),
        Some(PathBuf::from(".")),
    ];
    let mut places = Vec::new();
    for folder in folders.into_iter().flatten() {
        for name in ["pilotage", "traefik"] {
            places.extend(["toml", "yaml", "yml"].map(|extension| folder.join(format!("{name}.{extension}"))));
        }
    }
    places
}

/// The first place where there is a file; of the others that exist there is a warning, because they are not read.
pub(super) fn choose(places: &[PathBuf], findings: &mut Findings) -> Option<PathBuf> {
    let mut found = places.iter().filter(|place| place.is_file());
    let first = found.next()?;
    for other in found {
        let text = format!("is not read, because there is {}", first.display());
        findings.warning(Some(&Origin::in_file(other, 0, "")), text);
    }
    Some(first.clone())
}

/// The options in that file. `named` is where it was asked for, if it was: a file that is not there is a mistake there.
pub(super) fn entries(path: &Path, named: Option<&Origin>, findings: &mut Findings) -> Vec<Entry> {
    let tree = match text(path).and_then(|text| tree(path, &text)) {
        Ok(tree) => tree,
        Err(error) => {
            let text = format!("configuration file {} {error}", path.display());
            findings.mistake(Some(named.unwrap_or(&Origin::in_file(path, 0, ""))), text);
            return Vec::new();
        }
    };
    match tree {
        Ok(root) => walk::entries(path, root, findings),
        Err(errors) => {
            for error in errors {
                findings.mistake(Some(&Origin::in_file(path, error.line, "")), error.message);
            }
            Vec::new()
        }
    }
}

fn text(path: &Path) -> Result<String, FileError> {
    // A pipe or a device might never end.
    if !path.metadata()?.is_file() {
        return Err(FileError::NoFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| FileError::NotText)?;
    // Editors on Windows begin files with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The outer error is about the file, the inner ones are about what is in it.
fn tree(path: &Path, text: &str) -> Result<Result<tree::Children, Vec<SyntaxError>>, FileError> {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    let children = match extension.as_str() {
        "yaml" | "yml" => yaml::read(text).map_err(|error| vec![error]),
        "toml" => toml::read(text),
        _ => return Err(FileError::Format),
    };
    match children {
        Ok(children) if children.is_empty() => Err(FileError::Empty),
        children => Ok(children),
    }
}

#[cfg(test)]
mod tests;
