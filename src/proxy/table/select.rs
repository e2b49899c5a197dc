//! The choice: of all routers that match a request, the one that serves it (architecture.md 3, difference 1).
//!
//! - Routers without a priority of their own form a bloc. Among themselves the best rank wins (host, path), then the older
//!   Ingress, then the smaller key. As a whole the bloc counts as the longest rule text among those that match.
//! - Routers with a priority compete by it, then by age and key.
//! - The best of these wins against the bloc if its priority is at least the bloc's number: someone asked for it.
//!
//! Places are visited in falling order of rank, so that the first match of the bloc is usually the last thing looked at;
//! ranked routers cost nothing where none is as high as the rule that was found. Nothing here allocates.
use super::entry::{Entry, Query};
use super::hosts::{CLASSES, HostIndex, HostRoutes, any_path, highest};
use super::lists::EntryList;
use crate::model::plan::HostRank;
use std::ops::ControlFlow;

/// Who gets a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice<'t> {
    /// This entry.
    Entry(&'t Entry),
    /// The rival.
    Rival,
    /// Nobody.
    Nobody,
}

/// Who gets the request: an entry, or something outside the table that wants it with the priority `rival`. That counts
/// like a ranked router; at a tie it wins, like a guard that everybody has to pass.
pub(super) fn choose_against<'t>(index: &'t HostIndex, query: &Query<'_>, rival: Option<i64>) -> Choice<'t> {
    let Some(rival) = rival else { return choose(index, query).map_or(Choice::Nobody, Choice::Entry) };
    let named = index.routes(HostRank::Exact, query.request.host);
    let search = Search { index, query, named };
    match choose(index, query) {
        None => Choice::Rival,
        Some(winner) if winner.bloc_rank().is_none() => {
            if winner.number > rival {
                Choice::Entry(winner)
            } else {
                Choice::Rival
            }
        }
        Some(winner) if winner.number > rival || search.bloc_exceeds(rival) => Choice::Entry(winner),
        Some(_) => Choice::Rival,
    }
}

/// The entry that serves the request.
pub(super) fn choose<'t>(index: &'t HostIndex, query: &Query<'_>) -> Option<&'t Entry> {
    let named = index.routes(HostRank::Exact, query.request.host);
    let search = Search { index, query, named };
    let Some(bloc) = search.best_of_bloc() else { return search.best_ranked(i64::MIN) };
    // The bloc counts at least as much as this one rule of it.
    if search.highest_priority().is_none_or(|priority| priority < bloc.number) {
        return Some(bloc);
    }
    let Some(ranked) = search.best_ranked(bloc.number) else { return Some(bloc) };
    Some(if search.bloc_exceeds(ranked.number) { bloc } else { ranked })
}

/// One request in one table.
struct Search<'t, 's> {
    index: &'t HostIndex,
    query: &'s Query<'s>,
    /// The routes of the request's host by name, which every step needs.
    named: Option<&'t HostRoutes>,
}

impl<'t> Search<'t, '_> {
    fn routes(&self, class: HostRank) -> Option<&'t HostRoutes> {
        match class {
            HostRank::Exact => self.named,
            HostRank::Wildcard | HostRank::None => self.index.routes(class, self.query.request.host),
        }
    }

    /// The best match without a priority of its own.
    fn best_of_bloc(&self) -> Option<&'t Entry> {
        let mut best: Option<&'t Entry> = None;
        for class in CLASSES {
            let beaten = best.is_some_and(|best| best.bloc_rank() > Some(any_path(class)));
            let ordered = self.index.bounds_beyond_name(class).is_none_or(|bounds| bounds.are_ordered());
            if beaten && ordered {
                continue;
            }
            if let Some(routes) = self.routes(class) {
                self.improve_bloc(routes, class, &mut best);
            }
        }
        best
    }

    /// Puts the best match among `routes`, those of host `class`, into `best` if it is better.
    fn improve_bloc(&self, routes: &'t HostRoutes, class: HostRank, best: &mut Option<&'t Entry>) {
        let ordered = routes.bounds.are_ordered();
        // Whether all lists are visited or the rest is skipped: routes without a path in the index may rank anywhere.
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
            routes.paths.visit(self.query.request.path, |stop| {
                let bound = highest(class, stop.length, stop.rank);
                if ordered && best.is_some_and(|best| best.bloc_rank() > Some(bound)) {
                    return ControlFlow::Break(());
                }
                stop.list.bloc.improve(self.query, best);
                ControlFlow::Continue(())
            });
        routes.other.bloc.improve(self.query, best);
    }

    /// The highest priority that any router has in the places the request consults; the router need not match.
    fn highest_priority(&self) -> Option<i64> {
        let beyond = CLASSES.into_iter().filter_map(|class| self.index.bounds_beyond_name(class)?.highest_priority());
        self.named.and_then(|routes| routes.bounds.highest_priority()).into_iter().chain(beyond).max()
    }

    /// The best match with a priority of its own, if that is at least `floor`.
    fn best_ranked(&self, floor: i64) -> Option<&'t Entry> {
        let mut best: Option<&'t Entry> = None;
        for class in CLASSES {
            let floor = best.map_or(floor, |best| best.number);
            let Some(routes) = self.routes(class) else { continue };
            if routes.bounds.highest_priority().is_some_and(|highest| highest >= floor) {
                self.each_list(routes, |list| {
                    list.ranked.improve(self.query, &mut best);
                    ControlFlow::Continue(())
                });
            }
        }
        best.filter(|best| best.number >= floor)
    }

    /// Whether a matching rule of the bloc is longer than `number`.
    fn bloc_exceeds(&self, number: i64) -> bool {
        let longer = |entry: &Entry| entry.number > number && entry.matches(self.query);
        CLASSES.into_iter().filter_map(|class| self.routes(class)).any(|routes| {
            let mut found = false;
            self.each_list(routes, |list| {
                found = list.bloc.iter().any(longer);
                if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            found
        })
    }

    /// Visits every list in which the request's path may find a match, up to a break.
    fn each_list(&self, routes: &'t HostRoutes, mut visit: impl FnMut(&'t EntryList) -> ControlFlow<()>) {
        if routes.paths.visit(self.query.request.path, |stop| visit(stop.list)).is_continue() {
            let _last = visit(&routes.other);
        }
    }
}
