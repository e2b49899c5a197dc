//! Shown names. Traefik's names join namespace, name and host, so two objects can have one name. Traefik lets one
//! overwrite the other; here both are served (architecture.md 3, difference 3), so both are shown: the older keeps the
//! plain name, the others get `-` and 20 hex digits that depend on their key alone.
use crate::api::source::PlanView;
use crate::model::keys::BalancerKey;
use crate::model::plan::{Balancer, Router};
use aws_lc_rs::digest::{self, SHA256};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

/// Digits of the digest that make a name unique; as many as Traefik takes for routers of one Ingress.
const DIGEST_BYTES: usize = 10;

/// Routers and load balancers with their names, sorted by plain name, each name used once.
#[derive(Debug)]
pub struct Names<'p> {
    /// Routers.
    pub routers: Vec<(&'p Router, Cow<'p, str>)>,
    /// Load balancers.
    pub balancers: Vec<(&'p Balancer, Cow<'p, str>)>,
    balancer_names: HashMap<&'p BalancerKey, usize>,
}

impl<'p> Names<'p> {
    /// Names everything in `view`.
    pub fn of(view: &'p PlanView) -> Self {
        let mut routers: Vec<&Router> = view.routers.iter().map(AsRef::as_ref).collect();
        routers.sort_by(|a, b| (&a.name, a.origin.created, &a.key).cmp(&(&b.name, b.origin.created, &b.key)));
        let mut balancers: Vec<&Balancer> = view.balancers.iter().map(AsRef::as_ref).collect();
        balancers.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
        let routers = unique(routers, |router| &router.name, |router| digest(&router.key));
        let balancers = unique(balancers, |balancer| &balancer.name, |balancer| digest(&balancer.key));
        let balancer_names = balancers.iter().enumerate().map(|(at, (balancer, _))| (&balancer.key, at)).collect();
        Self { routers, balancers, balancer_names }
    }

    /// Position of a load balancer in [`Names::balancers`]; `None` when the plan does not hold it.
    pub fn position(&self, key: &BalancerKey) -> Option<usize> {
        self.balancer_names.get(key).copied()
    }

    /// The name of a load balancer, made up when the plan does not hold it (a refused router keeps the key of a
    /// balancer that may be gone).
    pub fn balancer(&self, key: &BalancerKey) -> Cow<'p, str> {
        match self.position(key).and_then(|at| self.balancers.get(at)) {
            Some((_, name)) => name.clone(),
            None => Cow::Owned(name_of_missing(key)),
        }
    }
}

/// Pairs `sorted` objects with names: the first of each plain name keeps it.
fn unique<'p, T>(
    sorted: Vec<&'p T>,
    plain: impl Fn(&'p T) -> &'p str,
    digest: impl Fn(&T) -> String,
) -> Vec<(&'p T, Cow<'p, str>)> {
    let mut before = None;
    let named = sorted.into_iter().map(|object| {
        let name = plain(object);
        let first = before.replace(name) != Some(name);
        (object, if first { Cow::Borrowed(name) } else { Cow::Owned(format!("{name}-{}", digest(object))) })
    });
    named.collect()
}

/// The first digits of SHA-256 over the parts of a key, written as JSON: no two keys read the same there.
fn digest(key: &impl Serialize) -> String {
    // Writing a key, which is nothing but texts and numbers, cannot fail.
    let parts = serde_json::to_vec(key).unwrap_or_default();
    hex(&digest::digest(&SHA256, &parts).as_ref()[..DIGEST_BYTES])
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// As the reference spells it: letters and digits of namespace, Service and port, joined with `-` (spec/ingress.md 8).
fn name_of_missing(key: &BalancerKey) -> String {
    let BalancerKey::Port { service, port } = key else { return "default-backend".to_owned() };
    let joined = format!("{}-{}-{port}", service.namespace, service.name);
    let words: Vec<&str> = joined.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-")
}
