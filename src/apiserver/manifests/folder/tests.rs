use std::time::Duration;

use serde_json::json;

use super::*;
use crate::apiserver::store::ObjectKey;

/// Files by name: stamp (a number) and content.
type Disk<'a> = &'a [(&'a str, u64, Result<&'a [(&'a str, u64)], &'a str>)];

fn id(name: &str) -> ObjectId {
    ObjectId { api_version: "v1".to_owned(), kind: "ConfigMap".to_owned(), key: ObjectKey::new("n", name) }
}

fn syntax(path: &str, message: &str) -> ManifestError {
    ManifestError::Syntax { path: path.into(), line: 1, column: 1, message: message.to_owned() }
}

/// One pass over a disk; gives the effects as words.
fn pass(folder: &mut Folder, disk: Disk<'_>) -> Vec<String> {
    let stamp = |number: u64| Stamp { size: 1, modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(number)) };
    let files = disk.iter().map(|(name, number, _)| (PathBuf::from(name), stamp(*number))).collect();
    let scan = Scan { files, ..Scan::default() };
    let readings = folder
        .to_read(&scan)
        .into_iter()
        .map(|(path, _)| {
            let (name, _, content) = disk.iter().find(|(name, ..)| Path::new(name) == path).expect("on disk");
            let objects = |list: &[(&str, u64)]| list.iter().map(|(name, v)| (id(name), Arc::new(json!(v)))).collect();
            let content = content.map(|list| Content { objects: objects(list), errors: Vec::new() });
            Reading { path, content: content.map_err(|message| syntax(name, message)) }
        })
        .collect();
    words(folder.update(&scan, readings))
}

fn words(effects: Vec<Effect>) -> Vec<String> {
    effects
        .into_iter()
        .map(|effect| match effect {
            Effect::Apply { id, object } => format!("apply {} {object}", id.key.name),
            Effect::Delete { id } => format!("delete {}", id.key.name),
        })
        .collect()
}

#[test]
fn objects_come_change_and_go_with_their_files() {
    let mut folder = Folder::default();
    assert_eq!(
        pass(&mut folder, &[("a", 1, Ok(&[("x", 1), ("y", 1)])), ("b", 1, Ok(&[("z", 1)]))]),
        ["apply x 1", "apply y 1", "apply z 1"]
    );
    assert_eq!(pass(&mut folder, &[("a", 1, Ok(&[("x", 1), ("y", 1)])), ("b", 1, Ok(&[("z", 1)]))]), [""; 0]);
    let changed: Disk<'_> = &[("a", 2, Ok(&[("x", 2), ("w", 1)])), ("b", 1, Ok(&[("z", 1)]))];
    assert_eq!(pass(&mut folder, changed), ["delete y", "apply w 1", "apply x 2"]);
    let without_b: Disk<'_> = &[("a", 2, Ok(&[("x", 2), ("w", 1)]))];
    assert_eq!(pass(&mut folder, without_b), [""; 0], "perhaps it is being renamed");
    assert_eq!(pass(&mut folder, without_b), ["delete z"]);
    assert_eq!(folder.errors(), []);
}

#[test]
fn a_renamed_file_keeps_its_objects_without_a_gap() {
    let mut folder = Folder::default();
    pass(&mut folder, &[("a", 1, Ok(&[("x", 1)]))]);
    assert_eq!(pass(&mut folder, &[("b", 1, Ok(&[("x", 1)]))]), ["apply x 1"]);
    assert_eq!(folder.errors(), [], "no duplicate is reported for it");
    assert_eq!(pass(&mut folder, &[("b", 1, Ok(&[("x", 1)]))]), [""; 0]);
    assert_eq!(pass(&mut folder, &[("b", 1, Ok(&[("x", 1)]))]), [""; 0]);
}

#[test]
fn a_change_within_the_same_tick_is_seen_one_look_later() {
    let mut folder = Folder::default();
    pass(&mut folder, &[("a", 1, Ok(&[("x", 1)]))]);
    assert_eq!(pass(&mut folder, &[("a", 1, Ok(&[("x", 2)]))]), ["apply x 2"]);
}

#[test]
fn a_file_that_does_not_parse_keeps_its_objects_and_leaves_others_alone() {
    let mut folder = Folder::default();
    pass(&mut folder, &[("a", 1, Ok(&[("x", 1)])), ("b", 1, Ok(&[("y", 1)]))]);
    let broken: Disk<'_> = &[("a", 2, Err("no yaml")), ("b", 2, Ok(&[("y", 2)]))];
    assert_eq!(pass(&mut folder, broken), ["apply y 2"]);
    assert_eq!(folder.errors(), [syntax("a", "no yaml")]);
    assert_eq!(pass(&mut folder, broken), [""; 0]);
    assert_eq!(folder.errors(), [syntax("a", "no yaml")]);
    assert_eq!(pass(&mut folder, &[("a", 3, Ok(&[("x", 3)])), ("b", 2, Ok(&[("y", 2)]))]), ["apply x 3"]);
    assert_eq!(folder.errors(), []);
}

#[test]
fn the_first_file_by_path_wins_an_object_that_two_define() {
    let mut folder = Folder::default();
    let both: Disk<'_> = &[("a", 1, Ok(&[("x", 1)])), ("b", 1, Ok(&[("x", 2), ("x", 3)]))];
    assert_eq!(pass(&mut folder, both), ["apply x 1"]);
    let duplicate =
        |first: &str| ManifestError::Duplicate { path: "b".into(), first: first.into(), object: Box::new(id("x")) };
    assert_eq!(folder.errors(), [duplicate("a")]);
    let moved: Disk<'_> = &[("a", 2, Ok(&[])), ("b", 1, Ok(&[("x", 2), ("x", 3)]))];
    assert_eq!(pass(&mut folder, moved), ["apply x 2"], "the second takes over without a gap");
    assert_eq!(folder.errors(), [duplicate("b")]);
}

#[test]
fn what_the_store_refuses_is_reported_until_it_is_mended() {
    let mut folder = Folder::default();
    pass(&mut folder, &[("a", 1, Ok(&[("x", 1)]))]);
    folder.applied(&id("x"), Some("spec.ports: Required value".to_owned()));
    assert_eq!(folder.errors()[0].to_string(), "a: ConfigMap n/x: spec.ports: Required value");
    assert_eq!(pass(&mut folder, &[("a", 1, Ok(&[("x", 1)]))]), [""; 0], "not tried again and again");
    assert_eq!(pass(&mut folder, &[("a", 2, Ok(&[("x", 2)]))]), ["apply x 2"]);
    folder.applied(&id("x"), None);
    assert_eq!(folder.errors(), []);
    pass(&mut folder, &[("a", 3, Ok(&[("x", 3)]))]);
    folder.applied(&id("x"), Some("no".to_owned()));
    pass(&mut folder, &[]);
    assert_eq!(pass(&mut folder, &[]), ["delete x"]);
    assert_eq!(folder.errors(), []);
}

#[test]
fn a_directory_that_cannot_be_read_changes_nothing() {
    let mut folder = Folder::default();
    pass(&mut folder, &[("dir/a", 1, Ok(&[("x", 1)]))]);
    let error = ManifestError::Unreadable { path: "dir".into(), message: "permission denied".to_owned() };
    let blind = Scan { files: BTreeMap::new(), unreadable: vec![error.clone()], blind: vec!["dir".into()] };
    for _ in 0..3 {
        assert_eq!(words(folder.update(&blind, Vec::new())), [""; 0]);
    }
    assert_eq!(folder.errors(), [error]);
}
