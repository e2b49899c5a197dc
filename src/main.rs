//! The process: arguments, environment and file in, exit status out. 0: stopped as told; 1: it could not start, lost an actor,
//! or was told twice to stop; 2: wrong options.
use pilotage::app::{App, Outcome, Signals};
use pilotage::cluster::client::Surroundings;
use pilotage::config::{Command, Config, from_sources};
use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned());
    match from_sources(args, std::env::vars_os()) {
        Ok(Command::Run(config)) => run(config),
        Ok(Command::Help(text) | Command::PrintConfig(text)) => show(&text),
        Ok(Command::Version) => show(&format!("pilotage {}", env!("CARGO_PKG_VERSION"))),
        Err(report) => {
            eprintln!("{report}");
            ExitCode::from(2)
        }
    }
}

/// Prints `text`. Whoever reads the beginning alone (`| head`) has what they want.
fn show(text: &str) -> ExitCode {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("standard output: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn run(config: Config) -> ExitCode {
    let filter = std::env::var(pilotage::telemetry::FILTER_VARIABLE).ok();
    if let Err(error) = pilotage::telemetry::init(config.log, filter.as_deref()) {
        eprintln!("{error}");
        return ExitCode::from(2);
    }
    match pilotage::base::files::raise_limit() {
        Ok(limit) => tracing::debug!(limit, "limit of open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
    actix::System::new().block_on(async {
        // A task of its own, because the outermost future is polled again whenever any task of this thread is woken.
        match actix::spawn(start_and_run(config)).await {
            Ok(status) => status,
            Err(lost) => lost.try_into_panic().map_or(ExitCode::FAILURE, |panic| std::panic::resume_unwind(panic)),
        }
    })
}

async fn start_and_run(config: Config) -> ExitCode {
    let signals = Signals::listen();
    match App::start(config, Surroundings::from_env()).await {
        Ok(app) => match app.run(signals).await {
            Outcome::Stopped => ExitCode::SUCCESS,
            Outcome::ActorLost(_) => ExitCode::FAILURE,
            // Nothing is waited for, not even the threads of the runtime.
            Outcome::Forced => std::process::exit(1),
        },
        Err(error) => {
            eprintln!("{:#}", anyhow::Error::from(error));
            ExitCode::FAILURE
        }
    }
}
