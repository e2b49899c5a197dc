//! The machine: which core is whose.
use anyhow::{Context, bail};
use std::fmt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Set for the process that runs where it should. Not under `PILOTAGE_`, where the program looks for its options.
const MOVED: &str = "PEERS_BENCH_CORES";

/// The cores of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The proxy's.
    pub proxy: usize,
    /// Everything else's.
    pub rest: usize,
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy on core {}, everything else on core {}", self.proxy, self.rest)
    }
}

impl Cores {
    /// The first two that this process may use.
    pub fn of_this_machine() -> anyhow::Result<Self> {
        if let Ok(chosen) = std::env::var(MOVED)
            && let Some((proxy, rest)) = chosen.split_once(' ')
        {
            return Ok(Self { proxy: proxy.parse()?, rest: rest.parse()? });
        }
        let status = std::fs::read_to_string("/proc/self/status").context("this measures on Linux only")?;
        let list =
            status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).context("no list of cores")?;
        match cores(list.trim()).get(..2) {
            Some(&[proxy, rest]) => Ok(Self { proxy, rest }),
            _ => bail!("needs two cores, one for the proxy and one for the load"),
        }
    }
}

/// Reads `0-3,8`.
fn cores(list: &str) -> Vec<usize> {
    let part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.split(',').filter_map(part).flatten().collect()
}

/// Starts this program again on the core of everything but the proxies, unless that has been done.
pub fn move_to(cores: Cores) -> anyhow::Result<()> {
    if std::env::var_os(MOVED).is_some() {
        return Ok(());
    }
    let error = Command::new("taskset")
        .args(["-c", &cores.rest.to_string()])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(MOVED, format!("{} {}", cores.proxy, cores.rest))
        .exec();
    Err(error).context("cannot run taskset (Debian: util-linux)")
}

/// The model of the processor, as the system names it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

/// How many cores this process could use before it moved.
pub fn core_count() -> usize {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    cores(online.trim()).len()
}

/// Version of the kernel.
pub fn kernel() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}
