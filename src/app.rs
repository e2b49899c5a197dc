//! The composition root: from checked options to a running program, and from a signal to its end.
//!
//! [`App::start`] binds sockets, starts workers, actors and watches; [`App::run`] waits for a signal (or for an actor that
//! panicked) and drains. Nothing here decides about routing.
use crate::actors::lease::Candidacy;
use crate::actors::{self, ControlPlane, Setup, Statuses, Watch, Watches, pulse::PulseMonitor};
use crate::base::clock::{Clock, SystemClock};
use crate::base::drain::DrainTrigger;
use crate::cluster::client::{self, Access, Choice, Surroundings};
use crate::cluster::watch::Delivery;
use crate::compile;
use crate::config::{self, Config, IngressProvider, LeaderElection, RuleSyntax};
use crate::demo::Demo;
use crate::messages::plan::{InstallPlan, StartDrain};
use crate::model::keys::ServiceKey;
use crate::model::plan::PlanPatch;
use crate::model::rule::Syntax;
use crate::model::status::{Address, Addresses};
use crate::proxy::{BindError, Proxy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

mod embedded;
mod internal;

/// A running program. Dropping it does not stop the workers: see [`App::stop`].
pub struct App {
    plane: ControlPlane,
    addresses: Vec<(Arc<str>, SocketAddr)>,
    drain: DrainTrigger,
    monitor: PulseMonitor,
    embedded: Option<embedded::Embedded>,
    demo: Option<Demo>,
    election: Option<tokio::task::JoinHandle<()>>,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to stop, and did.
    Stopped,
    /// It was told a second time, and ended without waiting for what runs.
    Forced,
    /// An actor, a watch or a worker panicked; the state is gone and a fresh process is the repair.
    ActorLost(&'static str),
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The workers could not be started.
    #[error("cannot start the workers")]
    Workers(#[from] crate::proxy::StartError),
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
        if let Some(path) = &config.file {
            info!(path = %path.display(), "configuration file read");
        }
        for warning in &config.warnings {
            warn!(origin = %warning, "remark on the options");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (drain, draining) = DrainTrigger::new();
        let internal = internal::Internal::new(&config, clock.clone(), draining);
        let mut proxy = Proxy::bind(&config, internal.service())?;
        internal.published.follow(proxy.publisher());
        let addresses = proxy.addresses().to_vec();
        for (entry_point, address) in &addresses {
            info!(entrypoint = %entry_point, %address, "listening");
        }
        proxy.start()?;
        let (embedded, demo) = start_standalone(&config).await?;
        let monitor = PulseMonitor::new();
        let plane = actors::start(Setup {
            clock,
            monitor: monitor.clone(),
            compile: compile_options(&config),
            throttle: throttle(&config),
            watches: watches(&config),
            proxy,
            seed: seed(),
        });
        internal.debug.follow(plane.observations.clone(), plane.findings.clone());
        let mut app = Self { plane, addresses, drain, monitor, embedded, demo, election: None };
        match &config.ingress {
            Some(provider) => app.start_provider(provider, &config.leader_election, &surroundings).await,
            // Nothing to wait for: there are no routes but the internal ones.
            None => app.plane.install.tell(InstallPlan { patch: PlanPatch { generation: 1, ..PlanPatch::default() } }),
        }
        Ok(app)
    }

    async fn start_provider(
        &mut self,
        provider: &IngressProvider,
        election: &LeaderElection,
        surroundings: &Surroundings,
    ) {
        say_provider(provider);
        let endpoint = self.embedded.as_ref().map(|embedded| format!("http://{}", embedded.address()));
        let (access, surroundings) = match &endpoint {
            // The embedded server takes the place of a cluster, whatever the surroundings say.
            Some(endpoint) => {
                let pod_name = surroundings.pod_name.clone();
                (Access { endpoint, ..Access::default() }, Surroundings { pod_name, ..Surroundings::default() })
            }
            None => {
                let (endpoint, token) = (&*provider.endpoint, &**provider.token.expose());
                let access = Access { endpoint, token, cert_auth_file: provider.cert_auth_file.as_deref() };
                (access, surroundings.clone())
            }
        };
        match client::build(access.clone(), &surroundings).await {
            Ok(built) => {
                say_client(&built.choice, access.endpoint);
                let writer = built.client.clone();
                self.plane.watch(built, seed());
                self.election = Some(self.plane.elect(writer, candidacy(election, &surroundings), seed()));
            }
            Err(problem) => {
                let cause = std::error::Error::source(&problem).map(ToString::to_string).unwrap_or_default();
                error!(error = %problem, cause, "the Kubernetes provider cannot start: entry points answer 503");
            }
        }
    }

    /// Where the entry point of that name listens.
    pub fn address(&self, entry_point: &str) -> Option<SocketAddr> {
        self.addresses.iter().find(|(name, _)| &**name == entry_point).map(|(_, address)| *address)
    }

    /// Where the embedded API server listens, if there is one.
    pub fn api_server(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(embedded::Embedded::address)
    }

    /// Waits for one of `signals` or a lost actor, then drains. A second signal ends the wait.
    pub async fn run(self, mut signals: Signals) -> Outcome {
        let monitor = self.monitor.clone();
        let end = tokio::select! {
            signal = signals.next() => {
                info!(signal, "told to stop: draining");
                Outcome::Stopped
            }
            actor = monitor.lost() => {
                error!(actor, "an actor panicked: draining, then ending so that a fresh process can take over");
                Outcome::ActorLost(actor)
            }
        };
        tokio::select! {
            _ = self.stop() => end,
            signal = signals.next() => {
                warn!(signal, "told to stop while draining: running requests are cut");
                Outcome::Forced
            }
        }
    }

    /// Drains and ends: `/ready` is 503 at once, new connections are refused after the accept grace time, running
    /// requests have the grace time of their entry point.
    pub async fn stop(self) -> Outcome {
        let Self { plane, addresses: _, drain, monitor: _, embedded, demo, election } = self;
        drain.not_ready();
        // Another replica may write as soon as the lease is given back, which takes a moment at most.
        plane.stop_election();
        if plane.drain.send(StartDrain).await == Delivery::NobodyThere {
            error!("the proxy listener is gone: running requests are cut");
        }
        drain.start();
        if let Some(election) = election
            && tokio::time::timeout(LAST_WRITE, election).await.is_err()
        {
            warn!("the lease was not given back: the next replica has to wait until it runs out");
        }
        if let Some(embedded) = embedded {
            embedded.stop().await;
        }
        drop(demo);
        info!("drained");
        Outcome::Stopped
    }
}

/// Longest time that the end of the process waits for the lease to be given back.
const LAST_WRITE: Duration = Duration::from_secs(6);

async fn start_standalone(config: &Config) -> Result<(Option<embedded::Embedded>, Option<Demo>), StartError> {
    let Some(standalone) = &config.standalone else { return Ok((None, None)) };
    let demo = match standalone.demo {
        config::Demo::On => Some(Demo::start(crate::demo::BACKENDS).await.map_err(StartError::Demo)?),
        config::Demo::Off => None,
    };
    let embedded = embedded::start(standalone).await.map_err(StartError::Embedded)?;
    info!(address = %embedded.address(), "embedded API server listens; its objects are kept in memory only");
    Ok((Some(embedded), demo))
}

fn say_provider(provider: &IngressProvider) {
    info!(selector = %provider.label_selector, "label selector of Ingresses");
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

/// Which lease, and under which name: no two processes ever have the same.
fn candidacy(election: &LeaderElection, surroundings: &Surroundings) -> Candidacy {
    let own = match &*surroundings.pod_name {
        "" => "pilotage",
        name => name,
    };
    Candidacy {
        namespace: election
            .lease_namespace
            .clone()
            .or_else(|| surroundings.own_namespace())
            .unwrap_or_else(|| "default".into()),
        name: election.lease_name.clone(),
        identity: format!("{own}_{:016x}", seed()).into(),
    }
}

fn publish(publish: &config::Publish) -> compile::Publish {
    match publish {
        config::Publish::Nothing => compile::Publish::Nothing,
        config::Publish::Fixed { ip, hostname } => {
            let address = Address { ip: ip.clone(), hostname: hostname.clone(), ports: Vec::new() };
            compile::Publish::Fixed(Arc::new(Addresses(vec![address])))
        }
        config::Publish::Service { namespace, name } => {
            compile::Publish::Service(ServiceKey::new(namespace.clone(), name.clone()))
        }
        config::Publish::NodeInternalIps => compile::Publish::NodeInternalIps,
    }
}

fn watches(config: &Config) -> Watches {
    let on = |off: bool| if off { Watch::Off } else { Watch::On };
    match &config.ingress {
        Some(provider) => Watches {
            namespaces: provider.namespaces.clone(),
            ingress_selector: provider.label_selector.as_str().into(),
            classes: on(provider.disable_cluster_scope || provider.disable_ingress_class_lookup),
            nodes: on(provider.disable_cluster_scope),
            statuses: match provider.publish {
                config::Publish::Nothing => Statuses::Ignored,
                _ => Statuses::Followed,
            },
        },
        None => Watches {
            namespaces: vec![],
            ingress_selector: "".into(),
            classes: Watch::Off,
            nodes: Watch::Off,
            statuses: Statuses::Ignored,
        },
    }
}

/// Both pauses of the reference in one: the longer counts, per object (docs/compatibility.md).
fn throttle(config: &Config) -> Duration {
    config.ingress.as_ref().map_or(Duration::ZERO, |provider| provider.throttle.max(config.providers_throttle))
}

/// What the compile step looks at.
fn compile_options(config: &Config) -> compile::Options {
    let mut options = compile::Options {
        entry_points: config.connected_entry_points().map(|entry_point| entry_point.name.clone()).collect(),
        default_entry_points: config.default_entry_points(),
        secured_entry_points: config
            .entry_points
            .iter()
            .filter_map(|entry_point| Some((entry_point.name.clone(), entry_point.tls.as_ref()?.options.clone())))
            .collect(),
        default_rule_syntax: match config.default_rule_syntax {
            RuleSyntax::V3 => Syntax::V3,
            RuleSyntax::V2 => Syntax::V2,
        },
        ..compile::Options::default()
    };
    if let Some(provider) = &config.ingress {
        options.ingress_class = provider.ingress_class.as_str().into();
        options.allow_empty_services = provider.allow_empty_services;
        options.allow_external_name_services = provider.allow_external_name_services;
        options.allow_cross_namespace = provider.allow_cross_namespace;
        options.cross_provider = match &provider.cross_provider_namespaces {
            config::CrossProvider::Any => compile::CrossProvider::Any,
            config::CrossProvider::Only(namespaces) => compile::CrossProvider::Only(namespaces.clone()),
        };
        options.disable_ingress_class_lookup = provider.disable_ingress_class_lookup;
        options.disable_cluster_scope = provider.disable_cluster_scope;
        options.native_lb_by_default = provider.native_lb_by_default;
        options.strict_prefix_matching = provider.strict_prefix_matching;
        options.disable_pass_host_headers = provider.disable_pass_host_headers;
        options.publish = publish(&provider.publish);
        options.namespaces = match provider.namespaces.as_slice() {
            [] => compile::Namespaces::All,
            listed => compile::Namespaces::Only(listed.to_vec()),
        };
    }
    options
}

/// Sets the jitter of retries: replicas that start together must not ask together.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// SIGTERM and SIGINT. Listened to from before [`App::start`]: one that comes while the program starts would otherwise
/// end it without a drain or, where it is process 1 of a container, have no effect at all.
pub struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Listens from now on. Must run inside an actix system.
    pub fn listen() -> Self {
        let both = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
        if let Err(error) = &both {
            error!(%error, "signals cannot be received: the process can only be killed");
        }
        Self(both.ok())
    }

    /// The next one; at once if it came since [`Signals::listen`].
    async fn next(&mut self) -> &'static str {
        let Some((term, int)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let args = ["--entrypoints.web.address=127.0.0.1:0", "--entrypoints.traefik.address=127.0.0.1:0"];
        match config::from_args(args.map(str::to_owned)) {
            Ok(config::Command::Run(config)) => config,
            _ => panic!("bad options"),
        }
    }

    #[test]
    fn a_lost_actor_drains_and_is_told_in_the_outcome() {
        actix::System::new().block_on(async {
            let app = App::start(config(), Surroundings::default()).await.unwrap();
            let web = app.address("web").unwrap();
            app.monitor.report("compiler");
            assert_eq!(app.run(Signals(None)).await, Outcome::ActorLost("compiler"));
            assert!(tokio::net::TcpStream::connect(web).await.is_err(), "it still listens");
        });
    }
}
