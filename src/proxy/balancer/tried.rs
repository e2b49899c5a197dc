//! Which servers one request was already sent to in vain.
//!
//! Lives on the stack of the request: no allocation, and a fixed room, so that a request cannot go round forever in a
//! service of which every endpoint is dead.

/// Positions of the servers a request was tried on. At most [`Tried::ROOM`]; once full, nothing more is picked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    len: u8,
    indexes: [u32; Tried::ROOM],
}

impl Tried {
    /// How many servers one request is tried on at most.
    pub const ROOM: usize = 16;

    /// None yet.
    pub const fn new() -> Self {
        Self { len: 0, indexes: [0; Self::ROOM] }
    }

    /// Notes that the server at `index` was tried. Beyond [`Tried::ROOM`] this has no effect.
    pub fn insert(&mut self, index: usize) {
        let Ok(number) = u32::try_from(index) else { return };
        if self.contains(index) {
            return;
        }
        if let Some(place) = self.indexes.get_mut(usize::from(self.len)) {
            *place = number;
            self.len += 1;
        }
    }

    /// Whether the server at `index` was tried.
    pub fn contains(&self, index: usize) -> bool {
        self.as_slice().iter().any(|tried| *tried as usize == index)
    }

    /// Whether no server was tried.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        usize::from(self.len) == Self::ROOM
    }

    fn as_slice(&self) -> &[u32] {
        self.indexes.get(..usize::from(self.len)).unwrap_or_default()
    }
}
