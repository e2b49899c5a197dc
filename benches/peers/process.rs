//! A process under measurement: started on its core, its CPU time and memory read from `/proc`, ended in any case.
use anyhow::Context;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::process::Child;

/// A running program with all processes it started. Dropping it kills them.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pid: u32,
}

/// What a program is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables of its environment beside ours.
    pub variables: Vec<(&'static str, OsString)>,
    /// The core it must stay on.
    pub core: usize,
    /// Where it may write to the screen.
    pub log: &'a Path,
}

impl Running {
    /// Starts it.
    pub fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let core = start.core.to_string();
        let log = std::fs::File::create(start.log)?;
        let child = tied("taskset".as_ref())
            .args(["-c", &core])
            .arg(start.program)
            .args(&start.args)
            .envs(start.variables.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", start.program.display()))?;
        let pid = child.id().context("ended at once")?;
        Ok(Self { child, pid })
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// User and system time of all its threads and processes up to now.
    pub fn cpu(&self) -> Duration {
        let ticks: u64 = family(self.pid).iter().map(|(_, stat)| stat.ticks).sum();
        Duration::from_secs(ticks) / ticks_per_second()
    }

    /// Resident memory of all its processes, in bytes. Pages that they share count once per process.
    pub fn memory(&self) -> u64 {
        family(self.pid).iter().filter_map(|(pid, _)| resident(*pid)).sum()
    }
}

/// A command that does not outlive this process: killed when it is dropped, and by the kernel should this process be
/// killed without a chance to clean up.
pub fn tied(program: &Path) -> tokio::process::Command {
    let mut command = match crate::tools::find("setpriv") {
        Some(setpriv) => {
            let mut command = tokio::process::Command::new(setpriv);
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        }
        None => tokio::process::Command::new(program),
    };
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Drop for Running {
    fn drop(&mut self) {
        let pids: Vec<String> = family(self.pid).iter().map(|(pid, _)| pid.to_string()).collect();
        if !pids.is_empty() {
            // All at once: what a process started may outlive it.
            match Command::new("kill").arg("-KILL").args(pids).stderr(Stdio::null()).status() {
                Ok(_) => {}
                Err(error) => eprintln!("kill: {error}"),
            }
        }
    }
}

/// What `/proc/PID/stat` says, as far as we ask.
#[derive(Clone, Copy, Debug)]
struct Stat {
    parent: u32,
    ticks: u64,
}

/// A process and all its descendants.
fn family(root: u32) -> Vec<(u32, Stat)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: HashMap<u32, Stat> = pids.filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let descends = |mut pid: u32| {
        // As deep as processes are nested, and never in a circle.
        for _ in 0..16 {
            if pid == root {
                return true;
            }
            let Some(stat) = all.get(&pid) else { return false };
            pid = stat.parent;
        }
        false
    };
    all.iter().filter(|(pid, _)| descends(**pid)).map(|(pid, stat)| (*pid, *stat)).collect()
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold blanks; state is field 3 of proc(5), parent 4, user time 14, system time 15.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat { parent: u32::try_from(number(4)?).ok()?, ticks: number(14)? + number(15)? })
}

fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// Unit of the times in `/proc/PID/stat`.
fn ticks_per_second() -> u32 {
    let output = Command::new("getconf").arg("CLK_TCK").output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.and_then(|text| text.trim().parse().ok()).filter(|ticks| *ticks > 0).unwrap_or(100)
}
