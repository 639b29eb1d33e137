//! The wires between the parts: every one goes through a proxy that can hold, lose, slow or cut.
//!
//! A held direction delivers everything once it is let go, like a network that was away for less
//! than TCP's patience; a losing one throws bytes away, and its connections are cut at the end.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// What becomes of the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    #[default]
    Pass,
    /// Kept until it passes again.
    Hold,
    /// Thrown away.
    Lose,
}

/// What a wire does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// From who connected to who listens.
    pub forth: Way,
    pub back: Way,
    /// Added to every piece, in both directions.
    pub delay: Duration,
    /// Nobody can connect.
    pub refuse: bool,
    /// Connections of an earlier generation are cut.
    generation: u64,
}

impl Traffic {
    /// Both directions alike.
    #[must_use]
    pub fn both(way: Way) -> Self {
        Self::ways(way, way)
    }

    /// Each direction in its own way.
    #[must_use]
    pub fn ways(forth: Way, back: Way) -> Self {
        Self {
            forth,
            back,
            ..Self::default()
        }
    }

    /// Everything, late.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }
}

/// Runs the wires.
#[derive(Debug)]
pub struct Proxies {
    runtime: Runtime,
    residents: Residents,
}

/// Whose wire a connection to a public address takes, by the process that opens it: parts learn
/// addresses of each other, and shall not get round their own wires by them.
type Residents = Arc<Mutex<BTreeMap<(u32, SocketAddr), Wire>>>;

impl Proxies {
    /// # Errors
    /// When the machine gives no thread.
    pub fn new() -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("proxies")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime,
            residents: Residents::default(),
        })
    }

    /// Connections of a process to `at` take this wire from now on.
    pub fn lead_through(&self, pid: u32, at: SocketAddr, wire: &Wire) {
        self.residents().insert((pid, at), wire.clone());
    }

    fn residents(&self) -> MutexGuard<'_, BTreeMap<(u32, SocketAddr), Wire>> {
        self.residents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A wire to `target` that is entered at `at`; port 0 takes any.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn wire(&self, at: SocketAddr, target: SocketAddr) -> anyhow::Result<Wire> {
        let listener = self
            .runtime
            .block_on(TcpListener::bind(at))
            .with_context(|| format!("a proxy cannot listen on {at}"))?;
        let address = listener.local_addr()?;
        let wire = Wire {
            address,
            traffic: Arc::new(watch::Sender::new(Traffic::default())),
        };
        let residents = Arc::clone(&self.residents);
        self.runtime
            .spawn(accept(listener, target, wire.clone(), residents));
        Ok(wire)
    }
}

/// One wire; copies steer the same one.
#[derive(Debug, Clone)]
pub struct Wire {
    address: SocketAddr,
    traffic: Arc<watch::Sender<Traffic>>,
}

impl Wire {
    /// Where it is entered.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does. Where bytes were lost, the connections end: their streams have holes.
    pub fn set(&self, new: Traffic) {
        self.traffic.send_modify(|now| {
            let lost = now.forth == Way::Lose || now.back == Way::Lose;
            let cut = u64::from(lost || new.refuse);
            let generation = now.generation + cut;
            *now = Traffic { generation, ..new };
        });
    }

    /// As if nothing had been.
    pub fn heal(&self) {
        self.set(Traffic::default());
    }

    /// Cuts what is connected now.
    pub fn reset(&self) {
        self.traffic.send_modify(|now| now.generation += 1);
    }
}

/// Any free port of loopback.
#[must_use]
pub fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn accept(listener: TcpListener, target: SocketAddr, wire: Wire, residents: Residents) {
    loop {
        let Ok((near, peer)) = listener.accept().await else {
            continue;
        };
        let own = whose(&residents, wire.address, peer);
        let traffic = own.as_ref().unwrap_or(&wire).traffic.subscribe();
        if traffic.borrow().refuse {
            continue;
        }
        tokio::spawn(async move {
            // Nobody listens there: the one who connected sees its connection end.
            let Ok(far) = TcpStream::connect(target).await else {
                return;
            };
            carry(near, far, traffic).await;
        });
    }
}

/// The wire of the resident that opened a connection, if one did.
fn whose(residents: &Residents, at: SocketAddr, peer: SocketAddr) -> Option<Wire> {
    let residents = residents.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known = residents.iter().filter(|((_, to), _)| *to == at).peekable();
    known.peek()?;
    let socket = format!("socket:[{}]", inode(peer)?);
    let holds = |pid: u32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        let mut links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        links.any(|link| link.as_os_str() == socket.as_str())
    };
    known
        .find(|((pid, _), _)| holds(*pid))
        .map(|(_, wire)| wire.clone())
}

/// The kernel's number for the socket with this local address.
fn inode(local: SocketAddr) -> Option<String> {
    let SocketAddr::V4(address) = local else {
        return None;
    };
    let ip = u32::from_le_bytes(address.ip().octets());
    let wanted = format!("{ip:08X}:{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.nth(1)? == wanted)
            .then(|| words.nth(7))
            .flatten()
            .map(ToOwned::to_owned)
    })
}

/// Carries bytes until one side ends or the wire is cut.
async fn carry(near: TcpStream, far: TcpStream, mut traffic: watch::Receiver<Traffic>) {
    // What a proxy adds to small messages would be Nagle's delay.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let born = traffic.borrow_and_update().generation;
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = pump(near_in, far_out, traffic.clone(), |traffic| traffic.forth) => {}
        () = pump(far_in, near_out, traffic.clone(), |traffic| traffic.back) => {}
        _ = traffic.wait_for(|now| now.generation != born) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
    way: impl Fn(&Traffic) -> Way + Copy + Sync,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(size @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let delay = traffic.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let Ok(now) = traffic
            .wait_for(|now| way(now) != Way::Hold)
            .await
            .map(|now| way(&now))
        else {
            return;
        };
        if now == Way::Pass
            && to
                .write_all(buffer.get(..size).unwrap_or_default())
                .await
                .is_err()
        {
            return;
        }
    }
}
