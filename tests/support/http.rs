//! A small real HTTP client: one connection per call, or one kept open.
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use pilotage::base::io::TokioIo;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A connection that is kept.
pub struct Connection(SendRequest<Full<Bytes>>);

impl Connection {
    pub async fn open(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.unwrap()).await
    }
    pub async fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::on(stream).await
    }
    /// Over anything that carries bytes.
    pub async fn on(stream: impl AsyncRead + AsyncWrite + Unpin + 'static) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        actix::spawn(async move {
            // The end of the connection shows in the sender.
            let _closed = connection.await;
        });
        Self(sender)
    }
    pub async fn send(&mut self, request: http::Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
    pub async fn get(&mut self, host: &str, path: &str) -> Result<Answer, hyper::Error> {
        self.send(get_request(host, path)).await
    }
}

pub fn get_request(host: &str, path: &str) -> http::Request<Full<Bytes>> {
    http::Request::get(path).header("host", host).body(Full::default()).unwrap()
}

/// GET on a connection of its own.
pub async fn get(to: SocketAddr, host: &str, path: &str) -> Answer {
    Connection::open(to).await.get(host, path).await.unwrap()
}

/// Any request on a connection of its own.
pub async fn send(to: SocketAddr, request: http::Request<Full<Bytes>>) -> Answer {
    Connection::open(to).await.send(request).await.unwrap()
}

/// Sends bytes and returns everything until the server closes (or, with `Connection: close` in the bytes, the answer).
pub async fn raw(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after a refused head still leaves what was read before it.
    let _end = stream.read_to_end(&mut answer).await;
    answer
}

/// Status of the first answer to raw bytes; 0 if there was none.
pub async fn raw_status(to: SocketAddr, bytes: &[u8]) -> u16 {
    let answer = raw(to, bytes).await;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|code| code.get(..3)).and_then(|code| code.parse().ok()).unwrap_or(0)
}
