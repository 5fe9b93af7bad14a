//! A crossing as a relay the segment owns: for foreign ends, on its own thread with its own CPU line.
//!
//! ```text
//!   dialer ──▶ relay's entry ── Tapped ── copy ──▶ the real acceptor
//! ```
//!
//! It taps the side it accepts, copies at layer 4, and ends with its token.
//!
//! ```text
//!   a program of its own ──▶ its door ── copy ──▶ SegmentDial (rules, taps as for any dialer) ──▶ acceptor
//! ```
//!
//! A door is where such a program comes onto a segment: it dials for the program, under its name and from its address,
//! so that rules are asked and each byte is tapped once, and takes nobody's connections but that program's.

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    limits::Limits,
    proxy::{Forward, Proxy},
    registry::EntryId,
    transport::tcp::{TcpDialer, TcpListen},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Fabric,
    crossing::{CrossingListen, SegmentDial},
};
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

/// Starts the doors of one program: each entry with the dial behind it.
pub fn doors(
    fabric: &Fabric,
    doors: Vec<(EntryId, SegmentDial)>,
    limits: Limits,
) -> std::io::Result<NodeThread> {
    let fabric = fabric.clone();
    NodeThread::start("segment/door", move |stop: CancellationToken| async move {
        let mut open = JoinSet::new();
        for (entry, onward) in doors {
            let listen = TcpListen::take(fabric.registry(), entry).map_err(std::io::Error::other)?;
            let group = Group::of_one("beyond", onward, BackCodec::clear());
            let copying = Proxy { limits, ..Proxy::new(FrontCodec::clear(), group, Forward::Bytes) };
            let stop = stop.clone();
            open.spawn(async move { copying.run(listen, stop).await });
        }
        while let Some(ended) = open.join_next().await {
            ended.map_err(std::io::Error::other)?;
        }
        Ok(())
    })
}
