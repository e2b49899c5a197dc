//! From the tree of a file to raw entries. The table says how deep to go: a known option ends the walk, a group leads on,
//! and an unknown mapping is one mistake, not one for each key below it.
use std::path::Path;

use super::super::entry::{Entry, Raw};
use super::super::report::{Findings, Origin, Source};
use super::super::settings::unknown;
use super::super::table::{self, Kind, Lookup, OptionRow};
use super::tree::{Children, Content, Key, Node};

/// All entries, in the order of the tree.
pub(super) fn entries(file: &Path, root: Children, findings: &mut Findings) -> Vec<Entry> {
    let mut walk = Walk { file, entries: Vec::new(), findings };
    walk.mapping("", root);
    walk.entries
}

struct Walk<'a> {
    file: &'a Path,
    entries: Vec<Entry>,
    findings: &'a mut Findings,
}

impl Walk<'_> {
    fn mapping(&mut self, above: &str, children: Children) {
        let mut seen: Vec<Key> = Vec::new();
        for (key, node) in children {
            let path = if above.is_empty() { key.name.clone() } else { format!("{above}.{}", key.name) };
            let origin = Origin::in_file(self.file, key.line, &path);
            if key.name.contains(['.', '[', ']']) {
                let text = "a key holds no `.`, `[` or `]`: write one key per level, each below the other";
                self.findings.mistake(Some(&origin), text);
            } else if let Some(earlier) = twin(&seen, &key, &path) {
                let text =
                    format!("says again what line {} says as `{}`; remove one of them", earlier.line, earlier.name);
                self.findings.mistake(Some(&origin), text);
            } else {
                self.node(&path, origin, node);
                seen.push(key);
            }
        }
    }

    fn node(&mut self, path: &str, origin: Origin, node: Node) {
        match (table::lookup(path), node.content) {
            (_, Content::Foreign(what)) => {
                self.findings
                    .mistake(Some(&origin), format!("is {what}, which no option takes; quote it if it is text"));
            }
            (_, Content::Scalar(text)) => self.entries.push(Entry::text(path.to_owned(), text, origin)),
            (known, Content::Nothing) => self.nothing(known, path, origin),
            (known, Content::List(items)) => self.list(known, path, origin, items),
            (Lookup::Option { row, .. }, Content::Mapping(children)) => self.object(row, path, origin, children),
            (Lookup::Group, Content::Mapping(children)) if children.is_empty() && table::is_map_entry(path) => {
                self.findings.mistake(Some(&origin), "has nothing below it");
            }
            (Lookup::Group, Content::Mapping(children)) => self.mapping(path, children),
            (Lookup::Unknown, Content::Mapping(_)) => {
                let known = table::suggestion(path).or_else(|| table::group_suggestion(path));
                self.findings.mistake(Some(&origin), unknown(known.as_deref(), Source::File));
            }
        }
    }

    /// A key without a value says nothing, as in Traefik; where that is probably not what was meant, that is said.
    fn nothing(&mut self, known: Lookup, path: &str, origin: Origin) {
        match known {
            Lookup::Option { row, .. } if !row.is_current() => {
                self.entries.push(Entry::text(path.to_owned(), "", origin))
            }
            Lookup::Option { row, .. } if matches!(row.kind, Kind::Presence | Kind::Section) => {
                let text = "has no value, so nothing is switched on; write `{}` behind it if that was meant";
                self.findings.warning(Some(&origin), text);
            }
            Lookup::Option { .. } => {}
            Lookup::Group if table::is_map_entry(path) => {
                self.findings.mistake(Some(&origin), "has nothing below it");
            }
            Lookup::Group => {}
            Lookup::Unknown => self.entries.push(Entry::text(path.to_owned(), "", origin)),
        }
    }

    fn object(&mut self, row: &'static OptionRow, path: &str, origin: Origin, children: Children) {
        match row.kind {
            Kind::Presence => {
                self.entries.push(Entry::text(path.to_owned(), "true", origin));
                self.mapping(path, children);
            }
            Kind::Section if !children.is_empty() && table::has_below(path) => self.mapping(path, children),
            Kind::Section => self.entries.push(Entry::text(path.to_owned(), "true", origin)),
            _ => self.findings.mistake(Some(&origin), "expected a value, not a mapping"),
        }
    }

    fn list(&mut self, known: Lookup, path: &str, origin: Origin, nodes: Vec<Node>) {
        if let Lookup::Option { row: OptionRow { kind: Kind::Section, .. }, .. } = known {
            return self.entries.push(Entry::text(path.to_owned(), "true", origin));
        }
        let is_group = matches!(known, Lookup::Group) && table::has_below(&format!("{path}[0]"));
        let mut items = Vec::new();
        for (at, node) in nodes.into_iter().enumerate() {
            let item = format!("{path}[{at}]");
            match node.content {
                Content::Scalar(text) => items.push(text),
                Content::Mapping(children) if is_group && !children.is_empty() => self.mapping(&item, children),
                _ => {
                    let place = Origin::in_file(self.file, node.line, &item);
                    let expected = if is_group { "expected a mapping" } else { "expected text" };
                    return self.findings.mistake(Some(&place), expected);
                }
            }
        }
        if is_group && items.is_empty() {
            return;
        }
        self.entries.push(Entry { path: path.to_owned(), value: Raw::Array(items), origin });
    }
}

/// The earlier key that means the same option. Names that users choose are told apart by case.
fn twin<'s>(seen: &'s [Key], key: &Key, path: &str) -> Option<&'s Key> {
    let is_same = |earlier: &&Key| match table::is_map_entry(path) {
        true => earlier.name == key.name,
        false => earlier.name.eq_ignore_ascii_case(&key.name),
    };
    seen.iter().find(is_same)
}
