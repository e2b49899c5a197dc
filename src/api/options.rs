//! The static configuration as the API needs it: what is exposed where, and what `/api/entrypoints` shows.
//!
//! Made by `app.rs` from the checked configuration.
use crate::model::facts::{RouterObservability, RouterTls};
use http::StatusCode;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;

/// Everything static that the API shows or obeys.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// When the process started.
    pub started: SystemTime,
    /// Who may see the API.
    pub exposure: Exposure,
    /// `api.basePath`; `/` and empty are the same.
    pub base_path: Arc<str>,
    /// `api.dashboardName`; empty for none.
    pub dashboard_name: Arc<str>,
    /// `api.disableDashboardAd`.
    pub dashboard_ad: DashboardAd,
    /// `ping`, when it is enabled.
    pub ping: Option<Ping>,
    /// All entry points.
    pub entry_points: Vec<EntryPoint>,
    /// Redirections from one entry point to another.
    pub redirections: Vec<Redirection>,
    /// Type names of the providers, e.g. `KubernetesIngress`.
    pub providers: Vec<Arc<str>>,
    /// What `/api/overview` lists as features.
    pub features: Features,
}

impl ApiOptions {
    /// Options of a process that exposes nothing and has no entry point.
    pub fn new(started: SystemTime) -> Self {
        Self {
            started,
            exposure: Exposure::Off,
            base_path: "/".into(),
            dashboard_name: "".into(),
            dashboard_ad: DashboardAd::Shown,
            ping: None,
            entry_points: Vec::new(),
            redirections: Vec::new(),
            providers: Vec::new(),
            features: Features::default(),
        }
    }

    /// The base path without its last slash, so that it can stand before `/api`.
    pub fn base(&self) -> &str {
        self.base_path.trim_end_matches('/')
    }

    /// What the entry point of that name applies to its routers.
    pub fn rules_of(&self, entry_point: &str) -> Option<&EntryPointRules> {
        self.entry_points.iter().find(|known| &*known.name == entry_point).and_then(|known| known.rules.as_deref())
    }
}

/// Who may see the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Nobody: `api` is absent.
    Off,
    /// `api` without `api.insecure`: there is `api@internal` for routers to use, and no router.
    Internal,
    /// `api.insecure`: whoever reaches the entry point `traefik`.
    Insecure,
}

/// `api.disableDashboardAd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardAd {
    /// False.
    Shown,
    /// True.
    Disabled,
}

/// `ping` (spec/http.md 4.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// Where it answers.
    pub entry_point: Arc<str>,
    /// Whether it has a router.
    pub routing: PingRouting,
    /// Its status once the process was told to stop.
    pub terminating: StatusCode,
}

/// `ping.manualRouting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingRouting {
    /// False: the built-in router.
    Router,
    /// True: only the service `ping@internal`.
    Manual,
}

/// What `/api/overview` lists as features.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Name of the tracing back end, or empty.
    pub tracing: Arc<str>,
    /// Name of the first metrics back end, or empty.
    pub metrics: Arc<str>,
    /// Whether there is an access log.
    pub access_log: AccessLog,
}

/// Whether there is an access log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

impl Serialize for AccessLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self == Self::On)
    }
}

/// `entryPoints.<from>.http.redirections.entryPoint` (spec/http.md 4.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The entry point that redirects.
    pub from: Arc<str>,
    /// Where to, as it stands in the router's name: the entry point, or the port without its colon.
    pub to: Arc<str>,
    /// Scheme of the new location.
    pub scheme: Arc<str>,
    /// Port of the new location, also where the scheme implies it.
    pub port: Arc<str>,
    /// Whether it is permanent.
    pub permanent: bool,
    /// Priority of the router.
    pub priority: i64,
    /// Rule of the router.
    pub rule: Arc<str>,
}

/// One entry point.
#[derive(Clone, Debug)]
pub struct EntryPoint {
    /// Its name.
    pub name: Arc<str>,
    /// What `/api/entrypoints` shows of it, `name` included; the configuration makes it.
    pub shown: Value,
    /// What it applies to its routers; `None` when it applies nothing. `core.defaultRuleSyntax`, once given, counts as
    /// something: as in the reference it splits the routers of all entry points.
    pub rules: Option<Arc<EntryPointRules>>,
}

/// What an entry point applies to its routers (spec/http.md 1.11). Its presence splits routers of several entry points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EntryPointRules {
    /// `http.middlewares`, put before the router's.
    pub middlewares: Vec<Arc<str>>,
    /// Those of them that do not exist: the routers answer 503.
    pub missing: Vec<Arc<str>>,
    /// `http.tls`, for routers without a TLS block.
    pub tls: Option<Arc<RouterTls>>,
    /// `observability`: fills in what the router leaves open.
    pub observability: Option<RouterObservability>,
}
