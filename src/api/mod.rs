//! The HTTP API: Traefik's JSON under `/api`, the probes `/ping` and `/ready`, and our own `/debug`.
//!
//! [`Api`] is the face. The data plane asks [`Api::claim`] whether a path of an entry point is ours (cheap, nothing is
//! allocated) and, if so, awaits [`Api::answer`]. What is shown is a picture of one version of the plan (`picture`); it is made
//! for each request on a blocking thread, never on a proxy worker. What is asked of others stands in `source`.
//!
//! Read next: `routes` (paths), `picture` (what is shown), `list` (paging, search, order), `debug`, `service` (how the data
//! plane asks).
mod certificates;
mod debug;
mod json;
mod list;
mod options;
mod page;
mod picture;
mod probe;
mod query;
mod reply;
mod routes;
mod service;
mod source;
mod statics;
#[cfg(test)]
mod testing;

use crate::base::Clock;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use routes::{DebugPage, Resource};
use std::sync::Arc;

pub use options::{
    AccessLog, ApiOptions, DashboardAd, EntryPoint, EntryPointRules, Exposure, Features, Ping, PingRouting, Redirection,
};
pub use service::ApiService;
pub use source::{DebugActor, DebugSource, PlanSource, PlanView, Published, Told, Unobservable};

/// The entry point that carries the API when it is insecure, and ping unless another one is named.
pub const ADMIN_ENTRY_POINT: &str = "traefik";

/// Priority of the routers of `/api` and `/debug` (spec/http.md 1.8); those of the probes have one more.
pub const BUILT_IN_PRIORITY: i64 = i64::MAX - 1;

/// A request, as far as the API looks at it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Its path, cleaned and escaped.
    pub path: String,
    /// Its query without the question mark; empty for none.
    pub query: String,
    /// Its first `Accept` header.
    pub accept: Option<HeaderValue>,
}

/// Which part of the API a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `/ping`.
    Ping,
    /// `/ready`.
    Ready,
    /// `/api...`.
    Api,
    /// `/debug...`.
    Debug,
}

/// The API of one process.
pub struct Api {
    options: ApiOptions,
    plan: Arc<dyn PlanSource>,
    debug: Arc<dyn DebugSource>,
    clock: Arc<dyn Clock>,
}

impl Api {
    /// An API over the published plan and what the actors show of themselves.
    pub fn new(
        options: ApiOptions,
        plan: Arc<dyn PlanSource>,
        debug: Arc<dyn DebugSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { options, plan, debug, clock }
    }

    /// Whether a request for `path` that came in on `entry_point` is answered here, before any router of a user
    /// (spec/http.md 1.8: the built-in routers have priorities that no user can reach).
    pub fn claim(&self, entry_point: &str, path: &str) -> Option<Claim> {
        if let Some(ping) = self.options.ping.as_ref().filter(|ping| &*ping.entry_point == entry_point) {
            if path == "/ready" {
                return Some(Claim::Ready);
            }
            if ping.routing == PingRouting::Router && path.starts_with("/ping") {
                return Some(Claim::Ping);
            }
        }
        if !self.is_admin(entry_point) {
            return None;
        }
        match path.strip_prefix(self.options.base())? {
            rest if rest.starts_with("/api") => Some(Claim::Api),
            rest if rest.starts_with("/debug") => Some(Claim::Debug),
            _ => None,
        }
    }

    /// Whether the entry point carries `/api` and `/debug`.
    fn is_admin(&self, entry_point: &str) -> bool {
        self.options.exposure == Exposure::Insecure && entry_point == ADMIN_ENTRY_POINT
    }

    /// The answer to a request that [`Api::claim`] claimed. The body is complete; a `HEAD` answer is for the server to
    /// strip.
    pub async fn answer(self: &Arc<Self>, claim: Claim, ask: Ask) -> Response<Bytes> {
        match claim {
            Claim::Ping => probe::ping(self.options.ping.as_ref(), self.plan.as_ref()),
            Claim::Ready => probe::ready(self.plan.as_ref()),
            Claim::Api => match routes::resource(self.path(&ask)) {
                None => reply::not_found(),
                Some(_) if ask.method != Method::GET => reply::method_not_allowed(),
                Some(resource) => self.off_thread(move |api| api.render(resource, &ask)).await,
            },
            Claim::Debug => match routes::debug(self.path(&ask)) {
                None => reply::not_found(),
                Some(_) if ask.method != Method::GET => reply::method_not_allowed(),
                Some(page) => self.answer_debug(page, ask).await,
            },
        }
    }

    async fn answer_debug(self: &Arc<Self>, page: DebugPage, ask: Ask) -> Response<Bytes> {
        let unobservable = |error: Unobservable| reply::problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
        match page {
            DebugPage::Findings => match self.debug.findings().await {
                Ok(found) => self.off_thread(move |_| debug::findings(found)).await,
                Err(error) => unobservable(error),
            },
            DebugPage::Actors => match self.debug.observations().await {
                Ok(observed) => self.off_thread(move |_| debug::actors(observed, &ask)).await,
                Err(error) => unobservable(error),
            },
            DebugPage::Actor(name) => match self.debug.observations().await {
                Ok(observed) => self.off_thread(move |_| debug::actor(&observed, &name)).await,
                Err(error) => unobservable(error),
            },
        }
    }

    /// Renders on a thread that may be slow: a proxy worker has requests to serve meanwhile.
    async fn off_thread(
        self: &Arc<Self>,
        render: impl FnOnce(&Self) -> Response<Bytes> + Send + 'static,
    ) -> Response<Bytes> {
        let api = Arc::clone(self);
        match tokio::task::spawn_blocking(move || render(&api)).await {
            Ok(response) => response,
            // Cancelled by the end of the runtime, or a panic, which the panic hook has reported.
            Err(_) => reply::problem(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be rendered"),
        }
    }

    fn render(&self, resource: Resource, ask: &Ask) -> Response<Bytes> {
        let query = query::Query::parse(&ask.query);
        let listed = list::ListQuery::read(&query);
        match resource {
            Resource::Version => statics::version(&self.options),
            Resource::EntryPoints => list::entry_points(&self.options.entry_points, &listed),
            Resource::EntryPoint(name) => statics::entry_point(&self.options, &name),
            Resource::None => list::empty(&listed),
            Resource::Missing { what, name } => reply::missing(what, &name),
            Resource::Certificates => certificates::list(&self.plan.plan().certificates, self.clock.wall(), &listed),
            Resource::Certificate(name) => certificates::item(&self.plan.plan().certificates, self.clock.wall(), &name),
            Resource::Overview
            | Resource::RawData
            | Resource::Routers
            | Resource::Router(_)
            | Resource::Services
            | Resource::Service(_)
            | Resource::Middlewares
            | Resource::Middleware(_) => self.render_plan(&resource, &listed),
        }
    }

    fn render_plan(&self, resource: &Resource, listed: &Result<list::ListQuery, list::BadQuery>) -> Response<Bytes> {
        let view = self.plan.plan();
        let picture = picture::Picture::of(&view, &self.options);
        match resource {
            Resource::Overview => {
                let certificates = certificates::counters(&view.certificates, self.clock.wall());
                statics::overview(&picture, certificates, &self.options)
            }
            Resource::RawData => reply::json(&picture.raw()),
            Resource::Router(name) => list::router(&picture, name),
            Resource::Services => list::services(&picture, listed),
            Resource::Service(name) => list::service(&picture, name),
            Resource::Middlewares => list::middlewares(&picture, listed),
            Resource::Middleware(name) => list::middleware(&picture, name),
            _ => list::routers(&picture, listed),
        }
    }

    fn path<'a>(&self, ask: &'a Ask) -> &'a str {
        ask.path.strip_prefix(self.options.base()).unwrap_or(&ask.path)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole;
