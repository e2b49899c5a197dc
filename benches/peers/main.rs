//! Pilotage beside nginx, HAProxy, Traefik and Caddy: same work, one run (`cargo bench --bench peers`).
//!
//! The proxy has one core to itself; origin, load and this process share another. All proxies of a scenario run at the
//! same time and are measured in turn, in short rounds of changing order, so that whatever else the machine does meets
//! all alike. What counts is CPU time of the proxy per request; see `report.rs` for how the numbers are made.
//!
//! [`scenario`] says what is measured, [`proxies`] how each proxy is set up, [`cluster`] and [`origin`] are what they stand
//! between ([`relay`] is how little one could do there), [`load`] (wrk), [`h2load`], [`handshakes`] and [`websocket`] make the requests, [`tls`] and [`certificate`] are for
//! the scenarios with TLS, [`process`] starts, measures and ends processes.
mod certificate;
mod cluster;
mod h2load;
mod handshakes;
mod load;
mod machine;
mod measure;
mod options;
mod origin;
mod process;
mod proxies;
mod relay;
mod report;
mod scenario;
mod service;
mod tls;
mod tools;
mod websocket;

use anyhow::{Context, bail};
use options::{Command, Options};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    if args.next().is_some_and(|first| first == relay::OPTION) {
        return relay::run(args);
    }
    let options = match options::parse(std::env::args().skip(1))? {
        Command::Help => {
            print!("{}", options::HELP);
            return Ok(());
        }
        Command::Run(options) => options,
    };
    let cores = machine::Cores::of_this_machine()?;
    // From here on this process and all threads it starts stay off the core of the proxies.
    machine::move_to(cores)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Whichever ends first, dropping the measurement ends everything that it started.
        tokio::select! {
            ended = measure_and_write(&options, cores) => ended,
            interrupted = interrupted() => interrupted,
            () = tokio::time::sleep(options.limit()) => bail!("gave up after {} s", options.limit().as_secs()),
        }
    })
}

async fn measure_and_write(options: &Options, cores: machine::Cores) -> anyhow::Result<()> {
    let tools = tools::Tools::find(options)?;
    // Standard output is for the page alone.
    eprintln!("at most {} s; {}", options.limit().as_secs(), cores);
    let results = measure::everything(options, &tools, cores).await?;
    let text = report::page(&results, options, &tools, cores);
    print!("{text}");
    if let Some(path) = &options.output {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("written to {}", path.display());
    }
    Ok(())
}

async fn interrupted() -> anyhow::Result<()> {
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    bail!("interrupted")
}

/// Waits a moment between two looks at something.
async fn moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
