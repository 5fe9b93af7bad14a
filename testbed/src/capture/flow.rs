//! What a tap saw of one connection: who dialed whom over which segment, and every chunk in its true order.
//!
//! Plain data. It does not know how the bytes are kept, framed or judged.

use std::{net::SocketAddrV4, sync::Arc, time::Duration};

use bytes::Bytes;

use crate::vocabulary::Direction;

/// One connection as it crossed one segment. Times count from the start of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Distinguishes flows of one run.
    pub id: u64,
    /// The leg it belongs to, `host/process>host/process`.
    pub link: Arc<str>,
    /// The segment it crossed, as an index into the segments of the capture file.
    pub segment: usize,
    /// The dialing end.
    pub dialer: SocketAddrV4,
    /// The accepting end.
    pub acceptor: SocketAddrV4,
    /// Which phase of which scenario it was opened in; equal keys, same phase.
    pub phase: u32,
    /// When it was opened.
    pub opened: Duration,
    /// What crossed, both ways, in true order.
    pub chunks: Vec<Chunk>,
    /// When and how it ended; `None` while it is open.
    pub ended: Option<(Duration, Ending)>,
}

/// Bytes that crossed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When.
    pub at: Duration,
    /// Which way.
    pub direction: Direction,
    /// The bytes. Empty: the side sending this way finished (its FIN); the other side may go on.
    pub bytes: Bytes,
}

/// How a flow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Both sides finished. A side that did not say so by an empty chunk finishes here, the dialing one first.
    Fin,
    /// The side sending this way cut it with a reset.
    Reset(Direction),
}

/// The way back.
pub(super) const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::ToAcceptor => Direction::ToDialer,
        Direction::ToDialer => Direction::ToAcceptor,
    }
}

/// One value for each direction.
#[derive(Clone, Debug)]
pub(super) struct Both<T> {
    to_acceptor: T,
    to_dialer: T,
}

impl<T> Both<T> {
    pub(super) fn new(mut value: impl FnMut(Direction) -> T) -> Self {
        Self { to_acceptor: value(Direction::ToAcceptor), to_dialer: value(Direction::ToDialer) }
    }

    pub(super) fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::ToAcceptor => &self.to_acceptor,
            Direction::ToDialer => &self.to_dialer,
        }
    }

    pub(super) fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ToAcceptor => &mut self.to_acceptor,
            Direction::ToDialer => &mut self.to_dialer,
        }
    }
}
