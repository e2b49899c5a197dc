//! One test's world: an API server and the whole program, in this process, on loopback and port 0.
//!
//! The program runs as in production: it learns of the API server through its options, watches it over HTTP, and serves on
//! real sockets. Only the addresses are chosen by the system.
use super::http::{Answer, get};
use pilotage::apiserver::faults::{Answer as Fault, Calls, Cut, Verb};
use pilotage::apiserver::{ApiServer, Options, Validation};
use pilotage::app::{App, Outcome};
use pilotage::cluster::client::Surroundings;
use pilotage::config::{Command, from_args};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// How long a condition may take before the test fails. Generous: the machine may be busy, and nothing waits this long when
/// all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running program beside its API server.
pub struct World {
    pub cluster: ApiServer,
    pub app: App,
}

/// Runs a test on a system of its own, with the program started after `objects` are in the cluster.
pub fn with_program(args: &[&str], objects: &[Value], test: impl AsyncFnOnce(&World)) {
    in_system(async || {
        let cluster = start_cluster().await;
        for object in objects {
            cluster.store().apply(object.clone()).unwrap();
        }
        let app = start_program(&cluster, args).await;
        let world = World { cluster, app };
        test(&world).await;
        let World { cluster, app } = world;
        assert_eq!(app.stop().await, Outcome::Stopped);
        cluster.shutdown().await;
    });
}

/// Runs a test on an actix system of its own, as the program does.
pub fn in_system(test: impl AsyncFnOnce()) {
    actix::System::new().block_on(test());
}

/// An API server that takes any object, absurd ones too.
pub async fn start_cluster() -> ApiServer {
    ApiServer::start(Options { validation: Validation::Off, ..Options::default() }).await.unwrap()
}

/// What every program of these tests is started with.
pub const PROGRAM_ARGS: &[&str] = &[
    "--entrypoints.web.address=127.0.0.1:0",
    "--entrypoints.traefik.address=127.0.0.1:0",
    "--providers.kubernetesingress=true",
    "--api.insecure=true",
    "--ping=true",
    "--providers.providersthrottleduration=0s",
    "--workers=2",
    "--log.level=ERROR",
];

/// The program against that API server.
pub async fn start_program(cluster: &ApiServer, args: &[&str]) -> App {
    let endpoint = format!("--providers.kubernetesingress.endpoint={}", cluster.url());
    let all: Vec<&str> = PROGRAM_ARGS.iter().copied().chain([&*endpoint]).chain(args.iter().copied()).collect();
    start_with(&all).await
}

/// The program with just these arguments.
pub async fn start_with(args: &[&str]) -> App {
    start_with_surroundings(args, Surroundings::default()).await
}

/// The program with just these arguments, in these surroundings.
pub async fn start_with_surroundings(args: &[&str], surroundings: Surroundings) -> App {
    let config = match from_args(args.iter().map(|arg| (*arg).to_owned())) {
        Ok(Command::Run(config)) => config,
        Ok(_) => panic!("not a run"),
        Err(report) => panic!("{report}"),
    };
    App::start(config, surroundings).await.unwrap()
}

impl World {
    pub fn web(&self) -> SocketAddr {
        self.app.address("web").unwrap()
    }
    pub fn admin(&self) -> SocketAddr {
        self.app.address("traefik").unwrap()
    }
    /// Creates or replaces objects.
    pub fn apply(&self, objects: impl IntoIterator<Item = Value>) {
        for object in objects {
            self.cluster.store().apply(object).unwrap();
        }
    }
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.cluster.store().delete(kind, namespace, name).unwrap();
    }
    /// The API server answers the next `count` calls of that kind with an error.
    pub fn fail(&self, verb: Verb, resource: &str, count: u32, answer: Fault) {
        self.cluster.faults().answer_next(count, Calls::of(verb, resource), answer);
    }
    pub fn cut(&self, resource: &str) {
        self.cluster.faults().cut_watches(resource, Cut::Broken);
    }
    pub async fn get(&self, host: &str, path: &str) -> Answer {
        get(self.web(), host, path).await
    }
    /// Asks until the answer satisfies `wanted`.
    pub async fn until(&self, host: &str, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        eventually(async || {
            let answer = self.get(host, path).await;
            wanted(&answer).then_some(answer)
        })
        .await
    }
    /// Asks until the answer comes from that origin.
    pub async fn until_served_by(&self, host: &str, path: &str, origin: &str) {
        self.until(host, path, |answer| answer.header("x-origin") == Some(origin)).await;
    }
    pub async fn until_status(&self, host: &str, path: &str, status: u16) -> Answer {
        self.until(host, path, |answer| answer.status == status).await
    }
    /// What the API says. An actor that was held up for long does not answer at first.
    pub async fn api(&self, path: &str) -> Value {
        eventually(async || {
            let answer = get(self.admin(), "localhost", path).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await
    }
    /// The typed state of one actor, once it satisfies `wanted`.
    pub async fn until_actor(&self, actor: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/debug/actors/{actor}");
        eventually(async || {
            let answer = get(self.admin(), "localhost", &path).await;
            if answer.status != 200 {
                return None;
            }
            let observation = answer.json();
            wanted(&observation["state"]).then(|| observation["state"].clone())
        })
        .await
    }
    pub async fn findings(&self) -> Vec<Value> {
        self.api("/debug/findings").await.as_array().unwrap().clone()
    }
    /// Waits for a finding about the object of that name, and returns its text.
    pub async fn until_finding(&self, name: &str) -> Value {
        eventually(async || self.findings().await.into_iter().find(|finding| finding["object"]["name"] == name)).await
    }
}

/// An address that is free, for a program that has to be told where to listen. Below the ports that the system hands out by
/// itself: another test's client cannot take it meanwhile.
pub fn spare_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (0..1_000)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], first + NEXT.fetch_add(1, Ordering::Relaxed))))
        .find(|address| std::net::TcpListener::bind(address).is_ok())
        .expect("a free port")
}

/// Tries until there is an answer; panics after [`PATIENCE`].
pub async fn eventually<T>(attempt: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, attempt).await
}

/// [`eventually`] for what takes its time by itself, such as a lease that runs out.
pub async fn eventually_within<T>(patience: Duration, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let trying = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, trying).await.expect("the condition never came true")
}
