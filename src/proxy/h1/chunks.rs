//! Header lines and chunked bodies as bytes.
use http::{HeaderMap, HeaderName, HeaderValue};

/// Appends a header line to `out`.
pub(in crate::proxy) fn line(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a line that says how long a body is to `out`.
pub(in crate::proxy) fn content_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    decimal(length, out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the digits of `number` to `out`.
fn decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    loop {
        begin -= 1;
        digits[begin] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(begin..).unwrap_or_default());
}

/// Appends the line before a chunk of `length` bytes to `out`.
pub(in crate::proxy) fn chunk_size(length: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let places = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1);
    for place in (0..places).rev() {
        out.push(DIGITS[(length >> (place * 4)) & 15]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the end of a chunked body to `out`, with those of the trailers that may be trailers and are `wanted`.
pub(in crate::proxy) fn last_chunk(trailers: &HeaderMap, wanted: impl Fn(&HeaderName) -> bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        if is_trailer(name) && wanted(name) {
            line(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a field may stand in trailers: none that frames, routes or authenticates the message, or says how its content
/// is to be read (RFC 9110 6.5.1).
fn is_trailer(name: &HeaderName) -> bool {
    !matches!(
        name.as_str(),
        "authorization"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-range"
            | "content-type"
            | "host"
            | "max-forwards"
            | "set-cookie"
            | "te"
            | "trailer"
            | "transfer-encoding"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for length in [0, 1, 9, 15, 16, 255, 256, 65_536, 1_234_567, usize::MAX] {
            let mut out = Vec::new();
            chunk_size(length, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{length:x}\r\n"));
        }
    }

    #[test]
    fn lengths_are_decimal() {
        for length in [0, 1, 9, 10, 99, 100, 65_536, u64::MAX] {
            let mut out = Vec::new();
            content_length(length, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("content-length: {length}\r\n"));
        }
    }

    #[test]
    fn trailers_are_sent_if_they_are_wanted_and_harmless() {
        let mut trailers = HeaderMap::new();
        for name in ["x-sum", "x-two", "x-other", "content-length"] {
            trailers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        trailers.append("x-sum", HeaderValue::from_static("2"));
        let mut out = Vec::new();
        last_chunk(&trailers, |name| name != "x-other", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "0\r\nx-sum: 1\r\nx-sum: 2\r\nx-two: 1\r\n\r\n");
    }
}
