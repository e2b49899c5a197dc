//! What the bytes of a PROXY header mean: version 1 is a line of text, version 2 is binary
//! (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, sections 2.1 and 2.2). Pure, and never panics.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Longest header of version 1, in bytes, line end included.
const LONGEST_LINE: usize = 107;
/// How version 1 begins. No method does.
const TEXT: &[u8] = b"PROXY";
/// How version 2 begins.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of version 2 before the addresses.
const FIXED: usize = 16;
/// Longest header that is read, in bytes. Version 2 could have 64 KiB; real ones carry some names and a certificate's.
pub(super) const LONGEST: usize = 4096;
/// Type of the checksum among the additions of version 2 (2.2.3).
const CRC32C: u8 = 0x03;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No header.
    None,
    /// The beginning of a header, or what may become one.
    Part {
        /// How many bytes from the beginning of the connection to look at next.
        wanted: usize,
    },
    /// A whole header.
    Header {
        /// Its bytes.
        length: usize,
        /// What it says.
        said: Said,
    },
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Who the client is.
    Client(SocketAddr),
    /// Nothing about it: the peer is the client.
    Nothing,
}

/// Why a header is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// A version 1 that does not end in time.
    #[error("a proxy header of version 1 without end")]
    Endless,
    /// A version 1 of another form.
    #[error("a malformed proxy header of version 1")]
    Line,
    /// A version or command that there is not.
    #[error("a proxy header of an unknown version or command")]
    Command,
    /// Fewer bytes than the addresses take.
    #[error("a proxy header with too few bytes for its addresses")]
    Short,
    /// More bytes than anybody needs.
    #[error("a proxy header of more than {LONGEST} bytes")]
    Long,
    /// Additions that end behind the header.
    #[error("a proxy header with malformed additions")]
    Additions,
    /// Another checksum than that of the header.
    #[error("a proxy header with a wrong checksum")]
    Checksum,
}

/// What `seen`, the first bytes of a connection, are.
pub(super) fn find(seen: &[u8]) -> Result<Found, Broken> {
    if seen.starts_with(SIGNATURE) {
        return binary(seen);
    }
    if seen.starts_with(TEXT) {
        return line(seen);
    }
    let may_become_one = [TEXT, SIGNATURE].into_iter().any(|start| start.starts_with(seen));
    // A request is longer than the fixed part of version 2, and a handshake, too.
    Ok(if may_become_one { Found::Part { wanted: FIXED } } else { Found::None })
}

fn line(seen: &[u8]) -> Result<Found, Broken> {
    let Some(end) = seen.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n') else {
        return if seen.len() < LONGEST_LINE { Ok(Found::Part { wanted: LONGEST_LINE }) } else { Err(Broken::Endless) };
    };
    let text = seen.get(TEXT.len()..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Broken::Line)?;
    let text = std::str::from_utf8(text).map_err(|_| Broken::Line)?;
    let mut words = text.strip_prefix(' ').ok_or(Broken::Line)?.split(' ');
    let said = match words.next() {
        // Whatever follows.
        Some("UNKNOWN") => Said::Nothing,
        Some("TCP4") => Said::Client(client::<Ipv4Addr>(words)?),
        Some("TCP6") => Said::Client(client::<Ipv6Addr>(words)?),
        _ => return Err(Broken::Line),
    };
    Ok(Found::Header { length: end + 1, said })
}

fn client<'t, A: FromStr + Into<IpAddr>>(words: impl Iterator<Item = &'t str>) -> Result<SocketAddr, Broken> {
    let words: Vec<&str> = words.take(5).collect();
    let [source, destination, source_port, destination_port] = words[..] else { return Err(Broken::Line) };
    let address = |text: &str| text.parse::<A>().map_err(|_| Broken::Line);
    let port = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u16>().map_err(|_| Broken::Line),
        false => Err(Broken::Line),
    };
    let (client, _, port, _) = (address(source)?, address(destination)?, port(source_port)?, port(destination_port)?);
    Ok(SocketAddr::new(client.into(), port))
}

fn binary(seen: &[u8]) -> Result<Found, Broken> {
    let Some(&[command, family, high, low]) = seen.get(SIGNATURE.len()..FIXED) else {
        return Ok(Found::Part { wanted: FIXED });
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    // Version 2; LOCAL is a health check of the load balancer itself, PROXY speaks for a client.
    let speaks_for_itself = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(Broken::Command),
    };
    if length > LONGEST {
        return Err(Broken::Long);
    }
    let Some(header) = seen.get(..length) else { return Ok(Found::Part { wanted: length }) };
    let rest = header.get(FIXED..).unwrap_or_default();
    if speaks_for_itself {
        return Ok(Found::Header { length, said: Said::Nothing });
    }
    // Address family and transport. A socket of the system's own and an unknown family name no address we could use.
    let (said, addresses) = match family {
        0x11 | 0x12 => (Said::Client(v4(rest).ok_or(Broken::Short)?), 12),
        0x21 | 0x22 => (Said::Client(v6(rest).ok_or(Broken::Short)?), 36),
        0x31 | 0x32 => (Said::Nothing, 216),
        _ => (Said::Nothing, rest.len()),
    };
    let additions = rest.get(addresses..).ok_or(Broken::Short)?;
    check_sum(header, FIXED + addresses, additions)?;
    Ok(Found::Header { length, said })
}

fn v4(addresses: &[u8]) -> Option<SocketAddr> {
    let &[a, b, c, d, _, _, _, _, high, low, _, _] = addresses.first_chunk::<12>()?;
    Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
}

fn v6(addresses: &[u8]) -> Option<SocketAddr> {
    let source = addresses.first_chunk::<16>()?;
    let &[high, low, _, _] = addresses.get(32..36)? else { return None };
    Some(SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([high, low])))
}

/// Walks through the additions, which begin at `begin` of `header`, and compares the checksum if there is one.
fn check_sum(header: &[u8], begin: usize, additions: &[u8]) -> Result<(), Broken> {
    let (mut rest, mut at) = (additions, begin);
    while let [kind, high, low, values @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, next) = values.split_at_checked(length).ok_or(Broken::Additions)?;
        if *kind == CRC32C {
            let told: [u8; 4] = value.try_into().map_err(|_| Broken::Additions)?;
            let sum = crc32c(header.iter().enumerate().map(|(place, byte)| {
                // The checksum itself counts as zeros.
                if (at + 3..at + 7).contains(&place) { 0 } else { *byte }
            }));
            if u32::from_be_bytes(told) != sum {
                return Err(Broken::Checksum);
            }
        }
        (rest, at) = (next, at + 3 + length);
    }
    if rest.is_empty() { Ok(()) } else { Err(Broken::Additions) }
}

/// RFC 4960, appendix B. Headers are short and come once per connection: bit by bit is fast enough.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82F6_3B78;
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            let low = sum & 1;
            (sum >> 1) ^ (REVERSED_POLYNOMIAL * low)
        })
    })
}

#[cfg(test)]
mod tests;
