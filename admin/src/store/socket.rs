//! Lets the kernel give up on a database whose network is gone.
//!
//! The client library can bound how long a read waits, but neither diesel nor an address can tell
//! it to: a connection over a dead network would hold its thread for a quarter of an hour when it
//! sends and for two hours when it waits. TCP's own options end both within half a minute. They
//! are set from outside on the library's sockets, through a second descriptor for each.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{getpeername, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Sent bytes that nobody acknowledges for so long end the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// A silent peer is asked for a sign of life after this, and then again.
const SILENCE: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_secs(5);
const QUESTIONS: u32 = 3;

/// Sets the options on every socket of this process that is connected to `port`. Setting them
/// twice does no harm, so nobody needs to know which socket is the new one.
pub(super) fn end_when_dead(port: u16) -> std::io::Result<()> {
    for socket in sockets_to(port)? {
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, SILENCE)?;
        sockopt::set_tcp_keepintvl(&socket, ASK_AGAIN)?;
        sockopt::set_tcp_keepcnt(&socket, QUESTIONS)?;
        let millis = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(&socket, millis)?;
    }
    Ok(())
}

/// Second descriptors of the sockets that are connected to a port.
fn sockets_to(port: u16) -> std::io::Result<Vec<OwnedFd>> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut sockets = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // Files come and go while the folder is read.
        let is_socket = std::fs::read_link(entry.path())
            .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_string_lossy().parse().ok();
        let Some(number) = number.filter(|_| is_socket) else {
            continue;
        };
        let Ok(socket) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else {
            continue;
        };
        let peer = getpeername(&socket).ok().flatten();
        let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
        if peer.is_some_and(|peer| peer.port() == port) {
            sockets.push(socket);
        }
    }
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_socket_to_the_port_is_found_and_bounded_and_no_other() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let bounded = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let free = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        end_when_dead(server.local_addr().unwrap().port()).unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&bounded).unwrap(), 20_000);
        assert!(sockopt::socket_keepalive(&bounded).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&free).unwrap(), 0);
    }
}
