//! What the command line asks for.
use crate::proxies::Peer;
use crate::scenario::{SCENARIOS, Scenario};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::time::Duration;

/// Shown for `--help`.
pub const HELP: &str = "\
Measures Pilotage beside nginx, HAProxy, Traefik and Caddy and writes benches/proxy.md.

    cargo bench --bench peers [-- OPTIONS]

    --seconds N      length of one measurement (4)
    --rounds N       measurements per proxy and scenario; the median counts (3)
    --only A,B       scenarios: small, 1k, 100k, new-connection, tls, h2, handshakes, websocket, hosts, hosts-flat
    --proxies A,B    pilotage, nginx, haproxy, traefik, caddy; one that is missing is installed if possible, else skipped;
                     relay: for websocket alone, and no proxy, but the least that one has to do
    --hosts N        hosts of the scenario `hosts`, and those that Pilotage always has loaded (10000)
    --pilotage PATH  another binary than the one that was built for this command
    --output PATH    where to write the page (benches/proxy.md); it is always printed too
    --no-output      print it and write nothing, as `--output -` does
    --no-install     skip what is missing
";

/// What to do.
pub enum Command {
    /// Show [`HELP`].
    Help,
    /// Measure.
    Run(Options),
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct Options {
    /// The command line, for the page.
    pub shown: Vec<String>,
    /// Length of one measurement.
    pub measurement: Duration,
    /// Measurements per proxy and scenario.
    pub rounds: usize,
    /// The scenarios.
    pub scenarios: Vec<&'static Scenario>,
    /// The proxies.
    pub proxies: Vec<Peer>,
    /// How many hosts many hosts are.
    pub hosts: usize,
    /// The binary of Pilotage.
    pub pilotage: PathBuf,
    /// Where to write the page.
    pub output: Option<PathBuf>,
    /// What to do about programs that are not there.
    pub missing: Missing,
}

/// What to do about programs that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Try to install them, and skip what cannot be had.
    Install,
    /// Skip them.
    Skip,
}

impl Options {
    /// When to give up: twice the time it should take, and some for starting.
    pub fn limit(&self) -> Duration {
        let starts = u32::try_from(self.scenarios.len() * self.proxies.len()).unwrap_or(u32::MAX);
        let rounds = u32::try_from(self.rounds + 1).unwrap_or(u32::MAX);
        let one = self.measurement + Duration::from_secs(1);
        Duration::from_secs(300).saturating_add(one.saturating_mul(2 * starts).saturating_mul(rounds))
    }
}

/// Reads the command line.
pub fn parse(args: impl Iterator<Item = String>) -> anyhow::Result<Command> {
    // cargo adds `--bench`.
    let args: Vec<String> = args.filter(|arg| arg != "--bench").collect();
    let mut options = Options {
        shown: shown(&args),
        measurement: Duration::from_secs(4),
        rounds: 3,
        scenarios: SCENARIOS.iter().collect(),
        proxies: Peer::ALL.to_vec(),
        hosts: 10_000,
        pilotage: env!("CARGO_BIN_EXE_pilotage").into(),
        output: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/proxy.md").into()),
        missing: Missing::Install,
    };
    let mut rest = args.into_iter();
    while let Some(arg) = rest.next() {
        let (name, joined) = match arg.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (arg, None),
        };
        let mut value = || joined.clone().or_else(|| rest.next()).with_context(|| format!("{name} needs a value"));
        match name.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--seconds" => options.measurement = Duration::from_secs(number(&value()?, 600)?),
            "--rounds" => options.rounds = usize::try_from(number(&value()?, 100)?)?,
            "--hosts" => options.hosts = usize::try_from(number(&value()?, 100_000)?)?,
            "--only" => options.scenarios = value()?.split(',').map(Scenario::named).collect::<anyhow::Result<_>>()?,
            "--proxies" => options.proxies = value()?.split(',').map(Peer::named).collect::<anyhow::Result<_>>()?,
            "--pilotage" => options.pilotage = value()?.into(),
            "--output" => options.output = Some(value()?).filter(|path| path != "-").map(PathBuf::from),
            "--no-output" => options.output = None,
            "--no-install" => options.missing = Missing::Skip,
            other => bail!("unknown option {other}; see --help"),
        }
    }
    Ok(Command::Run(options))
}

fn number(text: &str, most: u64) -> anyhow::Result<u64> {
    let number: u64 = text.parse().with_context(|| format!("not a number: {text}"))?;
    if (1..=most).contains(&number) { Ok(number) } else { bail!("{number} is not between 1 and {most}") }
}

/// The command line without folders of this machine.
fn shown(args: &[String]) -> Vec<String> {
    args.iter().map(|arg| arg.rsplit('/').next().unwrap_or(arg).to_owned()).collect()
}
