//! The API behind a real proxy and real sockets.
use super::testing::{balancer, clock, options, port_80, router};
use super::{Api, ApiOptions, ApiService, DebugActor, EntryPoint, Published};
use crate::base::DrainTrigger;
use crate::config::{self, Command};
use crate::model::plan::PlanPatch;
use crate::proxy::table::Table;
use crate::proxy::{Grace, Proxy};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ARGUMENTS: &[&str] = &[
    "--entrypoints.web.address=127.0.0.1:0",
    "--entrypoints.traefik.address=127.0.0.1:0",
    "--api.insecure",
    "--ping",
    "--workers=1",
    "--standalone",
];

/// Status and body of a request on a connection of its own.
async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[test]
fn the_proxy_serves_the_api_before_and_after_the_first_plan_until_it_stops() {
    actix::System::new().block_on(async {
        let Ok(Command::Run(config)) = config::from_args(ARGUMENTS.iter().map(|text| (*text).to_owned())) else {
            panic!("arguments")
        };
        let names: Vec<Arc<str>> = config.entry_points.iter().map(|entry| entry.name.clone()).collect();
        let shown = config.entry_points.iter();
        let entry_points =
            shown.map(|entry| EntryPoint { name: entry.name.clone(), shown: entry.to_api_json(), rules: None });
        let options = ApiOptions { entry_points: entry_points.collect(), ..options() };
        let (trigger, drain) = DrainTrigger::new();
        let published = Published::new(drain);
        let api = Arc::new(Api::new(options, Arc::new(published.clone()), Arc::new(DebugActor::default()), clock()));
        let ids = Table::new(&names);
        let service = ApiService::new(api, |name| ids.entry_point(name));
        let mut proxy = Proxy::bind(&config, Arc::new(service)).unwrap();
        published.follow(proxy.publisher());
        proxy.start().unwrap();
        let at = |name: &str| proxy.addresses().iter().find(|(known, _)| &**known == name).unwrap().1;
        let (web, traefik) = (at("web"), at("traefik"));

        assert_eq!(ask(traefik, "POST", "/ping").await, ("200".into(), "OK".into()));
        assert_eq!(ask(traefik, "HEAD", "/ping").await, ("200".into(), String::new()));
        assert_eq!(ask(traefik, "GET", "/ready").await.0, "503");
        assert_eq!(ask(web, "GET", "/api/rawdata").await.0, "503", "not the API but a table that is not there yet");

        let patch = PlanPatch {
            generation: 1,
            routers: vec![("r", "s")]
                .into_iter()
                .map(|(name, service)| {
                    let router = router(name, "i", "Host(`a`)", service);
                    (router.key.clone(), Some(Arc::new(router)))
                })
                .collect(),
            balancers: vec![(port_80("testing", "s"), Some(Arc::new(balancer("s", &["127.0.0.1"]))))],
            ..PlanPatch::default()
        };
        proxy.publisher().install(&patch);
        assert_eq!(ask(traefik, "GET", "/ready").await, ("200".into(), "ready".into()));
        let (status, raw) = ask(traefik, "GET", "/api/rawdata").await;
        let raw: serde_json::Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(
            (status.as_str(), &raw["services"]["testing-s-80@kubernetes"]["usedBy"][0]),
            ("200", &"r@kubernetes".into())
        );
        assert_eq!(ask(web, "GET", "/api/rawdata").await.0, "404");
        assert_eq!(ask(traefik, "GET", "/api/../api/entrypoints/web").await.0, "200");

        trigger.not_ready();
        assert_eq!(ask(traefik, "GET", "/ping").await, ("503".into(), "Service Unavailable".into()));
        assert_eq!(ask(traefik, "GET", "/ready").await.0, "503");
        proxy.drain(Grace::AtMost(Duration::from_millis(50))).await;
    });
}
