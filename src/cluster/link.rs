//! Whether the API server answers at all. One for all watches, so that an outage is one line in the log and not one per watch,
//! and so that its end is noticed at once although each watch backs off for half a minute.
//!
//! A *knock* is a GET of `/readyz`: as cheap as a request can be. It is made now and then while all is well (an open watch
//! cannot tell a quiet server from one that is gone), when a watch is in trouble, and twice a second while the server is
//! away. When it is back, connections from before are cut and waiting watches are woken. [`state`] decides.
use super::connector::Cutter;
use crate::base::backoff::{Backoff, BackoffPolicy};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub mod state;
use state::{Effect, Knock, Occasion, State};

/// Path of a knock. Every account may read it (`system:public-info-viewer`), and 403 is an answer, too.
const PATH: &str = "/readyz";

/// How often knocks are made. Pauses are drawn from between half of these and all of them.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two knocks while all is well.
    pub quiet: Duration,
    /// While the server is away. One connection attempt costs nobody anything, and with it an outage is over within half a
    /// second for all replicas, spread by the jitter.
    pub away: Duration,
    /// Longest wait for the answer to a knock.
    pub patience: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(10), away: Duration::from_millis(500), patience: Duration::from_secs(5) }
    }
}

/// What a watch sees of the link. Clones are one.
#[derive(Clone)]
pub struct Link(Arc<Shared>);

struct Shared {
    /// Counts up with each question of a watch.
    asked: watch::Sender<u64>,
    /// Counts up when a watch works: a proof that the server answers.
    worked: watch::Sender<u64>,
    known: watch::Receiver<Known>,
}

/// What is known of the server.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Questions up to this one are answered.
    answered: u64,
    away: bool,
    comebacks: u64,
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does; what does not work is particular to who asks.
    Answers,
    /// It does not, and whoever runs this program has been told.
    Away,
}

/// What the link has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The server does not answer any more, and why.
    Lost(Arc<str>),
    /// It answers again.
    Back,
}

/// The task behind a [`Link`].
pub struct Knocker {
    asked: watch::Receiver<u64>,
    worked: watch::Receiver<u64>,
    known: watch::Sender<Known>,
    cutter: Cutter,
    /// How often it knocks.
    pub pace: Pace,
}

impl Link {
    /// A link and its task, which cuts connections through `cutter`.
    pub fn new(cutter: Cutter) -> (Self, Knocker) {
        let ((asks, asked), (works, worked)) = (watch::channel(0), watch::channel(0));
        let (knows, known) = watch::channel(Known::default());
        let knocker = Knocker { asked, worked, known: knows, cutter, pace: Pace::default() };
        (Self(Arc::new(Shared { asked: asks, worked: works, known })), knocker)
    }

    /// Whether the server answers now, as a knock says that is made after this call. At once while it is known to be away.
    pub async fn standing(&self) -> Standing {
        let mut mine = 0;
        self.0.asked.send_modify(|asked| {
            *asked += 1;
            mine = *asked;
        });
        let mut known = self.0.known.clone();
        match known.wait_for(|known| known.away || known.answered >= mine).await {
            Ok(known) if known.away => Standing::Away,
            // An error means that nobody knocks (any more): the watch speaks for itself.
            Ok(_) | Err(_) => Standing::Answers,
        }
    }

    /// How often the server came back so far: taken before a wait, for [`Link::back_since`].
    pub fn comebacks(&self) -> u64 {
        self.0.known.borrow().comebacks
    }

    /// Done when the server came back since `comebacks` were counted.
    pub async fn back_since(&self, comebacks: u64) {
        if self.0.known.clone().wait_for(|known| known.comebacks > comebacks).await.is_err() {
            std::future::pending().await
        }
    }

    /// A watch works: the server answers, whatever a knock says.
    pub fn works(&self) {
        if self.0.known.borrow().away {
            self.0.worked.send_modify(|count| *count += 1);
        }
    }
}

impl Knocker {
    /// Knocks with `client` for ever, and tells what it finds. `seed` sets the jitter.
    pub async fn run(self, client: kube::Client, seed: u64, mut tell: impl FnMut(News)) {
        let Self { mut asked, mut worked, known, cutter, pace } = self;
        let mut pauses = Pauses::new(pace, seed);
        let mut state = State::default();
        loop {
            let pause = pauses.next(&state);
            let occasion = tokio::select! {
                biased;
                Ok(()) = worked.changed() => Occasion::WatchWorks,
                // While it is away the pause counts: questions are answered from what is known.
                Ok(()) = asked.changed(), if !state.is_away() => Occasion::Question,
                () = tokio::time::sleep(pause) => Occasion::Routine,
            };
            let answered = *asked.borrow_and_update();
            let effect = match occasion {
                Occasion::WatchWorks => state.on_watch_works(),
                Occasion::Question | Occasion::Routine => state.on_knock(knock(&client, pace.patience).await, occasion),
            };
            if effect == Effect::Back {
                // Before anybody is woken: a watch that asks at once must not be given a connection from before.
                cutter.cut();
            }
            known.send_modify(|known| {
                known.answered = answered;
                known.away = state.is_away();
                known.comebacks += u64::from(matches!(effect, Effect::Back | Effect::BackByItself));
            });
            match effect {
                Effect::Lost(reason) => tell(News::Lost(reason)),
                Effect::Back | Effect::BackByItself => tell(News::Back),
                Effect::Nothing => {}
            }
        }
    }
}

/// How long to wait before the next knock.
struct Pauses {
    quiet: Backoff,
    away: Backoff,
}

impl Pauses {
    fn new(pace: Pace, seed: u64) -> Self {
        let evenly = |max: Duration| {
            let mut pauses = Backoff::new(BackoffPolicy { min: max / 2, max, factor: 2 }, seed);
            // The first draw of a backoff is at its lower end.
            pauses.next();
            pauses
        };
        Self { quiet: evenly(pace.quiet), away: evenly(pace.away) }
    }

    fn next(&mut self, state: &State) -> Duration {
        if state.is_unsure() || state.is_away() { self.away.next() } else { self.quiet.next() }
    }
}

async fn knock(client: &kube::Client, patience: Duration) -> Knock {
    let request = http::Request::get(PATH).body(kube::client::Body::empty());
    let Ok(request) = request else { return Knock::Ready };
    match tokio::time::timeout(patience, client.send(request)).await {
        Err(_) => Knock::Silent(format!("no answer within {patience:?}").into()),
        Ok(Err(error)) => Knock::Silent(super::watch::story(&error).into()),
        Ok(Ok(response)) => match response.status() {
            http::StatusCode::UNAUTHORIZED => {
                Knock::Refused("the token of this account is not accepted (401 Unauthorized)".into())
            }
            status if status.is_server_error() => Knock::Refused(format!("it answers {status} to {PATH}").into()),
            _ => Knock::Ready,
        },
    }
}

#[cfg(test)]
mod tests;
