//! What TLS connections are made with: options by name, and which of them by server name. Persistent, as all of a table.
//!
//! An exact host comes before one with `*` for its first label, before `*`; a name without any gets the default options
//! (spec/http.md 5.5). Whatever the number of hosts, that costs at most three look-ups per handshake.
use super::{EntryPointId, Map};
use crate::model::plan::TlsHost;
use crate::model::tls::{TlsOptions, TlsOptionsKey};
use crate::proxy::tls::LiveOptions;
use std::sync::Arc;

/// Options and hosts of one version of the table.
#[derive(Clone, Debug)]
pub(super) struct Security {
    default: Arc<LiveOptions>,
    named: Map<Arc<str>, Arc<LiveOptions>>,
    /// By entry point, as its id counts.
    hosts: Vec<Map<Arc<str>, TlsOptionsKey>>,
}

impl Default for Security {
    fn default() -> Self {
        Self { default: LiveOptions::usual(), named: Map::default(), hosts: Vec::new() }
    }
}

impl Security {
    /// Puts, replaces or (with `None`) removes options. What is as before keeps its sessions.
    pub(super) fn put(&mut self, key: &TlsOptionsKey, options: Option<&Arc<TlsOptions>>) {
        let built = options.and_then(|options| match self.options(key) {
            Some(present) if present.plan == *options => Some(Arc::clone(present)),
            _ => LiveOptions::build(key.clone(), Arc::clone(options)),
        });
        match (key, built) {
            (TlsOptionsKey::Default, Some(built)) => self.default = built,
            (TlsOptionsKey::Default, None) => self.default = LiveOptions::usual(),
            (TlsOptionsKey::Named(name), Some(built)) => {
                self.named.insert(Arc::clone(name), built);
            }
            (TlsOptionsKey::Named(name), None) => {
                self.named.remove(name);
            }
        }
    }

    /// Says with which options the connections of a host are made; `None` for nothing in particular.
    pub(super) fn set_host(&mut self, entry: EntryPointId, host: &TlsHost, options: Option<&TlsOptionsKey>) {
        let index = usize::from(entry.0);
        if self.hosts.len() <= index {
            self.hosts.resize_with(index + 1, Map::default);
        }
        let Some(hosts) = self.hosts.get_mut(index) else { return };
        match options {
            Some(options) => hosts.insert(Arc::clone(&host.host), options.clone()),
            None => hosts.remove(&host.host),
        };
    }

    /// The options of that name, if there are any.
    pub(super) fn options(&self, key: &TlsOptionsKey) -> Option<&Arc<LiveOptions>> {
        match key {
            TlsOptionsKey::Default => Some(&self.default),
            TlsOptionsKey::Named(name) => self.named.get(name),
        }
    }

    /// The options for a connection to `entry` whose client names `name` (lower case; empty for none). Routers that want
    /// options which do not exist refuse everything, so their hosts are reached with the default ones.
    pub(super) fn for_name(&self, entry: EntryPointId, name: &str) -> &Arc<LiveOptions> {
        let wanted = self.hosts.get(usize::from(entry.0)).and_then(|hosts| {
            let wildcard = || name.split_once('.').and_then(|(_, rest)| hosts.get(format!("*.{rest}").as_str()));
            hosts.get(name).or_else(wildcard).or_else(|| hosts.get("*"))
        });
        wanted.and_then(|key| self.options(key)).unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tls::UnknownNames;

    const WEB: EntryPointId = EntryPointId(1);

    fn named(name: &str) -> TlsOptionsKey {
        TlsOptionsKey::Named(name.into())
    }

    fn host(host: &str) -> TlsHost {
        TlsHost { entry_point: "web".into(), host: host.into() }
    }

    #[test]
    fn the_closest_host_decides_on_each_entry_point() {
        let mut security = Security::default();
        let strict = Arc::new(TlsOptions { unknown_names: UnknownNames::Refused, ..TlsOptions::default() });
        for name in ["exact", "wild", "any"] {
            security.put(&named(name), Some(&strict));
        }
        security.set_host(WEB, &host("*.a.test"), Some(&named("wild")));
        security.set_host(WEB, &host("*"), Some(&named("any")));
        security.set_host(WEB, &host("x.a.test"), Some(&named("exact")));
        security.set_host(WEB, &host("plain.a.test"), Some(&TlsOptionsKey::Default));
        security.set_host(WEB, &host("ghost.test"), Some(&named("ghost")));
        let cases = [
            ("x.a.test", named("exact")),
            ("y.a.test", named("wild")),
            ("plain.a.test", TlsOptionsKey::Default),
            ("a.test", named("any")),
            ("", named("any")),
            ("ghost.test", TlsOptionsKey::Default),
        ];
        for (name, want) in cases {
            assert_eq!(security.for_name(WEB, name).key, want, "{name}");
        }
        assert_eq!(security.for_name(EntryPointId(0), "x.a.test").key, TlsOptionsKey::Default);
        security.set_host(WEB, &host("x.a.test"), None);
        assert_eq!(security.for_name(WEB, "x.a.test").key, named("wild"));
    }

    #[test]
    fn equal_options_keep_their_sessions_and_removed_ones_fall_back() {
        let mut security = Security::default();
        let usual = Arc::new(TlsOptions::default());
        security.put(&named("a"), Some(&usual));
        let before = security.options(&named("a")).cloned().unwrap();
        security.put(&named("a"), Some(&Arc::new(TlsOptions::default())));
        assert!(Arc::ptr_eq(&before, security.options(&named("a")).unwrap()));
        security.put(&named("a"), None);
        assert!(security.options(&named("a")).is_none());
        let strict = Arc::new(TlsOptions { unknown_names: UnknownNames::Refused, ..TlsOptions::default() });
        security.put(&TlsOptionsKey::Default, Some(&strict));
        assert_eq!(security.for_name(WEB, "").plan, strict);
        security.put(&TlsOptionsKey::Default, None);
        assert_eq!(*security.for_name(WEB, "").plan, TlsOptions::default());
    }
}
