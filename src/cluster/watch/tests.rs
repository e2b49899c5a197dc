//! A server that says what it is told to, one answer per request.
use super::*;
use crate::base::backoff::BackoffPolicy;
use crate::cluster::connector::Cutter;
use k8s_openapi::api::networking::v1::IngressClass;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a watch told, in words.
#[derive(Clone, Default)]
struct Told(Rc<RefCell<Vec<String>>>);

impl Told {
    fn note(&self, text: impl Into<String>) -> Delivery {
        self.0.borrow_mut().push(text.into());
        Delivery::Taken
    }
}

impl Sink<IngressClass> for Told {
    type Kept = Lenient<IngressClass>;
    fn keep(&self, object: Lenient<IngressClass>) -> Option<Self::Kept> {
        Some(object)
    }
    async fn replaced(&mut self, objects: Vec<Lenient<IngressClass>>) -> Delivery {
        self.note(format!("replaced {}", objects.len()))
    }
    async fn applied(&mut self, _: Lenient<IngressClass>) -> Delivery {
        self.note("applied")
    }
    async fn deleted(&mut self, _: Lenient<IngressClass>) -> Delivery {
        self.note("deleted")
    }
    async fn troubled(&mut self, trouble: &Trouble) -> Delivery {
        self.note(format!("{:?}", trouble.cause))
    }
    async fn recovered(&mut self) -> Delivery {
        self.note("recovered");
        Delivery::NobodyThere
    }
}

fn status(code: u16) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"m","reason":"r","code":{code}}}"#
    )
}

const EMPTY: &str =
    r#"{"kind":"IngressClassList","apiVersion":"networking.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}"#;

/// Answers each connection with the next of `codes`, then with an empty list.
async fn serve(listener: TcpListener, codes: Vec<u16>) {
    let mut codes = codes.into_iter();
    while let Ok((mut tcp, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            if tcp.read_buf(&mut head).await.unwrap_or(0) == 0 {
                break;
            }
        }
        let (code, body) = codes.next().map_or((200, EMPTY.to_owned()), |code| (code, status(code)));
        let answer = format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(answer.as_bytes()).await.ok();
    }
}

async fn told_of(codes: &[u16]) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let client = kube::Client::try_from(kube::Config::new(url)).unwrap();
    let millisecond = Duration::from_millis(1);
    let backoff = Backoff::new(BackoffPolicy { min: millisecond, max: millisecond, factor: 2 }, 1);
    let mut told = Told::default();
    // Nobody knocks: the watch speaks for itself.
    let (link, _) = Link::new(Cutter::new());
    let manners = Manners { backoff, link, seed: 1 };
    tokio::select! {
        () = run(Api::<Lenient<IngressClass>>::all(client), "", &mut told, manners) => {}
        () = serve(listener, codes.to_vec()) => {}
    }
    told.0.take()
}

#[tokio::test]
async fn trouble_is_told_once_per_cause_and_not_per_try() {
    assert_eq!(told_of(&[403, 403, 403]).await, ["Forbidden", "replaced 0", "recovered"]);
    assert_eq!(told_of(&[500, 502, 500]).await, ["Passing", "replaced 0", "recovered"]);
}

#[tokio::test]
async fn a_missing_right_is_told_also_after_passing_trouble() {
    assert_eq!(told_of(&[500, 500, 403, 403]).await, ["Passing", "Forbidden", "replaced 0", "recovered"]);
}

#[test]
fn a_server_may_ask_for_a_pause_but_not_for_a_long_one() {
    let asked = |seconds: u32| {
        let details = format!(r#""details":{{"retryAfterSeconds":{seconds}}},"code":429}}"#);
        let status = serde_json::from_str(&status(429).replace(r#""code":429}"#, &details)).unwrap();
        trouble(&watcher::Error::WatchStartFailed(kube::Error::Api(Box::new(status)))).retry_after
    };
    assert_eq!(asked(0), Duration::ZERO);
    assert_eq!(asked(7), Duration::from_secs(7));
    assert_eq!(asked(u32::MAX), SLOWEST_RETRY);
}

#[test]
fn the_page_of_a_gateway_does_not_fill_the_log() {
    let text = story(&std::io::Error::other("ä".repeat(100_000)));
    assert!(text.len() < TEXT_LIMIT + 10 && text.ends_with('…'), "{}", text.len());
}

#[tokio::test]
async fn a_watch_is_asked_to_end_before_a_hanging_server_is_believed_for_long() {
    let server = crate::apiserver::ApiServer::start(crate::apiserver::Options::default()).await.unwrap();
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", front.local_addr().unwrap()).parse().unwrap();
    let client = kube::Client::try_from(kube::Config::new(url)).unwrap();
    let (link, _) = Link::new(Cutter::new());
    let policy = BackoffPolicy { min: Duration::from_millis(1), max: Duration::from_millis(1), factor: 2 };
    let manners = Manners { backoff: Backoff::new(policy, 1), link, seed: 14 };
    let head = async {
        loop {
            let (mut near, _) = front.accept().await.unwrap();
            let mut far = tokio::net::TcpStream::connect(server.addr()).await.unwrap();
            let mut head = vec![0; 4096];
            let count = near.read(&mut head).await.unwrap();
            let text = String::from_utf8_lossy(&head[..count]).into_owned();
            if text.contains("watch=true") {
                return text;
            }
            far.write_all(&head[..count]).await.unwrap();
            let count = far.read(&mut head).await.unwrap();
            near.write_all(&head[..count]).await.unwrap();
        }
    };
    let mut told = Told::default();
    let head = tokio::select! {
        () = run(Api::<Lenient<IngressClass>>::all(client), "", &mut told, manners) => unreachable!(),
        head = head => head,
    };
    assert!(head.contains(&format!("timeoutSeconds={}", LONGEST_WATCH - 14)), "{head}");
}

#[tokio::test]
async fn a_watch_that_waits_goes_on_as_soon_as_the_server_is_back() {
    use crate::apiserver::faults::Network;
    let server = crate::apiserver::ApiServer::start(crate::apiserver::Options::default()).await.unwrap();
    let url = server.url();
    let access = crate::cluster::client::Access { endpoint: &url, ..Default::default() };
    let built = crate::cluster::client::build(access, &Default::default()).await.unwrap();
    let crate::cluster::client::Built { client, link, mut knocker, .. } = built;
    knocker.pace.away = Duration::from_millis(10);
    server.faults().set_network(Network::Refusing);
    // By itself it would ask again in an hour.
    let hour = Duration::from_secs(3600);
    let backoff = Backoff::new(BackoffPolicy { min: hour, max: hour, factor: 2 }, 1);
    let manners = Manners { backoff, link: link.clone(), seed: 1 };
    let mut told = Told::default();
    let heard = told.clone();
    let api = Api::<Lenient<IngressClass>>::all(client.clone());
    let story = async {
        while link.standing().await == crate::cluster::link::Standing::Answers {}
        server.faults().set_network(Network::Fine);
        while heard.0.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = run(api, "", &mut told, manners) => unreachable!(),
        () = knocker.run(client, 1, |_| {}) => unreachable!(),
        ended = tokio::time::timeout(Duration::from_secs(30), story) => ended.expect("it still waits"),
    }
    assert_eq!(told.0.take(), ["replaced 0"], "an outage is not for one watch to tell");
}
