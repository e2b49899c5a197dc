//! What a request line asks for: path and method to operation, without looking at the objects.

use hyper::Method;

use super::query::percent_decode;
use crate::apiserver::faults::{Call, Verb};
use crate::apiserver::kinds::{self, Kind, Scope};
use crate::apiserver::status::ApiError;

/// What lies at a path.
#[derive(Debug)]
pub(super) enum Route {
    Health,
    Version,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Resources {
        group: String,
        version: String,
    },
    OpenApiV2,
    OpenApiV3,
    /// `/openapi/v3/apis/GROUP/VERSION`
    OpenApiV3Of {
        group: String,
        version: String,
    },
    Objects(Target),
}

/// The main resource or one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subresource {
    None,
    Status,
}

/// A collection or one object in it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: &'static Kind,
    /// `None` for all namespaces and for cluster-wide kinds.
    pub(super) namespace: Option<String>,
    /// `None` for the collection.
    pub(super) name: Option<String>,
    pub(super) subresource: Subresource,
}

impl Route {
    /// `None` for a path that is not served.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(|part| percent_decode(part).into_owned()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let owned = |text: &str| text.to_owned();
        match parts.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => Some(Self::Health),
            ["version"] => Some(Self::Version),
            ["api"] => Some(Self::CoreVersions),
            ["apis"] => Some(Self::Groups),
            ["openapi", "v2"] => Some(Self::OpenApiV2),
            ["openapi", "v3"] => Some(Self::OpenApiV3),
            ["openapi", "v3", "api", version] => {
                Some(Self::OpenApiV3Of { group: String::new(), version: owned(version) })
            }
            ["openapi", "v3", "apis", group, version] => {
                Some(Self::OpenApiV3Of { group: owned(group), version: owned(version) })
            }
            ["apis", group] => Some(Self::Group(owned(group))),
            ["api", version] => Some(Self::Resources { group: String::new(), version: owned(version) }),
            ["apis", group, version] => Some(Self::Resources { group: owned(group), version: owned(version) }),
            ["api", version, rest @ ..] => objects("", version, rest).map(Self::Objects),
            ["apis", group, version, rest @ ..] => objects(group, version, rest).map(Self::Objects),
            _ => None,
        }
    }
}

fn objects(group: &str, version: &str, path: &[&str]) -> Option<Target> {
    let kind = |plural: &str| kinds::by_path(group, version, plural);
    let (kind, namespace, rest) = match path {
        ["namespaces", namespace, plural, rest @ ..] if *plural != "status" => (kind(plural)?, Some(*namespace), rest),
        [plural, rest @ ..] => (kind(plural)?, None, rest),
        [] => return None,
    };
    let (name, subresource) = match rest {
        [] => (None, Subresource::None),
        [name] => (Some(*name), Subresource::None),
        [name, "status"] if kind.has_status_subresource() => (Some(*name), Subresource::Status),
        _ => return None,
    };
    let fits = match kind.scope {
        Scope::Cluster => namespace.is_none(),
        Scope::Namespaced => namespace.is_some() || name.is_none(),
    };
    fits.then(|| Target { kind, namespace: namespace.map(str::to_owned), name: name.map(str::to_owned), subresource })
}

impl Target {
    /// What the method does here, or 405.
    pub(super) fn verb(&self, method: &Method, watch: Following) -> Result<Verb, ApiError> {
        let is_part = self.subresource != Subresource::None;
        match (method.as_str(), &self.name, watch) {
            ("GET", Some(_), _) => Ok(Verb::Get),
            ("GET", None, Following::No) => Ok(Verb::List),
            ("GET", None, Following::Yes) => Ok(Verb::Watch),
            ("PUT", Some(_), _) => Ok(Verb::Update),
            ("PATCH", Some(_), _) => Ok(Verb::Patch),
            ("DELETE", Some(_), _) if !is_part => Ok(Verb::Delete),
            ("POST", None, _) if self.is_one_collection() => Ok(Verb::Create),
            ("DELETE", None, _) if self.is_one_collection() => Ok(Verb::DeleteCollection),
            _ => Err(ApiError::MethodNotAllowed),
        }
    }

    fn is_one_collection(&self) -> bool {
        self.kind.scope == Scope::Cluster || self.namespace.is_some()
    }

    /// The call as an RBAC rule would describe it.
    pub(super) fn call(&self, verb: Verb) -> Call {
        Call {
            verb,
            group: self.kind.group.to_owned(),
            resource: self.kind.plural.to_owned(),
            subresource: if self.subresource == Subresource::Status { "status".to_owned() } else { String::new() },
            namespace: self.namespace.clone().unwrap_or_default(),
        }
    }
}

/// Whether `watch=true` was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Following {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verb(method: &str, path: &str, watch: Following) -> Result<String, u16> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let Some(Route::Objects(target)) = Route::parse(path) else { return Err(404) };
        let verb = target.verb(&method, watch).map_err(|error| error.code())?;
        let call = target.call(verb);
        let name = target.name.unwrap_or_default();
        Ok(format!(
            "{} {}/{} {} {} {}",
            verb.as_str(),
            call.group,
            call.resource,
            call.namespace,
            name,
            call.subresource
        ))
    }

    #[test]
    fn request_lines_become_operations() {
        use Following::{No, Yes};
        let cases = [
            ("GET", "/api/v1/services", No, Ok("list /services   ")),
            ("GET", "/api/v1/services", Yes, Ok("watch /services   ")),
            ("GET", "/api/v1/namespaces/a/services", Yes, Ok("watch /services a  ")),
            ("POST", "/api/v1/namespaces/a/services", No, Ok("create /services a  ")),
            ("GET", "/api/v1/namespaces/a/services/b", No, Ok("get /services a b ")),
            ("PATCH", "/api/v1/namespaces/a/services/b/status", No, Ok("patch /services a b status")),
            (
                "DELETE",
                "/apis/networking.k8s.io/v1/namespaces/a/ingresses/b%2Ec",
                No,
                Ok("delete networking.k8s.io/ingresses a b.c "),
            ),
            (
                "DELETE",
                "/apis/traefik.io/v1alpha1/namespaces/a/middlewares",
                No,
                Ok("deletecollection traefik.io/middlewares a  "),
            ),
            ("GET", "/api/v1/namespaces", No, Ok("list /namespaces   ")),
            ("PUT", "/api/v1/namespaces/a", No, Ok("update /namespaces  a ")),
            ("PUT", "/api/v1/namespaces/a/status", No, Ok("update /namespaces  a status")),
            ("GET", "/api/v1/nodes/n", No, Ok("get /nodes  n ")),
            ("POST", "/api/v1/services", No, Err(405)),
            ("POST", "/api/v1/namespaces/a/services/b", No, Err(405)),
            ("DELETE", "/api/v1/namespaces/a/services/b/status", No, Err(405)),
            ("OPTIONS", "/api/v1/services", No, Err(405)),
            ("GET", "/api/v1/services/b", No, Err(404)),
            ("GET", "/api/v1/namespaces/a/nodes", No, Err(404)),
            ("GET", "/api/v1/namespaces/a/secrets/b/status", No, Err(404)),
            ("GET", "/api/v1/namespaces/a/pods/b/log", No, Err(404)),
            ("GET", "/api/v2/services", No, Err(404)),
            ("GET", "/apis/networking.k8s.io/v1beta1/ingresses", No, Err(404)),
            ("GET", "//", No, Err(404)),
        ];
        for (method, path, watch, want) in cases {
            assert_eq!(verb(method, path, watch), want.map(str::to_owned), "{method} {path}");
        }
    }
}
