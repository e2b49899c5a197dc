//! Follows the frames of an HTTP/2 client (RFC 9113 4.1) for one number: how many bytes of a block of headers that is not
//! finished there are. hyper holds them where nobody else can see them.

/// Length of the client's preface.
const PREFACE: usize = 24;
const HEADER: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Where in a client's frames the next byte stands.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Bytes of the preface to come.
    preface: usize,
    header: [u8; HEADER],
    /// How much of the header there is.
    read: usize,
    /// Bytes of the payload to come.
    left: usize,
    /// Bytes of the unfinished block.
    block: u64,
}

impl Frames {
    /// Before the first byte.
    pub(crate) fn new() -> Self {
        Self { preface: PREFACE, header: [0; HEADER], read: 0, left: 0, block: 0 }
    }

    /// These bytes have come. How many bytes of an unfinished block of headers there are now.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> u64 {
        while !bytes.is_empty() {
            let wanted = match (self.preface, self.left) {
                (0, 0) => HEADER - self.read,
                (0, left) => left,
                (preface, _) => preface,
            };
            let (some, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            match (self.preface, self.left) {
                (0, 0) => self.pass_header(some),
                (0, _) => self.pass_payload(some.len()),
                _ => self.preface -= some.len(),
            }
        }
        self.block
    }

    fn pass_header(&mut self, some: &[u8]) {
        if let Some(place) = self.header.get_mut(self.read..self.read + some.len()) {
            place.copy_from_slice(some);
        }
        self.read += some.len();
        if self.read == HEADER {
            let [a, b, c, ..] = self.header;
            self.read = 0;
            self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            self.pass_payload(0);
        }
    }

    fn pass_payload(&mut self, count: usize) {
        let [_, _, _, kind, flags, ..] = self.header;
        self.left -= count;
        if !matches!(kind, HEADERS | CONTINUATION) {
            return;
        }
        self.block += u64::try_from(count).unwrap_or(u64::MAX);
        if self.left == 0 && flags & END_HEADERS != 0 {
            self.block = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let [.., a, b, c] = length.to_be_bytes();
        [vec![a, b, c, kind, flags, 0, 0, 0, 1], vec![9; length]].concat()
    }

    #[test]
    fn a_block_counts_until_it_is_finished_however_it_comes() {
        let frames = [
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 0),
            (frame(4, 0, 6), 0),
            (frame(HEADERS, END_HEADERS, 300), 0),
            (frame(0, 0, 5000), 0),
            (frame(HEADERS, 0, 1000), 1000),
            (frame(CONTINUATION, 0, 0), 1000),
            (frame(CONTINUATION, 0, 70_000), 71_000),
            (frame(CONTINUATION, END_HEADERS, 1), 0),
            (frame(8, 0, 4), 0),
        ];
        for size in [1, 2, 7, 9, 1000, usize::MAX] {
            let mut follower = Frames::new();
            for (bytes, want) in &frames {
                let counts: Vec<u64> = bytes.chunks(size.min(bytes.len())).map(|piece| follower.pass(piece)).collect();
                assert_eq!(counts.last(), Some(want), "{size}");
            }
        }
    }

    #[test]
    fn half_a_frame_counts_as_far_as_it_has_come() {
        let mut follower = Frames::new();
        follower.pass(&[0; PREFACE]);
        assert_eq!(follower.pass(&frame(HEADERS, END_HEADERS, 1000)[..509]), 500);
    }
}
