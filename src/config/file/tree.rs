//! What a configuration file says, whatever its format: nested values with the lines that they are in.

/// The keys of a mapping and their values, in the order of the file if the format has one.
pub(super) type Children = Vec<(Key, Node)>;

/// A key, and the line it is in (from 1; 0 if unknown).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) line: usize,
}

/// A value, and the line it begins in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Nothing stands there, or `null`.
    Nothing,
    /// Text, or a number or boolean as text: what it must be is for the table to say.
    Scalar(String),
    /// A value of a kind that no option has, such as a date.
    Foreign(&'static str),
    List(Vec<Node>),
    Mapping(Children),
}
