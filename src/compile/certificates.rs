//! The certificates of `spec.tls` (spec/ingress.md 12). A certificate is in the plan as long as one Ingress loads it; the
//! names inside it decide where it is shown, `hosts` is never read.
use super::model::Model;
use crate::model::facts::{IngressFact, SecretEntry, SecretFact};
use crate::model::finding::{Finding, Problem};
use crate::model::keys::SecretKey;
use std::collections::BTreeSet;

/// What the TLS entries of an Ingress come to.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Secrets with a pair that works.
    pub secrets: BTreeSet<SecretKey>,
    /// Why others have none.
    pub findings: Vec<Finding>,
}

/// Reads the entries in order. A Secret that is missing or incomplete ends the list, as in the reference; a pair that
/// does not parse is left out alone.
pub(super) fn load(fact: &IngressFact, model: &Model) -> Loaded {
    let mut loaded = Loaded::default();
    let mut seen = BTreeSet::new();
    for (index, key) in fact.tls_secrets.iter().enumerate() {
        if !seen.insert(key) {
            continue;
        }
        let (problem, then) = match model.secret(key) {
            None => {
                let text = format!("secret {key} does not exist; create it or correct the name");
                (Some(("SecretNotFound", text)), Then::Stop)
            }
            Some(secret) => inspect(key, secret),
        };
        match problem {
            None => {
                loaded.secrets.insert(key.clone());
            }
            Some((reason, mut text)) => {
                if then == Then::Stop && index + 1 < fact.tls_secrets.len() {
                    text.push_str("; later entries of spec.tls are not read");
                }
                loaded.findings.push(Problem::error("spec.tls", reason, text).about((&fact.key).into()));
            }
        }
        if then == Then::Stop {
            break;
        }
    }
    loaded
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Continue,
    Stop,
}

fn inspect(key: &SecretKey, secret: &SecretFact) -> (Option<(&'static str, String)>, Then) {
    let entries = [("tls.crt", secret.crt), ("tls.key", secret.private_key)];
    let in_state = |state| {
        let names: Vec<&str> = entries.iter().filter(|(_, found)| *found == state).map(|(name, _)| *name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = in_state(SecretEntry::Missing) {
        return (Some(("SecretIncomplete", format!("secret {key} has missing data entries: {names}"))), Then::Stop);
    }
    if let Some(names) = in_state(SecretEntry::Empty) {
        return (Some(("SecretIncomplete", format!("secret {key} has empty data entries: {names}"))), Then::Stop);
    }
    match &secret.pair {
        Some(Ok(_)) => (None, Then::Continue),
        Some(Err(why)) => (Some(("InvalidCertificate", format!("secret {key} cannot be used: {why}"))), Then::Continue),
        None => (Some(("InvalidCertificate", format!("secret {key} holds no certificate"))), Then::Continue),
    }
}
