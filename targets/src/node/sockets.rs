//! How this project sets up its TCP sockets.
//!
//! A connection that a partition has stalled must not wait for TCP's exponential backoff: with the
//! kernel's defaults it would come back up to two minutes after the network did, and the run would
//! measure the kernel instead of the target. So unacknowledged bytes live for a second, then the
//! connection is an error and its owner opens a new one.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long sent bytes may stay without acknowledgement before the connection counts as broken.
const USER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an idle connection stays unprobed; finds callers that vanished behind a partition.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
/// The pause between two such probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted: all workers of a large run at once.
const BACKLOG: u32 = 4096;

/// Opens a connection. The socket belongs to the network namespace of the calling thread.
pub(super) async fn connect(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let socket = socket_for(address)?;
    let stream = tokio::time::timeout(timeout, socket.connect(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    // On loopback the kernel may pick the wanted port as the source port, and TCP then connects the
    // socket to itself while the node is down.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    configure(&stream)?;
    Ok(stream)
}

/// Listens where a node that has just been killed may have listened before.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket_for(address)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Sets the options of a connection, opened or accepted.
pub(super) fn configure(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}
