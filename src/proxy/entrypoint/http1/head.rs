//! Reads the head of a request, and what it says about the body (RFC 9112 6.3) and the connection (9.3).
//!
//! What the reference serves is served (spec/http.md 1.13): folded lines, `HTTP/1.2`, raw bytes in targets are brought
//! into the form that everybody behind us reads alike. What decides where a request ends is not guessed at: lengths that
//! differ or are no numbers, and codings other than one `chunked`, are refused.
use super::refusal::Refusal;
use crate::proxy::h1::MAX_LINES;
use crate::proxy::h1::lines::{self, Keep, Line, Place, cut, digits, place};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use smallvec::SmallVec;
use std::mem::MaybeUninit;

/// Longest target; `http::Uri` can hold no more.
const MAX_TARGET: usize = 65_534;

/// What can be mended in a head: its version and its folds.
const FAULTS: u8 = 2;

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) target: RawTarget,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) length: Length,
    pub(super) keep: Keep,
    pub(super) expects: Expects,
}

/// How long the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes; 0 where there is none.
    Bytes(u64),
    /// The chunks say.
    Chunked,
}

/// Whether the client waits to be told before it sends the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expects {
    Continue,
    Nothing,
}

/// What cannot be seen of a target any more once it is a [`Uri`]. Travels with the request as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawTarget {
    /// Nothing.
    Plain,
    /// Its path holds a `#`, or it is a URL of another kind (`http:x`): refused with an empty body (spec/http.md 1.1 step 6
    /// and 1.13).
    Odd,
}

/// Where a head may be.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is made; a box would cost an allocation")]
pub(super) enum Parsed {
    /// It is not all there.
    Partial,
    /// Here.
    Whole(Head),
}

/// Takes the head of a request, of `limit` bytes at most, off the front of `read`. Its headers go into the memory of
/// `spare`, which is cleared.
pub(super) fn parse(read: &mut BytesMut, spare: &mut HeaderMap, limit: usize) -> Result<Parsed, Refusal> {
    let mut mended = 0;
    loop {
        match parse_plain(read, spare, limit) {
            Ok(parsed) => return Ok(parsed),
            Err(Broken::Refused(refusal)) => return Err(refusal),
            // The rare ones: mended where they can be, each fault once, and looked at once more.
            Err(Broken::Parser(error)) => match mend(read, error) {
                Mended::Yes if mended < FAULTS => mended += 1,
                Mended::NotYet => return Ok(Parsed::Partial),
                Mended::Yes | Mended::No => return Err(Refusal::of(error, read)),
            },
        }
    }
}

enum Broken {
    Parser(httparse::Error),
    Refused(Refusal),
}

impl From<Refusal> for Broken {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn parse_plain(read: &mut BytesMut, spare: &mut HeaderMap, limit: usize) -> Result<Parsed, Broken> {
    let mut lines: SmallVec<[Line; 24]> = SmallVec::new();
    let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut request = httparse::Request::new(&mut []);
    let config = httparse::ParserConfig::default();
    let length = match config.parse_request_with_uninit_headers(&mut request, read, &mut room) {
        Ok(httparse::Status::Complete(length)) if length > limit => return Err(Refusal::TOO_LARGE.into()),
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(error) => return Err(Broken::Parser(error)),
    };
    let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes()).map_err(|_| Refusal::BAD_REQUEST)?;
    let target = place(read, request.path.unwrap_or_default().as_bytes());
    let version = if request.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    lines.extend(request.headers.iter().map(|line| (place(read, line.name.as_bytes()), place(read, line.value))));
    let bytes = read.split_to(length).freeze();
    let (uri, target) = target_of(&bytes, &target, &method)?;
    let mut headers = std::mem::take(spare);
    headers.clear();
    let mut facts = Facts::default();
    for (name, value) in &lines {
        let name = HeaderName::from_bytes(cut(&bytes, name)).map_err(|_| Refusal::BAD_REQUEST)?;
        let value = lines::value(&bytes, value).ok_or(Refusal::BAD_REQUEST)?;
        facts.note(&name, &value);
        headers.append(name, value);
    }
    let length = facts.length(version, &mut headers)?;
    let keep = facts.keep(version);
    let waits = facts.expects_continue && version == Version::HTTP_11 && length != Length::Bytes(0);
    let expects = if waits { Expects::Continue } else { Expects::Nothing };
    Ok(Parsed::Whole(Head { method, uri, target, version, headers, length, keep, expects }))
}

fn target_of(bytes: &Bytes, place: &Place, method: &Method) -> Result<(Uri, RawTarget), Refusal> {
    let raw = cut(bytes, place);
    if raw.len() > MAX_TARGET {
        return Err(Refusal::URI_TOO_LONG);
    }
    let usual = match raw {
        [b'/', ..] | b"*" => true,
        _ => *method == Method::CONNECT || after_scheme(raw).is_some_and(|rest| rest.starts_with(b"//")),
    };
    if usual
        && !raw.contains(&b'#')
        && let Ok(uri) = Uri::from_maybe_shared(bytes.slice_ref(raw))
    {
        return Ok((uri, RawTarget::Plain));
    }
    odd_target(raw, method)
}

/// A target that `http::Uri` does not take, or would not take whole.
fn odd_target(raw: &[u8], method: &Method) -> Result<(Uri, RawTarget), Refusal> {
    if *method == Method::CONNECT {
        return Err(Refusal::BAD_REQUEST);
    }
    let (before, query) = match raw.iter().position(|byte| *byte == b'?') {
        Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at..).unwrap_or_default()),
        None => (raw, &b""[..]),
    };
    let (authority, path) = match before {
        [b'/', ..] => (None, before),
        _ => {
            let rest = after_scheme(before).ok_or(Refusal::BAD_REQUEST)?;
            match rest {
                [b'/', b'/', named @ ..] => {
                    let end = named.iter().position(|byte| *byte == b'/').unwrap_or(named.len());
                    (Some(named.get(..end).unwrap_or_default()), named.get(end..).unwrap_or_default())
                }
                [b'/', ..] => (None, rest),
                _ => return Ok((Uri::from_static("/"), RawTarget::Odd)),
            }
        }
    };
    if authority.is_some_and(|authority| authority.contains(&b'#')) {
        return Err(Refusal::BAD_REQUEST);
    }
    let target = if path.contains(&b'#') { RawTarget::Odd } else { RawTarget::Plain };
    let mut text = Vec::with_capacity(raw.len() + 16);
    if let Some(authority) = authority.filter(|authority| !authority.is_empty()) {
        text.extend_from_slice(b"http://");
        text.extend_from_slice(authority);
    }
    if path.is_empty() {
        text.push(b'/');
    }
    escape_into(path, b"\"<>`#", &mut text);
    escape_into(query, b"\"<>#", &mut text);
    let uri = Uri::from_maybe_shared(Bytes::from(text)).map_err(|_| Refusal::BAD_REQUEST)?;
    Ok((uri, target))
}

/// What follows `scheme:`.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let (first, others) = scheme.split_first()?;
    let good =
        first.is_ascii_alphabetic() && others.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if good { rest.get(1..) } else { None }
}

/// Appends `part` with those bytes in their escaped form that `http::Uri` does not take; servers read both alike.
fn escape_into(part: &[u8], special: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in part {
        if *byte >= 0x7f || special.contains(byte) {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            out.push(*byte);
        }
    }
}

/// Whether a head was mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mended {
    Yes,
    /// The rest of it has to come first.
    NotYet,
    No,
}

/// Mends what the parser stumbled over, if the reference takes it: folded lines, and other versions of HTTP/1.
fn mend(read: &mut BytesMut, error: httparse::Error) -> Mended {
    match error {
        httparse::Error::Version => mend_version(read),
        httparse::Error::HeaderName => unfold(read),
        _ => Mended::No,
    }
}

/// Makes `HTTP/1.2` to `HTTP/1.9` in the request line `HTTP/1.1`, which says as much (RFC 9110 2.5).
fn mend_version(read: &mut BytesMut) -> Mended {
    let begin = read.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let Some(end) = read.iter().skip(begin).position(|byte| matches!(byte, b'\r' | b'\n')) else { return Mended::No };
    let Some(line) = read.get_mut(begin..begin + end) else { return Mended::No };
    let blanks = line.iter().filter(|byte| **byte == b' ').count();
    match line {
        [.., b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9'] if blanks == 2 => {
            *minor = b'1';
            Mended::Yes
        }
        _ => Mended::No,
    }
}

/// Joins folded header lines with one blank (RFC 9112 5.2). Not one right after the request line, which continues nothing.
fn unfold(read: &mut BytesMut) -> Mended {
    let begin = read.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let end = end_of_head(read, begin);
    let head = read.get(begin..end.unwrap_or(read.len())).unwrap_or_default();
    let is_folded = |line: &[u8]| matches!(line, [b' ' | b'\t', ..]);
    if !head.split_inclusive(|byte| *byte == b'\n').skip(2).any(is_folded) {
        return Mended::No;
    }
    let Some(end) = end else { return Mended::NotYet };
    let mut plain = BytesMut::with_capacity(read.len());
    // Only ends of lines, blanks and tabs go: whatever else stands there is the parser's to refuse.
    let mut before = 0;
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let text = line.strip_suffix(b"\r\n").or(line.strip_suffix(b"\n")).unwrap_or(line);
        if number > 1 && is_folded(line) {
            let blanks = plain.iter().take(before).rev().take_while(|byte| is_blank(byte)).count();
            plain.truncate(before - blanks);
            plain.extend_from_slice(b" ");
            plain.extend_from_slice(without_blanks(text));
            before = plain.len();
            plain.extend_from_slice(b"\r\n");
        } else {
            before = plain.len() + text.len();
            plain.extend_from_slice(line);
        }
    }
    plain.extend_from_slice(read.get(end..).unwrap_or_default());
    *read = plain;
    Mended::Yes
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(last)
    {
        text = rest;
    }
    text
}

/// Where the head that begins at `begin` ends, the empty line included.
fn end_of_head(read: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    for line in read.get(begin..)?.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(at);
        }
    }
    None
}

/// What the headers say that decides where the request ends and what becomes of the connection.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    /// How many lines named a length.
    lengths: usize,
    /// A length that is none, or another one than before.
    bad_length: bool,
    codings: usize,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Facts {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            CONTENT_LENGTH => {
                let length = digits(value.as_bytes());
                self.bad_length |= length.is_none() || self.length.is_some_and(|before| Some(before) != length);
                self.length = length;
                self.lengths += 1;
            }
            TRANSFER_ENCODING => {
                self.codings += 1;
                self.chunked = value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            CONNECTION => {
                for token in tokens(value) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            EXPECT => self.expects_continue |= tokens(value).any(|token| token.eq_ignore_ascii_case(b"100-continue")),
            _ => {}
        }
    }

    /// How long the body is. Of lines that say the same one is left.
    fn length(&self, version: Version, headers: &mut HeaderMap) -> Result<Length, Refusal> {
        let codings = if version == Version::HTTP_11 { self.codings } else { 0 };
        if self.codings > 0 && codings == 0 {
            headers.remove(TRANSFER_ENCODING);
        }
        match codings {
            0 => {}
            1 if self.chunked => {
                if self.lengths > 0 {
                    headers.remove(CONTENT_LENGTH);
                }
                return Ok(Length::Chunked);
            }
            _ => return Err(Refusal::ENCODING),
        }
        if self.bad_length {
            return Err(Refusal::BAD_REQUEST);
        }
        let length = self.length.unwrap_or(0);
        if self.lengths > 1 {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Ok(Length::Bytes(length))
    }

    fn keep(&self, version: Version) -> Keep {
        let keep = !self.close && (version == Version::HTTP_11 || self.keep_alive);
        // Two ways to say where a request ends: others may choose the other one (RFC 9112 6.1).
        let honest = self.codings == 0 || self.lengths == 0 && version == Version::HTTP_11;
        if keep && honest { Keep::Open } else { Keep::Close }
    }
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests;
