//! An origin server: says who it is and what it saw, and counts connections and requests.
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use pilotage::base::io::TokioIo;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What an origin has seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub connections: usize,
    pub requests: usize,
}

/// A running origin; it ends with the test's system, or when it is dropped.
pub struct Origin {
    pub address: SocketAddr,
    pub seen: Rc<RefCell<Seen>>,
    stop: tokio::task::JoinHandle<()>,
}

impl Origin {
    /// On 127.0.0.1 and any port.
    pub async fn start(name: &'static str) -> Self {
        Self::start_at(name, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// On another loopback address with the port of this one, so that one slice can name both.
    pub async fn sibling(&self, name: &'static str, last_octet: u8) -> Self {
        Self::start_at(name, (IpAddr::from([127, 0, 0, last_octet]), self.address.port()).into()).await
    }

    pub async fn start_at(name: &'static str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Rc::new(RefCell::new(Seen::default()));
        let shared = seen.clone();
        let stop = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.borrow_mut().connections += 1;
                let shared = shared.clone();
                let service = service_fn(move |request| answer(name, shared.clone(), request));
                let server = hyper::server::conn::http1::Builder::new();
                tokio::task::spawn_local(async move {
                    let _closed = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, seen, stop }
    }

    pub fn requests(&self) -> usize {
        self.seen.borrow().requests
    }
    pub fn connections(&self) -> usize {
        self.seen.borrow().connections
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop.abort();
    }
}

async fn answer(
    name: &'static str,
    seen: Rc<RefCell<Seen>>,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Full<Bytes>>, hyper::Error> {
    seen.borrow_mut().requests += 1;
    let (head, body) = request.into_parts();
    let wait = head.uri.query().and_then(|query| query.strip_prefix("wait-ms=")).and_then(|ms| ms.parse().ok());
    if let Some(milliseconds) = wait {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    let body = body.collect().await?.to_bytes();
    let mut text = format!("origin: {name}\n{} {}\n", head.method, head.uri);
    for (key, value) in &head.headers {
        text.push_str(&format!("{key}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text.push_str(&format!("\n{}", String::from_utf8_lossy(&body)));
    Ok(http::Response::builder().header("x-origin", name).body(Full::new(text.into())).unwrap())
}
