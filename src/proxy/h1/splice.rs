//! Bodies that pass from one socket to another inside the kernel (`splice(2)`, through a pipe): no byte of them is copied.
//!
//! Pipes are lent by the worker like buffers. One that still holds something when it is given up is closed: it would hand
//! a stranger's bytes to the next one.
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// With fewer bytes to come a pipe costs more calls of the system than it spares copies.
pub(in crate::proxy) const WORTH: u64 = 32 * 1024;
/// Size of a pipe: 100 kB pass in one go. The kernel gives a user 64 MiB in all.
const SIZE: usize = 256 * 1024;
/// Smallest that is any good: what a pipe has by itself.
const LEAST: usize = 64 * 1024;
/// Most pipes of a worker: each takes two files. Without one, bodies are copied.
const MOST: usize = 128;
/// Most that wait to be used again.
const KEPT: usize = 32;

/// The pipes of one worker.
#[derive(Debug, Default)]
pub(in crate::proxy) struct Pipes {
    spare: RefCell<Vec<Ends>>,
    /// Those that there are, in use or not.
    count: Cell<usize>,
    /// Whether the kernel gave one that is too small.
    refused: Cell<bool>,
}

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

/// A pipe in use.
#[derive(Debug)]
pub(in crate::proxy) struct Pipe {
    ends: Option<Ends>,
    /// Bytes in it.
    held: usize,
    home: Rc<Pipes>,
}

impl Pipes {
    /// An empty pipe, if there is one to be had.
    pub(in crate::proxy) fn take(self: &Rc<Self>) -> Option<Pipe> {
        let spare = self.spare.borrow_mut().pop();
        let ends = match spare {
            Some(ends) => ends,
            None if self.refused.get() || self.count.get() >= MOST => return None,
            None => {
                let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
                let size = fcntl_setpipe_size(&write, SIZE).or_else(|_| fcntl_getpipe_size(&write));
                if size.unwrap_or_default() < LEAST {
                    // The user's share of memory for pipes is used up: copying is better than a trickle.
                    self.refused.set(true);
                    return None;
                }
                self.count.set(self.count.get() + 1);
                Ends { read, write }
            }
        };
        Some(Pipe { ends: Some(ends), held: 0, home: self.clone() })
    }
}

impl Pipe {
    /// Takes `most` bytes at most from `from`. 0 is the end of the stream. It must be empty: a full one is no news from a
    /// socket, and would be waited for as such.
    pub(in crate::proxy) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &TcpStream,
        most: u64,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(self.held == 0, "nobody would be woken when there is room again");
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(0)) };
        let most = usize::try_from(most).unwrap_or(SIZE).min(SIZE);
        loop {
            ready!(from.poll_read_ready(cx))?;
            let moved = from.try_io(Interest::READABLE, || Ok(splice(from, None, &ends.write, None, most, flags())?));
            match moved {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                moved => {
                    self.held += *moved.as_ref().unwrap_or(&0);
                    return Poll::Ready(moved);
                }
            }
        }
    }

    /// Gives all that it holds to `to`.
    pub(in crate::proxy) fn poll_drain(&mut self, cx: &mut Context<'_>, to: &TcpStream) -> Poll<io::Result<()>> {
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(())) };
        while self.held > 0 {
            ready!(to.poll_write_ready(cx))?;
            let moved = to.try_io(Interest::WRITABLE, || Ok(splice(&ends.read, None, to, None, self.held, flags())?));
            match moved {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.held -= count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn flags() -> SpliceFlags {
    SpliceFlags::MOVE | SpliceFlags::NONBLOCK
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut spare = self.home.spare.borrow_mut();
        match self.ends.take() {
            Some(ends) if self.held == 0 && spare.len() < KEPT => spare.push(ends),
            _ => self.home.count.set(self.home.count.get() - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn bytes_pass_and_an_empty_pipe_is_used_again() {
        let pipes: Rc<Pipes> = Rc::default();
        let ((mut server, from), (to, mut client)) = (pair().await, pair().await);
        server.write_all(b"hello world").await.unwrap();
        let mut pipe = pipes.take().unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, 5)).await.unwrap(), 5);
        poll_fn(|cx| pipe.poll_drain(cx, &to)).await.unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, 100)).await.unwrap(), 6);
        poll_fn(|cx| pipe.poll_drain(cx, &to)).await.unwrap();
        drop(server);
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &from, 100)).await.unwrap(), 0);
        drop(pipe);
        assert_eq!((pipes.count.get(), pipes.spare.borrow().len()), (1, 1));
        drop(pipes.take().unwrap());
        assert_eq!(pipes.count.get(), 1);
        let mut got = [0; 11];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello world");
    }

    #[tokio::test]
    async fn a_pipe_that_still_holds_something_is_closed_and_their_number_is_limited() {
        let pipes: Rc<Pipes> = Rc::default();
        let (mut server, from) = pair().await;
        server.write_all(b"secret").await.unwrap();
        let mut pipe = pipes.take().unwrap();
        poll_fn(|cx| pipe.poll_fill(cx, &from, 100)).await.unwrap();
        drop(pipe);
        assert_eq!((pipes.count.get(), pipes.spare.borrow().len()), (0, 0));
        let all: Vec<Pipe> = std::iter::from_fn(|| pipes.take()).take(MOST + 1).collect();
        assert_eq!(all.len(), MOST);
        drop(all);
        assert_eq!((pipes.count.get(), pipes.spare.borrow().len()), (KEPT, KEPT));
    }
}
