//! Follows the frames of a WebSocket (RFC 6455 5.2) that pass by, in one direction: where one ends another may be put in.
//!
//! Nothing is unpacked and nothing kept but the header that is being read. What is no WebSocket after all is followed into
//! nonsense, which harms nobody but who sends it.

/// Where in the frames of one direction the next byte stands.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; 14],
    /// How much of the header there is; 0 between two frames.
    read: usize,
    /// Bytes of the payload to come.
    left: u64,
    closed: bool,
}

impl Frames {
    const CLOSE: u8 = 8;

    /// Before the first frame.
    pub(super) fn new() -> Self {
        Self { header: [0; 14], read: 0, left: 0, closed: false }
    }

    /// Whether another frame may stand here.
    pub(super) fn is_between(&self) -> bool {
        self.read == 0 && self.left == 0
    }

    /// Whether a close frame has passed: this direction has said all it has to say.
    pub(super) fn has_closed(&self) -> bool {
        self.closed && self.is_between()
    }

    /// How many of these next bytes belong to the present frame.
    pub(super) fn present(&self, bytes: &[u8]) -> usize {
        let mut ahead = Self { header: self.header, ..*self };
        for (count, _) in bytes.iter().enumerate() {
            if ahead.is_between() {
                return count;
            }
            if ahead.left > 0 {
                let rest = u64::try_from(bytes.len() - count).unwrap_or(u64::MAX);
                return count + usize::try_from(ahead.left.min(rest)).unwrap_or(usize::MAX);
            }
            ahead.pass(bytes.get(count..=count).unwrap_or_default());
        }
        bytes.len()
    }

    /// These bytes have passed.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= u64::try_from(count).unwrap_or(self.left);
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            bytes = rest;
            if let Some(place) = self.header.get_mut(self.read) {
                *place = *first;
            }
            self.read += 1;
            if self.read >= 2 && self.read == self.length() {
                self.left = self.payload();
                self.closed |= self.header[0] & 15 == Self::CLOSE;
                self.read = 0;
            }
        }
    }

    /// Bytes of the header, of which at least two are there.
    fn length(&self) -> usize {
        let [_, second, ..] = self.header;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        mask + match second & 0x7f {
            126 => 4,
            127 => 10,
            _ => 2,
        }
    }

    fn payload(&self) -> u64 {
        let [_, second, a, b, c, d, e, f, g, h, ..] = self.header;
        match second & 0x7f {
            126 => u64::from(u16::from_be_bytes([a, b])),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => u64::from(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(mask | length as u8),
            126..65_536 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(&[0xff; 4][..if masked { 4 } else { 0 }]);
        // 0x88 in a payload is no close frame.
        frame.extend(vec![0x88; length]);
        frame
    }

    proptest! {
        #[test]
        fn the_ends_of_frames_are_found_however_they_come(
            frames in prop::collection::vec((prop::sample::select(vec![0_u8, 1, 2, 9, 10]), any::<bool>(),
                prop::sample::select(vec![0_usize, 1, 125, 126, 127, 500, 65_535, 65_536, 70_000])), 1..6),
            sizes in prop::collection::vec(1_usize..4000, 1..50),
        ) {
            let frames: Vec<Vec<u8>> = frames.into_iter().map(|(opcode, masked, length)| frame(opcode, masked, length)).collect();
            let ends: Vec<usize> = frames.iter().scan(0, |sum, frame| { *sum += frame.len(); Some(*sum) }).collect();
            let all = frames.concat();
            let (mut follower, mut at) = (Frames::new(), 0);
            for size in sizes.iter().cycle() {
                let piece = &all[at..(at + size).min(all.len())];
                let end = ends.iter().find(|end| **end > at).copied().unwrap_or(at);
                let between = at == 0 || ends.contains(&at);
                prop_assert_eq!(follower.is_between(), between);
                if !between {
                    prop_assert_eq!(follower.present(piece), piece.len().min(end - at));
                }
                follower.pass(piece);
                at += piece.len();
                prop_assert!(!follower.has_closed());
                if at == all.len() {
                    break;
                }
            }
            prop_assert!(follower.is_between());
            follower.pass(&frame(8, false, 2));
            prop_assert!(follower.has_closed());
        }
    }
}
