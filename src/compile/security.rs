//! Where and with which TLS options a router is served over TLS (spec/http.md 1.9, 1.11, 5.4 to 5.6).
//!
//! A connection is made before its router is known, so the routers of one host must agree on the options. Where they do
//! not, all of them get the default ones on that entry point, and each that asked for others is told. So is a router with
//! options of its own and no host to hang them on. [`Hosts`] keeps count by host: a change costs the hosts of its routers,
//! and all routers of a host only when it begins or ends to be in conflict.
//!
//! Options that are not there come first: a router that wants them refuses, whatever it is said to agree on, and has no
//! say ([`OptionsStanding::Refused`]). Otherwise a name that nobody defined would end in the default options, which ask
//! for no client certificate.
use super::findings::{Ledger, Source};
use super::model::Model;
use super::names::PROVIDER_NAME;
use super::options::Options;
use super::published::Shelf;
use crate::model::facts::RouterTls;
use crate::model::finding::Problem;
use crate::model::keys::{ObjectRef, RouterKey};
use crate::model::plan::{OptionsStanding, Router, RouterRule, Secured, TlsHost};
use crate::model::rule;
use crate::model::tls::TlsOptionsKey;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Where the options of a router are written, in findings.
const PLACE: &str = "metadata.annotations[traefik.ingress.kubernetes.io/router.tls.options]";

/// The options that a reference in an Ingress means.
pub(super) fn options_key(reference: &str) -> TlsOptionsKey {
    TlsOptionsKey::of_reference(reference, PROVIDER_NAME)
}

/// Where the options of an entry point are written, in findings.
pub(super) fn place_of(entry_point: &str) -> String {
    format!("entryPoints.{entry_point}.http.tls.options")
}

/// The entry points of `listens_on` where a router of `namespace` with this TLS block takes TLS connections: with a block
/// all of them, without one those that have TLS themselves.
pub(super) fn secured(
    tls: Option<&RouterTls>,
    listens_on: &[Arc<str>],
    namespace: &str,
    model: &Model,
    options: &Options,
) -> Arc<[Secured]> {
    let own = tls.map(|tls| options_key(&tls.options));
    let is_forbidden = tls.is_some_and(|tls| !tls.options.is_empty()) && !options.cross_provider.allows(namespace);
    let secured = listens_on.iter().filter_map(|entry_point| {
        let of_entry_point = || options.secured_entry_points.get(entry_point).map(|reference| options_key(reference));
        let options = own.clone().or_else(of_entry_point)?;
        let standing = match is_forbidden || !model.has_tls_options(&options) {
            true => OptionsStanding::Refused,
            false => OptionsStanding::Usable,
        };
        Some(Secured { entry_point: entry_point.clone(), options, standing })
    });
    secured.collect()
}

/// Which TLS routers name which hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// TLS routers as they were compiled, without regard to others.
    routers: HashMap<RouterKey, Arc<Router>>,
    uses: HashMap<TlsHost, Use>,
    published: Shelf<TlsHost, TlsOptionsKey>,
    /// Routers to be looked at again.
    touched: BTreeSet<RouterKey>,
    /// The default options, once for all hosts that have them.
    default: Arc<TlsOptionsKey>,
}

/// The routers of one host on one entry point.
#[derive(Debug, Default)]
struct Use {
    routers: HashSet<RouterKey>,
    /// How many of them want these options; never 0.
    options: BTreeMap<TlsOptionsKey, usize>,
}

impl Use {
    fn is_conflict(&self) -> bool {
        self.options.len() > 1
    }
}

impl Hosts {
    /// `key` is now compiled to this router, or to none.
    pub(super) fn set(&mut self, key: &RouterKey, router: Option<&Arc<Router>>) {
        let router = router.filter(|router| !router.secured.is_empty());
        let before = match router {
            Some(router) => self.routers.insert(key.clone(), router.clone()),
            None => self.routers.remove(key),
        };
        if before.is_some() || router.is_some() {
            self.touched.insert(key.clone());
        }
        // The new comes before the old goes: what stays as it is must not look like a conflict that ended.
        for (host, options) in router.into_iter().flat_map(|router| uses(router)) {
            self.count(host, options, key);
        }
        for (host, options) in before.iter().flat_map(|router| uses(router)) {
            self.discount(&host, &options, key, router);
        }
    }

    fn count(&mut self, host: TlsHost, options: TlsOptionsKey, key: &RouterKey) {
        let used = self.uses.entry(host.clone()).or_default();
        let before = used.is_conflict();
        used.routers.insert(key.clone());
        *used.options.entry(options).or_default() += 1;
        self.publish(host, before);
    }

    fn discount(&mut self, host: &TlsHost, options: &TlsOptionsKey, key: &RouterKey, now: Option<&Arc<Router>>) {
        let Some(used) = self.uses.get_mut(host) else { return };
        let before = used.is_conflict();
        if let Some(count) = used.options.get_mut(options) {
            *count -= 1;
            if *count == 0 {
                used.options.remove(options);
            }
        }
        if !now.is_some_and(|now| uses(now).any(|(stays, _)| stays == *host)) {
            used.routers.remove(key);
        }
        self.publish(host.clone(), before);
    }

    fn publish(&mut self, host: TlsHost, was_conflict: bool) {
        let Some(used) = self.uses.get(&host) else { return };
        if used.is_conflict() != was_conflict {
            self.touched.extend(used.routers.iter().cloned());
        }
        let options = match used.options.first_key_value() {
            None => None,
            Some((own, _)) if !used.is_conflict() && *own != TlsOptionsKey::Default => Some(Arc::new(own.clone())),
            Some(_) => Some(self.default.clone()),
        };
        if options.is_none() {
            self.uses.remove(&host);
        }
        self.published.set(host, options);
    }

    /// Puts the routers that changed, or whose hosts began or ended to be in conflict, into the plan.
    pub(super) fn settle(&mut self, plan: &mut Shelf<RouterKey, Router>, ledger: &mut Ledger) {
        for key in std::mem::take(&mut self.touched) {
            let mut problems = Vec::new();
            if let Some(router) = self.routers.get(&key) {
                let secured = self.agreed(router, &mut problems);
                let settled = match secured == *router.secured {
                    true => router.clone(),
                    false => Arc::new(Router { secured: secured.into(), ..(**router).clone() }),
                };
                let about = ObjectRef::from(&router.origin.ingress);
                let findings = problems.into_iter().map(|problem| problem.about(about.clone())).collect();
                plan.set(key.clone(), Some(settled));
                ledger.replace(Source::TlsOptions(key), findings);
            } else {
                ledger.replace(Source::TlsOptions(key), Vec::new());
            }
        }
    }

    /// What `router` gets, after all others were heard.
    fn agreed(&self, router: &Router, problems: &mut Vec<Problem>) -> Vec<Secured> {
        let hosts = hosts(router);
        let agreed = |secured: &Secured, problems: &mut Vec<Problem>| {
            let Secured { entry_point, options, standing } = secured;
            if *standing == OptionsStanding::Refused {
                return secured.clone();
            }
            let is_conflict = |host: &Arc<str>| {
                let host = TlsHost { entry_point: entry_point.clone(), host: host.clone() };
                self.uses.get(&host).is_some_and(Use::is_conflict)
            };
            let wants = *options != TlsOptionsKey::Default;
            let why = match hosts.iter().find(|host| is_conflict(host)) {
                Some(host) => {
                    format!("routers of entry point {entry_point} want different TLS options for host {host}")
                }
                None if hosts.is_empty() && wants => {
                    "the rule names no host that the TLS options could hold for".to_owned()
                }
                None => return secured.clone(),
            };
            if wants {
                let text = format!("{why}; the default options are used instead of {options}");
                let place = if router.tls.is_some() { PLACE.to_owned() } else { place_of(entry_point) };
                problems.push(Problem::warning(place, "TlsOptionsConflict", text));
            }
            Secured { options: TlsOptionsKey::Default, ..secured.clone() }
        };
        router.secured.iter().map(|secured| agreed(secured, problems)).collect()
    }

    /// Hosts that are other than at the last call.
    pub(super) fn differences(&mut self) -> Vec<(TlsHost, Option<TlsOptionsKey>)> {
        let found = self.published.differences().into_iter();
        found.map(|found| (found.key, found.now.map(|options| (*options).clone()))).collect()
    }
}

/// The hosts that a rule names; none for one that does not parse.
fn hosts(router: &Router) -> Vec<Arc<str>> {
    match &router.rule {
        RouterRule::Parsed(rule) => rule::hosts(&rule.expr),
        RouterRule::Broken(_) => Vec::new(),
    }
}

/// The hosts whose options the router has a say in, and what it wants for them.
fn uses(router: &Router) -> impl Iterator<Item = (TlsHost, TlsOptionsKey)> {
    let hosts = hosts(router);
    let heard = router.secured.iter().filter(|secured| secured.standing == OptionsStanding::Usable);
    heard.flat_map(move |secured| {
        let host = |host: &Arc<str>| TlsHost { entry_point: secured.entry_point.clone(), host: host.clone() };
        hosts.iter().map(host).map(|host| (host, secured.options.clone())).collect::<Vec<_>>()
    })
}

#[cfg(test)]
mod tests;
