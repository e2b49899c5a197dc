//! Sets the log up: what is written, in which form, to standard output, as Traefik does (`http.md` 4.14).
//!
//! Call [`init`] once at the start. The lines themselves are made in `line`. Modules log with the macros of `tracing`
//! and know nothing of this one.
use std::sync::Arc;

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::base::{Clock, Log, LogLevel, SystemClock};

mod line;

/// The environment variable whose content, if any, belongs into `filter` of [`init`].
pub const FILTER_VARIABLE: &str = "PILOTAGE_LOG";

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The text is no list of `target=level` directives.
    #[error("log filter `{filter}` is not valid, expected directives such as `info` or `pilotage::proxy=debug`")]
    Filter {
        /// As given.
        filter: String,
        /// What the parser did not like.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Starts logging to standard output, for the whole process.
///
/// A `filter` (tracing's directives, such as `pilotage::proxy=trace,info`) replaces `log.level`; an empty one counts as
/// none. A second call changes nothing: the first log stands.
pub fn init(log: Log, filter: Option<&str>) -> Result<(), TelemetryError> {
    let subscriber = subscriber(log, filter, std::io::stdout, Arc::new(SystemClock))?;
    // The only possible error is that a log is set up already.
    drop(tracing::subscriber::set_global_default(subscriber));
    Ok(())
}

fn subscriber<W>(
    log: Log,
    filter: Option<&str>,
    writer: W,
    clock: Arc<dyn Clock>,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let directives = match filter.map(str::trim) {
        None | Some("") => directives(log.level).to_owned(),
        Some(given) => given.to_owned(),
    };
    let filter =
        EnvFilter::try_new(&directives).map_err(|source| TelemetryError::Filter { filter: directives, source })?;
    let lines = fmt::layer()
        .with_writer(writer)
        .fmt_fields(line::SpanFields::from(log))
        .event_format(line::Line::new(log, clock));
    Ok(Registry::default().with(filter).with(lines))
}

/// Other crates speak from WARN up, whatever the level: their details are no help to an operator, and hyper's and h2's
/// hold header values. kube's client and watcher warn for each watch and each try; `actors/api_server.rs` says it once.
fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "warn,kube_client=error,kube_runtime=error,pilotage=trace",
        LogLevel::Debug => "warn,kube_client=error,kube_runtime=error,pilotage=debug",
        LogLevel::Info => "warn,kube_client=error,kube_runtime=error,pilotage=info",
        LogLevel::Warn => "warn,kube_client=error,kube_runtime=error",
        LogLevel::Error => "error",
    }
}

#[cfg(test)]
mod tests;
