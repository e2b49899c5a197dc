//! External names that mean a Service of this cluster: `name.namespace.svc[.cluster.local][.]`.
use super::options::Options;
use crate::model::keys::ServiceKey;

/// What an external name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A Service whose endpoints we know. `allowCrossNamespace` alone permits it: nothing outside the cluster is reached.
    Service(ServiceKey),
    /// A host that is looked up when it is used; needs `allowExternalNameServices`.
    Host,
}

/// Reads an external name. A Service of a namespace that is not watched is a host like any other.
pub(super) fn target(name: &str, options: &Options) -> Target {
    if !options.allow_cross_namespace {
        return Target::Host;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let name = name.strip_suffix(".cluster.local").unwrap_or(name);
    let parts: Vec<&str> = name.split('.').collect();
    match parts.as_slice() {
        [service, namespace, "svc"] if !service.is_empty() && options.namespaces.include(namespace) => {
            Target::Service(ServiceKey::new(*namespace, *service))
        }
        _ => Target::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Namespaces;
    use super::*;

    #[test]
    fn only_full_service_names_of_watched_namespaces_are_services() {
        let some = Options { allow_cross_namespace: true, ..Options::default() };
        let only = Options { namespaces: Namespaces::Only(vec!["other".into()]), ..some.clone() };
        let service = || Target::Service(ServiceKey::new("b", "a"));
        let cases = [
            ("a.b.svc", &some, service()),
            ("a.b.svc.", &some, service()),
            ("a.b.svc.cluster.local", &some, service()),
            ("a.b.svc.cluster.local.", &some, service()),
            ("a.b.svc", &only, Target::Host),
            ("a.b.svc", &Options::default(), Target::Host),
            ("a.b", &some, Target::Host),
            ("x.a.b.svc", &some, Target::Host),
            (".b.svc", &some, Target::Host),
            ("", &some, Target::Host),
        ];
        for (name, options, want) in cases {
            assert_eq!(target(name, options), want, "{name}");
        }
    }
}
