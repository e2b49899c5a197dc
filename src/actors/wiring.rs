//! Ties the actors together: the only place that knows their concrete types.
use super::api_server::ApiServerActor;
use super::compiler::{self, Compiler};
use super::debug::Debug;
use super::event_recorder::{self, EventRecorder};
use super::ingress::IngressKind;
use super::ingress_class::IngressClassKind;
use super::kind::{Kind, KindActor, Watched};
use super::lease::{self, Candidacy};
use super::node::NodeKind;
use super::proxy_listener::ProxyListener;
use super::pulse::{Pulse, PulseMonitor};
use super::pumps::{Aside, HealthLines, Lines, Need, Pump};
use super::secret::SecretKind;
use super::service::{ServiceActor, ServiceKind, SliceKind};
use super::shell::Shell;
use super::status_writer::{self, Connection, StatusWriter};
use super::tell::{Line, QueueDepth};
use super::throttler::{Throttler, state};
use crate::base::clock::Clock;
use crate::base::intern::intern;
use crate::cluster::client::Built;
use crate::cluster::lenient::{Lenient, Sparse};
use crate::cluster::link::{Link, News};
use crate::compile;
use crate::messages::debug::{FindingsChanged, GetFindings, GetObservations, Observed};
use crate::messages::facts::{ApplyPatch, FactsChanged, KindListed};
use crate::messages::plan::{InstallPlan, PlanInstalled, StartDrain};
use crate::messages::reports::{LeadershipChanged, RecordEvent, StatusSeen, WriteStatus};
use crate::messages::server::{ServerBack, ServerLost};
use crate::messages::watch::{Applied, Deleted, Replaced, Scope, WatchUnavailable};
use crate::model::facts::{ClassFact, IngressFact, NodeFact, SecretFact, ServiceFact, SliceFact};
use crate::model::keys::{IngressKey, Kind as KindName};
use crate::model::status::Addresses;
use crate::proxy::Proxy;
use actix::{Actor, Addr, Context, Handler, Recipient};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Resource};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the control plane is built from.
pub struct Setup {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Notices panics.
    pub monitor: PulseMonitor,
    /// The compile step's options.
    pub compile: compile::Options,
    /// One object is applied at most once in this time.
    pub throttle: Duration,
    /// What is watched.
    pub watches: Watches,
    /// The data plane, with its workers running.
    pub proxy: Proxy,
    /// Sets the jitter of retries.
    pub seed: u64,
}

/// What is watched.
#[derive(Clone, Debug)]
pub struct Watches {
    /// Namespaces; empty for all.
    pub namespaces: Vec<Arc<str>>,
    /// Label selector of Ingresses alone.
    pub ingress_selector: Arc<str>,
    /// IngressClasses.
    pub classes: Watch,
    /// Nodes.
    pub nodes: Watch,
    /// Statuses of Ingresses.
    pub statuses: Statuses,
}

/// Whether anybody wants to know what statuses say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    /// They are written by us.
    Followed,
    /// They are never written.
    Ignored,
}

/// Whether a kind is watched at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Yes.
    On,
    /// No: not even a request is made.
    Off,
}

/// Helm keeps its releases in Secrets: many, large, and of no use here (spec/ingress.md 3).
const NOT_OF_HELM: &str = "owner!=helm";

/// The running actors, as far as others need them.
pub struct ControlPlane {
    /// Answers [`GetObservations`].
    pub observations: Recipient<GetObservations>,
    /// Answers [`GetFindings`].
    pub findings: Recipient<GetFindings>,
    /// Takes [`StartDrain`].
    pub drain: Line<StartDrain>,
    /// Takes [`InstallPlan`]: for a program without a provider, whose plan is empty.
    pub install: Line<InstallPlan>,
    kinds: Kinds,
    watches: Watches,
    clock: Arc<dyn Clock>,
    connection: Connection,
    writers: lease::Writers,
    seen: Line<StatusSeen>,
    stop_election: watch::Sender<bool>,
    monitor: PulseMonitor,
    server: ServerLines,
}

/// The lines to the api-server actor.
struct ServerLines {
    lost: Line<ServerLost>,
    back: Line<ServerBack>,
    health: HealthLines,
}

struct Kinds {
    ingress: Lines<IngressFact>,
    class: Lines<ClassFact>,
    service: Lines<ServiceFact>,
    slice: Lines<SliceFact>,
    secret: Lines<SecretFact>,
    node: Lines<NodeFact>,
}

/// Starts all actors on the current arbiter. No watch runs yet: see [`ControlPlane::watch`].
pub fn start(setup: Setup) -> ControlPlane {
    let Setup { clock, monitor, compile, throttle, watches, proxy, seed } = setup;
    let debug_depth = QueueDepth::default();
    let debug = Debug::new(monitor.pulse("debug"), debug_depth.clone()).start();
    let observed: Line<Observed> = Line::new(debug.clone().recipient(), debug_depth.clone());
    let make_shell = |name: &'static str| {
        let depth = QueueDepth::default();
        (Shell::new(name, monitor.pulse(name), depth.clone(), observed.clone()), depth)
    };

    let connection = Connection::default();
    let mut installed: Vec<Line<PlanInstalled>> = vec![Line::new(debug.clone().recipient(), debug_depth.clone())];
    let (shell, depth) = make_shell("status-writer");
    let state = status_writer::state::State::new(seed, clock.now());
    let status = StatusWriter::new(state, shell, depth.clone(), clock.clone(), connection.clone()).start();
    installed.push(Line::new(status.clone().recipient(), depth.clone()));
    let write: Line<WriteStatus> = Line::new(status.clone().recipient(), depth.clone());
    let seen: Line<StatusSeen> = Line::new(status.clone().recipient(), depth.clone());
    let status: Line<LeadershipChanged> = Line::new(status.recipient(), depth);

    let (shell, depth) = make_shell("event-recorder");
    let state = event_recorder::state::State::new(seed, clock.now());
    let events = EventRecorder::new(state, shell, depth.clone(), clock.clone(), connection.clone()).start();
    installed.push(Line::new(events.clone().recipient(), depth.clone()));
    let record: Line<RecordEvent> = Line::new(events.clone().recipient(), depth.clone());
    let events: Line<LeadershipChanged> = Line::new(events.recipient(), depth);

    let (shell, listener_depth) = make_shell("proxy-listener");
    let listener = ProxyListener::new(proxy, monitor.clone(), shell, clock.clone(), installed).start();
    let install: Line<InstallPlan> = Line::new(listener.clone().recipient(), listener_depth.clone());

    let (shell, compiler_depth) = make_shell("compiler");
    let findings: Line<FindingsChanged> = Line::new(debug.clone().recipient(), debug_depth);
    let core = compile::Compiler::new(compile);
    let writers = compiler::Writers { status: write, events: record };
    let compiler = Compiler::new(core, shell, clock.clone(), install.clone(), writers, findings).start();
    let apply: Line<ApplyPatch> = Line::new(compiler.recipient(), compiler_depth);

    let (shell, throttler_depth) = make_shell("throttler");
    let state = state::State::new(watched_kinds(&watches), throttle);
    let throttler = Throttler::new(state, shell, clock.clone(), apply).start();
    let facts: Line<FactsChanged> = Line::new(throttler.clone().recipient(), throttler_depth.clone());
    let listed: Line<KindListed> = Line::new(throttler.recipient(), throttler_depth);

    let server = start_api_server(make_shell("api-server"), clock.clone());
    let scopes = scopes(&watches.namespaces);
    let everywhere = [Scope::Everywhere];
    let kind_lines = KindLines { facts, listed };
    let (service, slice) = start_service(&scopes, make_shell("service"), &kind_lines);
    let kinds = Kinds {
        ingress: start_kind::<IngressKind>(&scopes, &make_shell, &kind_lines),
        class: start_kind::<IngressClassKind>(awaited(watches.classes, &everywhere), &make_shell, &kind_lines),
        secret: start_kind::<SecretKind>(&scopes, &make_shell, &kind_lines),
        node: start_kind::<NodeKind>(awaited(watches.nodes, &everywhere), &make_shell, &kind_lines),
        service,
        slice,
    };
    ControlPlane {
        observations: debug.clone().recipient(),
        findings: debug.recipient(),
        drain: Line::new(listener.recipient(), listener_depth),
        install,
        kinds,
        watches,
        clock,
        connection,
        writers: lease::Writers { status, events },
        seen,
        stop_election: watch::Sender::new(false),
        monitor,
        server,
    }
}

fn start_api_server((shell, depth): (Shell, QueueDepth), clock: Arc<dyn Clock>) -> ServerLines {
    let actor = ApiServerActor::new(shell, clock).start();
    let health = HealthLines {
        troubled: Line::new(actor.clone().recipient(), depth.clone()),
        recovered: Line::new(actor.clone().recipient(), depth.clone()),
    };
    ServerLines {
        lost: Line::new(actor.clone().recipient(), depth.clone()),
        back: Line::new(actor.recipient(), depth),
        health,
    }
}

/// The lines from every kind actor to the throttler.
struct KindLines {
    facts: Line<FactsChanged>,
    listed: Line<KindListed>,
}

fn start_kind<K: Kind>(
    scopes: &[Scope],
    make_shell: &impl Fn(&'static str) -> (Shell, QueueDepth),
    to: &KindLines,
) -> Lines<K::Fact> {
    let (shell, depth) = make_shell(K::ACTOR);
    let actor = KindActor::<K>::new(scopes.iter().cloned(), shell, to.facts.clone(), to.listed.clone());
    lines(&actor.start(), &depth)
}

fn start_service(
    scopes: &[Scope],
    (shell, depth): (Shell, QueueDepth),
    to: &KindLines,
) -> (Lines<ServiceFact>, Lines<SliceFact>) {
    let actor = ServiceActor::new(scopes, shell, to.facts.clone(), to.listed.clone()).start();
    (lines(&actor, &depth), lines(&actor, &depth))
}

fn lines<A, O>(actor: &Addr<A>, depth: &QueueDepth) -> Lines<O>
where
    O: Send + Sync + 'static,
    A: Actor<Context = Context<A>>
        + Handler<Applied<O>>
        + Handler<Deleted<O>>
        + Handler<Replaced<O>>
        + Handler<WatchUnavailable<O>>,
{
    Lines {
        applied: Line::new(actor.clone().recipient(), depth.clone()),
        deleted: Line::new(actor.clone().recipient(), depth.clone()),
        replaced: Line::new(actor.clone().recipient(), depth.clone()),
        unavailable: Line::new(actor.clone().recipient(), depth.clone()),
    }
}

fn scopes(namespaces: &[Arc<str>]) -> Vec<Scope> {
    if namespaces.is_empty() {
        vec![Scope::Everywhere]
    } else {
        namespaces.iter().cloned().map(Scope::Namespace).collect()
    }
}

fn awaited(watch: Watch, scopes: &[Scope]) -> &[Scope] {
    match watch {
        Watch::On => scopes,
        Watch::Off => &[],
    }
}

fn watched_kinds(watches: &Watches) -> Vec<KindName> {
    let mut kinds = vec![KindName::Ingress, KindName::Service, KindName::EndpointSlice, KindName::Secret];
    if watches.classes == Watch::On {
        kinds.push(KindName::IngressClass);
    }
    if watches.nodes == Watch::On {
        kinds.push(KindName::Node);
    }
    kinds
}

impl ControlPlane {
    /// Starts the watches, and what looks after the server. The tasks end with the arbiter. `seed` sets the jitter of their
    /// retries.
    pub fn watch(&self, built: Built, seed: u64) {
        let Built { client, choice: _, link, knocker } = built;
        let (lost, back) = (self.server.lost.clone(), self.server.back.clone());
        let knock = knocker.run(client.clone(), seed, move |news| match news {
            News::Lost(reason) => lost.tell(ServerLost { reason }),
            News::Back => back.tell(ServerBack),
        });
        spawn_watched(knock, self.monitor.pulse("api server link"));
        let health = self.server.health.clone();
        let mut tasks =
            Tasks { client, link, health, monitor: &self.monitor, seed, selector: "".into(), need: Need::Required };
        let aside = || (self.watches.statuses == Statuses::Followed).then(|| statuses(self.seen.clone()));
        for scope in scopes(&self.watches.namespaces) {
            tasks.selector = self.watches.ingress_selector.clone();
            tasks.namespaced::<IngressKind>(&scope, &self.kinds.ingress, aside());
            tasks.selector = NOT_OF_HELM.into();
            tasks.namespaced::<SecretKind>(&scope, &self.kinds.secret, None);
            tasks.selector = "".into();
            tasks.namespaced::<ServiceKind>(&scope, &self.kinds.service, None);
            tasks.namespaced::<SliceKind>(&scope, &self.kinds.slice, None);
        }
        tasks.need = Need::Optional;
        if self.watches.classes == Watch::On {
            tasks.cluster_wide::<IngressClassKind>(&self.kinds.class);
        }
        if self.watches.nodes == Watch::On {
            tasks.cluster_wide::<NodeKind>(&self.kinds.node);
        }
    }

    /// Takes part in the election of the one replica that writes, through a client that leaves retries to us. The task
    /// ends after [`ControlPlane::stop_election`].
    pub fn elect(&self, client: Client, candidacy: Candidacy, seed: u64) -> JoinHandle<()> {
        // Set once: a program has one provider.
        self.connection.get_or_init(|| (client.clone(), candidacy.identity.clone()));
        let (writers, clock, stop) = (self.writers.clone(), self.clock.clone(), self.stop_election.subscribe());
        actix::spawn(lease::run(client, candidacy, writers, clock, seed, stop))
    }

    /// Ends the election: nothing is written any more, and the lease is given back.
    pub fn stop_election(&self) {
        self.stop_election.send_replace(true);
    }
}

/// Sends what each Ingress says to the status writer. Nearly all say one of very few things, which are kept once.
fn statuses(to: Line<StatusSeen>) -> Aside<Ingress> {
    const KEPT: usize = 8;
    let lately: RefCell<Vec<Arc<Addresses>>> = RefCell::default();
    Box::new(move |object| {
        let says = crate::cluster::status::addresses(object);
        let mut lately = lately.borrow_mut();
        let says = match lately.iter().position(|known| **known == says) {
            Some(at) => lately.remove(at),
            None => Arc::new(says),
        };
        lately.truncate(KEPT - 1);
        lately.insert(0, says.clone());
        let metadata = &object.metadata;
        let namespace = intern(metadata.namespace.as_deref().unwrap_or_default());
        let name: Arc<str> = metadata.name.as_deref().unwrap_or_default().into();
        to.tell(StatusSeen { ingress: IngressKey::new(namespace, name), says });
    })
}

struct Tasks<'a> {
    client: Client,
    link: Link,
    health: HealthLines,
    monitor: &'a PulseMonitor,
    seed: u64,
    selector: Arc<str>,
    need: Need,
}

impl Tasks<'_> {
    fn namespaced<W: Watched>(&mut self, scope: &Scope, lines: &Lines<W::Fact>, aside: Option<Aside<W::Object>>)
    where
        W::Object: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Watchable,
    {
        let api: Api<Lenient<W::Object>> = match scope {
            Scope::Everywhere => Api::all(self.client.clone()),
            Scope::Namespace(name) => Api::namespaced(self.client.clone(), name),
        };
        self.spawn::<W>(scope.clone(), lines, api, aside);
    }

    fn cluster_wide<W: Watched>(&mut self, lines: &Lines<W::Fact>)
    where
        W::Object: Resource<DynamicType = (), Scope = ClusterResourceScope> + Watchable,
    {
        self.spawn::<W>(Scope::Everywhere, lines, Api::all(self.client.clone()), None);
    }

    fn spawn<W: Watched>(
        &mut self,
        scope: Scope,
        lines: &Lines<W::Fact>,
        api: Api<Lenient<W::Object>>,
        aside: Option<Aside<W::Object>>,
    ) where
        W::Object: Resource<DynamicType = ()> + Watchable,
    {
        self.seed = self.seed.wrapping_add(1);
        let (need, selector, lines) = (self.need, self.selector.clone(), lines.clone());
        let pump = Pump::<W> { kind: W::KIND, scope, need, selector, lines, aside, health: self.health.clone() };
        spawn_watched(pump.run(api, self.link.clone(), self.seed), self.monitor.pulse(W::KIND.as_str()));
    }
}

/// Runs a task whose panic would leave everything as it is for ever and looking well.
fn spawn_watched(task: impl Future<Output = ()> + 'static, pulse: Pulse) {
    actix::spawn(async move {
        let _pulse = pulse;
        task.await;
    });
}

/// What a watched Kubernetes type needs beside being a resource.
trait Watchable: Clone + Sparse + std::fmt::Debug + Send + 'static {}
impl<T: Clone + Sparse + std::fmt::Debug + Send + 'static> Watchable for T {}
