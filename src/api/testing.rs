//! Builders for the tests of the API: small, complete values with the fields that a test is about.
use super::source::{DebugSource, PlanSource, PlanView, Told, Unobservable};
use super::{Api, ApiOptions, Ask, EntryPoint, Exposure, Ping, PingRouting};
use crate::base::ManualClock;
use crate::messages::debug::Observation;
use crate::model::facts::{Created, KeyPair, RouterTls, ServerState};
use crate::model::finding::Finding;
use crate::model::keys::{BalancerKey, IngressKey, PortRef, RouterKey, ServiceKey, TransportKey};
use crate::model::plan::{
    Action, Balancer, BalancerOptions, BalancerOrigin, HostHeader, Origin, Precedence, Router, RouterRule, Scheme,
    Server,
};
use crate::model::rule;
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Half an hour after the certificates of [`key_pair`] begin.
pub fn wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// A clock that stands at [`wall`].
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::starting_at(wall()))
}

/// The key of Service `name` in `namespace`, port 80.
pub fn port_80(namespace: &str, name: &str) -> BalancerKey {
    BalancerKey::Port { service: ServiceKey::new(namespace, name), port: PortRef::Number(80) }
}

/// An enabled router `name` of the Ingress `testing/<ingress>` on `web`, to `service` of `testing`.
pub fn router(name: &str, ingress: &str, rule: &str, service: &str) -> Router {
    let parsed = rule::parse(rule, rule::Syntax::V3).expect("a rule");
    Router {
        key: RouterKey::Path { ingress: IngressKey::new("testing", ingress), rule: rule.into() },
        name: name.into(),
        origin: Origin { ingress: IngressKey::new("testing", ingress), created: Created(0) },
        entry_points: Arc::from(["web".into()]),
        missing_entry_points: Vec::new(),
        rule: RouterRule::Parsed(Arc::new(parsed)),
        shown_syntax: "".into(),
        precedence: Precedence::Ranked(i64::try_from(rule.len()).expect("short")),
        tls: None,
        secured: Arc::default(),
        middlewares: Vec::new(),
        action: Action::Forward(port_80("testing", service)),
        observability: None,
        errors: Vec::new(),
    }
}

/// A TLS block with these options.
pub fn tls(options: &str) -> Option<Arc<RouterTls>> {
    Some(Arc::new(RouterTls { options: options.into(), ..RouterTls::default() }))
}

/// The load balancer `testing-<service>-80` with these servers.
pub fn balancer(service: &str, servers: &[&str]) -> Balancer {
    Balancer {
        key: port_80("testing", service),
        name: format!("testing-{service}-80").into(),
        origin: BalancerOrigin { namespace: "testing".into(), service: service.into(), port: "80".into() },
        options: Arc::new(BalancerOptions {
            host_header: HostHeader::Pass,
            sticky: None,
            transport: "".into(),
            transport_key: TransportKey::Default,
            middlewares: Vec::new(),
        }),
        servers: servers.iter().map(|host| server(host)).collect(),
    }
}

/// An active server `http://<host>:8080`.
pub fn server(host: &str) -> Server {
    Server {
        url: format!("http://{host}:8080").into(),
        scheme: Scheme::Http,
        host: host.into(),
        port: 8080,
        state: ServerState::Active,
    }
}

/// A self-signed certificate for `names`, valid from 2026 to 2028, with its key.
pub fn key_pair(names: &[&str]) -> Arc<KeyPair> {
    key_pair_with_der(names).0
}

/// The same, and the DER of its key.
pub fn key_pair_with_der(names: &[&str]) -> (Arc<KeyPair>, Vec<u8>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = rcgen::CertificateParams::new(names.clone()).expect("names");
    parameters.not_before = rcgen::date_time_ymd(2026, 11, 1);
    parameters.not_after = rcgen::date_time_ymd(2028, 11, 1);
    let key = rcgen::KeyPair::generate().expect("key");
    let certificate = parameters.self_signed(&key).expect("certificate");
    let der = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).expect("key");
    let pair = Arc::new(KeyPair {
        certified: Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)),
        names: names.into_iter().map(Arc::from).collect(),
        fingerprint: [7; 32],
    });
    (pair, key.serialize_der())
}

/// An observation of an actor that holds three objects.
pub fn observation(actor: &'static str) -> Observation {
    Observation {
        actor,
        last_message: "IngressApplied",
        handled: 12,
        queued: 1,
        restarts: 0,
        last_error: None,
        state: Arc::new(serde_json::json!({"objects": 3})),
    }
}

/// A process in any state.
#[derive(Default)]
pub struct Process {
    /// Its plan.
    pub view: PlanView,
    /// Whether the first table is live.
    pub ready: AtomicBool,
    /// Whether it was told to stop.
    pub draining: AtomicBool,
}

impl PlanSource for Process {
    fn plan(&self) -> PlanView {
        self.view.clone()
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

/// Observations and findings as they are given; `None` for a debug actor that is gone.
pub struct Debug(pub Option<Vec<Observation>>, pub Vec<Finding>);

impl DebugSource for Debug {
    fn observations(&self) -> Told<'_, Observation> {
        Box::pin(std::future::ready(self.0.clone().ok_or(Unobservable::Gone)))
    }

    fn findings(&self) -> Told<'_, Finding> {
        Box::pin(std::future::ready(Ok(self.1.clone())))
    }
}

/// An entry point that applies nothing to its routers.
pub fn entry_point(name: &str) -> EntryPoint {
    EntryPoint { name: name.into(), shown: serde_json::json!({"address": ":80", "name": name}), rules: None }
}

/// Options with the entry points `web` and `traefik`, insecure API and ping.
pub fn options() -> ApiOptions {
    ApiOptions {
        exposure: Exposure::Insecure,
        ping: Some(Ping {
            entry_point: "traefik".into(),
            routing: PingRouting::Router,
            terminating: StatusCode::SERVICE_UNAVAILABLE,
        }),
        entry_points: vec![entry_point("web"), entry_point("traefik")],
        providers: vec!["KubernetesIngress".into()],
        ..ApiOptions::new(SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_163_213_353_534_466))
    }
}

/// An API over `view`.
pub fn api(options: ApiOptions, view: PlanView) -> Arc<Api> {
    let process = Process { view, ready: true.into(), draining: false.into() };
    let debug = Debug(Some(vec![observation("throttler"), observation("ingress")]), Vec::new());
    Arc::new(Api::new(options, Arc::new(process), Arc::new(debug), clock()))
}

/// A request as it comes in on the entry point `traefik`. `None` when the API does not claim it.
pub async fn ask(
    api: &Arc<Api>,
    method: Method,
    target: &str,
    accept: Option<&'static str>,
) -> Option<Response<Bytes>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let claim = api.claim("traefik", path)?;
    let accept = accept.map(HeaderValue::from_static);
    Some(api.answer(claim, Ask { method, path: path.to_owned(), query: query.to_owned(), accept }).await)
}

/// The answer to a GET, status and body.
pub async fn get(api: &Arc<Api>, target: &str) -> (u16, String) {
    let response = ask(api, Method::GET, target, None).await.expect("claimed");
    (response.status().as_u16(), text(&response))
}

/// The body of an answer.
pub fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).expect("UTF-8")
}

/// The body of a GET that succeeds, as JSON.
pub async fn get_json(api: &Arc<Api>, target: &str) -> serde_json::Value {
    let (status, body) = get(api, target).await;
    assert_eq!(status, 200, "{target}: {body}");
    assert!(body.ends_with('\n') && body.matches('\n').count() == 1, "{target}: one line");
    serde_json::from_str(&body).expect("JSON")
}
