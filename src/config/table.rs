//! Every static option there is: name, kind of value, default, one line of help, and what this version does with it.
//!
//! The one source of names and defaults: arguments, environment, file, `--help`, `docs/options.md`, `print-config` and the
//! check all read it, so that a new option is one row and the place that uses it. The rows themselves are in `table/`, one file per part of the tree; names are Traefik's (`http.md` 4, `ingress.md` 1) but for those under
//! `standalone`, `leaderElection`, `workers` and `maxConnections`, which are ours. `<name>` stands for a key of a map,
//! `[n]` for an item of a list of objects.
use super::nearest;
use path::{Capture, Path, Segment, filled, key_of};

mod entry_points;
mod other;
mod path;
mod providers;

pub use path::{ITEM, KEY_SEPARATOR, MAP_KEY, placeholders, with_key};

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionRow {
    /// Dotted path in Traefik's spelling; given names are compared without regard to case.
    pub path: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The value that counts when none is given, in the syntax of `kind`; empty for none.
    pub default: &'static str,
    /// What it is for, and the unit.
    pub help: &'static str,
    /// What this version does with it.
    pub support: Support,
}

/// What the value of an option looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`; bare means `true`.
    Bool,
    /// An object that need not be there. Bare or `true` creates it with its defaults, and so does setting any option
    /// below it; `false` takes it away, whatever is set below.
    Presence,
    /// A whole number within bounds, both included.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// Seconds, or a Go duration. Never negative.
    Duration,
    /// Any text.
    Text,
    /// Text that must not be shown.
    Secret,
    /// Texts separated by commas, or one per `[n]` index.
    List,
    /// One of these words, in any case.
    Enum(&'static [&'static str]),
    /// `[host]:port[/protocol]`.
    Address,
    /// This path and all below it, of which nothing is known but that it exists.
    Section,
}

/// What this version does with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// What its help line says.
    Works,
    /// It is accepted, with a warning that it has no effect yet: nothing is routed or guarded by it.
    Planned(&'static str),
    /// It is accepted without a word: it asks for nothing that we do or could leave undone.
    Ignored(&'static str),
    /// It is refused, because leaving it out in silence could route or expose what must not be. The text, if any,
    /// continues "remove it".
    Refused(&'static str),
    /// It belongs to an older Traefik; the text says what to write today.
    Gone(&'static str),
    /// It is part of Traefik's dynamic configuration, no static option; the text says where it belongs.
    Elsewhere(&'static str),
}

impl OptionRow {
    /// Whether it is an option of today, one to tell people about.
    pub fn is_current(&self) -> bool {
        !matches!(self.support, Support::Gone(_) | Support::Elsewhere(_))
    }

    /// The parts of the path.
    pub fn segments(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.path.split('.')
    }

    /// Whether this is the option of that name; if so, what stands for its placeholders.
    fn captures(&self, path: &Path<'_>) -> Option<Vec<Capture>> {
        let wanted: Vec<&str> = self.segments().collect();
        let length_fits = match self.kind {
            Kind::Section => path.segments.len() >= wanted.len(),
            _ => path.segments.len() == wanted.len(),
        };
        // The index behind a whole list is that of the value, not of the name.
        let index_fits = matches!(self.kind, Kind::List | Kind::Section);
        let mut captures = Vec::new();
        for (at, (wanted, given)) in wanted.iter().zip(&path.segments).enumerate() {
            let is_last = at + 1 == self.segments().count();
            let given = if is_last && index_fits { given.without_index() } else { *given };
            captures.extend(given.meets(wanted)?);
        }
        length_fits.then_some(captures)
    }

    /// Whether something below `path` is an option.
    fn is_below(&self, path: &Path<'_>) -> bool {
        let last = path.segments.len() - 1;
        let leads_on = |(at, (wanted, given)): (usize, (&str, &Segment<'_>))| {
            // A list of objects is a group, too, before one of its items is chosen.
            let wanted = if at == last && given.index.is_none() { wanted.trim_end_matches(ITEM) } else { wanted };
            given.meets(wanted).is_some()
        };
        let more = self.segments().count() > path.segments.len();
        more && self.segments().zip(&path.segments).enumerate().all(leads_on)
    }
}

/// What the table knows about a given name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// An option.
    Option {
        /// Its row.
        row: &'static OptionRow,
        /// What stands for the placeholders of the row: the map key as written, item indexes in five digits, `/` between
        /// several; empty if the row has none.
        key: String,
        /// The list index at its end.
        index: Option<usize>,
    },
    /// No option, but there are options below it.
    Group,
    /// Nothing, and perhaps what was meant, in the table's spelling.
    Unknown,
}

/// All rows, in the order of the help text.
pub fn rows() -> impl Iterator<Item = &'static OptionRow> + Clone {
    entry_points::ROWS.iter().chain(providers::ROWS).chain(other::ROWS)
}

/// The row with exactly this `path` in the table's spelling.
pub fn row(path: &str) -> Option<&'static OptionRow> {
    rows().find(|row| row.path == path)
}

/// Looks a given name up, without regard to case but for map keys.
pub fn lookup(given: &str) -> Lookup {
    let path = Path::parse(given);
    // An option of its own wins over the section around it.
    let found =
        rows().filter_map(|row| Some((row, row.captures(&path)?))).min_by_key(|(row, _)| row.kind == Kind::Section);
    match found {
        Some((row, captures)) => {
            let is_list = matches!(row.kind, Kind::List | Kind::Section);
            let index = path.segments.last().filter(|_| is_list).and_then(|segment| segment.index);
            Lookup::Option { row, key: key_of(captures), index }
        }
        None if rows().any(|row| row.is_below(&path)) => Lookup::Group,
        None => Lookup::Unknown,
    }
}

/// Whether options lie below this name.
pub fn has_below(given: &str) -> bool {
    let path = Path::parse(given);
    rows().any(|row| row.is_below(&path))
}

/// Whether the last part of this name is a key of a map, such as `web` in `entryPoints.web`.
pub fn is_map_entry(given: &str) -> bool {
    let path = Path::parse(given);
    let last = path.segments.len() - 1;
    rows().any(|row| row.segments().nth(last) == Some(MAP_KEY) && row.is_below(&path))
}

/// The known name that was most likely meant, with the given map key in its place.
pub fn suggestion(given: &str) -> Option<String> {
    let path = Path::parse(given);
    let candidates = rows().filter(|row| row.is_current()).map(|row| filled(row.segments(), &path));
    nearest::nearest(&path.names(), candidates)
}

/// The same for the name of a group of options.
pub fn group_suggestion(given: &str) -> Option<String> {
    let path = Path::parse(given);
    let length = path.segments.len();
    let groups = rows().filter(|row| row.is_current() && row.segments().count() > length);
    let candidates = groups.map(|row| filled(row.segments().take(length), &path));
    nearest::nearest(&path.names(), candidates)
}

const fn works(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> OptionRow {
    OptionRow { path, kind, default, help, support: Support::Works }
}

const fn refused(path: &'static str, kind: Kind, default: &'static str, help: &'static str) -> OptionRow {
    OptionRow { path, kind, default, help, support: Support::Refused("") }
}

const fn section(path: &'static str, help: &'static str, instead: &'static str) -> OptionRow {
    OptionRow { path, kind: Kind::Section, default: "", help, support: Support::Refused(instead) }
}

const fn ignored(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
    why: &'static str,
) -> OptionRow {
    OptionRow { path, kind, default, help, support: Support::Ignored(why) }
}

const fn gone(path: &'static str, today: &'static str) -> OptionRow {
    OptionRow { path, kind: Kind::Section, default: "", help: "of an older Traefik", support: Support::Gone(today) }
}

const fn elsewhere(path: &'static str) -> OptionRow {
    const WHERE: &str = "routes are read from Kubernetes objects; put Ingress objects into the cluster or a folder (standalone.manifests)";
    OptionRow {
        path,
        kind: Kind::Section,
        default: "",
        help: "dynamic configuration",
        support: Support::Elsewhere(WHERE),
    }
}

#[cfg(test)]
mod tests;
