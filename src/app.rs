//! The composition root: from checked options to a running program, and from a signal to its end.
//!
//! [`App::start`] binds sockets, starts workers, actors and watches; [`App::run`] waits for a signal (or for an actor that
//! panicked) and drains. Nothing here decides about routing.
use crate::actors::{self, ControlPlane, Setup, Watch, Watches, pulse::PulseMonitor};
use crate::apiserver::ApiServer;
use crate::base::clock::{Clock, SystemClock};
use crate::base::drain::{Drain, DrainTrigger};
use crate::cluster::client::{self, Access, Choice, Surroundings};
use crate::compile;
use crate::config::{Config, IngressProvider, RuleSyntax};
use crate::demo::Demo;
use crate::messages::plan::StartDrain;
use crate::model::plan::PlanPatch;
use crate::proxy::{BindError, Proxy};
use std::net::SocketAddr;
use std::sync::Arc;
use tracing::{error, info, warn};

mod embedded;
mod internal;

/// A running program. Dropping it does not stop the workers: see [`App::stop`].
pub struct App {
    proxy: Proxy,
    plane: Option<ControlPlane>,
    drain: DrainTrigger,
    monitor: PulseMonitor,
    embedded: Option<embedded::Embedded>,
    demo: Option<Demo>,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to stop, and did.
    Stopped,
    /// An actor panicked; the state is gone and a fresh process is the repair.
    ActorLost(&'static str),
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The embedded API server could not be started.
    #[error("cannot start the embedded API server")]
    Embedded(#[source] embedded::EmbeddedError),
    /// A backend of the demo could not be started.
    #[error("cannot start the demo")]
    Demo(#[source] crate::demo::DemoError),
}

impl App {
    /// Starts everything. Must run inside an actix system.
    ///
    /// # Errors
    /// When a socket cannot be had. Trouble with the cluster is no error: it is logged, and the entry points answer 503
    /// until there is a first complete table.
    pub async fn start(config: Config, surroundings: Surroundings) -> Result<Self, StartError> {
        // Fails only when one is installed already, as a second program in one test process does.
        if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
            tracing::debug!("a crypto provider was installed before");
        }
        for warning in &config.warnings {
            warn!(origin = %warning, "remark on the options");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (drain, draining) = DrainTrigger::new();
        let internal = internal::Internal::new(&config, clock.clone(), draining.clone());
        let proxy = Proxy::bind(&config, internal.clone(), draining)?;
        internal.show(proxy.publisher());
        for (entry_point, address) in proxy.addresses() {
            info!(entrypoint = %entry_point, %address, "listening");
        }
        proxy.start();
        let mut app = Self { proxy, plane: None, drain, monitor: PulseMonitor::new(), embedded: None, demo: None };
        app.start_standalone(&config).await?;
        match &config.ingress {
            Some(provider) => app.start_provider(&config, provider, &surroundings, clock, &internal).await,
            // Nothing to wait for: there are no routes but the internal ones.
            None => app.proxy.publisher().install(&PlanPatch { generation: 1, ..PlanPatch::default() }),
        }
        Ok(app)
    }

    async fn start_standalone(&mut self, config: &Config) -> Result<(), StartError> {
        let Some(standalone) = &config.standalone else { return Ok(()) };
        if standalone.demo == crate::config::Demo::On {
            self.demo = Some(Demo::start(crate::demo::BACKENDS).await.map_err(StartError::Demo)?);
        }
        let embedded = embedded::start(standalone).await.map_err(StartError::Embedded)?;
        info!(address = %embedded.address(), "embedded API server listens; its objects are kept in memory only");
        self.embedded = Some(embedded);
        Ok(())
    }

    async fn start_provider(
        &mut self,
        config: &Config,
        provider: &IngressProvider,
        surroundings: &Surroundings,
        clock: Arc<dyn Clock>,
        internal: &internal::Internal,
    ) {
        say_provider(provider);
        let plane = actors::start(Setup {
            clock,
            monitor: self.monitor.clone(),
            compile: compile_options(config, provider),
            throttle: provider.throttle.max(config.providers_throttle),
            watches: watches(provider),
            publisher: self.proxy.publisher(),
            stop: self.proxy.stop_handle(),
            addresses: self.proxy.addresses().to_vec(),
        });
        internal.observe(plane.observations.clone(), plane.findings.clone());
        let endpoint = self.embedded.as_ref().map(|embedded| format!("http://{}", embedded.address()));
        let (access, surroundings) = match &endpoint {
            // The embedded server takes the place of a cluster, whatever the surroundings say.
            Some(endpoint) => (Access { endpoint, ..Access::default() }, Surroundings::default()),
            None => (
                Access {
                    endpoint: &provider.endpoint,
                    token: provider.token.expose(),
                    cert_auth_file: provider.cert_auth_file.as_deref(),
                },
                surroundings.clone(),
            ),
        };
        match client::build(access, &surroundings).await {
            Ok((client, choice)) => {
                say_client(&choice, access.endpoint);
                plane.watch(&client, seed());
            }
            Err(problem) => {
                let cause = std::error::Error::source(&problem).map(ToString::to_string);
                error!(error = %problem, cause = cause.unwrap_or_default(), "the Kubernetes provider cannot start");
            }
        }
        self.plane = Some(plane);
    }

    /// Where the entry point of that name listens.
    pub fn address(&self, entry_point: &str) -> Option<SocketAddr> {
        self.proxy.addresses().iter().find(|(name, _)| &**name == entry_point).map(|(_, address)| *address)
    }

    /// Where the embedded API server listens, if there is one.
    pub fn api_server(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(embedded::Embedded::address)
    }

    /// Waits for SIGTERM, SIGINT or a lost actor, then drains.
    pub async fn run(self) -> Outcome {
        let monitor = self.monitor.clone();
        tokio::select! {
            signal = stop_signal() => {
                info!(signal, "told to stop: draining");
                self.stop().await
            }
            actor = monitor.lost() => {
                error!(actor, "an actor panicked: draining, then ending so that a fresh process can take over");
                self.stop().await;
                Outcome::ActorLost(actor)
            }
        }
    }

    /// Drains and ends: `/ready` is 503 at once, new connections are refused after the accept grace time, running
    /// requests have the grace time of their entry point.
    pub async fn stop(self) -> Outcome {
        let Self { proxy, plane, drain, monitor: _, embedded, demo } = self;
        drain.not_ready();
        if let Some(plane) = &plane {
            plane.drain.tell(StartDrain);
        }
        proxy.drain().await;
        drain.start();
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        drop(demo);
        info!("drained");
        Outcome::Stopped
    }
}

fn say_provider(provider: &IngressProvider) {
    info!(selector = ?provider.label_selector, "label selector of Ingresses");
    if provider.allow_external_name_services {
        info!("ExternalName Services are allowed: make sure that this is wanted, they reach any address");
    }
}

fn say_client(choice: &Choice, endpoint: &str) {
    match choice {
        Choice::InCluster => info!(endpoint, "in-cluster Kubernetes client"),
        Choice::Kubeconfig(path) => info!(path = %path.display(), "Kubernetes client from KUBECONFIG"),
        Choice::External => info!(endpoint, "external Kubernetes client"),
    }
}

fn watches(provider: &IngressProvider) -> Watches {
    let on = |off: bool| if off { Watch::Off } else { Watch::On };
    Watches {
        namespaces: provider.namespaces.clone(),
        ingress_selector: provider.label_selector.as_str().into(),
        classes: on(provider.disable_cluster_scope || provider.disable_ingress_class_lookup),
        nodes: on(provider.disable_cluster_scope),
    }
}

/// What the compile step looks at.
fn compile_options(config: &Config, provider: &IngressProvider) -> compile::Options {
    compile::Options::todo(config, provider)
}

/// Sets the jitter of retries: replicas that start together must not ask together.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

async fn stop_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        error!("signals cannot be received: the process can only be killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}
