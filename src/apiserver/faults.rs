//! Things that go wrong on purpose, and a record of every call: for tests of whoever talks to this API server.
//!
//! A [`Faults`] handle works on a running server. Answers and delays are decided per request by pure rules in
//! `Plan`; cuts reach watches through a counter that each compares with its own; `io.rs` asks the gate whether
//! bytes may flow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::status::ApiError;
use super::store::Store;

/// What a request does, in the words of RBAC rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read a collection.
    List,
    /// Follow a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE one object.
    Delete,
    /// DELETE a collection.
    DeleteCollection,
}

impl Verb {
    /// The word as in an RBAC rule.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }
}

/// One kind of call, as an RBAC rule would allow it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// What was done.
    pub verb: Verb,
    /// API group, empty for the core group.
    pub group: String,
    /// Plural.
    pub resource: String,
    /// `status`, or empty.
    pub subresource: String,
    /// Namespace of the request, empty for all namespaces and for cluster-wide kinds.
    pub namespace: String,
}

/// Which calls a fault concerns; what is `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Only this verb.
    pub verb: Option<Verb>,
    /// Only this resource, by plural.
    pub resource: Option<String>,
}

impl Calls {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Calls of this verb on this resource (plural).
    pub fn of(verb: Verb, resource: &str) -> Self {
        Self { verb: Some(verb), resource: Some(resource.to_owned()) }
    }

    /// All calls on this resource (plural).
    pub fn on(resource: &str) -> Self {
        Self { verb: None, resource: Some(resource.to_owned()) }
    }

    fn include(&self, call: &Call) -> bool {
        self.verb.is_none_or(|verb| verb == call.verb) && self.resource.as_ref().is_none_or(|it| *it == call.resource)
    }
}

/// What a request is answered instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 409, as if another writer had been faster.
    Conflict,
    /// 410.
    Expired,
    /// 429 with this `Retry-After` (whole seconds).
    TooManyRequests(Duration),
    /// 500.
    Internal,
}

impl Answer {
    fn error(self, call: &Call) -> ApiError {
        let what = format!("{} {}", call.verb.as_str(), call.resource);
        match self {
            Self::Unauthorized => ApiError::Unauthorized,
            Self::Forbidden => {
                ApiError::Forbidden(format!("{what} is forbidden: User \"test\" cannot {what} (injected)"))
            }
            Self::Conflict => ApiError::Injected { code: 409, reason: "Conflict" },
            Self::Expired => ApiError::Expired { asked: 0, oldest: 0 },
            Self::TooManyRequests(retry_after) => ApiError::TooManyRequests { retry_after },
            Self::Internal => ApiError::Internal("injected".to_owned()),
        }
    }
}

/// How a running watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The stream ends as after its timeout.
    Cleanly,
    /// An ERROR event says 410, then the stream ends.
    Expired,
    /// The connection breaks in the middle.
    Broken,
}

/// What happens to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// They work.
    #[default]
    Fine,
    /// New ones are reset at once.
    Refusing,
    /// Established and new ones stay open but not a byte flows.
    HalfOpen,
}

/// Different calls that are counted; further ones are not.
const MAX_RECORDED: usize = 10_000;

/// What is to go wrong with coming requests, and what was called. Pure.
#[derive(Debug, Default)]
struct Plan {
    answers: Vec<(Calls, u32, Answer)>,
    delays: Vec<(Calls, Duration)>,
    /// How often the watches of a resource were cut, and how the last time.
    cuts: BTreeMap<String, (u64, Cut)>,
    calls: BTreeMap<Call, u64>,
    /// The one bearer token that is accepted; any and none if this is `None`.
    token: Option<String>,
}

/// What is to happen with one request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// Wait that long first.
    pub(super) delay: Duration,
    /// Answer this.
    pub(super) error: Option<ApiError>,
}

impl Plan {
    fn judge(&mut self, call: Call) -> Verdict {
        let delays = self.delays.iter().filter(|(calls, _)| calls.include(&call));
        let delay = delays.map(|(_, delay)| *delay).max().unwrap_or_default();
        let answer = self.answers.iter_mut().find(|(calls, left, _)| *left > 0 && calls.include(&call));
        let error = answer.map(|(_, left, answer)| {
            *left -= 1;
            answer.error(&call)
        });
        self.answers.retain(|(_, left, _)| *left > 0);
        // Namespaces come from outside; the record of them must not grow for ever.
        if self.calls.len() < MAX_RECORDED || self.calls.contains_key(&call) {
            *self.calls.entry(call).or_default() += 1;
        }
        Verdict { delay, error }
    }
}

/// A handle to make a running server misbehave, and to see what was called.
#[derive(Clone, Debug)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
    store: Store,
    network: watch::Sender<Network>,
    /// Counts up when all established connections have to go.
    drops: watch::Sender<u64>,
}

impl Faults {
    pub(super) fn new(store: Store) -> Self {
        let (network, drops) = (watch::Sender::new(Network::Fine), watch::Sender::new(0));
        Self { plan: Arc::default(), store, network, drops }
    }

    /// Ends all running watches of a resource (plural).
    pub fn cut_watches(&self, resource: &str, how: Cut) {
        let mut plan = self.lock();
        let count = plan.cuts.get(resource).map_or(0, |(count, _)| *count);
        plan.cuts.insert(resource.to_owned(), (count + 1, how));
        drop(plan);
        self.store.wake_watches();
    }

    /// Answers the next `count` of these calls that way. Several orders are worked off in the order they came.
    pub fn answer_next(&self, count: u32, calls: Calls, answer: Answer) {
        self.lock().answers.push((calls, count, answer));
    }

    /// From now on lets these calls wait before they are worked on. With several, the longest counts.
    pub fn delay(&self, calls: Calls, delay: Duration) {
        self.lock().delays.push((calls, delay));
    }

    /// Forgets all ordered answers and delays.
    pub fn clear(&self) {
        let mut plan = self.lock();
        plan.answers.clear();
        plan.delays.clear();
    }

    /// From now on only this bearer token is accepted, for whatever is asked; `None` for any and none.
    pub fn accept_only(&self, token: Option<&str>) {
        self.lock().token = token.map(str::to_owned);
    }

    /// Whether a request with this `Authorization` is let in.
    pub(super) fn accepts(&self, authorization: Option<&str>) -> bool {
        match &self.lock().token {
            None => true,
            Some(token) => authorization.and_then(|given| given.strip_prefix("Bearer ")) == Some(token),
        }
    }

    /// Sets what happens to connections, until it is set again.
    pub fn set_network(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Drops all established connections now.
    pub fn drop_connections(&self) {
        self.drops.send_modify(|count| *count += 1);
    }

    /// How often each kind of call came in so far; calls that were answered with a fault count, too.
    pub fn calls(&self) -> BTreeMap<Call, u64> {
        self.lock().calls.clone()
    }

    /// Starts counting from nothing.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    pub(super) fn judge(&self, call: Call) -> Verdict {
        self.lock().judge(call)
    }

    /// How often watches of this resource were cut; a watch remembers the number of its start.
    pub(super) fn cuts(&self, resource: &str) -> (u64, Cut) {
        self.lock().cuts.get(resource).copied().unwrap_or((0, Cut::Cleanly))
    }

    pub(super) fn network(&self) -> watch::Receiver<Network> {
        self.network.subscribe()
    }

    pub(super) fn drops(&self) -> watch::Receiver<u64> {
        self.drops.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(verb: Verb, resource: &str) -> Call {
        Call {
            verb,
            group: String::new(),
            resource: resource.to_owned(),
            subresource: String::new(),
            namespace: String::new(),
        }
    }

    #[test]
    fn an_ordered_answer_is_given_so_often_and_to_those_calls_only() {
        let mut plan = Plan::default();
        plan.answers.push((Calls::of(Verb::List, "secrets"), 2, Answer::Forbidden));
        plan.answers.push((Calls::any(), 1, Answer::Internal));
        let codes: Vec<Option<u16>> =
            [("secrets", Verb::List), ("pods", Verb::List), ("pods", Verb::List), ("secrets", Verb::List)]
                .into_iter()
                .chain([("secrets", Verb::List)])
                .map(|(resource, verb)| plan.judge(call(verb, resource)).error.map(|error| error.code()))
                .collect();
        assert_eq!(codes, [Some(403), Some(500), None, Some(403), None]);
        assert_eq!(plan.calls[&call(Verb::List, "secrets")], 3);
    }

    #[test]
    fn the_longest_delay_counts() {
        let mut plan = Plan::default();
        plan.delays.push((Calls::on("pods"), Duration::from_secs(1)));
        plan.delays.push((Calls::any(), Duration::from_secs(2)));
        assert_eq!(plan.judge(call(Verb::Get, "pods")).delay, Duration::from_secs(2));
        assert_eq!(Plan::default().judge(call(Verb::Get, "pods")), Verdict::default());
    }
}
