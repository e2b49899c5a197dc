//! TLS options are chosen by host before a router is known, so routers of one host must agree (spec/http.md 5.5, 5.6).
//!
//! Where they do not, all of them fall back to the default options on that entry point, and the API shows each as
//! `<entryPoint>-conflicted-<name>`. The same happens to a router with options of its own and no host to hang them on.
//! One that wants options which are not there is in conflict with nobody.
use super::routers::Form;
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

/// Takes the entry points out of `forms` on which their options conflict, and shows them on their own.
pub fn resolve<'p>(forms: Vec<Form<'p>>) -> Vec<Form<'p>> {
    // Most plans hold no TLS options at all: then there is nothing to conflict.
    if forms.iter().all(|form| form.tls_options() == DEFAULT_OPTIONS) {
        return forms;
    }
    let hosts: Vec<Vec<Arc<str>>> = forms.iter().map(hosts_of).collect();
    let owners = owners(&forms, &hosts);
    let conflicted = |form: &Form<'p>, hosts: &[Arc<str>], entry_point: &str| -> bool {
        let several = |host: &Arc<str>| matches!(owners.get(&(entry_point, &**host)), Some(Owner::Several));
        (form.refused.is_none() && hosts.iter().any(several))
            || (hosts.is_empty() && form.tls_options() != DEFAULT_OPTIONS)
    };
    let mut out = Vec::with_capacity(forms.len());
    for (form, hosts) in forms.iter().zip(&hosts) {
        let is_subject = form.tls.is_some() && matches!(form.router.rule, RouterRule::Parsed(_));
        let (apart, together): (Vec<&'p str>, Vec<&'p str>) =
            form.entry_points.iter().partition(|entry_point| is_subject && conflicted(form, hosts, entry_point));
        out.extend(apart.into_iter().map(|entry_point| set_apart(form, entry_point, hosts)));
        // A router without entry points is broken, and shown as it is.
        if !together.is_empty() || form.entry_points.is_empty() {
            out.push(Form { entry_points: together, ..form.clone() });
        }
    }
    out
}

/// The options of each host of each entry point.
fn owners<'o>(forms: &'o [Form<'_>], hosts: &'o [Vec<Arc<str>>]) -> HashMap<(&'o str, &'o str), Owner<'o>> {
    let mut owners: HashMap<(&str, &str), Owner<'_>> = HashMap::new();
    for (form, hosts) in forms.iter().zip(hosts).filter(|(form, _)| form.tls.is_some() && form.refused.is_none()) {
        for entry_point in &form.entry_points {
            for host in hosts {
                let owner = owners.entry((*entry_point, &**host)).or_insert(Owner::One(form.tls_options()));
                if matches!(owner, Owner::One(options) if *options != form.tls_options()) {
                    *owner = Owner::Several;
                }
            }
        }
    }
    owners
}

/// The form of `form` for one entry point on which its options do not apply.
fn set_apart<'p>(form: &Form<'p>, entry_point: &'p str, hosts: &[Arc<str>]) -> Form<'p> {
    let mut apart = form.clone();
    apart.name = format!("{entry_point}-conflicted-{}", form.name).into();
    apart.entry_points = vec![entry_point];
    let options = form.tls_options();
    if options != DEFAULT_OPTIONS {
        let remark = if hosts.is_empty() {
            let options = super::qualified(options, super::KUBERNETES);
            format!("no domain found in rule {}, the TLS option {options} cannot be applied", form.router.rule.text())
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
fn hosts_of(form: &Form<'_>) -> Vec<Arc<str>> {
    match (&form.tls, &form.router.rule) {
        (Some(_), RouterRule::Parsed(parsed)) => rule::hosts(&parsed.expr),
        _ => Vec::new(),
    }
}
