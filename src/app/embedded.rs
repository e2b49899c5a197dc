//! The embedded API server on a thread of its own, so that a burst of compiling does not slow its answers and the reverse.
use crate::apiserver::manifests::Options as ManifestOptions;
use crate::apiserver::{ApiServer, ManifestLoader, Options};
use crate::config::{Demo, Standalone};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// A running embedded API server, with the folder it follows.
pub struct Embedded {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: tokio::task::JoinHandle<()>,
}

/// Why it could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The folder of manifests cannot be read.
    #[error("standalone.manifests: cannot read the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its address cannot be had.
    #[error("standalone.listen: cannot listen on {address}")]
    Listen {
        /// As wanted.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its thread ended before it listened.
    #[error("its thread ended")]
    Thread,
}

/// Starts it; returns when it listens and the folder, if any, has been read once.
pub async fn start(standalone: &Standalone) -> Result<Embedded, EmbeddedError> {
    if let Some(path) = &standalone.manifests {
        std::fs::read_dir(path).map_err(|source| EmbeddedError::Folder { path: path.clone(), source })?;
    }
    let address = standalone.listen.unwrap_or_else(|| Options::default().listen);
    let manifests = standalone.manifests.clone();
    // A demo without a folder of one's own brings its objects along.
    let builtin = if standalone.demo == Demo::On && manifests.is_none() { crate::demo::MANIFESTS } else { &[] };
    let (stop, stopped) = oneshot::channel();
    let (listens, listening) = oneshot::channel();
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(source) => return drop(listens.send(Err(EmbeddedError::Listen { address, source }))),
        };
        runtime.block_on(async {
            let server = match ApiServer::start(Options { listen: address, ..Options::default() }).await {
                Ok(server) => server,
                Err(source) => return drop(listens.send(Err(EmbeddedError::Listen { address, source }))),
            };
            let loader = match &manifests {
                Some(path) => {
                    Some(ManifestLoader::start(server.store().clone(), path, ManifestOptions::default()).await)
                }
                None => None,
            };
            load(builtin, &server);
            if listens.send(Ok(server.addr())).is_ok() {
                // Told to stop, or the program is gone: both mean the end.
                drop(stopped.await);
            }
            drop(loader);
            server.shutdown().await;
        });
    });
    let address = listening.await.map_err(|_| EmbeddedError::Thread)??;
    Ok(Embedded { address, stop, thread })
}

/// Puts the objects of YAML texts into the store.
fn load(texts: &[(&str, &str)], server: &ApiServer) {
    for (file, text) in texts {
        let objects = match serde_saphyr::from_multiple::<serde_json::Value>(text) {
            Ok(objects) => objects,
            Err(error) => {
                tracing::error!(file, %error, "a manifest of the demo cannot be read");
                continue;
            }
        };
        for object in objects {
            if let Err(error) = server.store().apply(object) {
                tracing::error!(file, %error, "an object of the demo cannot be stored");
            }
        }
    }
}

impl Embedded {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.thread.await {
            tracing::error!(%error, "the embedded API server ended badly");
        }
    }
}
