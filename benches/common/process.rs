//! The program as a child process, and what the kernel says of it.
use super::args::Args;
use super::client::Connection;
use super::now;
use anyhow::{Context, bail, ensure};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Longest wait for the first table.
const PATIENCE: Duration = Duration::from_secs(300);

/// A running program; it is killed when this is dropped.
pub struct Program {
    child: Arc<Mutex<Child>>,
    id: u32,
    /// Entry point for requests.
    pub web: SocketAddr,
    /// Entry point of the API.
    pub admin: SocketAddr,
    /// When it was started.
    pub started: Instant,
}

impl Drop for Program {
    fn drop(&mut self) {
        end(&self.child);
    }
}

fn end(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // It may have ended by itself; then there is nothing to do.
    child.kill().unwrap_or_default();
    if let Err(error) = child.wait() {
        eprintln!("the program could not be waited for: {error}");
    }
}

/// The program that runs now, for the moment a signal ends us.
static RUNNING: Mutex<Option<Arc<Mutex<Child>>>> = Mutex::new(None);

/// Takes the program along when we are interrupted or told to stop: `Drop` does not run then.
fn watch_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::thread::spawn(|| {
            if let Err(error) = wait_for_signal() {
                eprintln!("signals are not seen: {error}");
                return;
            }
            if let Some(child) = &*RUNNING.lock().unwrap_or_else(PoisonError::into_inner) {
                end(child);
            }
            std::process::exit(130);
        });
    });
}

fn wait_for_signal() -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut stopped = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = stopped.recv() => {}
        }
        Ok(())
    })
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// The most that was ever resident.
    pub peak: u64,
}

/// The binary to measure: `--pilotage`, else the one that was built along with the benchmark.
pub fn binary(args: &Args) -> String {
    args.text("pilotage", env!("CARGO_BIN_EXE_pilotage"))
}

impl Program {
    /// Starts `binary` against a cluster, with `extra` options and one worker if they say nothing else. Of our environment it
    /// sees `kubeconfig` alone.
    pub fn start(binary: &str, extra: &[String], kubeconfig: Option<&str>) -> anyhow::Result<Self> {
        let (web, admin) = (free_port()?, free_port()?);
        let mut command = Command::new(binary);
        if !extra.iter().any(|option| option.starts_with("--workers=")) {
            command.arg("--workers=1");
        }
        command
            .args([
                "--providers.kubernetesingress=true",
                "--providers.providersthrottleduration=0s",
                "--ping=true",
                "--api.insecure=true",
                "--log.level=WARN",
            ])
            .arg(format!("--entrypoints.web.address={web}"))
            .arg(format!("--entrypoints.traefik.address={admin}"))
            .args(extra)
            .env_clear()
            .envs(kubeconfig.map(|path| ("KUBECONFIG", path)))
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit());
        let started = now();
        watch_signals();
        let child = command.spawn().with_context(|| format!("cannot start {binary}"))?;
        let id = child.id();
        let child = Arc::new(Mutex::new(child));
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&child));
        Ok(Self { child, id, web, admin, started })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for `/ready`; the time since the start.
    pub fn wait_until_ready(&mut self) -> anyhow::Result<Duration> {
        let mut connection = Connection::new(self.admin);
        while self.started.elapsed() < PATIENCE {
            if connection.get("localhost", "/ready").is_ok_and(|answer| answer.status == 200) {
                return Ok(self.started.elapsed());
            }
            let ended = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?;
            ensure!(ended.is_none(), "the program ended before it was ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("not ready after {PATIENCE:?}")
    }

    /// Processor time of all its threads so far. In nanoseconds, from `schedstat`: `stat` counts in steps of 10 ms.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        Ok(self.cpu_by_thread()?.values().sum())
    }

    /// The same of each thread, by its id.
    pub fn cpu_by_thread(&self) -> anyhow::Result<BTreeMap<u32, Duration>> {
        let mut used = BTreeMap::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let task = task?;
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let nanos = text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
            if let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) {
                used.insert(id, Duration::from_nanos(nanos));
            }
        }
        Ok(used)
    }

    /// Its memory now.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            kilobytes.map(|count| count * 1024).with_context(|| format!("no {name} in /proc"))
        };
        Ok(Memory { resident: field("VmRSS")?, peak: field("VmHWM")? })
    }

    /// The `state` of one actor, as the debug page shows it.
    pub fn actor(&self, name: &str) -> anyhow::Result<serde_json::Value> {
        let answer = Connection::new(self.admin).get("localhost", &format!("/debug/actors/{name}"))?;
        let observation: serde_json::Value = serde_json::from_slice(&answer.body)?;
        Ok(observation["state"].clone())
    }
}

/// A port that is free at the moment, on the loopback interface.
fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
