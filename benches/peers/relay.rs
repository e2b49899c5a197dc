//! The least that a relay can do: what comes in on one socket goes out on the other, and nothing looks at it.
//!
//! It is no proxy, and stands in the table of WebSocket messages to show how much of their cost is not the proxy's. This
//! command starts itself as one (`peers --relay LISTEN ORIGIN`).
use anyhow::Context;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

/// The option that makes this command a relay.
pub const OPTION: &str = "--relay";

/// Relays until the process is ended.
pub fn run(mut addresses: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut address = || addresses.next().context("an address is missing")?.parse().context("not an address");
    let (listen, origin): (SocketAddr, SocketAddr) = (address()?, address()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                if let Err(error) = relay(client, origin).await {
                    eprintln!("relay: {error}");
                }
            });
        }
    })
}

async fn relay(client: TcpStream, origin: SocketAddr) -> std::io::Result<()> {
    let server = TcpStream::connect(origin).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client, server) = (Rc::new(client), Rc::new(server));
    // A task for each direction: one for both would look at both when one of them has something.
    let answers = tokio::task::spawn_local(pump(Rc::clone(&server), Rc::clone(&client)));
    let asked = pump(client, server).await;
    answers.abort();
    asked
}

async fn pump(from: Rc<TcpStream>, to: Rc<TcpStream>) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        from.readable().await?;
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let mut rest = buffer.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            match to.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => to.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }
}
