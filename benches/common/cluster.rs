//! The cluster under test: the embedded API server on a thread of its own, or the one that `KUBECONFIG` names. Both are
//! written to through the same kube client.
use anyhow::{Context, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use pilotage::apiserver::store::Limits;
use pilotage::apiserver::{ApiServer, Faults, Options, Store};
use pilotage::cluster::client::{Access, Surroundings, build};
use serde_json::{Value, json};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Writes under way at a time while the cluster is filled.
const PARALLEL: usize = 32;

/// A kind, as paths spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ingress,
    Service,
    Slice,
    Secret,
    Node,
}

/// A cluster with a namespace of ours.
pub struct Cluster {
    runtime: Runtime,
    client: kube::Client,
    /// Our namespace.
    pub namespace: String,
    place: Place,
}

enum Place {
    /// Dropping the sender ends the server.
    Embedded { url: String, inside: Inside, _stop: oneshot::Sender<()>, thread: Option<std::thread::JoinHandle<()>> },
    /// Path of the kubeconfig.
    Foreign { kubeconfig: String },
}

/// The inside of the embedded API server: what is done there needs no connection.
#[derive(Clone)]
pub struct Inside {
    /// The objects.
    pub store: Store,
    /// What goes wrong.
    pub faults: Faults,
}

impl Cluster {
    /// By `KUBECONFIG`, else embedded with room for `objects`.
    pub fn open(objects: usize) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let kubeconfig = std::env::var("KUBECONFIG").unwrap_or_default();
        let (place, endpoint) = match kubeconfig.is_empty() {
            true => {
                let (url, inside, stop, thread) = embedded(objects)?;
                (Place::Embedded { url: url.clone(), inside, _stop: stop, thread: Some(thread) }, url)
            }
            false => (Place::Foreign { kubeconfig: kubeconfig.clone() }, String::new()),
        };
        let around = Surroundings { kubeconfig, ..Surroundings::default() };
        let access = Access { endpoint: &endpoint, ..Access::default() };
        let client = runtime.block_on(build(access, &around))?.client;
        let namespace = format!("pilotage-bench-{}", std::process::id());
        let cluster = Self { runtime, client, namespace, place };
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}});
        cluster.wait(cluster.send("POST", "/api/v1/namespaces".to_owned(), &object))?;
        Ok(cluster)
    }

    /// Options by which the program finds it.
    pub fn program_options(&self) -> Vec<String> {
        let mut options = vec![format!("--providers.kubernetesingress.ingressclass={}", super::objects::CLASS)];
        match &self.place {
            Place::Embedded { url, .. } => options.push(format!("--providers.kubernetesingress.endpoint={url}")),
            Place::Foreign { .. } => {
                options.push(format!("--providers.kubernetesingress.namespaces={}", self.namespace))
            }
        }
        options
    }

    /// The inside of the embedded API server; `None` if the cluster is a foreign one.
    pub fn inside(&self) -> Option<Inside> {
        match &self.place {
            Place::Embedded { inside, .. } => Some(inside.clone()),
            Place::Foreign { .. } => None,
        }
    }

    /// The kubeconfig that the program needs, if any.
    pub fn kubeconfig(&self) -> Option<&str> {
        match &self.place {
            Place::Embedded { .. } => None,
            Place::Foreign { kubeconfig } => Some(kubeconfig),
        }
    }

    /// Whether Nodes may be written: in a cluster that is not ours they are left alone.
    pub fn owns_nodes(&self) -> bool {
        matches!(self.place, Place::Embedded { .. })
    }

    /// Addresses for origins. A real API server refuses loopback addresses in slices, so there it is the address of this
    /// machine on the way out.
    pub fn origin_addresses(&self) -> anyhow::Result<Vec<IpAddr>> {
        let two = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)].map(IpAddr::from).to_vec();
        let Place::Foreign { kubeconfig } = &self.place else { return Ok(two) };
        let file = kube::config::Kubeconfig::read_from(kubeconfig)?;
        let server = file.clusters.iter().find_map(|cluster| cluster.cluster.as_ref()?.server.clone());
        let server: http::Uri = server.context("no server in the kubeconfig")?.parse()?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // Connecting a UDP socket sends nothing; it only chooses the route.
        socket
            .connect((server.host().unwrap_or_default().trim_matches(['[', ']']), server.port_u16().unwrap_or(443)))?;
        let own = socket.local_addr()?.ip();
        Ok(if own.is_loopback() { two } else { vec![own] })
    }

    /// Creates all objects, many at a time.
    pub fn fill(&self, kind: Kind, objects: impl Iterator<Item = Value>) -> anyhow::Result<()> {
        self.all(objects.map(|object| async move { self.send("POST", self.path(kind, ""), &object).await }))
    }

    /// Patches all, many at a time: name with subresource, and what to merge.
    pub fn patch_all(&self, kind: Kind, patches: impl Iterator<Item = (String, Value)>) -> anyhow::Result<()> {
        self.all(patches.map(|(name, change)| async move { self.send("PATCH", self.path(kind, &name), &change).await }))
    }

    fn all(&self, writes: impl Iterator<Item = impl Future<Output = anyhow::Result<()>>>) -> anyhow::Result<()> {
        self.wait(stream::iter(writes).buffer_unordered(PARALLEL).try_collect())
    }

    /// Creates one object.
    pub fn create(&self, kind: Kind, object: &Value) -> anyhow::Result<()> {
        self.wait(self.send("POST", self.path(kind, ""), object))
    }

    /// Merges `change` into `name` (with `/status` for that part).
    pub fn patch(&self, kind: Kind, name: &str, change: &Value) -> anyhow::Result<()> {
        self.wait(self.send("PATCH", self.path(kind, name), change))
    }

    /// Deletes one object.
    pub fn delete(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        self.wait(self.send("DELETE", self.path(kind, name), &json!({})))
    }

    fn wait<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.runtime.block_on(work)
    }

    fn path(&self, kind: Kind, name: &str) -> String {
        let namespace = &self.namespace;
        let collection = match kind {
            Kind::Ingress => format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses"),
            Kind::Slice => format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"),
            Kind::Service => format!("/api/v1/namespaces/{namespace}/services"),
            Kind::Secret => format!("/api/v1/namespaces/{namespace}/secrets"),
            Kind::Node => "/api/v1/nodes".to_owned(),
        };
        if name.is_empty() { collection } else { format!("{collection}/{name}") }
    }

    async fn send(&self, method: &str, path: String, body: &Value) -> anyhow::Result<()> {
        let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = http::Request::builder().method(method).uri(&path).header("content-type", content);
        let body = if method == "DELETE" { Vec::new() } else { serde_json::to_vec(body)? };
        let request = request.body(body)?;
        let answer = self.client.request::<serde::de::IgnoredAny>(request).await;
        answer.map(|_| ()).with_context(|| format!("{method} {path}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Place::Foreign { .. } = self.place {
            let path = format!("/api/v1/namespaces/{}", self.namespace);
            if let Err(error) = self.wait(self.send("DELETE", path, &json!({}))) {
                eprintln!("the namespace {} could not be removed: {error:#}", self.namespace);
            }
        }
        if let Place::Embedded { _stop, thread, .. } = &mut self.place {
            let (closed, _) = oneshot::channel();
            drop(std::mem::replace(_stop, closed));
            if thread.take().is_some_and(|thread| thread.join().is_err()) {
                eprintln!("the embedded API server panicked");
            }
        }
    }
}

type Running = (String, Inside, oneshot::Sender<()>, std::thread::JoinHandle<()>);

/// Starts the embedded API server on a thread of its own.
fn embedded(objects: usize) -> anyhow::Result<Running> {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let served = Builder::new_current_thread().enable_all().build().map(|runtime| {
            runtime.block_on(async {
                let limits = Limits { objects, ..Limits::default() };
                let server = ApiServer::start(Options { limits, ..Options::default() }).await;
                let handles = |server: &ApiServer| {
                    (server.url(), Inside { store: server.store().clone(), faults: server.faults().clone() })
                };
                let started = server.as_ref().map(handles).map_err(ToString::to_string);
                if tell.send(started).is_ok() {
                    // Either way the owner is gone.
                    stopped.await.unwrap_or_default();
                }
            });
        });
        if let Err(error) = served {
            eprintln!("no runtime for the embedded API server: {error}");
        }
    });
    match told.recv()? {
        Ok((url, inside)) => Ok((url, inside, stop, thread)),
        Err(error) => bail!("the embedded API server did not start: {error}"),
    }
}
