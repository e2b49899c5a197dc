//! A part of the measurement that runs on a thread of its own, with a runtime of its own (which takes local tasks), and
//! ends when it is dropped.
use anyhow::Context;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Such a part.
#[derive(Debug)]
pub struct Service {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Runs `start` on a new thread. What it returns is kept there, and its tasks go on, until the service is dropped;
    /// `tell` makes of it what the caller gets to know.
    pub async fn start<K, T, F>(name: &str, start: F, tell: fn(&K) -> T) -> anyhow::Result<(Self, T)>
    where
        F: AsyncFnOnce() -> anyhow::Result<K> + Send + 'static,
        T: Send + 'static,
        K: 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tells, told) = oneshot::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime.context("no runtime") {
                Ok(runtime) => runtime,
                Err(error) => return drop(tells.send(Err(error))),
            };
            tokio::task::LocalSet::new().block_on(&runtime, async {
                match start().await {
                    Ok(kept) => {
                        if tells.send(Ok(tell(&kept))).is_ok() {
                            // Told to stop, or nobody is there any more: both mean the end.
                            drop(stopped.await);
                        }
                        drop(kept);
                    }
                    Err(error) => drop(tells.send(Err(error))),
                }
            });
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body)?;
        let told = told.await.context("thread ended")??;
        Ok((Self { stop: Some(stop), thread: Some(thread) }, told))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("a thread ended in a panic");
        }
    }
}
