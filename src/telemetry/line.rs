//! One event, one line: Traefik's common form `2026-11-20T08:46:47Z ERR message error=… key=value …` and its JSON form
//! `{"level":"error",…,"time":"…","message":"…"}` (`http.md` 4.14).
//!
//! Fields of the surrounding spans follow those of the event, innermost span first. A value can never break out of its
//! line: control characters are escaped in both forms.
use std::fmt::{self, Debug, Write};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::base::{Clock, Log, LogColor, LogFormat};

const RESET: &str = "\x1b[0m";
const FAINT: &str = "\x1b[90m";
const CYAN: &str = "\x1b[36m";

/// Writes events.
pub(super) struct Line {
    style: Style,
    clock: Arc<dyn Clock>,
}

impl Line {
    pub(super) fn new(log: Log, clock: Arc<dyn Clock>) -> Self {
        Self { style: Style::from(log), clock }
    }

    fn time(&self) -> Timestamp {
        let seconds = self.clock.wall().duration_since(UNIX_EPOCH).map(|age| age.as_secs()).unwrap_or_default();
        i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default()
    }
}

impl<S> FormatEvent<S, SpanFields> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, SpanFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::new(self.style);
        event.record(&mut fields);
        for span in ctx.event_scope().into_iter().flatten() {
            if let Some(formatted) = span.extensions().get::<FormattedFields<SpanFields>>() {
                fields.rest.push_str(&formatted.fields);
            }
        }
        let Fields { message, error, rest, .. } = fields;
        let level = Severity::of(*event.metadata().level());
        let time = self.time();
        match self.style {
            Style::Json => {
                write!(writer, r#"{{"level":"{}"{error}{rest},"time":"{time}","message":"#, level.word)?;
                writeln!(writer, "{}}}", json(&message))
            }
            Style::Plain => writeln!(writer, "{time} {} {}{error}{rest}", level.short, Escaped(&message)),
            Style::Coloured => {
                let (short, color) = (level.short, level.color);
                let message = Escaped(&message);
                writeln!(writer, "{FAINT}{time}{RESET} {color}{short}{RESET} {message}{error}{rest}")
            }
        }
    }
}

/// Writes the fields of a span once, when it is opened; [`Line`] repeats the text with each event.
pub(super) struct SpanFields(Style);

impl From<Log> for SpanFields {
    fn from(log: Log) -> Self {
        Self(Style::from(log))
    }
}

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, record: R) -> fmt::Result {
        let mut fields = Fields::new(self.0);
        record.record(&mut fields);
        writer.write_str(&fields.error)?;
        writer.write_str(&fields.rest)
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, record: &Record<'_>) -> fmt::Result {
        // The default puts a blank between; our fields bring their separator along.
        self.format_fields(current.as_writer(), record)
    }
}

#[derive(Clone, Copy)]
enum Style {
    Json,
    Plain,
    Coloured,
}

impl From<Log> for Style {
    fn from(log: Log) -> Self {
        match (log.format, log.color) {
            (LogFormat::Json, _) => Self::Json,
            (LogFormat::Common, LogColor::Off) => Self::Plain,
            (LogFormat::Common, LogColor::On) => Self::Coloured,
        }
    }
}

struct Severity {
    word: &'static str,
    short: &'static str,
    color: &'static str,
}

impl Severity {
    const fn of(level: Level) -> Self {
        match level {
            Level::TRACE => Self { word: "trace", short: "TRC", color: "\x1b[35m" },
            Level::DEBUG => Self { word: "debug", short: "DBG", color: "\x1b[33m" },
            Level::INFO => Self { word: "info", short: "INF", color: "\x1b[32m" },
            Level::WARN => Self { word: "warn", short: "WRN", color: "\x1b[33m" },
            Level::ERROR => Self { word: "error", short: "ERR", color: "\x1b[31m" },
        }
    }
}

/// Collects fields as ready-made text: the message apart, `error` first, the rest as written.
struct Fields {
    style: Style,
    message: String,
    error: String,
    rest: String,
}

impl Fields {
    fn new(style: Style) -> Self {
        Self { style, message: String::new(), error: String::new(), rest: String::new() }
    }

    fn text(&mut self, name: &str, value: &str) {
        if name == "message" {
            self.message.push_str(value);
            return;
        }
        let quoted = matches!(self.style, Style::Json) || value.is_empty() || value.contains(needs_quotes);
        if quoted { self.put(name, &json(value)) } else { self.put(name, value) }
    }

    fn put(&mut self, name: &str, shown: &str) {
        let out = if name == "error" { &mut self.error } else { &mut self.rest };
        let parts = match self.style {
            Style::Json => [",", &json(name), ":", shown],
            Style::Plain => [" ", name, "=", shown],
            Style::Coloured => [" ", &[CYAN, name, "=", RESET].concat(), shown, ""],
        };
        out.extend(parts);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &json(&value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &json(&value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &json(&value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &json(&value));
    }
}

fn needs_quotes(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '=')
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    // Texts and numbers cannot fail to serialise.
    serde_json::to_string(value).unwrap_or_default()
}

/// Text with its control characters made visible.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}
