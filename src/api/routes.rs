//! Which path shows what (spec/http.md 4.10). Pure; methods and claims are the business of the module above.
use super::query::decode;

/// What a path below `/api` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `/api/version`.
    Version,
    /// `/api/overview`.
    Overview,
    /// `/api/rawdata`.
    RawData,
    /// `/api/entrypoints`.
    EntryPoints,
    /// `/api/entrypoints/{name}`.
    EntryPoint(String),
    /// `/api/http/routers`.
    Routers,
    /// `/api/http/routers/{name@provider}`.
    Router(String),
    /// `/api/http/services`.
    Services,
    /// `/api/http/services/{name@provider}`.
    Service(String),
    /// `/api/http/middlewares`.
    Middlewares,
    /// `/api/http/middlewares/{name@provider}`.
    Middleware(String),
    /// `/api/certificates`.
    Certificates,
    /// `/api/certificates/{sha256}`.
    Certificate(String),
    /// A list of a kind that we do not serve: always empty.
    None,
    /// An item of such a kind: never there.
    Missing {
        /// The kind, as the error names it.
        what: &'static str,
        /// The name that was asked for.
        name: String,
    },
}

/// What a path below `/debug` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugPage {
    /// `/debug` and `/debug/actors`.
    Actors,
    /// `/debug/actors/{name}`.
    Actor(String),
    /// `/debug/findings`.
    Findings,
}

/// The resource of `path`, which has no base path any more.
pub fn resource(path: &str) -> Option<Resource> {
    let mut parts = path.strip_prefix("/api/")?.split('/');
    let found = match (parts.next()?, parts.next(), parts.next()) {
        ("version", None, _) => Resource::Version,
        ("overview", None, _) => Resource::Overview,
        ("rawdata", None, _) => Resource::RawData,
        ("entrypoints", None, _) => Resource::EntryPoints,
        ("entrypoints", Some(name), None) => Resource::EntryPoint(named(name)?),
        ("certificates", None, _) => Resource::Certificates,
        ("certificates", Some(name), None) => Resource::Certificate(named(name)?),
        ("http", Some("routers"), None) => Resource::Routers,
        ("http", Some("routers"), Some(name)) => Resource::Router(named(name)?),
        ("http", Some("services"), None) => Resource::Services,
        ("http", Some("services"), Some(name)) => Resource::Service(named(name)?),
        ("http", Some("middlewares"), None) => Resource::Middlewares,
        ("http", Some("middlewares"), Some(name)) => Resource::Middleware(named(name)?),
        ("tcp", Some("routers" | "services" | "middlewares"), None) | ("udp", Some("routers" | "services"), None) => {
            Resource::None
        }
        ("tcp" | "udp", Some("routers"), Some(name)) => Resource::Missing { what: "router", name: named(name)? },
        ("tcp" | "udp", Some("services"), Some(name)) => Resource::Missing { what: "service", name: named(name)? },
        ("tcp", Some("middlewares"), Some(name)) => Resource::Missing { what: "middleware", name: named(name)? },
        _ => return None,
    };
    // Nothing lies deeper.
    parts.next().is_none().then_some(found)
}

/// The page of `path`, which has no base path any more.
pub fn debug(path: &str) -> Option<DebugPage> {
    match path.strip_prefix("/debug")? {
        "" | "/" | "/actors" => Some(DebugPage::Actors),
        "/findings" => Some(DebugPage::Findings),
        rest => {
            let name = rest.strip_prefix("/actors/").filter(|name| !name.contains('/'))?;
            Some(DebugPage::Actor(named(name)?))
        }
    }
}

/// A name from the path; an empty one names nothing.
fn named(segment: &str) -> Option<String> {
    decode(segment).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_documented_path_has_its_resource() {
        let cases = [
            ("/api/version", Resource::Version),
            ("/api/overview", Resource::Overview),
            ("/api/rawdata", Resource::RawData),
            ("/api/entrypoints", Resource::EntryPoints),
            ("/api/entrypoints/web", Resource::EntryPoint("web".into())),
            ("/api/http/routers", Resource::Routers),
            ("/api/http/routers/a@kubernetes", Resource::Router("a@kubernetes".into())),
            ("/api/http/routers/a%40kubernetes", Resource::Router("a@kubernetes".into())),
            ("/api/http/routers/a%2Fb", Resource::Router("a/b".into())),
            ("/api/http/services", Resource::Services),
            ("/api/http/services/s@file", Resource::Service("s@file".into())),
            ("/api/http/middlewares", Resource::Middlewares),
            ("/api/http/middlewares/m", Resource::Middleware("m".into())),
            ("/api/certificates", Resource::Certificates),
            ("/api/certificates/00ff", Resource::Certificate("00ff".into())),
            ("/api/tcp/routers", Resource::None),
            ("/api/tcp/services", Resource::None),
            ("/api/tcp/middlewares", Resource::None),
            ("/api/udp/routers", Resource::None),
            ("/api/udp/services", Resource::None),
            ("/api/udp/services/x", Resource::Missing { what: "service", name: "x".into() }),
            ("/api/tcp/middlewares/x", Resource::Missing { what: "middleware", name: "x".into() }),
        ];
        for (path, want) in cases {
            assert_eq!(resource(path), Some(want), "{path}");
        }
    }

    #[test]
    fn other_paths_have_none() {
        for path in [
            "/api",
            "/api/",
            "/apiversion",
            "/api/version/",
            "/api/version/x",
            "/api/http",
            "/api/http/routers/",
            "/api/http/routers/a/b",
            "/api/http/routers/%zz",
            "/api/udp/middlewares",
            "/api/entrypoints/web/x",
            "/api/Version",
        ] {
            assert_eq!(resource(path), None, "{path}");
        }
        for path in ["/debugx", "/debug/vars", "/debug/actors/", "/debug/actors/a/b"] {
            assert_eq!(debug(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "/(api|debug)(/[a-z%0-9]{0,12}){0,5}") {
            resource(&path);
            debug(&path);
        }
    }
}
