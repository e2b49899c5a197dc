//! Who says what: findings by the stage that made them, counted, so that one is told when it appears and when it goes.
use super::services::Wanted;
use crate::model::finding::{Finding, FindingChanges, Severity};
use crate::model::keys::{IngressKey, ObjectRef, RouterKey, ServiceKey};
use std::collections::{BTreeMap, HashMap};

/// What made findings; each source replaces all of its own at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The Service itself.
    Service(ServiceKey),
    /// The slices of a Service.
    Endpoints(ServiceKey),
    /// An object that could not be read at all.
    Malformed(ObjectRef),
    /// Compiling an Ingress.
    Ingress(IngressKey),
    /// The TLS Secrets of an Ingress.
    Certificates(IngressKey),
    /// A load balancer in use.
    Balancer(Wanted),
    /// The TLS options of a router, beside those of others.
    TlsOptions(RouterKey),
    /// A default backend that lost.
    DefaultBackend(IngressKey),
    /// What statuses are copied from.
    Published,
}

/// All findings that hold now.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    by_source: HashMap<Source, Vec<Finding>>,
    /// How many sources say it; never 0.
    /// In order, so that those about one object stand together.
    counts: BTreeMap<Finding, usize>,
    /// Count before the running patch, of findings whose count changed.
    before: BTreeMap<Finding, usize>,
}

impl Ledger {
    /// `source` now says `findings` and nothing else.
    pub(super) fn replace(&mut self, source: Source, findings: Vec<Finding>) {
        let old = match findings.is_empty() {
            true => self.by_source.remove(&source),
            false => self.by_source.insert(source, findings.clone()),
        };
        for finding in findings {
            let count = self.counts.entry(finding.clone()).or_default();
            self.before.entry(finding).or_insert(*count);
            *count += 1;
        }
        for finding in old.unwrap_or_default() {
            let Some(count) = self.counts.get_mut(&finding) else { continue };
            let held = *count;
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&finding);
            }
            self.before.entry(finding).or_insert(held);
        }
    }

    /// What came and went since the last call.
    pub(super) fn changes(&mut self) -> FindingChanges {
        let mut changes = FindingChanges::default();
        for (finding, before) in std::mem::take(&mut self.before) {
            match (before > 0, self.counts.contains_key(&finding)) {
                (false, true) => changes.appeared.push(finding),
                (true, false) => changes.gone.push(finding),
                _ => {}
            }
        }
        changes
    }

    /// All findings about one object.
    pub(super) fn about<'a>(&'a self, object: &'a ObjectRef) -> impl Iterator<Item = &'a Finding> {
        // The object is the first field and so the first in order; the rest is as small as it gets.
        let first =
            Finding { object: object.clone(), path: "".into(), severity: Severity::Error, reason: "", text: "".into() };
        self.counts.range(first..).map(|(finding, _)| finding).take_while(move |finding| finding.object == *object)
    }

    /// All findings, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Finding> {
        self.counts.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Problem;

    fn finding(text: &str) -> Finding {
        Problem::error("spec", "Test", text).about((&IngressKey::new("n", "i")).into())
    }

    fn source(name: &str) -> Source {
        Source::Ingress(IngressKey::new("n", name))
    }

    #[test]
    fn a_finding_of_two_sources_goes_with_the_last() {
        let mut ledger = Ledger::default();
        ledger.replace(source("a"), vec![finding("x")]);
        ledger.replace(source("b"), vec![finding("x"), finding("y")]);
        assert_eq!(ledger.changes(), FindingChanges { appeared: vec![finding("x"), finding("y")], gone: vec![] });
        ledger.replace(source("a"), vec![]);
        assert!(ledger.changes().is_empty());
        ledger.replace(source("b"), vec![finding("y")]);
        assert_eq!(ledger.changes(), FindingChanges { appeared: vec![], gone: vec![finding("x")] });
    }

    #[test]
    fn what_goes_and_comes_within_one_patch_is_not_told() {
        let mut ledger = Ledger::default();
        ledger.replace(source("a"), vec![finding("x"), finding("x")]);
        assert_eq!(ledger.changes().appeared.len(), 1);
        ledger.replace(source("a"), vec![]);
        ledger.replace(source("b"), vec![finding("x")]);
        assert!(ledger.changes().is_empty());
        assert_eq!(ledger.len(), 1);
    }
}
