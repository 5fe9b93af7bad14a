//! A crossing as a relay the segment owns: for foreign ends, on its own thread with its own CPU line.
//!
//! ```text
//!   dialer ──▶ relay's entry ── Tapped ── copy ──▶ the real acceptor
//! ```
//!
//! It taps the side it accepts, copies at layer 4, and ends with its token.

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    proxy::{Forward, Proxy},
    registry::EntryId,
    transport::tcp::{TcpDialer, TcpListen},
};
use tokio_util::sync::CancellationToken;

use super::{Fabric, crossing::CrossingListen};
use crate::{architecture::SegmentId, node::thread::NodeThread};

/// Starts the relay of `segment` in front of an acceptor: it takes connections on `front` and carries them
/// on through `onward`. Everything about the crossing (label, target, tap) is that of `front`.
pub fn start(
    fabric: &Fabric,
    segment: SegmentId,
    front: EntryId,
    onward: TcpDialer,
) -> std::io::Result<NodeThread> {
    let fabric = fabric.clone();
    NodeThread::start("segment/relay", move |stop: CancellationToken| async move {
        let listen = TcpListen::take(fabric.registry(), front).map_err(std::io::Error::other)?;
        let ring = fabric.ring();
        let listen = CrossingListen::new(listen, fabric, ring, segment, front);
        let group = Group::of_one("beyond", onward, BackCodec::clear());
        let copying = Proxy::new(FrontCodec::clear(), group, Forward::Bytes);
        copying.run(listen, stop).await;
        Ok(())
    })
}
