//! Listening sockets: one per entry point and worker, all bound before anything runs.
//!
//! The workers share a port by `SO_REUSEPORT`, so the kernel spreads connections and no thread hands one to another.
//! That option would also let a second process of the same user in unnoticed. Unless `reusePort` asks for exactly that, a
//! first bind without the option finds out whether the port is free.
use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// TCP keep-alive of client connections (spec/http.md 4.2).
const KEEP_ALIVE: Duration = Duration::from_secs(180);

/// Whether other processes may listen on the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// They may.
    Processes,
    /// Only our own workers.
    Workers,
}

/// An entry point that cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The operating system refused.
    #[error("entry point {entry_point} cannot listen on {address}")]
    Listen {
        /// Name of the entry point.
        entry_point: Arc<str>,
        /// The address that was wanted.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// It was given no address.
    #[error("entry point {entry_point} has no address")]
    NoAddress {
        /// Name of the entry point.
        entry_point: Arc<str>,
    },
}

/// Binds the first of `addresses` that this machine has, once for each of `workers`. Port 0 is chosen by the first bind.
/// Nothing is accepted yet, but clients can connect from here on; where processes share the port, from [`listen`] on.
pub(crate) fn bind(
    entry_point: &Arc<str>,
    addresses: impl IntoIterator<Item = SocketAddr>,
    workers: usize,
    sharing: Sharing,
) -> Result<Vec<TcpListener>, BindError> {
    let mut addresses = addresses.into_iter().peekable();
    while let Some(address) = addresses.next() {
        match bind_all(address, workers, sharing) {
            Ok(listeners) => return Ok(listeners),
            Err(cause) if is_missing_family(&cause) && addresses.peek().is_some() => {}
            Err(cause) => return Err(BindError::Listen { entry_point: entry_point.clone(), address, cause }),
        }
    }
    Err(BindError::NoAddress { entry_point: entry_point.clone() })
}

/// Whether the machine has no IPv6 (or no IPv4).
fn is_missing_family(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn bind_all(mut address: SocketAddr, workers: usize, sharing: Sharing) -> io::Result<Vec<TcpListener>> {
    if sharing == Sharing::Workers && address.port() != 0 {
        drop(bound(address, Sharing::Workers)?);
    }
    let mut listeners = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = bound(address, Sharing::Processes)?;
        if sharing == Sharing::Workers {
            socket.listen(BACKLOG)?;
        }
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bound(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Not to take a port from somebody, but to get one back whose old connections linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Processes {
        socket.set_reuse_port(true)?;
    }
    if let SocketAddr::V6(v6) = address {
        // `[::]` means all interfaces of both families.
        socket.set_only_v6(!v6.ip().is_unspecified())?;
    }
    inherited_options(&SockRef::from(&socket))?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Lets clients connect to a socket that [`bind`] made; without effect if they can already. Where processes share a port the
/// kernel spreads clients over those that listen, so one that cannot serve yet must not.
pub(crate) fn listen(listener: &TcpListener) -> io::Result<()> {
    SockRef::from(listener).listen(BACKLOG)
}

/// Makes the kernel drop, at this listener, the first segment of each connection that begins from now on. Clients send it
/// again a second later; by then the listener should be closed, so that it reaches another process on the same port. A
/// listener that is closed without this resets clients that are in the middle of connecting.
///
/// A classic BPF program over the TCP header: <https://www.kernel.org/doc/html/latest/networking/filter.html>.
pub(crate) fn turn_away<'s>(listener: &'s impl std::os::fd::AsFd) -> io::Result<()> {
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Where the flags stand in a TCP header, and two of them (RFC 9293 3.1).
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    let socket: SockRef<'s> = SockRef::from(listener);
    socket.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Accepted sockets inherit these on Linux, which saves three system calls per connection.
fn inherited_options(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> [SocketAddr; 1] {
        [SocketAddr::from(([127, 0, 0, 1], 0))]
    }

    fn name() -> Arc<str> {
        "web".into()
    }

    #[test]
    fn all_workers_share_the_port_that_the_first_bind_chose() {
        let listeners = bind(&name(), local(), 3, Sharing::Workers).unwrap();
        let ports: std::collections::HashSet<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!((listeners.len(), ports.len()), (3, 1));
    }

    #[test]
    fn an_address_in_use_is_an_error_that_names_entry_point_and_address() {
        let taken = bind(&name(), local(), 1, Sharing::Processes).unwrap();
        let address = taken[0].local_addr().unwrap();
        listen(&taken[0]).unwrap();
        let error = bind(&name(), [address], 2, Sharing::Workers).unwrap_err();
        assert_eq!(error.to_string(), format!("entry point web cannot listen on {address}"));
        assert!(matches!(error, BindError::Listen { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse));
    }

    #[test]
    fn a_shared_address_can_be_bound_twice_when_asked_for() {
        let first = bind(&name(), local(), 1, Sharing::Processes).unwrap();
        let address = first[0].local_addr().unwrap();
        assert!(bind(&name(), [address], 1, Sharing::Processes).is_ok());
    }

    #[test]
    fn clients_that_are_turned_away_reach_the_next_process_and_those_before_them_stay() {
        let old = bind(&name(), local(), 1, Sharing::Processes).unwrap().remove(0);
        let address = old.local_addr().unwrap();
        listen(&old).unwrap();
        let _early = std::net::TcpStream::connect(address).unwrap();
        turn_away(&old).unwrap();
        let patience = Duration::from_millis(50);
        let error = std::net::TcpStream::connect_timeout(&address, patience).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let late = std::thread::spawn(move || std::net::TcpStream::connect(address));
        assert!(old.accept().is_ok(), "who was connected before is still there");
        let new = bind(&name(), [address], 1, Sharing::Processes).unwrap().remove(0);
        listen(&new).unwrap();
        drop(old);
        late.join().unwrap().unwrap();
        // The one that gave up may be in the queue, too.
        new.set_nonblocking(false).unwrap();
        assert!(new.accept().is_ok());
    }

    #[test]
    fn accepted_connections_inherit_no_delay_and_keep_alive() {
        let listeners = bind(&name(), local(), 1, Sharing::Workers).unwrap();
        listeners[0].set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let (accepted, _) = listeners[0].accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }
}
