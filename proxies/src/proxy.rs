//! One proxied listener: terminate, re-encrypt, or copy, on one shared core.
//!
//! ```text
//!   wire ─▶ FrontCodec ─▶ dial ─▶ BackCodec ─▶ relay
//!           clear | TLS            clear | TLS
//! ```
//!
//! Clear/clear copies, TLS/clear terminates, TLS/TLS re-encrypts. It copies at layer 4 and parses nothing.
//! Every connection goes to the same dial; where that depends on the name asked for, see `pass_through`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    codec::{BackCodec, FrontCodec},
    limits::Limits,
    relay::relay,
    serve::{Drained, Tally, serve},
    stream::Stream,
    transport::{Dial, Ends, Listen, Party},
    upstream,
};

/// Everything a proxied listener does with a connection.
#[derive(Clone)]
pub struct Proxy<D> {
    /// Towards clients.
    pub front: FrontCodec,
    /// Where connections go.
    pub dial: D,
    /// Towards the service.
    pub back: BackCodec,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// Counts.
    pub tally: Arc<Tally>,
}

impl<D: Dial> Proxy<D> {
    /// Serves until `stop`, then drains.
    pub async fn run<L: Listen>(self, listener: L, stop: CancellationToken) -> Drained {
        let (limits, tally) = (self.limits, self.tally.clone());
        let proxy = Arc::new(self);
        let handler = move |wire, ends: Ends| {
            let proxy = proxy.clone();
            async move { proxy.carry(wire, ends.party).await }
        };
        serve(listener, handler, limits, tally, stop).await
    }

    /// One connection, from accept to the end of both ways.
    async fn carry<S: Stream>(&self, wire: S, party: Option<Party>) {
        let Ok(front) = self.front.accept(wire, self.limits.handshake).await else {
            Tally::count(&self.tally.handshakes_failed);
            return;
        };
        if self.front.shakes_hands() {
            self.tally.count_handshake(party);
        }
        match upstream::open(&self.dial, &self.back, self.limits).await {
            Ok(back) => {
                // How it ended is the two ends' affair; the streams are dropped with it.
                let _ended = relay(front, back, self.limits.idle).await;
            }
            Err(_) => Tally::count(&self.tally.upstream_failed),
        }
    }
}
