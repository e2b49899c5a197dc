//! Reads the head of an answer, and what it says about the body (RFC 9112 6.3) and the connection (9.3).
//!
//! Old servers are no reason for a 500: white space after a name, folded lines and another end of line are understood, a
//! line that is no header is left out. What decides where the answer ends is not guessed at: lengths that differ or are no
//! numbers, and codings other than one `chunked`, are errors.
use crate::proxy::h1::MAX_LINES;
use crate::proxy::h1::lines::{self, Keep, Line, Place, digits, place};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::ext::ReasonPhrase;
use smallvec::SmallVec;
use std::mem::MaybeUninit;

/// Most bytes of a head, as for HTTP/2.
pub(super) const MAX_HEAD: usize = 1024 * 1024;

/// The head of an answer.
#[derive(Debug)]
pub(in crate::proxy) struct Head {
    /// Its status; 1xx is 101.
    pub(in crate::proxy) status: StatusCode,
    /// What the server says instead of the status's usual words.
    pub(in crate::proxy) reason: Option<ReasonPhrase>,
    /// Its headers, as they came.
    pub(in crate::proxy) headers: HeaderMap,
    /// How long its body is.
    pub(super) length: Length,
    /// Whether the server keeps the connection.
    pub(super) keep: Keep,
}

/// How long the body of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes; 0 also where there can be no body.
    Bytes(u64),
    /// The chunks say.
    Chunked,
    /// The server says by closing the connection.
    UntilClose,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::proxy) enum HeadError {
    /// No HTTP, or too many lines.
    #[error("bad answer head")]
    Parse(#[source] httparse::Error),
    /// A status below 100.
    #[error("bad status")]
    Status,
    /// A header that is none although the parser let it through.
    #[error("bad header")]
    Header,
    /// Lengths that are no numbers or differ.
    #[error("bad content length")]
    Length,
    /// A coding we do not understand, or one of an old server.
    #[error("bad transfer coding")]
    Coding,
    /// More bytes or more interim answers than any server needs.
    #[error("answer head too long")]
    TooLong,
}

/// Where a head may be.
pub(super) enum Parsed {
    /// It is not all there.
    Partial,
    /// An interim answer (1xx), with its headers.
    Interim(StatusCode, HeaderMap),
    /// Here.
    Whole(Head),
}

/// Takes the head of the answer to a `method` request off the front of `read`. Its headers go into the memory of `spare`,
/// which is cleared; if there is no whole head, it stays as it is.
pub(super) fn parse(read: &mut BytesMut, method: &Method, spare: &mut HeaderMap) -> Result<Parsed, HeadError> {
    let mut lines: SmallVec<[Line; 24]> = SmallVec::new();
    let mut room = [const { MaybeUninit::uninit() }; MAX_LINES];
    let mut answer = httparse::Response::new(&mut []);
    let length = match lenient().parse_response_with_uninit_headers(&mut answer, read, &mut room) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(error) => return Err(HeadError::Parse(error)),
    };
    let status = StatusCode::from_u16(answer.code.unwrap_or_default()).map_err(|_| HeadError::Status)?;
    let reason = answer.reason.filter(|reason| Some(*reason) != status.canonical_reason());
    let reason = reason.and_then(|reason| ReasonPhrase::try_from(reason.as_bytes()).ok());
    let modern = answer.version == Some(1);
    lines.extend(answer.headers.iter().map(|line| (place(read, line.name.as_bytes()), place(read, line.value))));
    let bytes = read.split_to(length).freeze();
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        // The final answer is still to come for the request that `spare` belongs to.
        let headers = lines.iter().map(|(name, value)| line_at(&bytes, name, value)).collect::<Result<_, _>>()?;
        return Ok(Parsed::Interim(status, headers));
    }
    let mut headers = std::mem::take(spare);
    headers.clear();
    headers.reserve(lines.len());
    let mut facts = Facts::default();
    for (name, value) in &lines {
        let (name, value) = line_at(&bytes, name, value)?;
        facts.note(&name, &value);
        headers.append(name, value);
    }
    // Whoever reads the answer after us must not have to choose.
    match facts.length {
        _ if facts.bad_length => drop(headers.remove(CONTENT_LENGTH)),
        Some(length) if facts.lengths > 1 => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        _ => {}
    }
    let length = facts.length(status, method, modern)?;
    Ok(Parsed::Whole(Head { status, reason, headers, length, keep: facts.keep(modern) }))
}

fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

fn line_at(bytes: &Bytes, name: &Place, value: &Place) -> Result<(HeaderName, HeaderValue), HeadError> {
    let name = HeaderName::from_bytes(lines::cut(bytes, name)).map_err(|_| HeadError::Header)?;
    let value = lines::value(bytes, value)
        .or_else(|| HeaderValue::from_bytes(&unfolded(lines::cut(bytes, value))).ok())
        .ok_or(HeadError::Header)?;
    Ok((name, value))
}

/// The value of a line that was folded: each fold is one space (RFC 9112 5.2).
fn unfolded(raw: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = raw.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    lines.join(&b' ')
}

/// What the headers say that decides where the answer ends and what becomes of the connection.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    /// How many lengths were named.
    lengths: usize,
    /// A length that is none, or another one than before.
    bad_length: bool,
    codings: usize,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Facts {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            CONTENT_LENGTH => {
                for part in value.as_bytes().split(|byte| *byte == b',') {
                    let length = digits(part.trim_ascii());
                    self.bad_length |= length.is_none() || self.length.is_some_and(|before| Some(before) != length);
                    self.length = length;
                    self.lengths += 1;
                }
            }
            TRANSFER_ENCODING => {
                self.codings += 1;
                self.chunked = value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            CONNECTION => {
                for token in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
    }

    fn length(&self, status: StatusCode, method: &Method, modern: bool) -> Result<Length, HeadError> {
        let bodiless =
            matches!(status, StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless || *method == Method::HEAD {
            return Ok(Length::Bytes(0));
        }
        match (self.codings, self.length) {
            (0, _) if self.bad_length => Err(HeadError::Length),
            (0, Some(length)) => Ok(Length::Bytes(length)),
            (0, None) => Ok(Length::UntilClose),
            (1, _) if self.chunked && modern => Ok(Length::Chunked),
            _ => Err(HeadError::Coding),
        }
    }

    fn keep(&self, modern: bool) -> Keep {
        let keep = !self.close && (modern || self.keep_alive);
        // A length beside a coding may be an attempt to smuggle (RFC 9112 6.3).
        let honest = self.codings == 0 || self.lengths == 0;
        if keep && honest { Keep::Open } else { Keep::Close }
    }
}

#[cfg(test)]
mod tests;
