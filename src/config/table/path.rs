//! Names of options: taken apart, compared with the paths of the table, and their placeholders filled.

/// The placeholder of a map key in `OptionRow::path`.
pub const MAP_KEY: &str = "<name>";
/// The placeholder of an item behind a list of objects in `OptionRow::path`.
pub const ITEM: &str = "[n]";
/// Between what stands for several placeholders.
pub const KEY_SEPARATOR: &str = "/";

/// What stands for a placeholder.
pub(super) enum Capture {
    Key(String),
    Item(usize),
}

/// One part of a name as given: `domains[0]`.
#[derive(Clone, Copy)]
pub(super) struct Segment<'a> {
    pub(super) name: &'a str,
    pub(super) index: Option<usize>,
}

impl<'a> Segment<'a> {
    fn parse(given: &'a str) -> Self {
        let split = given.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match split.map(|(name, number)| (name, number.parse())) {
            Some((name, Ok(index))) => Self { name, index: Some(index) },
            _ => Self { name: given, index: None },
        }
    }

    pub(super) fn without_index(self) -> Self {
        Self { index: None, ..self }
    }

    /// `None` if it is another part; otherwise what it holds in place of a placeholder, if `wanted` has one.
    pub(super) fn meets(&self, wanted: &str) -> Option<Option<Capture>> {
        if wanted == MAP_KEY {
            let is_key = !self.name.is_empty() && self.index.is_none();
            return is_key.then(|| Some(Capture::Key(self.name.to_owned())));
        }
        let list = wanted.strip_suffix(ITEM);
        let same = list.unwrap_or(wanted).eq_ignore_ascii_case(self.name);
        (same && list.is_some() == self.index.is_some()).then(|| self.index.map(Capture::Item))
    }
}

/// A name as given, taken apart.
pub(super) struct Path<'a> {
    pub(super) segments: Vec<Segment<'a>>,
}

impl<'a> Path<'a> {
    pub(super) fn parse(given: &'a str) -> Self {
        Self { segments: given.split('.').map(Segment::parse).collect() }
    }

    pub(super) fn names(&self) -> String {
        self.segments.iter().map(|segment| segment.name).collect::<Vec<_>>().join(".")
    }
}

/// What stands for the placeholders of a row as one text, `/` between them: no key of a map holds one. Items are in the
/// order of their index.
pub(super) fn key_of(captures: Vec<Capture>) -> String {
    let texts = captures.into_iter().map(|capture| match capture {
        Capture::Key(key) => key,
        Capture::Item(index) => format!("{index:05}"),
    });
    texts.collect::<Vec<_>>().join(KEY_SEPARATOR)
}

/// How many placeholders a path has.
pub fn placeholders(path: &str) -> usize {
    path.split('.').filter(|segment| *segment == MAP_KEY || segment.ends_with(ITEM)).count()
}

/// The path with `key` (of `Lookup::Option`) in place of its placeholders.
pub fn with_key(path: &str, key: &str) -> String {
    let mut parts = key.split(KEY_SEPARATOR);
    let mut next = || parts.next().unwrap_or_default();
    let segments = path.split('.').map(|segment| match segment.strip_suffix(ITEM) {
        Some(list) => format!("{list}[{}]", next().parse::<usize>().unwrap_or_default()),
        None if segment == MAP_KEY => next().to_owned(),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join(".")
}

/// The known name with what `path` has in place of its placeholders.
pub(super) fn filled(segments: impl Iterator<Item = &'static str>, path: &Path<'_>) -> String {
    let given = |at: usize| path.segments.get(at).copied();
    let segments = segments.enumerate().map(|(at, segment)| match segment.strip_suffix(ITEM) {
        Some(list) => {
            given(at).and_then(|given| given.index).map_or(list.to_owned(), |index| format!("{list}[{index}]"))
        }
        None if segment == MAP_KEY => given(at).map_or(segment, |given| given.name).to_owned(),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join(".")
}
