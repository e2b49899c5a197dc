//! Reads a chunked body (RFC 9112 7.1): strictly, and never a byte beyond its end.
//!
//! Sizes have 16 digits at most, lines end with CR and LF, extensions and white space are skipped and limited in all,
//! trailers are limited in bytes and lines.
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Most bytes in all after the sizes of chunks: extensions and white space.
const MAX_EXTENSIONS: usize = 16 * 1024;
/// Most bytes of trailers.
const MAX_TRAILERS: usize = 16 * 1024;
/// Most lines of trailers.
const MAX_TRAILER_LINES: usize = super::MAX_LINES;

/// Where in a body the next byte stands.
#[derive(Debug)]
pub(in crate::proxy) struct Chunked {
    state: State,
    /// Bytes of the present chunk to come.
    left: u64,
    digits: u8,
    extensions: usize,
    trailers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    /// White space after the size: no more digits.
    Space,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// In the trailers, or the empty line after them.
    Trailers,
    End,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Found {
    /// Some of the body.
    Data(Bytes),
    /// All that was there is understood; the body goes on.
    Nothing,
    /// The body is over.
    End(Option<HeaderMap>),
}

/// Why a body is no chunked one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::proxy) enum ChunkError {
    /// A size that is none or too large, or junk after it.
    #[error("bad chunk size")]
    Size,
    /// Another end of line than CR LF.
    #[error("bad end of line in chunked body")]
    Line,
    /// A chunk that is longer than its size.
    #[error("chunk longer than its size")]
    Length,
    /// Too much of what nobody needs.
    #[error("chunk extensions or trailers too long")]
    TooLong,
    /// Trailers that are no headers.
    #[error("bad trailers")]
    Trailers,
}

impl Chunked {
    /// Before the first byte.
    pub(in crate::proxy) fn new() -> Self {
        Self { state: State::Size, left: 0, digits: 0, extensions: 0, trailers: Vec::new() }
    }

    /// Takes the next part of the body off the front of `read`.
    pub(in crate::proxy) fn next(&mut self, read: &mut BytesMut) -> Result<Found, ChunkError> {
        let mut used = 0;
        while self.state != State::Data && self.state != State::End {
            let Some(byte) = read.get(used) else { break };
            self.step(*byte)?;
            used += 1;
        }
        bytes::Buf::advance(read, used);
        match self.state {
            State::End => self.trailers().map(Found::End),
            State::Data if !read.is_empty() => {
                let count = usize::try_from(self.left).map_or(read.len(), |left| left.min(read.len()));
                self.left -= u64::try_from(count).unwrap_or(self.left);
                if self.left == 0 {
                    self.state = State::DataCr;
                }
                Ok(Found::Data(read.split_to(count).freeze()))
            }
            _ => Ok(Found::Nothing),
        }
    }

    fn step(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.state = match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (State::Size, _) if self.digits == 0 => return Err(ChunkError::Size),
            (State::Size | State::Space, b' ' | b'\t') => self.skipped(State::Space)?,
            (State::Size | State::Space, b';') => self.skipped(State::Extension)?,
            (State::Size | State::Space | State::Extension, b'\r') => State::SizeLf,
            (State::Size | State::Space, _) => return Err(ChunkError::Size),
            (State::Extension, b'\n') => return Err(ChunkError::Line),
            (State::Extension, _) => self.skipped(State::Extension)?,
            (State::SizeLf, b'\n') if self.left == 0 => State::Trailers,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataCr, _) => return Err(ChunkError::Length),
            (State::DataLf, b'\n') => {
                self.digits = 0;
                State::Size
            }
            (State::SizeLf | State::DataLf, _) => return Err(ChunkError::Line),
            (State::Trailers, _) => self.trailer(byte)?,
            (State::Data | State::End, _) => self.state,
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<State, ChunkError> {
        let value = char::from(byte).to_digit(16).ok_or(ChunkError::Size)?;
        self.digits += 1;
        if self.digits > 16 {
            return Err(ChunkError::Size);
        }
        self.left = (self.left << 4) | u64::from(value);
        Ok(State::Size)
    }

    fn skipped(&mut self, state: State) -> Result<State, ChunkError> {
        self.extensions += 1;
        if self.extensions > MAX_EXTENSIONS { Err(ChunkError::TooLong) } else { Ok(state) }
    }

    fn trailer(&mut self, byte: u8) -> Result<State, ChunkError> {
        let last = self.trailers.last().copied();
        if (byte == b'\n') != (last == Some(b'\r')) {
            return Err(ChunkError::Line);
        }
        self.trailers.push(byte);
        if self.trailers.len() > MAX_TRAILERS {
            return Err(ChunkError::TooLong);
        }
        // The empty line is the second CR LF in a row, or the first one if there are no trailers.
        let over = byte == b'\n' && (self.trailers.len() == 2 || self.trailers.ends_with(b"\r\n\r\n"));
        Ok(if over { State::End } else { State::Trailers })
    }

    fn trailers(&mut self) -> Result<Option<HeaderMap>, ChunkError> {
        let bytes = std::mem::take(&mut self.trailers);
        if bytes.len() <= 2 {
            return Ok(None);
        }
        let mut lines = [httparse::EMPTY_HEADER; MAX_TRAILER_LINES];
        let Ok(httparse::Status::Complete((_, lines))) = httparse::parse_headers(&bytes, &mut lines) else {
            return Err(ChunkError::Trailers);
        };
        let mut trailers = HeaderMap::with_capacity(lines.len());
        for line in lines {
            let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| ChunkError::Trailers)?;
            trailers.append(name, HeaderValue::from_bytes(line.value).map_err(|_| ChunkError::Trailers)?);
        }
        Ok(Some(trailers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Body, trailers and what is left over.
    type Decoded = (Vec<u8>, Vec<String>, Vec<u8>);
    type Case<'a> = (&'a [u8], &'a [u8], &'a [&'a str], &'a [u8]);

    /// What the bytes say, with the bytes coming in pieces of these sizes, again and again.
    fn decode(bytes: &[u8], pieces: &[usize]) -> Result<Decoded, Option<ChunkError>> {
        let (mut chunked, mut read, mut body) = (Chunked::new(), BytesMut::new(), Vec::new());
        let mut rest = bytes;
        let mut sizes = pieces.iter().cycle();
        loop {
            match chunked.next(&mut read).map_err(Some)? {
                Found::Data(data) => body.extend(data),
                Found::End(trailers) => {
                    let trailers = trailers.unwrap_or_default();
                    let lines = trailers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
                    return Ok((body, lines.collect(), [&read, rest].concat()));
                }
                Found::Nothing => {
                    assert!(read.is_empty());
                    let (piece, more) =
                        rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len().max(1)).min(rest.len()));
                    if piece.is_empty() {
                        return Err(None);
                    }
                    read.extend_from_slice(piece);
                    rest = more;
                }
            }
        }
    }

    #[test]
    fn bodies_are_read_to_their_end_and_no_further() {
        let cases: [Case<'_>; 8] = [
            (b"0\r\n\r\n", b"", &[], b""),
            (b"3\r\nabc\r\n0\r\n\r\nHTTP/1.1", b"abc", &[], b"HTTP/1.1"),
            (b"a\r\n0123456789\r\n00\r\n\r\n\r\n", b"0123456789", &[], b"\r\n"),
            (b"1;x=\"y\";z\r\na\r\n2 \t;n\r\nbc\r\n0;e\r\n\r\n", b"abc", &[], b""),
            (b"0000000000000001\r\na\r\n0\r\n\r\n", b"a", &[], b""),
            (b"1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", b"abcdefghijklmnopqrstuvwxyz", &[], b""),
            (b"1\r\na\r\n0\r\nx-a: 1\r\nX-B: 2 3\r\n\r\nx", b"a", &["x-a: 1", "x-b: 2 3"], b"x"),
            (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", &[], b""),
        ];
        for (bytes, body, trailers, left) in cases {
            for pieces in [&[1][..], &[2], &[3, 1], &[usize::MAX]] {
                let (got, lines, rest) = decode(bytes, pieces).unwrap();
                let name = String::from_utf8_lossy(bytes);
                assert_eq!((got.as_slice(), rest.as_slice()), (body, left), "{name}");
                assert_eq!(lines, trailers, "{name}");
            }
        }
    }

    #[test]
    fn broken_bodies_are_refused() {
        let cases: [(&[u8], ChunkError); 17] = [
            (b"\r\n", ChunkError::Size),
            (b"g\r\n", ChunkError::Size),
            (b"-1\r\n", ChunkError::Size),
            (b"+1\r\n", ChunkError::Size),
            (b" 1\r\n", ChunkError::Size),
            (b"0x1\r\n", ChunkError::Size),
            (b"1 1\r\n", ChunkError::Size),
            (b"1\n", ChunkError::Size),
            (b"00000000000000001\r\n", ChunkError::Size),
            (b"10000000000000000\r\n", ChunkError::Size),
            (b"1\ra", ChunkError::Line),
            (b"1;a\nb", ChunkError::Line),
            (b"1\r\nab", ChunkError::Length),
            (b"1\r\na\rb", ChunkError::Line),
            (b"0\r\nx: 1\n\r\n", ChunkError::Line),
            (b"0\r\n\rx", ChunkError::Line),
            (b"0\r\nx y: 1\r\n\r\n", ChunkError::Trailers),
        ];
        for (bytes, want) in cases {
            for pieces in [&[1][..], &[usize::MAX]] {
                assert_eq!(decode(bytes, pieces), Err(Some(want)), "{}", String::from_utf8_lossy(bytes));
            }
        }
        assert_eq!(decode(b"ffffffffffffffff\r\nabc", &[1]), Err(None), "the largest size is only long");
    }

    #[test]
    fn what_nobody_needs_is_limited() {
        let extensions = "1;x\r\na\r\n".repeat(MAX_EXTENSIONS / 2);
        assert!(decode(extensions.as_bytes(), &[4096]) == Err(None));
        assert_eq!(decode(format!("{extensions}1;\r\n").as_bytes(), &[4096]), Err(Some(ChunkError::TooLong)));
        let spaces = format!("1{}", " ".repeat(MAX_EXTENSIONS + 1));
        assert_eq!(decode(spaces.as_bytes(), &[4096]), Err(Some(ChunkError::TooLong)));
        let trailers = format!("0\r\nx: {}\r\n\r\n", "y".repeat(MAX_TRAILERS));
        assert_eq!(decode(trailers.as_bytes(), &[4096]), Err(Some(ChunkError::TooLong)));
        let lines = format!("0\r\n{}\r\n", "x: 1\r\n".repeat(MAX_TRAILER_LINES + 1));
        assert_eq!(decode(lines.as_bytes(), &[4096]), Err(Some(ChunkError::Trailers)));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_pieces_a_body_comes(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            pieces in prop::collection::vec(1_usize..20, 1..8),
            left in prop::collection::vec(any::<u8>(), 0..10),
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                crate::proxy::h1::chunks::chunk_size(chunk.len(), &mut bytes);
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\nx-a: b\r\n\r\n");
            bytes.extend_from_slice(&left);
            let (body, trailers, rest) = decode(&bytes, &pieces).unwrap();
            prop_assert_eq!(body, chunks.concat());
            prop_assert_eq!(trailers, ["x-a: b"]);
            prop_assert_eq!(rest, left);
        }

        #[test]
        fn no_bytes_whatever_are_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&bytes, &[1]).is_ok(), decode(&bytes, &[usize::MAX]).is_ok());
        }
    }
}
