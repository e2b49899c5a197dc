//! How loud the log is and what it looks like: the words that `config` parses and `telemetry` obeys. They live here
//! because those two are neighbours and may not import each other.

/// The settings of the log (`http.md` 4.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Log {
    /// `log.level`; default `ERROR`.
    pub level: LogLevel,
    /// `log.format`; default `common`.
    pub format: LogFormat,
    /// `log.noColor`, turned round; default coloured, on a terminal or not, as in Traefik.
    pub color: LogColor,
}

/// The least severe messages that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// One line per request and more.
    Trace,
    /// One line per message between actors.
    Debug,
    /// Start, stop, leadership, plan installed.
    Info,
    /// An object of a user is not served as written.
    Warn,
    /// An operator must act.
    #[default]
    Error,
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `2026-11-20T08:46:47Z ERR message key=value`.
    #[default]
    Common,
    /// One JSON object per line.
    Json,
}

/// Whether lines of the common format carry ANSI colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogColor {
    /// They do.
    #[default]
    On,
    /// They do not.
    Off,
}
