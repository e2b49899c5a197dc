//! What HTTP/1.1 with clients (`entrypoint/http1.rs`) and with servers (`upstream/h1.rs`) have in common: buffers that
//! connections lend each other, what was read and not yet understood ([`Inbox`]), what has not left yet ([`Outbox`]), and
//! chunked bodies in both directions, bodies that need not be looked at ([`splice`]).
//!
//! Bytes and nothing else: what a head means, and what becomes of a connection, each side knows for itself.
pub(super) mod buffers;
pub(super) mod chunked;
pub(super) mod chunks;
pub(super) mod inbox;
pub(super) mod lines;
pub(super) mod outbox;
pub(super) mod splice;
pub(super) mod stream;

pub(super) use buffers::Buffers;
pub(super) use inbox::Inbox;
pub(super) use outbox::Outbox;
pub(super) use splice::Pipes;
pub(super) use stream::Stream;

use std::pin::pin;
use std::task::{Context, Poll};

/// Most lines of a head, and of trailers: hyper's limit for HTTP/1.1, too (HAProxy's is 101).
pub(super) const MAX_LINES: usize = 100;

/// Lets others have their turn after so many bytes that one connection has moved: `moved` counts them. Without this the
/// runtime would look for news from other sockets only after dozens of turns of whoever moves most: 3 ms beside one upload.
pub(super) fn poll_turn(cx: &mut Context<'_>, moved: &mut usize, burst: usize) -> Poll<()> {
    if *moved < burst {
        return Poll::Ready(());
    }
    *moved = 0;
    // Its first poll puts the waker in line behind the next look at the sockets.
    pin!(tokio::task::yield_now()).poll(cx)
}

/// Whether a head of which `searched` bytes are known to hold no end may have one now. One that comes byte by byte is
/// parsed again only then, or a slow peer could keep us parsing.
pub(super) fn may_hold_head(read: &[u8], searched: usize) -> bool {
    if searched == 0 {
        return !read.is_empty();
    }
    let fresh = read.get(searched.saturating_sub(3)..).unwrap_or_default();
    read.len() > searched && fresh.windows(3).any(|bytes| matches!(bytes, [_, b'\n', b'\n'] | b"\n\r\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_looked_at_again_when_its_end_may_have_come() {
        let head = b"GET / HTTP/1.1\r\nX-A: 1\r\n\rY\r\nX-B: 2\r\n";
        for end in ["\r\n", "\n"] {
            let whole = [&head[..], end.as_bytes()].concat();
            for searched in 1..head.len() {
                for length in searched + 1..=whole.len() {
                    let got = may_hold_head(&whole[..length], searched);
                    assert_eq!(got, length == whole.len(), "{end:?}: {searched} of {length}");
                }
            }
        }
        assert!(may_hold_head(b"G", 0) && !may_hold_head(b"", 0) && !may_hold_head(b"\n\n", 2));
    }
}
