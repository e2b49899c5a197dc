//! What Ingresses say in `status.loadBalancer.ingress`: where they can be reached (spec/ingress.md 14).
//!
//! All Ingresses of ours say the same, so there is one list in the process and each Ingress only has a [`Claim`]. What
//! is to be said about an object in an Event is a [`Verdict`]. Made by `compile/`, written by `status_writer` and
//! `event_recorder`.
use super::finding::{Finding, Severity};
use std::collections::HashSet;
use std::sync::Arc;

/// The whole list. Order counts when it is written, not when it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Addresses(pub Vec<Address>);

/// One entry of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// `ip`; empty for none.
    pub ip: Arc<str>,
    /// `hostname`; empty for none.
    pub hostname: Arc<str>,
    /// `ports`.
    pub ports: Vec<AddressPort>,
}

/// One entry of `ports`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressPort {
    /// `port`.
    pub number: i32,
    /// `protocol`.
    pub protocol: Protocol,
    /// `error`; empty for none.
    pub error: Arc<str>,
}

/// A transport protocol, as Services name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `TCP`, and the default.
    #[default]
    Tcp,
    /// `UDP`.
    Udp,
    /// `SCTP`.
    Sctp,
}

impl Protocol {
    /// Reads the field of a Service; what Kubernetes does not know counts as TCP.
    pub fn of(text: Option<&str>) -> Self {
        match text {
            Some("UDP") => Self::Udp,
            Some("SCTP") => Self::Sctp,
            _ => Self::Tcp,
        }
    }

    /// As Services and statuses spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl Address {
    /// An address without ports.
    pub fn ip(ip: impl Into<Arc<str>>) -> Self {
        Self { ip: ip.into(), ..Self::default() }
    }

    /// A host name without ports.
    pub fn hostname(hostname: impl Into<Arc<str>>) -> Self {
        Self { hostname: hostname.into(), ..Self::default() }
    }
}

impl Addresses {
    /// Whether an Ingress that says `current` needs no write: as many entries, and each of ours among them by host name
    /// and ip. Ports and order are not compared (spec/ingress.md 14.3).
    pub fn are_said_by(&self, current: &Self) -> bool {
        if self.0.len() != current.0.len() {
            return false;
        }
        let said: HashSet<(&str, &str)> = current.0.iter().map(|entry| (&*entry.hostname, &*entry.ip)).collect();
        self.0.iter().all(|entry| said.contains(&(&*entry.hostname, &*entry.ip)))
    }
}

/// What the status of one Ingress is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is to say our addresses.
    Ours,
    /// It was ours and is somebody else's now, or nobody's: what we wrote is to go.
    Released,
    /// The Ingress is no more.
    Gone,
}

/// What is to be said about one object in an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something is wrong with it: one Warning.
    Warned(Arc<Notice>),
    /// It is served, and was not before, or not without a remark: one Normal `Programmed`.
    Programmed,
    /// Nothing is wrong any more.
    Clean,
    /// The object is no more: nothing is to be said.
    Gone,
}

/// The text of a Warning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// Reason of the worst finding, CamelCase.
    pub reason: &'static str,
    /// Field of the worst finding; two notices of one reason and field are one Event.
    pub field: Arc<str>,
    /// Field, what is wrong and how to mend it; and which fields have more.
    pub note: Arc<str>,
}

/// Fields of further findings that a notice names.
const MAX_FURTHER: usize = 5;
/// Longest note of an Event in bytes, by the API's own rule (`events.k8s.io/v1`: 1 kB).
pub const MAX_NOTE: usize = 1024;

impl Notice {
    /// The notice about the findings of one object; `None` if there is none. The worst one is told whole: errors before
    /// remarks, then by field.
    pub fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<Self> {
        let mut all: Vec<&Finding> = findings.collect();
        all.sort_by_key(|finding| (finding.severity, finding.path.clone(), finding.reason));
        let (worst, further) = all.split_first()?;
        let mut note = if worst.path.is_empty() { String::new() } else { format!("{}: ", worst.path) };
        note += &worst.text;
        if worst.severity == Severity::Warning {
            note += " (served nevertheless)";
        }
        let mut fields: Vec<&str> = Vec::new();
        for finding in further {
            if *finding.path != *worst.path && !fields.contains(&&*finding.path) {
                fields.push(&finding.path);
            }
        }
        if !fields.is_empty() {
            let named = fields.iter().take(MAX_FURTHER).copied().collect::<Vec<_>>().join(", ");
            let rest = if fields.len() > MAX_FURTHER { ", and others" } else { "" };
            note += &format!("; see also {named}{rest}");
        }
        if note.len() > MAX_NOTE {
            let end = (0..=MAX_NOTE - 3).rev().find(|at| note.is_char_boundary(*at)).unwrap_or(0);
            note.truncate(end);
            note += "...";
        }
        Some(Self { reason: worst.reason, field: worst.path.clone(), note: note.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Problem;
    use crate::model::keys::IngressKey;

    fn list(entries: &[(&str, &str)]) -> Addresses {
        let entry = |(ip, hostname): &(&str, &str)| Address {
            ip: (*ip).into(),
            hostname: (*hostname).into(),
            ports: Vec::new(),
        };
        Addresses(entries.iter().map(entry).collect())
    }

    #[test]
    fn lists_are_compared_as_the_specification_says() {
        let two = &[("192.168.1.1", "traefik"), ("192.168.1.2", "traefik2")][..];
        let other_order = &[("192.168.1.2", "traefik2"), ("192.168.1.1", "traefik")][..];
        let cases = [
            ("both empty", &[][..], &[][..], true),
            ("nothing said yet", &[][..], &two[..1], false),
            ("the same", &two[..1], &two[..1], true),
            ("another order", two, other_order, true),
            ("another name", two, &[("192.168.1.1", "traefik"), ("192.168.1.2", "traefik")][..], false),
            ("swapped", two, &[("192.168.1.2", "traefik3"), ("192.168.1.1", "traefik")][..], false),
            ("to be cleared", two, &[][..], false),
        ];
        for (name, current, desired, want) in cases {
            assert_eq!(list(desired).are_said_by(&list(current)), want, "{name}");
        }
    }

    #[test]
    fn a_notice_tells_the_worst_finding_and_names_the_fields_of_the_others() {
        let about = |problem: Problem| problem.about((&IngressKey::new("n", "i")).into());
        let findings = [
            about(Problem::warning("a", "Remark", "is odd; change it")),
            about(Problem::error("z", "Wrong", "is wrong; write it anew")),
            about(Problem::error("z", "Wrong", "is wrong again")),
        ];
        let notice = Notice::of(findings.iter()).unwrap();
        assert_eq!((notice.reason, &*notice.field), ("Wrong", "z"));
        assert_eq!(&*notice.note, "z: is wrong; write it anew; see also a");
        assert_eq!(Notice::of(std::iter::empty()), None);
    }

    #[test]
    fn a_long_notice_is_cut_between_characters() {
        let finding = Problem::error("p", "Long", "\u{e9}".repeat(5_000)).about((&IngressKey::new("n", "i")).into());
        let notice = Notice::of([&finding].into_iter()).unwrap();
        assert!(notice.note.len() <= MAX_NOTE && notice.note.ends_with("..."));
    }
}
