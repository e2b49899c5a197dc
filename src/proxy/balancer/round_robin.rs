//! Weighted round robin, earliest deadline first (spec/http.md 2.3), as a schedule that is worked out beforehand.
//!
//! With weight w a server's k-th turn of a cycle is due at k/w; sorting all turns by due time gives the cycle. A pick is
//! then one atomic addition and one look-up, on any number of threads without a lock. The position is shared with the
//! balancer's successors, so that new endpoints do not start everyone at the first server again.
use super::{Tried, positions};
use crate::model::facts::ServerState;
use crate::model::plan::Server;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The rotation of one balancer.
#[derive(Debug)]
pub struct RoundRobin {
    /// Grows by one with every pick. Shared by all versions of one balancer.
    position: Arc<AtomicUsize>,
    active: Schedule,
    draining: Schedule,
}

/// One cycle of turns: positions in the list of servers.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schedule(Box<[u32]>);

/// A server that takes part, and how large its share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    index: u32,
    weight: NonZeroU32,
}

impl RoundRobin {
    /// The rotation over `servers`, going on from where `previous` stands.
    pub fn build(servers: &[Server], previous: Option<&Self>) -> Self {
        let position = previous.map_or_else(Arc::default, |rotation| Arc::clone(&rotation.position));
        Self {
            position,
            active: Schedule::build(&equal_shares(servers, ServerState::Active)),
            draining: Schedule::build(&equal_shares(servers, ServerState::Draining)),
        }
    }

    /// The server whose turn it is: an active one that was not tried, else a draining one that was not tried.
    pub fn next(&self, tried: &Tried) -> Option<usize> {
        // Relaxed: only the count matters, nothing else is published with it.
        let turn = self.position.fetch_add(1, Ordering::Relaxed);
        self.active.at(turn, tried).or_else(|| self.draining.at(turn, tried))
    }
}

impl Schedule {
    /// Longest cycle. Larger sums of weights are scaled down to it, which changes shares by less than 1 in 65,536 of the
    /// cycle; only more servers than this make a longer one, of one turn each.
    const MAX_TURNS: u64 = 65_536;

    fn build(shares: &[Share]) -> Self {
        let weights = scaled(shares);
        let mut turns: Vec<Turn> = shares
            .iter()
            .zip(weights)
            .flat_map(|(share, weight)| (1..=weight).map(move |number| Turn { number, weight, index: share.index }))
            .collect();
        turns.sort_unstable_by(|a, b| a.due_before(b));
        Self(turns.into_iter().map(|turn| turn.index).collect())
    }

    /// The first server from `turn` on that was not tried.
    fn at(&self, turn: usize, tried: &Tried) -> Option<usize> {
        let length = self.0.len();
        let start = turn.checked_rem(length)?;
        let (before, from) = self.0.split_at(start);
        if tried.is_empty() {
            return from.first().map(|index| *index as usize);
        }
        from.iter().chain(before).map(|index| *index as usize).find(|index| !tried.contains(*index))
    }
}

/// One turn of a cycle.
#[derive(Clone, Copy)]
struct Turn {
    /// Which turn of its server, from 1.
    number: u64,
    /// Weight of its server.
    weight: u64,
    index: u32,
}

impl Turn {
    /// Compares `number / weight` without rounding: both are at most 65,536 or equal 1. The earlier server wins a tie.
    fn due_before(&self, other: &Self) -> std::cmp::Ordering {
        (self.number * other.weight).cmp(&(other.number * self.weight)).then(self.index.cmp(&other.index))
    }
}

/// Weights without their common divisor, scaled to [`Schedule::MAX_TURNS`] where they are larger in all.
fn scaled(shares: &[Share]) -> Vec<u64> {
    let weights = shares.iter().map(|share| u64::from(share.weight.get()));
    let divisor = weights.clone().fold(0, greatest_common_divisor).max(1);
    let weights: Vec<u64> = weights.map(|weight| weight / divisor).collect();
    let sum: u64 = weights.iter().sum();
    if sum <= Schedule::MAX_TURNS {
        return weights;
    }
    // One turn is kept for each server, so that none is rounded away.
    let free = Schedule::MAX_TURNS.saturating_sub(weights.len() as u64);
    let share = |weight: u64| u64::try_from(u128::from(weight) * u128::from(free) / u128::from(sum)).unwrap_or(free);
    weights.into_iter().map(|weight| share(weight).max(1)).collect()
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Servers made from an Ingress all weigh the same.
fn equal_shares(servers: &[Server], state: ServerState) -> Vec<Share> {
    positions(servers, state)
        .filter_map(|index| Some(Share { index: u32::try_from(index).ok()?, weight: NonZeroU32::MIN }))
        .collect()
}

#[cfg(test)]
mod tests;
