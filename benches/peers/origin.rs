//! The server behind the proxies: prepared answers by path over plain sockets, and an echo after an upgrade.
//!
//! It does as little as possible, because it shares its core with the load: no HTTP library, one search for the end of the
//! head, one write of bytes made beforehand.
use crate::service::Service;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longest request head.
const ROOM: usize = 16 * 1024;

/// The answer to an upgrade; the accept value belongs to the key that `websocket.rs` sends.
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The answers by path.
#[derive(Debug)]
struct Answers {
    small: Vec<u8>,
    one_k: Vec<u8>,
    hundred_k: Vec<u8>,
}

/// Length of the body at `path`.
pub fn length_of(path: &str) -> usize {
    match path {
        "/1k" => 1024,
        "/100k" => 100 * 1024,
        _ => 10,
    }
}

fn answer(path: &str) -> Vec<u8> {
    let length = length_of(path);
    let head = format!(
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    answer.resize(answer.len() + length, b'x');
    answer
}

/// Starts it. Where it listens.
pub async fn start() -> anyhow::Result<(Service, SocketAddr)> {
    let start = async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        drop(tokio::task::spawn_local(accept(listener)));
        Ok(address)
    };
    Service::start("origin", start, |address: &SocketAddr| *address).await
}

async fn accept(listener: TcpListener) {
    let answers = Rc::new(Answers { small: answer("/small"), one_k: answer("/1k"), hundred_k: answer("/100k") });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let answers = answers.clone();
                tokio::task::spawn_local(async move {
                    // A proxy that goes away is nothing to talk about.
                    drop(serve(stream, &answers).await);
                });
            }
            Err(error) => eprintln!("origin: {error}"),
        }
    }
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; ROOM];
    let mut filled = 0;
    loop {
        let Some(free) = buffer.get_mut(filled..).filter(|free| !free.is_empty()) else { return Ok(()) };
        let count = stream.read(free).await?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let head = buffer.get(..filled).unwrap_or_default();
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let wish = Wish::of(head);
        if wish == Wish::Upgrade {
            stream.write_all(SWITCH).await?;
            return echo(stream, buffer).await;
        }
        let body = match head.get(5) {
            Some(b'1') if head.get(6) == Some(&b'k') => &answers.one_k,
            Some(b'1') => &answers.hundred_k,
            _ => &answers.small,
        };
        stream.write_all(body).await?;
        if wish == Wish::Close {
            return Ok(());
        }
        filled = 0;
    }
}

/// What a request asks for beside an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    KeepAlive,
    Close,
    Upgrade,
}

impl Wish {
    fn of(head: &[u8]) -> Self {
        for line in head.split(|byte| *byte == b'\n') {
            let starts = |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
            // No proxy sends both.
            match line.first() {
                Some(b'u' | b'U') if starts(b"upgrade:") => return Self::Upgrade,
                Some(b'c' | b'C') if starts(b"connection: close") => return Self::Close,
                _ => {}
            }
        }
        Self::KeepAlive
    }
}

async fn echo(mut stream: TcpStream, mut buffer: Vec<u8>) -> std::io::Result<()> {
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(buffer.get(..count).unwrap_or_default()).await?;
    }
}
