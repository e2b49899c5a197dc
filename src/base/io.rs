//! The bridge between tokio's sockets and timers and hyper's.
//!
//! Taken from hyper-util, not written here, because it cannot be written without `unsafe`: in hyper 1.12 a
//! `ReadBufCursor` hands out its memory safely (`initialize_unfilled`), but only `unsafe fn advance` or
//! `put_slice` can say how much of it was filled. The safe way is therefore to read into a buffer of one's own and
//! copy: every received byte is touched twice, and each connection holds a further buffer. hyper-util reads straight
//! into hyper's buffer, kube's client needs it anyway (same version, feature `tokio` already on), and its few lines
//! of `unsafe` are reviewed by hyper's authors.
//!
//! [`TokioIo`] works in both directions: around a tokio stream it is what hyper reads and writes, around a hyper
//! stream (`hyper::upgrade::Upgraded`) it is what tokio reads and writes.
pub use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

/// Runs hyper's tasks on the thread they come from.
#[derive(Clone, Copy, Debug)]
pub struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        drop(tokio::task::spawn_local(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_survive_the_bridge_in_both_directions() {
        let (near, far) = tokio::io::duplex(16);
        // tokio -> hyper -> tokio: the outer one is a tokio stream again.
        let mut near = TokioIo::new(TokioIo::new(near));
        let mut far = TokioIo::new(TokioIo::new(far));
        let sent: Vec<u8> = (0..=255).collect();
        let expected = sent.clone();
        let writer = tokio::spawn(async move {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        writer.await.unwrap();
        assert_eq!(received, expected);
    }
}
