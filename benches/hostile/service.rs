//! The server behind the program, which takes uploads, and the clients that are asked how they are served.
use crate::common::client::{Connection, find, header};
use crate::common::now;
use anyhow::{Context, ensure};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections of the other clients.
const CONNECTIONS: usize = 4;
/// Their pause between two requests.
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes written at a time of an upload.
const PIECE: usize = 64 * 1024;

/// A server on the loopback interface; it ends with the process.
pub struct Server {
    address: SocketAddr,
}

impl Server {
    /// Starts it.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The end of a connection is the end of its thread, whatever ended it.
                std::thread::spawn(move || serve(stream).unwrap_or_default());
            }
        });
        Ok(Self { address })
    }

    /// A folder with the objects that lead to it.
    pub fn manifests(&self) -> anyhow::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        let (ip, port) = (self.address.ip(), self.address.port());
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: hostile}}\nspec: {{ports: [{{name: http, port: 80}}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s-1, namespace: hostile, labels: {{kubernetes.io/service-name: s}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\nendpoints: [{{addresses: [{ip}]}}]\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i, namespace: hostile}}\nspec:\n  rules:\n    - host: hostile.example\n\
             \x20     http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: s, port: {{number: 80}}}}}}}}]}}\n"
        );
        std::fs::write(folder.path().join("objects.yaml"), text)?;
        Ok(folder)
    }

    /// Uploads so many bytes through the program at `to`, at most `rate` in a second; how long that took.
    pub fn upload(&self, to: SocketAddr, bytes: u64, rate: f64) -> JoinHandle<anyhow::Result<Duration>> {
        std::thread::spawn(move || {
            let began = now();
            let mut stream = TcpStream::connect(to)?;
            let head = format!("POST / HTTP/1.1\r\nHost: hostile.example\r\nContent-Length: {bytes}\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let (piece, mut left) = (vec![b'x'; PIECE], bytes);
            while left > 0 {
                let some = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
                stream.write_all(&piece[..some])?;
                left -= some as u64;
                let due = Duration::from_secs_f64((bytes - left) as f64 / rate);
                let early = due.saturating_sub(began.elapsed());
                if early > Duration::from_millis(1) {
                    std::thread::sleep(early);
                }
            }
            let mut answer = [0; 1024];
            let count = stream.read(&mut answer)?;
            ensure!(answer[..count].starts_with(b"HTTP/1.1 200"), "the upload was not taken");
            Ok(began.elapsed())
        })
    }
}

fn serve(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        while let Some(at) = find(&buffer, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..at]).into_owned();
            let length: u64 = header(&head, "content-length").map_or(Ok(0), str::parse)?;
            buffer.drain(..at + 4);
            let mut left = length.saturating_sub(buffer.len() as u64);
            buffer.drain(..buffer.len().min(usize::try_from(length).unwrap_or(usize::MAX)));
            while left > 0 {
                let count = stream.read(&mut piece)? as u64;
                ensure!(count > 0, "the body broke off");
                left = left.saturating_sub(count);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        }
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

/// The other clients.
pub struct Probe;

impl Probe {
    /// Asks for `length` and until `until`; how long each answer took, and how many failed.
    pub fn run(to: SocketAddr, length: Duration, until: &dyn Fn() -> bool) -> (Vec<Duration>, usize) {
        let began = now();
        let mut connections: Vec<Connection> = (0..CONNECTIONS).map(|_| Connection::new(to)).collect();
        let (mut times, mut failed) = (Vec::new(), 0);
        while began.elapsed() < length || !until() {
            for connection in &mut connections {
                let asked = now();
                match connection.get("hostile.example", "/").context("a request failed") {
                    Ok(answer) if answer.status == 200 => times.push(asked.elapsed()),
                    Ok(_) => failed += 1,
                    Err(error) => {
                        eprintln!("{error:#}");
                        failed += 1;
                    }
                }
                std::thread::sleep(PAUSE);
            }
        }
        (times, failed)
    }
}
