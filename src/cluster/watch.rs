//! One watch: list, then watch, for ever. What it sees goes to a [`Sink`], one object at a time or a whole list at once.
//!
//! Built on kube's watcher, which keeps the resource version, follows bookmarks, pages lists and starts over after 410.
//! Added here: a re-list is buffered and handed over whole; errors back off with jitter and are said once per spell, and not
//! at all where the [`Link`] says that the whole server is away; a watch that an optional kind may not have is reported so
//! that the rest can go on.
use super::lenient::{Lenient, Sparse};
use super::link::{Link, Standing};
use crate::base::backoff::Backoff;
use crate::base::clock::{Clock, SystemClock};
use futures_util::TryStreamExt;
use kube::runtime::watcher;
use kube::{Api, Resource};
use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::debug;

/// First wait after an error; it doubles up to [`SLOWEST_RETRY`] (spec/ingress.md 2.3: about 0.8 s growing to 30 s).
pub const FIRST_RETRY: Duration = Duration::from_millis(800);
/// Longest wait between two tries.
pub const SLOWEST_RETRY: Duration = Duration::from_secs(30);
/// Objects per page of a list. A page is in memory several times over (body, text, objects), and six kinds list at once:
/// pages of 500 objects, as client-go takes them, took 10 MB more at 10,000 Ingresses (101 instead of 91).
const PAGE_SIZE: u32 = 250;

/// After this time, seconds, the server is asked to end a watch, and 5 s later it is given up: a server that hangs looks like
/// one that has nothing to say. Between three quarters of it and all of it, so that watches do not end in step.
pub const LONGEST_WATCH: u32 = 60;
/// Bytes of an error that are kept: a gateway answers with whole pages.
const TEXT_LIMIT: usize = 500;

/// Where a watch puts what it sees. Each call may wait: that is how back-pressure reaches the API server.
pub trait Sink<K> {
    /// What is kept of an object until its list is complete: much less than the object, of which there may be 100,000.
    type Kept;
    /// Takes what is kept of an object; `None` leaves it out.
    fn keep(&self, object: Lenient<K>) -> Option<Self::Kept>;
    /// A whole list: what is not in it is gone.
    fn replaced(&mut self, objects: Vec<Self::Kept>) -> impl Future<Output = Delivery>;
    /// One object appeared or changed.
    fn applied(&mut self, object: Lenient<K>) -> impl Future<Output = Delivery>;
    /// One object is gone.
    fn deleted(&mut self, object: Lenient<K>) -> impl Future<Output = Delivery>;
    /// The watch does not work at the moment. Called once per spell of trouble, and again when its cause is another one:
    /// an API server that could not be reached at first may then say that a kind is forbidden.
    fn troubled(&mut self, trouble: &Trouble) -> impl Future<Output = Delivery>;
    /// It works again after trouble.
    fn recovered(&mut self) -> impl Future<Output = Delivery>;
}

/// Whether the receiver is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Delivered.
    Taken,
    /// The receiver is gone: the watch ends.
    NobodyThere,
}

/// Why a watch does not work at the moment.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Whether asking again may help by itself, or a right or kind is missing.
    pub cause: Cause,
    /// The whole story for the log.
    pub text: Arc<str>,
    /// The server asks not to be asked again before this time.
    pub retry_after: Duration,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 403: no right to list or watch.
    Forbidden,
    /// 401: the server does not know us. The token may be renewed meanwhile.
    Unauthorized,
    /// 404: the API server does not know the kind.
    UnknownKind,
    /// Anything else: unreachable, 5xx, 429, cut.
    Passing,
}

/// What a watch does beside watching.
pub struct Manners {
    /// Pauses after errors.
    pub backoff: Backoff,
    /// Whether the server answers at all.
    pub link: Link,
    /// Sets how long one watch lasts.
    pub seed: u64,
}

/// Runs until the sink is gone.
pub async fn run<K, S>(api: Api<Lenient<K>>, label_selector: &str, sink: &mut S, manners: Manners)
where
    K: Resource<DynamicType = ()> + Clone + Sparse + Debug + Send + 'static,
    S: Sink<K>,
{
    let Manners { backoff, link, seed } = manners;
    let spread = u32::try_from(seed % u64::from(LONGEST_WATCH / 4)).unwrap_or_default();
    let config = || {
        let config = watcher::Config::default().page_size(PAGE_SIZE).timeout(LONGEST_WATCH - spread);
        if label_selector.is_empty() { config } else { config.labels(label_selector) }
    };
    let comebacks = link.comebacks();
    let mut health = Health { state: HealthState::Fine, backoff, link, comebacks, listed_anew: None };
    loop {
        // A fresh watcher lists anew: at the start, and where the server refuses to go on from our resource version.
        match follow(api.clone(), config(), sink, &mut health).await {
            Followed::ListAnew => {}
            Followed::NobodyThere => return,
        }
    }
}

/// How a watch is doing, and what was said of it.
struct Health {
    state: HealthState,
    backoff: Backoff,
    link: Link,
    /// Comebacks of the server that this watch knows of.
    comebacks: u64,
    /// When an old resource version was last taken for what it usually is, a long time without news.
    listed_anew: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HealthState {
    Fine,
    /// The sink was told.
    Told(Cause),
    /// The whole server is or was away, which is not for one watch to say.
    Untold,
}

enum Followed {
    ListAnew,
    NobodyThere,
}

async fn follow<K, S>(api: Api<Lenient<K>>, config: watcher::Config, sink: &mut S, health: &mut Health) -> Followed
where
    K: Resource<DynamicType = ()> + Clone + Sparse + Debug + Send + 'static,
    S: Sink<K>,
{
    let mut stream = pin!(watcher::watcher(api, config));
    let mut list = Vec::new();
    loop {
        let delivery = match stream.try_next().await {
            Ok(Some(event)) => {
                let progress = !matches!(event, watcher::Event::Init);
                let delivery = deliver(event, &mut list, sink).await;
                if progress && delivery == Delivery::Taken { health.works(sink).await } else { delivery }
            }
            Ok(None) => return Followed::ListAnew,
            Err(error) => {
                let too_old = resource_version_is_too_old(&error);
                if too_old && health.may_list_anew(SystemClock.now()) {
                    debug!(kind = %K::kind(&()), "what changed meanwhile is forgotten there: listing anew");
                    return Followed::ListAnew;
                }
                let delivery = health.fails(&trouble(&error), sink).await;
                if too_old && delivery == Delivery::Taken {
                    return Followed::ListAnew;
                }
                delivery
            }
        };
        if delivery == Delivery::NobodyThere {
            return Followed::NobodyThere;
        }
    }
}

impl Health {
    async fn works<K, S: Sink<K>>(&mut self, sink: &mut S) -> Delivery {
        self.backoff.reset();
        self.link.works();
        match std::mem::replace(&mut self.state, HealthState::Fine) {
            HealthState::Told(_) => sink.recovered().await,
            HealthState::Fine | HealthState::Untold => Delivery::Taken,
        }
    }

    /// After a long time without news, as after an outage, 410 is part of the protocol: no trouble, and no reason to wait. From
    /// a server that says it again and again it is one.
    fn may_list_anew(&mut self, now: Instant) -> bool {
        let may = self.listed_anew.is_none_or(|last| now.saturating_duration_since(last) >= SLOWEST_RETRY);
        if may {
            self.listed_anew = Some(now);
        }
        may
    }

    /// Says it if it is new, and waits; no longer than until the server is back.
    async fn fails<K, S: Sink<K>>(&mut self, trouble: &Trouble, sink: &mut S) -> Delivery {
        let away = matches!(trouble.cause, Cause::Passing | Cause::Unauthorized)
            && self.link.standing().await == Standing::Away;
        let comebacks = self.link.comebacks();
        if comebacks != self.comebacks {
            // The server was away since this watch was started: its end is part of that, and now is the time to ask again.
            self.comebacks = comebacks;
            self.backoff.reset();
            return Delivery::Taken;
        }
        let mut delivery = Delivery::Taken;
        match self.state {
            HealthState::Told(cause) if cause == trouble.cause || away => {}
            HealthState::Fine | HealthState::Untold if away => self.state = HealthState::Untold,
            _ => {
                delivery = sink.troubled(trouble).await;
                self.state = HealthState::Told(trouble.cause);
            }
        }
        let pause = self.backoff.next().max(trouble.retry_after);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.link.back_since(comebacks) => {
                self.comebacks = self.link.comebacks();
                self.backoff.reset();
            }
        }
        delivery
    }
}

async fn deliver<K, S: Sink<K>>(event: watcher::Event<Lenient<K>>, list: &mut Vec<S::Kept>, sink: &mut S) -> Delivery {
    match event {
        watcher::Event::Init => {
            list.clear();
            Delivery::Taken
        }
        watcher::Event::InitApply(object) => {
            list.extend(sink.keep(object));
            Delivery::Taken
        }
        watcher::Event::InitDone => sink.replaced(std::mem::take(list)).await,
        watcher::Event::Apply(object) => sink.applied(object).await,
        watcher::Event::Delete(object) => sink.deleted(object).await,
    }
}

/// 410, as an answer or as an event. kube's watcher retries a watch that was refused with HTTP 410 from the same version for
/// ever; we list anew instead.
fn resource_version_is_too_old(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 410,
        watcher::Error::WatchError(status) => status.code == 410,
        _ => false,
    }
}

fn trouble(error: &watcher::Error) -> Trouble {
    let status = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status),
        watcher::Error::WatchError(status) => Some(status),
        _ => None,
    };
    let cause = match status.map_or(0, |status| status.code) {
        401 => Cause::Unauthorized,
        403 => Cause::Forbidden,
        404 => Cause::UnknownKind,
        _ => Cause::Passing,
    };
    let seconds = status.and_then(|status| status.details.as_ref()).map_or(0, |details| details.retry_after_seconds);
    // No server may silence us for longer than our own longest pause.
    let retry_after = Duration::from_secs(seconds.into()).min(SLOWEST_RETRY);
    Trouble { cause, text: story(error).into(), retry_after }
}

/// The error with its causes. kube repeats a cause in the text of some of its errors; what was said is not said again.
pub(super) fn story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    if text.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
