//! Headers that end here (spec/http.md 2.12 and 2.13, RFC 9110 7.6.1): one look at each name, then only what was seen is
//! dealt with. The usual request has a `Connection` at most.
use super::names::{CHUNKED, HTTP2_SETTINGS, KEEP_ALIVE, PROXY_CONNECTION, TRAILERS};
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Most lines that a head may have. On HTTP/1.1 it is our parser's limit, which holds for HTTP/2 as well: a map of headers ends
/// in a panic at some twenty thousand lines, and servers have limits of their own.
pub(super) const MOST_LINES: usize = 100;

/// Which of the headers that need work a message has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(u16);

impl Seen {
    const CONNECTION: u16 = 1;
    const KEEP_ALIVE: u16 = 1 << 1;
    const PROXY: u16 = 1 << 2;
    const TE: u16 = 1 << 3;
    const TRAILER: u16 = 1 << 4;
    const TRANSFER_ENCODING: u16 = 1 << 5;
    const UPGRADE: u16 = 1 << 6;
    const MANAGED: u16 = 1 << 7;
    const EXPECT: u16 = 1 << 8;
    const HTTP2_SETTINGS: u16 = 1 << 9;
    const CONTENT_LENGTH: u16 = 1 << 10;

    /// Looks through `headers`.
    pub(super) fn among(headers: &HeaderMap) -> Self {
        let seen = headers.keys().fold(0, |seen, name| seen | Self::bit(name.as_str().as_bytes()));
        Self(seen)
    }

    fn bit(name: &[u8]) -> u16 {
        match name {
            b"expect" => Self::EXPECT,
            b"http2-settings" => Self::HTTP2_SETTINGS,
            // Most names end here.
            [b'a' | b'b' | b'd' | b'e' | b'h' | b'i' | b'o' | b'r' | b's', ..] => 0,
            b"connection" => Self::CONNECTION,
            b"content-length" => Self::CONTENT_LENGTH,
            b"keep-alive" => Self::KEEP_ALIVE,
            b"proxy-connection" | b"proxy-authenticate" | b"proxy-authorization" => Self::PROXY,
            b"te" => Self::TE,
            b"trailer" => Self::TRAILER,
            b"transfer-encoding" => Self::TRANSFER_ENCODING,
            b"upgrade" => Self::UPGRADE,
            [b'x', b'-' | b'_', ..] if is_managed(name) => Self::MANAGED,
            _ => 0,
        }
    }

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    /// Whether a managed header or an alias of one is there.
    pub(super) fn has_managed(self) -> bool {
        self.has(Self::MANAGED)
    }

    /// Whether the client expects something, for [`expects_the_unknown`].
    pub(super) fn has_expectation(self) -> bool {
        self.has(Self::EXPECT)
    }

    /// Whether a transfer coding is named.
    pub(super) fn has_transfer_encoding(self) -> bool {
        self.has(Self::TRANSFER_ENCODING)
    }
}

/// The forwarding headers that only we or trusted peers may set (spec/http.md 4.3).
const MANAGED: [&[u8]; 11] = [
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-forwarded-server",
    b"x-forwarded-uri",
    b"x-forwarded-method",
    b"x-forwarded-prefix",
    b"x-forwarded-tls-client-cert",
    b"x-forwarded-tls-client-cert-info",
    b"x-real-ip",
];

/// Whether `name` (lower case) is a managed header, `_` counting as `-`.
pub(super) fn is_managed(name: &[u8]) -> bool {
    let same = |(a, b): (&u8, &u8)| a == b || (*a == b'_' && *b == b'-');
    MANAGED.iter().any(|managed| managed.len() == name.len() && name.iter().zip(*managed).all(same))
}

/// Deletes the managed headers and their aliases.
pub(super) fn delete_managed(headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| is_managed(name.as_str().as_bytes())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Whether `Expect` asks for something else than `100-continue`: nobody knows what, so nobody can promise it. As in the
/// reference, the first line alone counts, and an empty one asks for nothing.
pub(super) fn expects_the_unknown(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| {
        !value.is_empty() && !tokens(value).any(|token| token.eq_ignore_ascii_case(b"100-continue"))
    })
}

/// Whether `Transfer-Encoding` is exactly one `chunked`, which alone is served.
pub(super) fn is_chunked_alone(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    values.next().is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
        && values.next().is_none()
}

/// Says how long the body of a request is in the one way that every server reads alike (spec/http.md 2.16): we take
/// `004`, which others may take for an octal number, and would send it on as it came.
pub(super) fn frame_plainly(headers: &mut HeaderMap, seen: Seen) {
    if seen.has(Seen::CONTENT_LENGTH)
        && let Some(length) = headers.get(CONTENT_LENGTH)
        && let [b'0', rest @ ..] = length.as_bytes()
        && !rest.is_empty()
    {
        let digits = std::str::from_utf8(rest).unwrap_or_default().trim_start_matches('0');
        let plain = HeaderValue::from_str(if digits.is_empty() { "0" } else { digits });
        headers.insert(CONTENT_LENGTH, plain.unwrap_or(HeaderValue::from_static("0")));
    }
}

/// Removes from a request what concerns this connection only. The protocol, if the client asks for another one.
///
/// What stays: `Transfer-Encoding: chunked`, which says that there is a body of unknown length, with `Trailer`; `Te:
/// trailers`, unless `Connection` lists it.
pub(super) fn clean_request(headers: &mut HeaderMap, seen: Seen) -> Option<HeaderValue> {
    let mut wants_upgrade = Wants::Same;
    if seen.has(Seen::CONNECTION) {
        wants_upgrade = delete_listed(headers);
        headers.remove(CONNECTION);
    }
    if seen.0 & !(Seen::CONNECTION | Seen::MANAGED | Seen::EXPECT | Seen::CONTENT_LENGTH) == 0 {
        return None;
    }
    delete_plain(headers, seen);
    if seen.has(Seen::TE) {
        let trailers = contains(headers, &TE, b"trailers");
        headers.remove(TE);
        if trailers {
            headers.insert(TE, TRAILERS.clone());
        }
    }
    let chunked = seen.has(Seen::TRANSFER_ENCODING);
    if chunked {
        headers.insert(TRANSFER_ENCODING, CHUNKED.clone());
    } else if seen.has(Seen::TRAILER) {
        headers.remove(TRAILER);
    }
    if seen.has(Seen::HTTP2_SETTINGS) {
        headers.remove(&HTTP2_SETTINGS);
    }
    let protocol = if seen.has(Seen::UPGRADE) { headers.remove(UPGRADE) } else { None };
    protocol.filter(|protocol| wants_upgrade == Wants::Other && is_forwarded(protocol))
}

/// `h2c` is between the client and us, and we do not change over (spec/http.md 2.14). No protocol is no wish.
fn is_forwarded(protocol: &HeaderValue) -> bool {
    !protocol.is_empty() && !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")
}

/// Removes from an answer what concerns the server's connection only. `Trailer` stays where trailers can follow.
pub(super) fn clean_answer(headers: &mut HeaderMap, seen: Seen) {
    if seen.has(Seen::CONNECTION) {
        delete_listed(headers);
        headers.remove(CONNECTION);
    }
    if seen.0 & !(Seen::CONNECTION | Seen::MANAGED | Seen::CONTENT_LENGTH) == 0 {
        return;
    }
    delete_plain(headers, seen);
    if seen.has(Seen::TE) {
        headers.remove(TE);
    }
    if seen.has(Seen::UPGRADE) {
        headers.remove(UPGRADE);
    }
    if seen.has(Seen::TRANSFER_ENCODING) {
        // The answer is framed anew, by what the body knows of its length. A length beside a coding is a lie (RFC 9112 6.3),
        // and hyper would believe it where the client speaks HTTP/2.
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONTENT_LENGTH);
    } else {
        headers.remove(TRAILER);
    }
}

/// Removes from trailers what may not stand in them: what concerns one connection, what frames or addresses the message
/// (RFC 9110 6.5.1), and from those of untrusted clients what they may not say in headers either.
pub(super) fn clean_trailers(trailers: &mut HeaderMap, source: Source) {
    let unwanted = |name: &&HeaderName| match Seen::bit(name.as_str().as_bytes()) {
        Seen::MANAGED => source == Source::Untrusted,
        0 => **name == HOST || **name == CONTENT_LENGTH,
        _ => true,
    };
    let names: Vec<HeaderName> = trailers.keys().filter(unwanted).cloned().collect();
    for name in names {
        trailers.remove(name);
    }
}

/// Who sent trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A client whose word about itself does not count.
    Untrusted,
    /// A trusted client or a server.
    Trusted,
}

fn delete_plain(headers: &mut HeaderMap, seen: Seen) {
    if seen.has(Seen::KEEP_ALIVE) {
        headers.remove(&KEEP_ALIVE);
    }
    if seen.has(Seen::PROXY) {
        headers.remove(&PROXY_CONNECTION);
        headers.remove(PROXY_AUTHENTICATE);
        headers.remove(PROXY_AUTHORIZATION);
    }
}

/// Whether the client wants another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Same,
    Other,
}

/// Deletes the headers that `Connection` lists. Managed ones stay: otherwise a client could take away what we say about
/// it, and without `Host` there is no request. `Upgrade` is dealt with by the callers.
fn delete_listed(headers: &mut HeaderMap) -> Wants {
    let mut wants = Wants::Same;
    let mut listed: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in tokens(value) {
            match () {
                () if token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") => {}
                () if token.eq_ignore_ascii_case(b"upgrade") => wants = Wants::Other,
                () => listed.extend(HeaderName::from_bytes(token)),
            }
        }
    }
    for name in listed {
        if name != HOST && name != TRANSFER_ENCODING && !is_managed(name.as_str().as_bytes()) {
            headers.remove(name);
        }
    }
    wants
}

/// Takes the names of `wanted` out of `Connection`, so that their headers stay for rules to see, and gives a `Connection`
/// that holds nothing else, for [`delete_spared`].
pub(super) fn spare_listed(headers: &mut HeaderMap, wanted: &[HeaderName]) -> Option<HeaderValue> {
    let is_wanted = |token: &&[u8]| HeaderName::from_bytes(token).is_ok_and(|name| wanted.contains(&name));
    let listed = headers.get_all(CONNECTION).into_iter().flat_map(tokens);
    let (mut spared, rest): (Vec<&[u8]>, Vec<&[u8]>) = listed.partition(is_wanted);
    if spared.is_empty() {
        return None;
    }
    if rest.iter().any(|token| token.eq_ignore_ascii_case(b"upgrade")) {
        spared.push(b"Upgrade");
    }
    let [spared, rest] = [spared, rest].map(|tokens| HeaderValue::from_bytes(&tokens.join(&b", "[..])).ok());
    // It may be empty now, but it is there: what comes next was told so.
    headers.insert(CONNECTION, rest?);
    spared
}

/// Deletes what [`spare_listed`] let through.
pub(super) fn delete_spared(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        delete_listed(headers);
        headers.remove(CONNECTION);
    }
}

fn contains(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers.get_all(name).iter().flat_map(tokens).any(|present| present.eq_ignore_ascii_case(token))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
