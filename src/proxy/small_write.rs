//! Small messages leave in one plain write.
//!
//! hyper hands a head and its body over as two slices, for `writev`. For a kilobyte or two, both are copied into one buffer on
//! the stack for a plain `send`, which spares the kernel its bookkeeping for vectors. It came with other savings and was
//! not measured apart from them. Large bodies are never copied.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Bytes that are copied at most.
const LIMIT: usize = 2048;

/// Writes `bufs`: in one piece if they are small, else as they are.
pub(super) fn poll_write_small(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match bufs {
        [] => Poll::Ready(Ok(0)),
        [one] => stream.poll_write(cx, one),
        several => {
            let total: usize = several.iter().map(|buf| buf.len()).sum();
            if total > LIMIT {
                return stream.poll_write_vectored(cx, several);
            }
            let mut piece = [0; LIMIT];
            let mut filled = 0;
            for buf in several {
                piece[filled..filled + buf.len()].copy_from_slice(buf);
                filled += buf.len();
            }
            stream.poll_write(cx, &piece[..filled])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn all_bytes_arrive_in_order_whatever_the_sizes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut out = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut near, _) = listener.accept().await.unwrap();
        let cases: [&[usize]; 6] = [&[], &[5], &[3, 4], &[LIMIT - 1, 1], &[LIMIT, 1], &[0, 10, 0, 3000]];
        for sizes in cases {
            let parts: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![b'a' + n as u8; *size]).collect();
            let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
            let want = parts.concat();
            let written = poll_fn(|cx| poll_write_small(Pin::new(&mut out), cx, &slices)).await.unwrap();
            assert_eq!(written, want.len(), "{sizes:?}");
            let mut got = vec![0; want.len()];
            near.read_exact(&mut got).await.unwrap();
            assert_eq!(got, want, "{sizes:?}");
        }
    }
}
