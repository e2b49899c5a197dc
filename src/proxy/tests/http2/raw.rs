//! A client of HTTP/2 that sends whatever frames it is told to, and reads what comes back frame by frame.
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const PRIORITIZED: u8 = 0x20;

/// Error codes (RFC 9113 7).
pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const ENHANCE_YOUR_CALM: u32 = 11;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { kind, flags, stream, payload: payload.into() }
}

impl Frame {
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes()].concat();
        [head.as_slice(), &self.payload].concat()
    }

    /// The number at this place of the payload.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A header without any compression (RFC 7541 6.2.2).
pub fn header(name: &str, value: &str) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// A text with its length, which may be up to 16 kB (RFC 7541 5.1 and 5.2).
fn text(text: &str) -> Vec<u8> {
    let mut bytes = match text.len().checked_sub(127) {
        None => vec![text.len() as u8],
        Some(more) => vec![127, (more % 128) as u8 | 0x80, (more / 128) as u8],
    };
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A block of these headers.
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// The pseudo-headers of a usual request.
pub const USUAL: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test")];

/// A GET without body.
pub fn get(stream: u32) -> Frame {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&USUAL))
}

/// A GET of this path.
pub fn get_path(stream: u32, path: &str) -> Frame {
    let mut headers = USUAL;
    headers[2].1 = path;
    frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&headers))
}

/// A POST whose body follows.
pub fn post(stream: u32) -> Frame {
    let mut headers = USUAL;
    headers[0].1 = "POST";
    frame(HEADERS, END_HEADERS, stream, block(&headers))
}

pub fn setting(number: u16, value: u32) -> Vec<u8> {
    [&number.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

pub fn window(stream: u32, more: u32) -> Frame {
    frame(WINDOW_UPDATE, 0, stream, more.to_be_bytes())
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered with this status.
    Answered(u16),
    /// It was reset with this error.
    Reset(u32),
    /// The connection was ended with this error.
    GoneAway(u32),
    /// The connection was closed without a word.
    Closed,
}

pub struct Raw {
    pub tcp: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    /// Connects and says nothing.
    pub async fn silent(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self { tcp, buffer: Vec::new() }
    }

    /// Connects, and says the preface with these settings.
    pub async fn with(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut raw = Self::silent(address).await;
        let settings: Vec<u8> = settings.iter().flat_map(|(number, value)| setting(*number, *value)).collect();
        raw.send_bytes(&[PREFACE, &frame(SETTINGS, 0, 0, settings).to_bytes()].concat()).await;
        raw
    }

    pub async fn open(address: SocketAddr) -> Self {
        Self::with(address, &[]).await
    }

    /// Sends frames in one piece. That the other side has closed shows when reading.
    pub async fn send(&mut self, frames: &[Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
        self.send_bytes(&bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).await.ok();
    }

    /// The next frame; `None` when the connection is closed. Settings and pings are acknowledged.
    pub async fn next(&mut self) -> Option<Frame> {
        let length = loop {
            if let [a, b, c, _, _, _, _, _, _, rest @ ..] = self.buffer.as_slice() {
                let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
                if rest.len() >= length {
                    break length;
                }
            }
            if self.tcp.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        };
        let bytes: Vec<u8> = self.buffer.drain(..9 + length).collect();
        let frame = Frame {
            kind: bytes[3],
            flags: bytes[4],
            stream: u32::from_be_bytes(bytes[5..9].try_into().unwrap()),
            payload: bytes[9..].to_vec(),
        };
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            self.send(&[self::frame(SETTINGS, ACK, 0, [])]).await;
        }
        if frame.kind == PING && frame.flags & ACK == 0 {
            self.send(&[self::frame(PING, ACK, 0, frame.payload.clone())]).await;
        }
        Some(frame)
    }

    /// The next frame for which `wanted` holds.
    pub async fn find(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if wanted(&frame) {
                return Some(frame);
            }
        }
    }

    /// What becomes of `stream`.
    pub async fn outcome(&mut self, stream: u32) -> Outcome {
        let decides = |frame: &Frame| match frame.kind {
            GOAWAY => frame.number(4) != NO_ERROR,
            HEADERS | RST_STREAM => frame.stream == stream,
            _ => false,
        };
        match self.find(decides).await {
            None => Outcome::Closed,
            Some(frame) if frame.kind == GOAWAY => Outcome::GoneAway(frame.number(4)),
            Some(frame) if frame.kind == RST_STREAM => Outcome::Reset(frame.number(0)),
            Some(frame) => Outcome::Answered(status(&frame.payload)),
        }
    }

    /// All data of `stream`, to its end.
    pub async fn body(&mut self, stream: u32) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let data = self.find(|frame| frame.kind == DATA && frame.stream == stream).await.expect("data");
            body.extend_from_slice(&data.payload);
            if data.flags & END_STREAM != 0 {
                return body;
            }
        }
    }

    /// Whether the connection still serves.
    pub async fn serves(&mut self, stream: u32) -> bool {
        self.send(&[get(stream)]).await;
        self.outcome(stream).await == Outcome::Answered(200)
    }
}

/// The status at the beginning of an answer's block of headers, where h2 puts it (RFC 7541, appendices A and B).
fn status(block: &[u8]) -> u16 {
    const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => STATIC[usize::from(index - 0x88)],
        // A literal under the name `:status`, in Huffman's code or not.
        [0x08 | 0x48, length, digits @ ..] if length & 0x80 != 0 => huffman(&digits[..usize::from(length & 0x7f)]),
        [0x08 | 0x48, 3, digits @ ..] => std::str::from_utf8(&digits[..3]).unwrap().parse().unwrap(),
        other => panic!("no status in {other:02x?}"),
    }
}

/// Three digits: 0 to 2 have five bits, the others six.
fn huffman(bytes: &[u8]) -> u16 {
    let bits = bytes.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
    let (mut left, mut number) = (bytes.len() * 8, 0u32);
    for _ in 0..3 {
        let five = bits >> (left - 5) & 0x1f;
        if five < 3 {
            left -= 5;
            number = number * 10 + five;
        } else {
            left -= 6;
            number = number * 10 + (bits >> left & 0x3f) - 0x19 + 3;
        }
    }
    u16::try_from(number).unwrap()
}
