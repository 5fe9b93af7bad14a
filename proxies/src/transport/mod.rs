//! Where connections come from and go to, so that the data plane never learns which transport it is on.
//!
//! [`tcp`] opens real loopback sockets, [`unix`] sockets in the file system of one host; [`memory`] is their
//! twin for tests under paused time. What is dialled is an [`EntryId`](crate::registry::EntryId), never an
//! address or a path.

pub mod loopback;
pub mod memory;
pub mod tcp;
pub mod unix;

use std::{future::Future, io};

use loopback::Loopback;

use crate::stream::Stream;

/// The two ends of a connection and who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Where both ends are; `None` on a Unix socket, which has no addresses and crosses no segment.
    pub wire: Option<Wire>,
    /// Who the dialer said it is when it announced itself; `None` for an outside client.
    pub party: Option<Party>,
}

/// Where the two ends of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wire {
    /// The dialing end.
    pub dialer: Loopback,
    /// The accepting end.
    pub acceptor: Loopback,
}

/// A number the owner of the topology gives to whoever may dial; meaningless in this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Party(pub u32);

/// A source of accepted connections.
pub trait Listen: Send + 'static {
    /// What it yields.
    type Stream: Stream;

    /// The next connection. Cancel-safe.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Ends)>> + Send;

    /// The next connection that `admit` lets in; the others are closed at once, by reset where the transport knows
    /// one. Cancel-safe.
    fn accept_if<A: FnMut(&Ends) -> bool + Send>(
        &mut self,
        mut admit: A,
    ) -> impl Future<Output = io::Result<(Self::Stream, Ends)>> + Send {
        async move {
            loop {
                let (stream, ends) = self.accept().await?;
                if admit(&ends) {
                    return Ok((stream, ends));
                }
            }
        }
    }
}

/// A way to open connections to one place.
pub trait Dial: Clone + Send + Sync + 'static {
    /// What it yields.
    type Stream: Stream;

    /// One new connection.
    fn dial(&self) -> impl Future<Output = io::Result<(Self::Stream, Ends)>> + Send;
}
