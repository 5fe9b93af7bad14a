//! The in-memory twin of TCP: the same traits over pipes, for tests under paused time.
//!
//! Its ends are made-up loopback endpoints that nothing can bind or dial.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::{io::DuplexStream, sync::mpsc};

use super::{Dial, Ends, Listen, Party, Wire, loopback::Loopback};

/// Bytes a pipe holds per direction before a writer waits, like a small socket buffer.
const PIPE: usize = 64 * 1024;

/// A dialer and a listener joined by a queue.
pub fn pair(party: Party) -> (MemoryDialer, MemoryListen) {
    let (queue, arrivals) = mpsc::channel(1024);
    (MemoryDialer { queue, party, next: Arc::new(AtomicU16::new(1024)) }, MemoryListen { arrivals })
}

/// The dialing half.
#[derive(Clone)]
pub struct MemoryDialer {
    queue: mpsc::Sender<(DuplexStream, Ends)>,
    party: Party,
    next: Arc<AtomicU16>,
}

/// The accepting half; dropping it makes every dial be refused.
pub struct MemoryListen {
    arrivals: mpsc::Receiver<(DuplexStream, Ends)>,
}

impl Dial for MemoryDialer {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<(DuplexStream, Ends)> {
        let port = self.next.fetch_add(1, Ordering::Relaxed).max(1024);
        let wire = Wire {
            dialer: made_up(Ipv4Addr::new(127, 0, 0, 2), port)?,
            acceptor: made_up(Ipv4Addr::new(127, 0, 0, 3), 443)?,
        };
        let ends = Ends { wire: Some(wire), party: Some(self.party) };
        let (near, far) = tokio::io::duplex(PIPE);
        self.queue.send((far, ends)).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok((near, ends))
    }
}

impl Listen for MemoryListen {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Ends)> {
        self.arrivals.recv().await.ok_or_else(|| io::Error::other("every dialer is gone"))
    }
}

fn made_up(ip: Ipv4Addr, port: u16) -> io::Result<Loopback> {
    Loopback::checked(SocketAddr::from((ip, port))).ok_or_else(|| io::Error::other("not loopback"))
}
