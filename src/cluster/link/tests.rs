//! A server that is there, silent, gone and back.
use super::*;
use crate::apiserver::faults::Network;
use crate::apiserver::{ApiServer, Options};
use crate::cluster::client::{Access, Surroundings, build};
use tokio::sync::mpsc;

struct Rig {
    link: Link,
    cutter: Cutter,
    news: mpsc::UnboundedReceiver<News>,
    task: tokio::task::JoinHandle<()>,
}

/// How long a condition may take before a test fails; nothing waits this long when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Knocks only when asked, unless the pace says otherwise.
const PACE: Pace =
    Pace { quiet: Duration::from_secs(3600), away: Duration::from_millis(10), patience: Duration::from_secs(20) };

async fn start(server: &ApiServer, pace: Pace) -> Rig {
    let url = server.url();
    let mut built = build(Access { endpoint: &url, ..Access::default() }, &Surroundings::default()).await.unwrap();
    built.knocker.pace = pace;
    let cutter = built.knocker.cutter.clone();
    let (to, news) = mpsc::unbounded_channel();
    let task = tokio::spawn(built.knocker.run(built.client, 1, move |event| to.send(event).unwrap_or_default()));
    Rig { link: built.link, cutter, news, task }
}

async fn server() -> ApiServer {
    ApiServer::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_question_is_answered_by_a_knock() {
    let server = server().await;
    let mut rig = start(&server, PACE).await;
    assert_eq!(rig.link.standing().await, Standing::Answers);
    server.faults().set_network(Network::Refusing);
    server.faults().drop_connections();
    assert_eq!(rig.link.standing().await, Standing::Away);
    assert!(matches!(rig.news.recv().await, Some(News::Lost(_))));
    let comebacks = rig.link.comebacks();
    server.faults().set_network(Network::Fine);
    rig.link.back_since(comebacks).await;
    assert_eq!(rig.link.standing().await, Standing::Answers);
    assert_eq!(rig.news.recv().await, Some(News::Back));
    rig.task.abort();
}

#[tokio::test]
async fn a_watch_that_works_ends_an_outage() {
    let server = server().await;
    let mut rig = start(&server, PACE).await;
    server.faults().set_network(Network::Refusing);
    server.faults().drop_connections();
    assert_eq!(rig.link.standing().await, Standing::Away);
    assert!(matches!(rig.news.recv().await, Some(News::Lost(_))));
    rig.link.works();
    assert_eq!(rig.news.recv().await, Some(News::Back));
    rig.task.abort();
}

#[tokio::test]
async fn without_anybody_who_knocks_a_watch_speaks_for_itself() {
    let (link, knocker) = Link::new(Cutter::new());
    let (standing, ()) = tokio::join!(link.standing(), async { drop(knocker) });
    assert_eq!(standing, Standing::Answers);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_noticed_without_any_watch() {
    let server = server().await;
    let short = Duration::from_millis(50);
    let mut rig = start(&server, Pace { quiet: short, away: short, patience: short }).await;
    server.faults().set_network(Network::HalfOpen);
    assert!(matches!(rig.news.recv().await, Some(News::Lost(reason)) if reason.contains("no answer")));
    server.faults().set_network(Network::Fine);
    assert_eq!(rig.news.recv().await, Some(News::Back));
    rig.task.abort();
}

#[tokio::test]
async fn when_a_server_is_back_the_connections_from_before_are_cut() {
    let server = server().await;
    let mut rig = start(&server, PACE).await;
    // A connection that leads nowhere any more: its other end is silent for ever.
    let hole = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to: http::Uri = format!("http://{}", hole.local_addr().unwrap()).parse().unwrap();
    let mut connector = crate::cluster::connector::Connector::new(rig.cutter.clone(), None);
    let mut silent = crate::base::io::TokioIo::new(tower::Service::call(&mut connector, to).await.unwrap());
    server.faults().set_network(Network::Refusing);
    server.faults().drop_connections();
    assert_eq!(rig.link.standing().await, Standing::Away);
    server.faults().set_network(Network::Fine);
    let reading = tokio::io::AsyncReadExt::read_u8(&mut silent);
    let ended = tokio::time::timeout(PATIENCE, reading).await.expect("it stays open").unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionAborted);
    assert!(matches!(rig.news.recv().await, Some(News::Lost(_))));
    rig.task.abort();
}
