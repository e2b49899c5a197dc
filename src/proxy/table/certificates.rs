//! Certificates by the Secret they come from and by the names they are valid for. Persistent, like everything in a table.
//!
//! Choosing one for a name costs two look-ups, however many there are; a changed Secret costs its own names.
use super::Map;
use crate::model::facts::KeyPair;
use crate::model::keys::SecretKey;
use imbl::OrdSet;
use std::cmp::Ordering;
use std::sync::Arc;

/// All certificates of one version of the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    by_key: Map<SecretKey, Arc<KeyPair>>,
    /// Names as certificates spell them: `a.test`, `*.a.test`. Where several are valid for one, the first serves.
    by_name: Map<Arc<str>, OrdSet<Candidate>>,
}

/// A certificate among those that are valid for one name.
#[derive(Clone, Debug)]
struct Candidate {
    key: SecretKey,
    pair: Arc<KeyPair>,
}

impl Candidate {
    /// Its names, joined with commas: what the reference knows a certificate by (spec/http.md 5.2).
    fn joined(&self) -> impl Iterator<Item = u8> {
        let names = self.pair.names.iter().enumerate();
        names.flat_map(|(at, name)| (at > 0).then_some(b',').into_iter().chain(name.bytes()))
    }
}

/// As the reference, in descending order of the joined names; those with the same names by Secret.
impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.joined().cmp(self.joined()).then_with(|| self.key.cmp(&other.key))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl Certificates {
    /// Puts, replaces or (with `None`) removes the certificate of a Secret.
    pub(super) fn set(&mut self, key: &SecretKey, pair: Option<&Arc<KeyPair>>) {
        if let Some(before) = self.by_key.remove(key) {
            let before = Candidate { key: key.clone(), pair: before };
            for name in &before.pair.names {
                self.forget(name, &before);
            }
        }
        let Some(pair) = pair else { return };
        for name in &pair.names {
            let candidate = Candidate { key: key.clone(), pair: pair.clone() };
            self.by_name.entry(name.clone()).or_default().insert(candidate);
        }
        self.by_key.insert(key.clone(), pair.clone());
    }

    /// How many Secrets have one.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    fn forget(&mut self, name: &Arc<str>, candidate: &Candidate) {
        if let Some(users) = self.by_name.get_mut(name) {
            users.remove(candidate);
            if users.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    /// The certificate for a server name in lower case: one that names it, else one whose `*` stands for its first label,
    /// which may be the only one. Of several the first that `suits` the client (an RSA key, say), else the first.
    pub(super) fn for_name(&self, name: &str, suits: impl Fn(&KeyPair) -> bool) -> Option<&Arc<KeyPair>> {
        let first = |name: &str| {
            let all = self.by_name.get(name)?;
            all.iter().find(|found| suits(&found.pair)).or_else(|| all.iter().next()).map(|found| &found.pair)
        };
        first(name).or_else(|| {
            let Some((_, rest)) = name.split_once('.') else {
                return if name.is_empty() { None } else { first("*") };
            };
            // Bounded: a name on the wire has at most 255 bytes (RFC 1035 2.3.4); longer ones name nothing.
            (rest.len() <= 253).then(|| format!("*.{rest}")).as_deref().and_then(first)
        })
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&SecretKey, &Arc<KeyPair>)> {
        self.by_key.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::testing::key_pair as pair;

    fn chosen(certificates: &Certificates, name: &str) -> Option<u8> {
        certificates.for_name(name, |_| true).map(|pair| pair.fingerprint[0])
    }

    #[test]
    fn an_exact_name_comes_before_a_wildcard_of_one_label() {
        let mut all = Certificates::default();
        all.set(&SecretKey::new("n", "wild"), Some(&pair(&["*.a.test"], 1)));
        all.set(&SecretKey::new("n", "exact"), Some(&pair(&["x.a.test"], 2)));
        all.set(&SecretKey::new("n", "star"), Some(&pair(&["*"], 3)));
        let cases = [
            ("x.a.test", Some(2)),
            ("y.a.test", Some(1)),
            ("a.test", None),
            ("x.y.a.test", None),
            ("localhost", Some(3)),
            ("", None),
        ];
        for (name, want) in cases {
            assert_eq!(chosen(&all, name), want, "{name}");
        }
    }

    #[test]
    fn of_two_for_one_name_the_first_key_serves_and_the_other_takes_over() {
        let mut all = Certificates::default();
        let (a, b) = (SecretKey::new("n", "a"), SecretKey::new("n", "b"));
        all.set(&b, Some(&pair(&["x.test"], 2)));
        all.set(&a, Some(&pair(&["x.test"], 1)));
        assert_eq!(chosen(&all, "x.test"), Some(1));
        all.set(&a, None);
        assert_eq!(chosen(&all, "x.test"), Some(2));
    }

    #[test]
    fn of_two_with_other_names_beside_the_one_that_serves_whose_joined_names_come_last() {
        let mut all = Certificates::default();
        all.set(&SecretKey::new("n", "a"), Some(&pair(&["dual.test"], 1)));
        all.set(&SecretKey::new("n", "b"), Some(&pair(&["dual.test", "rsa.test"], 2)));
        all.set(&SecretKey::new("n", "c"), Some(&pair(&["ca.test", "dual.test"], 3)));
        assert_eq!(chosen(&all, "dual.test"), Some(2));
        all.set(&SecretKey::new("n", "b"), Some(&pair(&["a.test", "dual.test"], 4)));
        assert_eq!(chosen(&all, "dual.test"), Some(1), "it moves with its names");
        all.set(&SecretKey::new("n", "a"), None);
        assert_eq!(chosen(&all, "dual.test"), Some(3));
    }

    #[test]
    fn of_several_for_one_name_the_first_that_suits_the_client_serves() {
        let mut all = Certificates::default();
        all.set(&SecretKey::new("n", "a"), Some(&pair(&["x.test"], 1)));
        all.set(&SecretKey::new("n", "b"), Some(&pair(&["x.test"], 2)));
        let suiting = |wanted: u8| all.for_name("x.test", |pair| pair.fingerprint[0] == wanted).unwrap().fingerprint[0];
        assert_eq!((suiting(1), suiting(2), suiting(3)), (1, 2, 1));
    }

    #[test]
    fn a_changed_certificate_gives_its_old_names_up_and_nothing_is_left_behind() {
        let mut all = Certificates::default();
        let key = SecretKey::new("n", "a");
        all.set(&key, Some(&pair(&["old.test"], 1)));
        let before = all.clone();
        all.set(&key, Some(&pair(&["new.test"], 2)));
        assert_eq!((chosen(&all, "old.test"), chosen(&all, "new.test")), (None, Some(2)));
        assert_eq!(chosen(&before, "old.test"), Some(1), "the version before is untouched");
        all.set(&key, None);
        assert_eq!((all.by_key.len(), all.by_name.len()), (0, 0));
    }
}
