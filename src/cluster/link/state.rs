//! When an API server counts as away, and when as back. Pure.
//!
//! Two witnesses make it away: a knock without an answer and a watch in trouble, or two such knocks in a row. One that answers
//! but refuses (5xx, 401) is away only if a watch is in trouble as well: an old server that shuts down says 500 to knocks and
//! still feeds its watches.
use std::sync::Arc;

/// What came of a knock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Knock {
    /// It answers.
    Ready,
    /// It answers, but nothing can be asked of it: 5xx, or our token is not accepted.
    Refused(Arc<str>),
    /// No connection, or no answer.
    Silent(Arc<str>),
}

/// Why there was a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It was time.
    Routine,
    /// A watch is in trouble.
    Question,
    /// A watch works.
    WatchWorks,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is new.
    Nothing,
    /// It is away now.
    Lost(Arc<str>),
    /// It is back: connections from before lead nowhere.
    Back,
    /// It is back, as a watch shows, whose connection is to be kept.
    BackByItself,
}

/// What is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It answers.
    #[default]
    Here,
    /// One routine knock went without an answer.
    Unsure,
    /// It does not answer.
    Away,
}

impl State {
    /// A knock came back.
    pub fn on_knock(&mut self, knock: Knock, occasion: Occasion) -> Effect {
        match (*self, knock, occasion) {
            (Self::Away, Knock::Ready, _) => {
                *self = Self::Here;
                Effect::Back
            }
            (Self::Away, Knock::Refused(_) | Knock::Silent(_), _) => Effect::Nothing,
            (Self::Here | Self::Unsure, Knock::Ready, _)
            | (Self::Here | Self::Unsure, Knock::Refused(_), Occasion::Routine | Occasion::WatchWorks) => {
                *self = Self::Here;
                Effect::Nothing
            }
            (Self::Here, Knock::Silent(_), Occasion::Routine | Occasion::WatchWorks) => {
                *self = Self::Unsure;
                Effect::Nothing
            }
            (_, Knock::Refused(reason) | Knock::Silent(reason), _) => {
                *self = Self::Away;
                Effect::Lost(reason)
            }
        }
    }

    /// A watch works.
    pub fn on_watch_works(&mut self) -> Effect {
        match std::mem::take(self) {
            Self::Away => Effect::BackByItself,
            Self::Here | Self::Unsure => Effect::Nothing,
        }
    }

    /// Whether it is away.
    pub fn is_away(self) -> bool {
        self == Self::Away
    }

    /// Whether the next knock decides.
    pub fn is_unsure(self) -> bool {
        self == Self::Unsure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[(Knock, Occasion)]) -> (State, Vec<Effect>) {
        let mut state = State::default();
        let effects = events.iter().map(|(knock, occasion)| state.on_knock(knock.clone(), *occasion)).collect();
        (state, effects)
    }

    #[test]
    fn it_takes_two_witnesses_to_call_a_server_away() {
        use Occasion::{Question, Routine};
        let silent = || Knock::Silent("s".into());
        let lost = || Effect::Lost("s".into());
        assert_eq!(after(&[(silent(), Routine)]), (State::Unsure, vec![Effect::Nothing]));
        assert_eq!(after(&[(silent(), Routine), (silent(), Routine)]).1, [Effect::Nothing, lost()]);
        assert_eq!(after(&[(silent(), Routine), (Knock::Ready, Routine), (silent(), Routine)]).0, State::Unsure);
        assert_eq!(after(&[(silent(), Question)]).1, [lost()]);
    }

    #[test]
    fn one_that_refuses_is_away_only_if_a_watch_says_so_too() {
        let refused = || Knock::Refused("r".into());
        assert_eq!(after(&[(refused(), Occasion::Routine), (refused(), Occasion::Routine)]).0, State::Here);
        assert_eq!(after(&[(refused(), Occasion::Question)]).1, [Effect::Lost("r".into())]);
    }

    #[test]
    fn an_outage_is_told_once_and_its_end_once() {
        let silent = || (Knock::Silent("s".into()), Occasion::Question);
        let refused = || (Knock::Refused("r".into()), Occasion::Routine);
        let ready = || (Knock::Ready, Occasion::Routine);
        let (state, effects) = after(&[silent(), silent(), refused(), ready(), ready()]);
        assert_eq!(state, State::Here);
        let nothing = Effect::Nothing;
        assert_eq!(effects, [Effect::Lost("s".into()), nothing.clone(), nothing.clone(), Effect::Back, nothing]);
    }

    #[test]
    fn a_watch_that_works_proves_that_it_is_back_whatever_knocks_say() {
        let mut state = State::Away;
        assert_eq!(state.on_watch_works(), Effect::BackByItself);
        assert_eq!(state.on_watch_works(), Effect::Nothing);
        assert_eq!(state, State::Here);
    }
}
