//! Crossings at the acceptor and at the dialer, and the dialing side that asks the segment's rules.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use super::{
    Acceptor, Fabric,
    ring::Ring,
    tap::{Flow, FlowStart},
    tapped::Tapped,
};
use crate::{architecture::SegmentId, foothold::Target, vocabulary::Direction};
use proxies::{
    registry::EntryId,
    stream::{BoxStream, Stream},
    transport::{Dial, Ends, Listen, Party, Wire, tcp::TcpDialer},
};

/// A listener whose accepted connections cross a segment here.
pub struct CrossingListen<L> {
    inner: L,
    fabric: Fabric,
    ring: Arc<Ring>,
    segment: SegmentId,
    entry: EntryId,
}

impl<L: Listen> CrossingListen<L> {
    /// Taps everything `inner`, the listener of `entry` on `segment`, accepts.
    pub fn new(inner: L, fabric: Fabric, ring: Arc<Ring>, segment: SegmentId, entry: EntryId) -> Self {
        Self { inner, fabric, ring, segment, entry }
    }

    fn crossed(&self, (stream, ends): (L::Stream, Ends)) -> io::Result<(Tapped<L::Stream>, Ends)> {
        let elsewhere = || io::Error::other("a Unix socket crosses no segment");
        let wire = ends.wire.ok_or_else(elsewhere)?;
        let flow = self.fabric.flow(self.segment, self.entry, wire, ends.party);
        let reads = Direction::ToAcceptor;
        let tapped = Tapped::new(stream, self.fabric.clone(), self.ring.clone(), flow, reads);
        Ok((tapped, ends))
    }
}

impl<L: Listen> Listen for CrossingListen<L> {
    type Stream = Tapped<L::Stream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, Ends)> {
        let accepted = self.inner.accept().await?;
        self.crossed(accepted)
    }

    /// Who is not let in never crossed: no byte of it was read.
    async fn accept_if<A: FnMut(&Ends) -> bool + Send>(
        &mut self,
        admit: A,
    ) -> io::Result<(Self::Stream, Ends)> {
        let accepted = self.inner.accept_if(admit).await?;
        self.crossed(accepted)
    }
}

impl Fabric {
    /// The beginning of a crossing: who, from where, to what.
    pub(super) fn flow(
        &self,
        segment: SegmentId,
        entry: EntryId,
        wire: Wire,
        party: Option<Party>,
    ) -> Arc<Flow> {
        let dialer = self.parties().who(party);
        let to = self.acceptor(entry).unwrap_or_else(|| Acceptor {
            label: "unnamed/listener".to_owned(),
            target: Target::unnamed(),
            instead_of: None,
        });
        Arc::new(Flow::new(FlowStart {
            id: self.next_flow(),
            segment,
            link: format!("{}>{}", dialer.label, to.label),
            kind: dialer.kind,
            dialer: wire.dialer,
            acceptor: wire.acceptor,
            entry,
            meant: to.instead_of.map(|meant| format!("{}>{meant}", dialer.label)),
            target: to.target,
            phase: self.phase(),
            opened: self.now(),
        }))
    }
}

/// Taps what a dialer dialled, where nobody taps it at the far side. Clones share a ring.
#[derive(Clone, Default)]
pub struct AtDialer {
    ring: Arc<OnceLock<Arc<Ring>>>,
}

impl AtDialer {
    /// A connection to `entry` on `segment`, tapped here if it is tapped nowhere else.
    pub fn cross<S: Stream>(
        &self,
        fabric: &Fabric,
        (segment, entry): (SegmentId, EntryId),
        (stream, ends): (S, Ends),
    ) -> BoxStream {
        let Some(wire) = ends.wire.filter(|_| fabric.is_tapped_at_dialers(entry)) else {
            return Box::new(stream);
        };
        let ring = self.ring.get_or_init(|| fabric.ring()).clone();
        let flow = fabric.flow(segment, entry, wire, ends.party);
        Box::new(Tapped::new(stream, fabric.clone(), ring, flow, Direction::ToDialer))
    }
}

/// Opens connections across a segment, wherever its rules send them.
#[derive(Clone)]
pub struct SegmentDial {
    dialer: TcpDialer,
    fabric: Fabric,
    segment: SegmentId,
    party: proxies::transport::Party,
    to: EntryId,
    tap: AtDialer,
}

impl SegmentDial {
    /// A dialer of `party` towards `to` on `segment`.
    pub fn new(
        dialer: TcpDialer,
        fabric: Fabric,
        segment: SegmentId,
        party: proxies::transport::Party,
        to: EntryId,
    ) -> Self {
        Self { dialer, fabric, segment, party, to, tap: AtDialer::default() }
    }
}

impl Dial for SegmentDial {
    type Stream = BoxStream;

    async fn dial(&self) -> io::Result<(BoxStream, Ends)> {
        let who = self.fabric.parties().who(Some(self.party));
        match self.fabric.rules().route(self.segment, &who, self.to).await {
            Some(entry) => {
                let (stream, ends) = self.dialer.towards(entry).dial().await?;
                Ok((self.tap.cross(&self.fabric, (self.segment, entry), (stream, ends)), ends))
            }
            // Nobody ever answers: the caller's own connect deadline ends it.
            None => std::future::pending().await,
        }
    }
}
