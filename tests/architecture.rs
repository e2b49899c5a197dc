//! Reads the sources: the layers of `lib.rs`, files no `mod` reaches, actors and messages against `actors.md`, fixtures.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each top-level module may import from the crate. Lower layers first; nothing sideways.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("telemetry", &["base"]),
    ("config", &["base"]),
    ("model", &["base"]),
    ("parse", &["model", "base"]),
    ("compile", &["config", "model", "base"]),
    ("messages", &["model", "base"]),
    ("cluster", &["model", "base"]),
    ("proxy", &["config", "model", "telemetry", "base"]),
    ("apiserver", &["base"]),
    ("actors", &["base", "telemetry", "config", "model", "parse", "compile", "messages", "cluster", "proxy"]),
    ("api", &["config", "messages", "proxy", "model", "telemetry", "base"]),
    ("demo", &["base"]),
    (
        "app",
        &[
            "actors",
            "api",
            "apiserver",
            "base",
            "cluster",
            "compile",
            "config",
            "demo",
            "messages",
            "model",
            "parse",
            "proxy",
            "telemetry",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Modules named after `crate::` in one line of code, `{a, b}` groups included.
fn crate_imports(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = line.split("//").next().unwrap_or("");
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let group = rest.strip_prefix('{').map(|inner| inner.split('}').next().unwrap_or(inner));
        let names: Vec<&str> = group.map_or_else(|| vec![rest], |inner| inner.split(',').map(str::trim).collect());
        for name in names {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn modules_import_only_from_lower_layers() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let module = module_of(&path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(may) = allowed.get(module.as_str()) else {
            wrong.push(format!("{} is in no layer", path.display()));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        // Tests may reach across layers: they build whole situations.
        let is_test_file = path.file_name().is_some_and(|name| name == "tests.rs" || name == "testing.rs")
            || path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "testing");
        let code = if is_test_file { "" } else { text.split("#[cfg(test)]").next().unwrap_or("") };
        for line in code.lines() {
            for import in crate_imports(line) {
                if import != module && !may.contains(&import.as_str()) {
                    wrong.push(format!("{}: {module} may not import {import}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_source_file_is_reached_by_a_mod() {
    let mut lost = Vec::new();
    for path in rust_files(&root().join("src")) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if ["lib", "main"].contains(&name.as_str()) && path.parent() == Some(&root().join("src")) {
            continue;
        }
        let (module, dir) = if name == "mod" {
            let dir = path.parent().unwrap();
            (dir.file_name().unwrap().to_string_lossy().into_owned(), dir.parent().unwrap())
        } else {
            (name, path.parent().unwrap())
        };
        let parents = [dir.join("mod.rs"), dir.with_extension("rs"), dir.join("lib.rs")];
        let reached = parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
            text.lines().any(|line| {
                let line = line.trim();
                line.ends_with(&format!("mod {module};")) && !line.starts_with("//")
            })
        });
        if !reached {
            lost.push(path.display().to_string());
        }
    }
    assert!(lost.is_empty(), "no `mod` reaches:\n{}", lost.join("\n"));
}

#[test]
fn every_source_file_says_what_it_owns() {
    let silent: Vec<_> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs") && !fs::read_to_string(path).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "without a `//!` page: {silent:?}");
}

/// Cells of the table rows below a heading of `actors.md`.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("actors.md")).unwrap();
    let section = text.split(&format!("## {heading}\n")).nth(1).expect(heading);
    section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn actors_md_names_every_message_and_no_other() {
    let mut in_code = BTreeSet::new();
    for path in rust_files(&root().join("src/messages")) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for block in text.split("#[derive(Message)]").skip(1) {
            let after = block.split("pub struct ").nth(1).expect("a message is a struct");
            let name: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
            in_code.insert((name, file.clone()));
        }
    }
    let in_contract: BTreeSet<(String, String)> = table("Messages")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].trim_matches('`').to_owned()))
        .collect();
    assert_eq!(in_contract, in_code);
}

#[test]
fn actors_md_says_what_each_actor_receives() {
    let generic: Vec<String> = handlers("kind.rs");
    assert!(!generic.is_empty());
    for row in table("Actors") {
        let (actor, file) = (&row[0], row[1].trim_matches('`'));
        let in_contract = quoted(&row[3]);
        let own = handlers(file);
        let in_code: BTreeSet<String> = if own.is_empty() {
            let fact = fact_of(file);
            generic.iter().map(|message| message.replace("K::Fact", &fact)).collect()
        } else {
            own.into_iter().collect()
        };
        assert_eq!(in_contract, in_code, "{actor}");
    }
}

#[test]
fn actors_md_names_every_actor_and_no_other() {
    let files: BTreeSet<String> = table("Actors").iter().map(|row| row[1].trim_matches('`').to_owned()).collect();
    let helpers =
        ["mod.rs", "kind.rs", "lease.rs", "pulse.rs", "pumps.rs", "shell.rs", "tell.rs", "wiring.rs", "writing.rs"];
    let in_code: BTreeSet<String> = fs::read_dir(root().join("src/actors"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".rs") && !helpers.contains(&name.as_str()))
        .collect();
    assert_eq!(files, in_code);
}

fn handlers(file: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("src/actors").join(file)).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or("").to_owned();
    code.match_indices("Handler<")
        .filter(|(at, _)| {
            let line = &code[code[..*at].rfind('\n').map_or(0, |newline| newline + 1)..*at];
            line.starts_with("impl")
        })
        .map(|(at, _)| {
            let rest = &code[at + "Handler<".len()..];
            rest[..rest.find("> for ").unwrap()].to_owned()
        })
        .collect()
}

fn fact_of(file: &str) -> String {
    let text = fs::read_to_string(root().join("src/actors").join(file)).unwrap();
    let after = text.split("type Fact = ").nth(1).expect("a kind names its fact");
    after.split(';').next().unwrap().to_owned()
}

#[test]
fn every_folder_of_fixtures_is_read_by_a_test() {
    let mut sources = String::new();
    for path in rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests"))) {
        sources.push_str(&fs::read_to_string(path).unwrap());
    }
    for entry in fs::read_dir(root().join("fixtures")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(sources.contains(&format!("fixtures/{name}")), "nothing reads fixtures/{name}");
    }
}

#[test]
fn no_path_of_one_machine_and_no_registry_host_is_committed() {
    let forbidden = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("deb.", "debian.org"),
        concat!("static.", "crates.io"),
        concat!("files.", "pythonhosted"),
    ];
    let mut wrong = Vec::new();
    let mut look = vec![root().to_path_buf()];
    while let Some(dir) = look.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if ![".git", "target", "corpus"].contains(&name.as_str()) {
                    look.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path)
                && name != "Cargo.lock"
                // In a linked worktree this is a file, and holds a path.
                && name != ".git"
            {
                for word in forbidden.iter().filter(|word| text.contains(**word)) {
                    wrong.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
