//! One watch: events of one collection as lines of JSON, read from the store's history at the watcher's own pace.
//!
//! There is no buffer per watcher. A watch keeps the version up to which it has read; hyper asks for the next frame
//! when the last one is written, so a slow client just falls behind, and one that falls behind the history gets 410
//! like one that comes too late. Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/> and KEP-3157
//! (initial events). [`translate`] decides, [`Watch::next_frame`] obeys.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::faults::{Cut, Faults};
use super::http::View;
use super::kinds::Kind;
use super::selectors::Selector;
use super::signal::until;
use super::status::ApiError;
use super::store::{Event, Store, Window, with_version};

/// What a watch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// All present objects as ADDED, then what happens.
    Present,
    /// The same, and a bookmark that says where the present ends (`sendInitialEvents=true`).
    PresentThenBookmark,
    /// What happened after this version.
    After(u64),
}

/// Whether the client takes bookmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bookmarks {
    /// Every now and then, and at the end.
    Wanted,
    /// Never.
    Unwanted,
}

/// A watch as it was asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) kind: &'static Kind,
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
    pub(super) start: Start,
    pub(super) bookmarks: Bookmarks,
    pub(super) view: View,
    /// How long the watch lasts.
    pub(super) timeout: Duration,
    /// How often a bookmark is sent when nothing else was.
    pub(super) bookmark_every: Duration,
}

/// What one change means to one watch.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    Added(Arc<Value>),
    Modified(Arc<Value>),
    Deleted(Arc<Value>),
}

/// An object that begins to match is ADDED to this watch and one that stops is DELETED, whatever really happened.
pub(super) fn translate(
    kind: &'static Kind,
    namespace: Option<&str>,
    selector: &Selector,
    event: &Event,
) -> Option<Told> {
    if event.resource != kind.resource() || namespace.is_some_and(|wanted| wanted != &*event.key.namespace) {
        return None;
    }
    let served =
        |object: &Option<Arc<Value>>| object.as_ref().map(|it| kind.served_form(it)).filter(|it| selector.matches(it));
    match (served(&event.before), served(&event.after)) {
        (None, None) => None,
        (None, Some(after)) => Some(Told::Added(after)),
        (Some(_), Some(after)) => Some(Told::Modified(after)),
        (Some(before), None) => Some(Told::Deleted(Arc::new(with_version(&before, event.version)))),
    }
}

/// A running watch.
pub(super) struct Watch {
    request: Request,
    store: Store,
    faults: Faults,
    pulse: watch::Receiver<u64>,
    shutdown: watch::Receiver<bool>,
    /// Present objects not yet sent.
    present: VecDeque<Arc<Value>>,
    /// Everything up to here has been read.
    cursor: u64,
    /// The version that the client knows of for certain.
    told: u64,
    initial_bookmark: Bookmark,
    cuts_at_start: u64,
    ends_at: Instant,
    next_bookmark: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bookmark {
    Due,
    NotDue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Ended,
}

/// Why a waiting watch goes on.
enum Woken {
    News,
    BookmarkDue,
    TimeUp,
    Shutdown,
}

/// Frames grow to about this size while there is more to send.
const FRAME_BYTES: usize = 64 * 1024;

/// Events read from the store at once.
const BATCH: usize = 128;

impl Watch {
    /// Starts a watch. That its start is out of reach is told in its first event, as Kubernetes does: kube-rs lists
    /// again after such an event, but asks for the same version for ever after an HTTP answer of 410.
    pub(super) fn start(request: Request, store: Store, faults: Faults, shutdown: watch::Receiver<bool>) -> Self {
        let (present, cursor) = match request.start {
            Start::After(version) => (VecDeque::new(), version),
            Start::Present | Start::PresentThenBookmark => {
                let listing = store.list_now(request.kind, request.namespace.as_deref(), Window::ALL);
                let selected = listing.items.into_iter().map(|(_, it)| it).filter(|it| request.selector.matches(it));
                (selected.collect(), listing.version)
            }
        };
        let initial_bookmark = match (request.start, request.bookmarks) {
            (Start::PresentThenBookmark, Bookmarks::Wanted) => Bookmark::Due,
            _ => Bookmark::NotDue,
        };
        let (cuts_at_start, _) = faults.cuts(request.kind.plural);
        let now = Instant::now();
        Self {
            ends_at: now + request.timeout,
            next_bookmark: now + request.bookmark_every,
            pulse: store.subscribe(),
            told: cursor,
            phase: Phase::Running,
            request,
            store,
            faults,
            shutdown,
            present,
            cursor,
            initial_bookmark,
            cuts_at_start,
        }
    }

    /// The next bytes of the body: one or more whole lines. `None` at the end; an error breaks the connection.
    pub(super) async fn next_frame(&mut self) -> Option<io::Result<Bytes>> {
        while self.phase == Phase::Running {
            // Before looking, so that a change while looking wakes the wait below.
            self.pulse.borrow_and_update();
            let mut frame = Vec::new();
            if *self.shutdown.borrow() {
                self.phase = Phase::Ended;
            } else if let Some(cut) = self.cut() {
                self.phase = Phase::Ended;
                match cut {
                    Cut::Cleanly => {}
                    Cut::Expired => self.write_expired(&mut frame),
                    Cut::Broken => return Some(Err(io::Error::other("watch cut on purpose"))),
                }
            } else {
                self.fill(&mut frame);
            }
            if !frame.is_empty() {
                return Some(Ok(Bytes::from(frame)));
            }
            if self.phase == Phase::Running
                && let Some(bookmark) = self.wait().await
            {
                return Some(Ok(bookmark));
            }
        }
        None
    }

    fn cut(&self) -> Option<Cut> {
        let (count, how) = self.faults.cuts(self.request.kind.plural);
        (count != self.cuts_at_start).then_some(how)
    }

    /// Writes what there is to say, up to the size of a frame.
    fn fill(&mut self, frame: &mut Vec<u8>) {
        while let Some(object) = self.present.pop_front() {
            self.write_object(frame, "ADDED", &object);
            if frame.len() >= FRAME_BYTES {
                return;
            }
        }
        if self.initial_bookmark == Bookmark::Due {
            self.initial_bookmark = Bookmark::NotDue;
            self.write_bookmark(frame, json!({"k8s.io/initial-events-end": "true"}));
        }
        while frame.len() < FRAME_BYTES {
            let (events, read_up_to) = match self.store.events(self.request.kind, self.cursor, BATCH) {
                Ok(read) => read,
                Err(error) => {
                    self.phase = Phase::Ended;
                    // A version that is still to come is one from an earlier life of the server: list again.
                    let error = match error {
                        ApiError::TooLargeVersion { asked, current } => ApiError::Expired { asked, oldest: current },
                        other => other,
                    };
                    return write_line(frame, "ERROR", &error.to_status());
                }
            };
            self.cursor = read_up_to;
            for event in &events {
                match translate(self.request.kind, self.request.namespace.as_deref(), &self.request.selector, event) {
                    Some(Told::Added(object)) => self.write_object(frame, "ADDED", &object),
                    Some(Told::Modified(object)) => self.write_object(frame, "MODIFIED", &object),
                    Some(Told::Deleted(object)) => self.write_object(frame, "DELETED", &object),
                    None => continue,
                }
                self.told = event.version;
            }
            if events.len() < BATCH {
                return;
            }
        }
    }

    /// Waits for something to do; gives the bookmark if it is time for one.
    async fn wait(&mut self) -> Option<Bytes> {
        let woken = tokio::select! {
            changed = self.pulse.changed() => if changed.is_ok() { Woken::News } else { Woken::Shutdown },
            () = until(&mut self.shutdown, |stop| *stop) => Woken::Shutdown,
            () = sleep_until(self.ends_at) => Woken::TimeUp,
            () = sleep_until(self.next_bookmark) => Woken::BookmarkDue,
        };
        match woken {
            Woken::News => None,
            Woken::Shutdown => {
                self.phase = Phase::Ended;
                None
            }
            Woken::TimeUp => {
                self.phase = Phase::Ended;
                self.bookmark()
            }
            Woken::BookmarkDue => {
                self.next_bookmark += self.request.bookmark_every;
                self.bookmark()
            }
        }
    }

    /// A bookmark, if it tells the client something new.
    fn bookmark(&mut self) -> Option<Bytes> {
        if self.request.bookmarks == Bookmarks::Unwanted || self.cursor == self.told {
            return None;
        }
        let mut frame = Vec::new();
        self.write_bookmark(&mut frame, Value::Null);
        Some(Bytes::from(frame))
    }

    fn write_bookmark(&mut self, frame: &mut Vec<u8>, annotations: Value) {
        let kind = self.request.kind;
        let mut metadata = json!({"resourceVersion": self.cursor.to_string(), "creationTimestamp": null});
        if !annotations.is_null() {
            metadata["annotations"] = annotations;
        }
        let (api_version, name) = match self.request.view {
            View::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata"),
            View::Whole | View::Table(..) => (kind.api_version(), kind.kind),
        };
        write_line(frame, "BOOKMARK", &json!({"kind": name, "apiVersion": api_version, "metadata": metadata}));
        self.told = self.cursor;
    }

    fn write_object(&self, frame: &mut Vec<u8>, told: &str, object: &Arc<Value>) {
        write_line(frame, told, &self.request.view.object(self.request.kind, object));
    }

    fn write_expired(&self, frame: &mut Vec<u8>) {
        let error = ApiError::Expired { asked: self.cursor, oldest: self.store.version() };
        write_line(frame, "ERROR", &error.to_status());
    }
}

/// One event as one line.
fn write_line(frame: &mut Vec<u8>, told: &str, object: &Value) {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        r#type: &'a str,
        object: &'a Value,
    }
    let length = frame.len();
    match serde_json::to_writer(&mut *frame, &Line { r#type: told, object }) {
        Ok(()) => frame.push(b'\n'),
        // A value always has a text, but half a line must not go out in any case.
        Err(_) => frame.truncate(length),
    }
}

#[cfg(test)]
mod tests;
