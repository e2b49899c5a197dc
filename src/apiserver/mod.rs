//! An embedded Kubernetes-compatible API server: objects in memory, the real protocol, no cluster.
//!
//! It serves `--standalone`, edge boxes and tests: the controller and kubectl talk to it as to a cluster. There is no
//! authentication; it listens on the loopback interface and keeps web pages out, and nothing is written to disk.
//!
//! Start reading at [`ApiServer`], then [`store`] (objects and versions), `http` (one request), `watch` (one
//! watch), [`patch`]. Which kinds exist is one table in [`kinds`]. [`manifests`] fills the store from a directory,
//! [`Faults`] lets things go wrong on purpose.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;

mod defaults;
mod discovery;
pub mod faults;
mod http;
mod io;
pub mod kinds;
pub mod manifests;
mod openapi;
pub mod patch;
pub mod selectors;
mod server;
mod signal;
mod size;
pub mod status;
pub mod store;
mod table;
mod typed;
pub mod validate;
mod watch;
mod yaml;

pub use faults::Faults;
pub use manifests::{ManifestError, ManifestLoader};
pub use status::ApiError;
pub use store::Store;
pub use validate::Validation;

use store::{Clock, Limits};

/// How an [`ApiServer`] is set up.
#[derive(Clone)]
pub struct Options {
    /// Where to listen. Port 0 takes a free one. Anything but a loopback address opens the store to the network.
    pub listen: SocketAddr,
    /// How closely writes over HTTP are looked at; the [`Store`] handle is never strict.
    pub validation: Validation,
    /// What the store keeps.
    pub limits: Limits,
    /// Where timestamps come from.
    pub clock: Clock,
    /// How often a watch with bookmarks gets one while it has no events of its own.
    pub bookmark_every: Duration,
    /// Namespaces that exist from the start. Objects may live in namespaces that do not exist.
    pub namespaces: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            validation: Validation::Strict,
            limits: Limits::default(),
            clock: Arc::new(Timestamp::now),
            bookmark_every: Duration::from_secs(30),
            namespaces: vec!["default".to_owned(), "kube-system".to_owned()],
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("validation", &self.validation)
            .finish_non_exhaustive()
    }
}

/// A running server. Dropping it closes the listener and all connections at once.
#[derive(Debug)]
pub struct ApiServer {
    addr: SocketAddr,
    store: Store,
    faults: Faults,
    shutdown: channel::Sender<bool>,
    task: JoinHandle<()>,
}

impl ApiServer {
    /// Binds and starts to serve, on the tokio runtime that calls it.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let reach = if addr.ip().is_loopback() { http::Reach::Loopback } else { http::Reach::Network };
        if reach == http::Reach::Network {
            tracing::warn!(%addr, "embedded API server is open to the network without authentication");
        }
        let store = Store::new(&options.limits, options.clock);
        for name in &options.namespaces {
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            store.apply_validated(namespace, Validation::Strict).map_err(std::io::Error::other)?;
        }
        let faults = Faults::new(store.clone());
        let shutdown = channel::Sender::new(false);
        let server = http::Server {
            store: store.clone(),
            faults: faults.clone(),
            validation: options.validation,
            bookmark_every: options.bookmark_every.max(Duration::from_millis(1)),
            shutdown: shutdown.subscribe(),
            reach,
        };
        let task = tokio::spawn(server::run(listener, Arc::new(server)));
        Ok(Self { addr, store, faults, shutdown, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://ADDRESS`, for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The handle that makes things go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Ends all watches cleanly, lets requests under way finish for two seconds, closes everything.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::debug!(%error, "embedded API server had stopped already");
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
        // Takes the connections with it: their tasks belong to this one.
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
