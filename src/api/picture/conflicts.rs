//! TLS options are chosen by host before a router is known, so routers of one host must agree (spec/http.md 5.5, 5.6).
//!
//! Where they do not, all of them fall back to the default options on that entry point, and the API shows each as
//! `<entryPoint>-conflicted-<name>`. The same happens to a router with options of its own and no host to hang them on.
use super::routers::Copy;
use crate::model::plan::RouterRule;
use crate::model::rule;
use std::collections::HashMap;
use std::sync::Arc;

const OF_HOST: &str = "router's TLSOptions configuration is conflicting with other routers on the same entrypoint and \
                       host, default TLS options will be used instead";

/// The name of the options that apply when none are named.
pub const DEFAULT_OPTIONS: &str = "default";

/// Whose options a host has on one entry point.
enum Owner<'o> {
    /// All routers agree on these.
    One(&'o str),
    /// They do not agree.
    Several,
}

/// Takes the entry points out of `copies` on which their options conflict, and shows them on their own.
pub fn resolve<'p>(copies: Vec<Copy<'p>>) -> Vec<Copy<'p>> {
    // Most plans hold no TLS options at all: then there is nothing to conflict.
    if copies.iter().all(|copy| copy.tls_options() == DEFAULT_OPTIONS) {
        return copies;
    }
    let hosts: Vec<Vec<Arc<str>>> = copies.iter().map(hosts_of).collect();
    let owners = owners(&copies, &hosts);
    let conflicted = |copy: &Copy<'p>, hosts: &[Arc<str>], entry_point: &str| -> bool {
        let several = |host: &Arc<str>| matches!(owners.get(&(entry_point, &**host)), Some(Owner::Several));
        hosts.iter().any(several) || (hosts.is_empty() && copy.tls_options() != DEFAULT_OPTIONS)
    };
    let mut out = Vec::with_capacity(copies.len());
    for (copy, hosts) in copies.iter().zip(&hosts) {
        let is_subject = copy.tls.is_some() && matches!(copy.router.rule, RouterRule::Parsed(_));
        let (apart, together): (Vec<&'p str>, Vec<&'p str>) =
            copy.entry_points.iter().partition(|entry_point| is_subject && conflicted(copy, hosts, entry_point));
        out.extend(apart.into_iter().map(|entry_point| set_apart(copy, entry_point, hosts)));
        // A router without entry points is broken, and shown as it is.
        if !together.is_empty() || copy.entry_points.is_empty() {
            out.push(Copy { entry_points: together, ..copy.clone() });
        }
    }
    out
}

/// The options of each host of each entry point.
fn owners<'o>(copies: &'o [Copy<'_>], hosts: &'o [Vec<Arc<str>>]) -> HashMap<(&'o str, &'o str), Owner<'o>> {
    let mut owners: HashMap<(&str, &str), Owner<'_>> = HashMap::new();
    for (copy, hosts) in copies.iter().zip(hosts).filter(|(copy, _)| copy.tls.is_some()) {
        for entry_point in &copy.entry_points {
            for host in hosts {
                let owner = owners.entry((*entry_point, &**host)).or_insert(Owner::One(copy.tls_options()));
                if matches!(owner, Owner::One(options) if *options != copy.tls_options()) {
                    *owner = Owner::Several;
                }
            }
        }
    }
    owners
}

/// The copy of `copy` for one entry point on which its options do not apply.
fn set_apart<'p>(copy: &Copy<'p>, entry_point: &'p str, hosts: &[Arc<str>]) -> Copy<'p> {
    let mut apart = copy.clone();
    apart.name = format!("{entry_point}-conflicted-{}", copy.name).into();
    apart.entry_points = vec![entry_point];
    let options = copy.tls_options();
    if options != DEFAULT_OPTIONS {
        let remark = if hosts.is_empty() {
            let options = super::qualified(options, super::KUBERNETES);
            format!("no domain found in rule {}, the TLS option {options} cannot be applied", copy.router.rule.text())
        } else {
            OF_HOST.to_owned()
        };
        if !apart.errors.iter().any(|known| *known == remark) {
            apart.errors.push(remark.into());
        }
    }
    apart
}

/// Hosts that a TLS router's rule names, lower case.
fn hosts_of(copy: &Copy<'_>) -> Vec<Arc<str>> {
    match (&copy.tls, &copy.router.rule) {
        (Some(_), RouterRule::Parsed(parsed)) => rule::hosts(&parsed.expr),
        _ => Vec::new(),
    }
}
