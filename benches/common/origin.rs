//! Origin servers: they answer every request with their name. One thread per connection; they end with the process.
use super::client::find;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};

/// Servers that share a name and a port, one on each address.
pub struct Origin {
    /// What they say in `x-origin`.
    pub name: String,
    /// Their addresses, as endpoints name them.
    pub addresses: Vec<IpAddr>,
    /// Their port.
    pub port: u16,
}

impl Origin {
    /// Starts one server on each of `addresses`, at a port that is free on all of them.
    pub fn start(name: &str, addresses: &[IpAddr]) -> anyhow::Result<Self> {
        let mut last = None;
        for _ in 0..100 {
            match Self::try_start(name, addresses) {
                Ok(origin) => return Ok(origin),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| anyhow::anyhow!("no address for an origin"), Into::into))
    }

    fn try_start(name: &str, addresses: &[IpAddr]) -> std::io::Result<Self> {
        let mut port = 0;
        let mut listeners = Vec::new();
        for address in addresses {
            let listener = TcpListener::bind(SocketAddr::new(*address, port))?;
            port = listener.local_addr()?.port();
            listeners.push(listener);
        }
        for listener in listeners {
            let name = name.to_owned();
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let name = name.clone();
                    // The end of a connection is the end of its thread, whatever ended it.
                    std::thread::spawn(move || serve(stream, &name).unwrap_or_default());
                }
            });
        }
        Ok(Self { name: name.to_owned(), addresses: addresses.to_vec(), port })
    }
}

fn serve(mut stream: TcpStream, name: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let body = format!("I am {name}\n");
    let answer = format!("HTTP/1.1 200 OK\r\nx-origin: {name}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut buffer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        while let Some(at) = find(&buffer, b"\r\n\r\n") {
            buffer.drain(..at + 4);
            stream.write_all(answer.as_bytes())?;
        }
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => buffer.extend_from_slice(&piece[..count]),
        }
    }
}
