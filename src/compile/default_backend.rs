//! The one default backend of the cluster (spec/ingress.md 11): of all Ingresses without rules that have one, the oldest
//! that compiles wins; the others are told who did.
//!
//! One that compiles but answers 503, because its middleware does not exist say, wins too: it must not fall through to
//! the backend of somebody else.
use super::findings::{Ledger, Source};
use super::ingress::Shared;
use super::names;
use super::paths::assemble;
use super::rules;
use super::services::Wanted;
use crate::model::facts::Created;
use crate::model::finding::Problem;
use crate::model::keys::{BalancerKey, IngressKey, RouterKey};
use crate::model::plan::{DEFAULT_ROUTER_PRIORITY, Origin, Precedence, Router};
use crate::model::rule::Syntax;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A default backend that compiled.
#[derive(Debug)]
pub(super) struct DefaultRoute {
    /// The default router, should it win.
    pub router: Arc<Router>,
    /// Its load balancer.
    pub wanted: Wanted,
}

impl DefaultRoute {
    /// The annotations for priority and rule syntax have no effect here.
    pub(super) fn new(shared: &Shared, wanted: Wanted, refused: &[Arc<str>]) -> Self {
        let (rule, problem) = rules::parse("PathPrefix(\"/\")".into(), Syntax::V3);
        let precedence = Precedence::Ranked(DEFAULT_ROUTER_PRIORITY);
        let name = names::DEFAULT_ROUTER.into();
        let mut router = assemble(RouterKey::Default, name, rule, precedence, BalancerKey::Default, refused, shared);
        router.shown_syntax = "default".into();
        router.errors.extend(problem.map(|problem| problem.full));
        Self { router: Arc::new(router), wanted }
    }
}

/// All default backends that compile, the winner first.
#[derive(Debug, Default)]
pub(super) struct DefaultBackends {
    candidates: BTreeMap<(Created, IngressKey), DefaultRoute>,
    /// The other half of each candidate's key.
    created: HashMap<IngressKey, Created>,
    winner: Option<IngressKey>,
    /// Whose standing must be told anew.
    touched: BTreeSet<IngressKey>,
}

impl DefaultBackends {
    /// The default backend of `ingress` is no candidate any more.
    pub(super) fn withdraw(&mut self, ingress: &IngressKey) {
        if let Some(created) = self.created.remove(ingress) {
            self.candidates.remove(&(created, ingress.clone()));
            self.touched.insert(ingress.clone());
        }
    }

    /// The default backend of an Ingress is a candidate.
    pub(super) fn stand(&mut self, route: DefaultRoute) {
        let Origin { ingress, created } = route.router.origin.clone();
        self.withdraw(&ingress);
        self.touched.insert(ingress.clone());
        self.created.insert(ingress.clone(), created);
        self.candidates.insert((created, ingress), route);
    }

    /// Who wins now.
    pub(super) fn winner(&self) -> Option<&DefaultRoute> {
        self.candidates.values().next()
    }

    /// Tells the losers. If the winner is who it was, only those that changed are told.
    pub(super) fn settle(&mut self, ledger: &mut Ledger) {
        let winner = self.winner().map(|route| route.router.origin.ingress.clone());
        let mut told = std::mem::take(&mut self.touched);
        if winner != self.winner {
            told.extend(self.candidates.keys().map(|(_, ingress)| ingress.clone()));
            self.winner = winner;
        }
        for ingress in told {
            let other = self.winner.as_ref().filter(|winner| **winner != ingress);
            let loser = other.filter(|_| self.created.contains_key(&ingress));
            let problem = loser.map(|winner| {
                let text =
                    format!("the default backend is that of Ingress {winner}, which is older; remove one of them");
                Problem::error("spec.defaultBackend", "DefaultBackendTaken", text).about((&ingress).into())
            });
            ledger.replace(Source::DefaultBackend(ingress), problem.into_iter().collect());
        }
    }
}
