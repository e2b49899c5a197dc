use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tracing::{debug, error, info, info_span, warn};

use super::*;
use crate::base::{LogColor, LogFormat, ManualClock};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `body` logs, at the time of the examples in `http.md` 4.14.
fn written(log: Log, filter: Option<&str>, body: impl FnOnce()) -> String {
    let paper = Paper::default();
    let pen = paper.clone();
    let clock = ManualClock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_164_407));
    let subscriber = subscriber(log, filter, move || pen.clone(), Arc::new(clock)).unwrap();
    tracing::subscriber::with_default(subscriber, body);
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const PLAIN: Log = Log { level: LogLevel::Debug, format: LogFormat::Common, color: LogColor::Off };
const JSON: Log = Log { level: LogLevel::Debug, format: LogFormat::Json, color: LogColor::Off };

#[test]
fn a_common_line_has_time_level_message_and_fields_with_the_error_first() {
    let lines =
        written(PLAIN, None, || error!(router = "r@file", count = 3, error = "no such service", "router left out"));
    assert_eq!(lines, "2026-11-20T08:46:47Z ERR router left out error=\"no such service\" router=r@file count=3\n");
}

#[test]
fn a_json_line_keeps_the_types_of_its_fields() {
    let lines = written(JSON, None, || error!(router = "r \"x\"", count = 3, ok = true, part = 0.5, "left out"));
    assert_eq!(
        lines,
        "{\"level\":\"error\",\"router\":\"r \\\"x\\\"\",\"count\":3,\"ok\":true,\"part\":0.5,\
         \"time\":\"2026-11-20T08:46:47Z\",\"message\":\"left out\"}\n"
    );
}

#[test]
fn a_json_line_is_json_whatever_it_holds() {
    let lines = written(JSON, None, || {
        let span = info_span!("compile", namespace = "a\"b", later = tracing::field::Empty);
        let _entered = span.enter();
        span.record("later", 7);
        warn!(error = %"line\nbreak", part = f64::NAN, "odd\u{7}");
    });
    let value: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&value["namespace"], &value["later"]), (&"a\"b".into(), &7.into()));
    assert_eq!((&value["error"], &value["message"]), (&"line\nbreak".into(), &"odd\u{7}".into()));
}

#[test]
fn fields_of_spans_follow_those_of_the_event_innermost_first() {
    let lines = written(PLAIN, None, || {
        let _outer = info_span!("outer", actor = "ingress").entered();
        let _inner = info_span!("inner", generation = 4).entered();
        info!(objects = 2, "compiled");
    });
    assert_eq!(lines, "2026-11-20T08:46:47Z INF compiled objects=2 generation=4 actor=ingress\n");
}

#[test]
fn a_line_cannot_be_forged_by_a_value_or_a_message() {
    let lines = written(PLAIN, None, || error!(name = "x\n2026 ERR y", "a\nb {}", "c\rd"));
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert_eq!(lines, "2026-11-20T08:46:47Z ERR a\\nb c\\rd name=\"x\\n2026 ERR y\"\n");
}

#[test]
fn colours_are_there_unless_switched_off() {
    let coloured = written(Log { color: LogColor::On, ..PLAIN }, None, || info!(a = 1, "hello"));
    assert_eq!(coloured, "\x1b[90m2026-11-20T08:46:47Z\x1b[0m \x1b[32mINF\x1b[0m hello \x1b[36ma=\x1b[0m1\n");
}

#[test]
fn the_level_holds_for_us_and_other_crates_speak_from_warn_up() {
    let chatter = || {
        debug!("ours");
        debug!(target: "hyper::proto", "theirs, a detail");
        warn!(target: "hyper::proto", "theirs, a warning");
    };
    let words = |lines: String| lines.lines().map(|line| line[21..].to_owned()).collect::<Vec<_>>();
    assert_eq!(words(written(PLAIN, None, chatter)), ["DBG ours", "WRN theirs, a warning"]);
    assert_eq!(words(written(Log { level: LogLevel::Error, ..PLAIN }, None, chatter)), Vec::<String>::new());
    assert_eq!(
        words(written(PLAIN, Some("off,hyper=debug"), chatter)),
        ["DBG theirs, a detail", "WRN theirs, a warning"]
    );
    assert_eq!(words(written(PLAIN, Some(" "), chatter)), ["DBG ours", "WRN theirs, a warning"]);
}

#[test]
fn a_bad_filter_is_named() {
    let error = init(PLAIN, Some("pilotage=loud")).unwrap_err();
    assert!(error.to_string().contains("`pilotage=loud`"), "{error}");
}

#[test]
fn setting_the_log_up_twice_is_harmless() {
    init(Log::default(), None).unwrap();
    init(JSON, None).unwrap();
}
