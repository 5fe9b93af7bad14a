//! Where connections come from and go to, so that the data plane never learns which transport it is on.
//!
//! [`tcp`] opens real loopback sockets and is the only module of the project that does; [`memory`] is its
//! twin for tests under paused time. Both are reached by [`EntryId`](crate::registry::EntryId), never by
//! address.

pub mod loopback;
pub mod memory;
pub mod tcp;

use std::{future::Future, io};

use loopback::Loopback;

use crate::stream::Stream;

/// The two ends of a connection and who opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// The dialing end.
    pub dialer: Loopback,
    /// The accepting end.
    pub acceptor: Loopback,
    /// Who the dialer said it is when it announced itself; `None` for an outside client.
    pub party: Option<Party>,
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
}

/// A way to open connections to one place.
pub trait Dial: Clone + Send + Sync + 'static {
    /// What it yields.
    type Stream: Stream;

    /// One new connection.
    fn dial(&self) -> impl Future<Output = io::Result<(Self::Stream, Ends)>> + Send;
}
