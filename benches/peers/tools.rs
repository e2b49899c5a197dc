//! Foreign programs: found, installed if that is possible, asked for their version. None of them belongs to the product.
use crate::options::{Missing, Options};
use crate::proxies::Peer;
use crate::scenario;
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is there.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The proxies that can be measured, in order.
    pub proxies: Vec<Tool>,
    /// Those that were asked for and are not to be had.
    pub skipped: Vec<Peer>,
    /// `wrk`.
    pub wrk: Load,
    /// `h2load`, if a scenario is for it.
    pub h2load: Option<Load>,
}

/// A program that makes load.
#[derive(Clone, Debug)]
pub struct Load {
    /// The program.
    pub program: PathBuf,
    /// What it says of itself.
    pub version: String,
}

/// One proxy.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Which.
    pub peer: Peer,
    /// Its program.
    pub program: PathBuf,
    /// What it says of itself.
    pub version: String,
}

/// Where a program can be had.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A package of Debian.
    Debian(&'static str),
    /// A package of PyPI.
    Pypi(&'static str),
    /// It is ours.
    Built,
    /// This command.
    Itself,
}

impl Tools {
    /// Looks for everything that `options` need.
    pub fn find(options: &Options) -> anyhow::Result<Self> {
        let wrk = load("wrk", "wrk", &["-v"], options.missing)?;
        let http2 = options.scenarios.iter().any(|scenario| matches!(scenario.load, scenario::Load::Http2 { .. }));
        let h2load = || load("h2load", "nghttp2-client", &["--version"], options.missing);
        let h2load = http2.then(h2load).transpose()?;
        let (mut proxies, mut skipped) = (Vec::new(), Vec::new());
        for &peer in &options.proxies {
            let program = match peer.source() {
                Source::Built => Some(options.pilotage.clone()).filter(|path| path.exists()),
                Source::Itself => Some(std::env::current_exe()?),
                source => find_or_install(peer.name(), source, options.missing),
            };
            match program {
                Some(program) => {
                    let version = match peer.version_args() {
                        [] => "of this command".to_owned(),
                        args => version(&program, args),
                    };
                    proxies.push(Tool { peer, program, version });
                }
                None => {
                    eprintln!("{peer} is skipped: not here and not to be had");
                    skipped.push(peer);
                }
            }
        }
        Ok(Self { proxies, skipped, wrk, h2load })
    }

    /// The tool for `peer`.
    pub fn of(&self, peer: Peer) -> Option<&Tool> {
        self.proxies.iter().find(|tool| tool.peer == peer)
    }
}

fn load(name: &str, package: &'static str, version_args: &[&str], missing: Missing) -> anyhow::Result<Load> {
    let found = find_or_install(name, Source::Debian(package), missing);
    let program = found.with_context(|| format!("{name} is needed for the load (Debian: {package})"))?;
    Ok(Load { version: version(&program, version_args), program })
}

fn find_or_install(name: &str, source: Source, missing: Missing) -> Option<PathBuf> {
    if let Some(found) = find(name) {
        return Some(found);
    }
    if missing == Missing::Skip {
        return None;
    }
    eprintln!("{name} is missing: trying to install it");
    install(source);
    find(name)
}

/// A program in the search path, or where Debian keeps what administrators use.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

fn install(source: Source) {
    let mut command = match source {
        Source::Debian(package) => {
            let mut command = Command::new("apt-get");
            // A package must not start its service: nothing here listens beyond loopback.
            command.args(["install", "-y", "--no-install-recommends", package]);
            command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
            command
        }
        Source::Pypi(package) => {
            let mut command = Command::new("python3");
            command.args(["-m", "pip", "install", "--quiet", package]);
            command
        }
        Source::Built | Source::Itself => return,
    };
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("{command:?}: {status}"),
        Err(error) => eprintln!("{command:?}: {error}"),
    }
}

/// The first word with a digit and a dot in what the program says about its version.
fn version(program: &Path, args: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(args).stdin(Stdio::null()).output() else {
        return "unknown".to_owned();
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let is_version = |word: &&str| word.contains('.') && word.contains(|letter: char| letter.is_ascii_digit());
    let word = said.split_whitespace().find(is_version).unwrap_or("unknown");
    // Some put their name before it: `nginx/1.22.1`.
    let word = word.rsplit('/').next().unwrap_or(word);
    word.trim_start_matches(|letter: char| !letter.is_ascii_digit()).to_owned()
}
