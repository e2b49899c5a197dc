//! One watch: list, then watch, for ever. What it sees goes to a [`Sink`], one object at a time or a whole list at once.
//!
//! Built on kube's watcher, which keeps the resource version, follows bookmarks, pages lists and starts over after 410.
//! Added here: a re-list is buffered and handed over whole, errors back off with jitter and are said once per spell,
//! and a watch that an optional kind may not have is reported so that the rest can go on.
use super::lenient::Lenient;
use crate::base::backoff::Backoff;
use futures_util::TryStreamExt;
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// First wait after an error; it doubles up to [`SLOWEST_RETRY`] (spec/ingress.md 2.3: about 0.8 s growing to 30 s).
pub const FIRST_RETRY: Duration = Duration::from_millis(800);
/// Longest wait between two tries.
pub const SLOWEST_RETRY: Duration = Duration::from_secs(30);
/// Objects per page of a list. A page is in memory several times over (body, text, objects), and six kinds list at once:
/// pages of 500 objects, as client-go takes them, took 10 MB more at 10,000 Ingresses (101 instead of 91).
const PAGE_SIZE: u32 = 250;

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
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 401 or 403: no right to list or watch.
    Forbidden,
    /// 404: the API server does not know the kind.
    UnknownKind,
    /// Anything else: unreachable, 5xx, 429, cut.
    Passing,
}

/// Runs until the sink is gone.
pub async fn run<K, S>(api: Api<Lenient<K>>, label_selector: &str, sink: &mut S, mut backoff: Backoff)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    S: Sink<K>,
{
    let config = || {
        let config = watcher::Config::default().page_size(PAGE_SIZE);
        if label_selector.is_empty() { config } else { config.labels(label_selector) }
    };
    let mut health = Health::Fine;
    loop {
        // A fresh watcher lists anew: at the start, and where the server refuses to go on from our resource version.
        match follow(api.clone(), config(), sink, &mut backoff, &mut health).await {
            Followed::ListAnew => {}
            Followed::NobodyThere => return,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Fine,
    Troubled(Cause),
}

enum Followed {
    ListAnew,
    NobodyThere,
}

async fn follow<K, S>(
    api: Api<Lenient<K>>,
    config: watcher::Config,
    sink: &mut S,
    backoff: &mut Backoff,
    health: &mut Health,
) -> Followed
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    S: Sink<K>,
{
    let mut stream = pin!(watcher::watcher(api, config));
    let mut list = Vec::new();
    loop {
        let delivery = match stream.try_next().await {
            Ok(Some(event)) => {
                let progress = !matches!(event, watcher::Event::Init);
                let delivery = deliver(event, &mut list, sink).await;
                match (progress, &*health, delivery) {
                    (true, Health::Troubled(_), Delivery::Taken) => {
                        backoff.reset();
                        *health = Health::Fine;
                        sink.recovered().await
                    }
                    (true, Health::Fine, Delivery::Taken) => {
                        backoff.reset();
                        delivery
                    }
                    _ => delivery,
                }
            }
            Ok(None) => return Followed::ListAnew,
            Err(error) => {
                let trouble = trouble(&error);
                let now = Health::Troubled(trouble.cause);
                let delivery = if *health == now { Delivery::Taken } else { sink.troubled(&trouble).await };
                *health = now;
                tokio::time::sleep(backoff.next()).await;
                if resource_version_is_too_old(&error) {
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

/// kube's watcher retries a watch that was refused with HTTP 410 from the same version for ever; we list anew instead.
fn resource_version_is_too_old(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

fn trouble(error: &watcher::Error) -> Trouble {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code,
        watcher::Error::WatchError(status) => status.code,
        _ => 0,
    };
    let cause = match code {
        401 | 403 => Cause::Forbidden,
        404 => Cause::UnknownKind,
        _ => Cause::Passing,
    };
    Trouble { cause, text: story(error).into() }
}

/// The error with its causes. kube repeats a cause in the text of some of its errors; what was said is not said again.
fn story(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
