//! One proxied listener: terminate, re-encrypt, or copy, on one shared core.
//!
//! ```text
//!   wire ─▶ FrontCodec ─▶ dial ─▶ BackCodec ─▶ relay | forward_http
//!           clear | TLS            clear | TLS
//! ```
//!
//! Clear/clear copies, TLS/clear terminates, TLS/TLS re-encrypts. It copies at layer 4 and parses nothing, but
//! where a listener speaks HTTP: there it dials at the first request and forwards messages. Every connection goes
//! to the same dial; where that depends on the name asked for, see `pass_through`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    codec::{Accepted, BackCodec, FrontCodec},
    forward_http::{self, ClientCert},
    limits::Limits,
    relay::relay,
    serve::{Drained, Tally, serve},
    stream::{BoxStream, Stream},
    transport::{Dial, Ends, Listen, Party},
    upstream,
};

/// What passes between the two codecs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Forward {
    /// Bytes, as they are.
    #[default]
    Bytes,
    /// HTTP messages, with what they say about the caller's certificate put right.
    Http(ClientCert),
}

/// Everything a proxied listener does with a connection.
#[derive(Clone)]
pub struct Proxy<D> {
    /// Towards clients.
    pub front: FrontCodec,
    /// Where connections go.
    pub dial: D,
    /// Towards the service.
    pub back: BackCodec,
    /// What passes between them.
    pub forward: Forward,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// Counts.
    pub tally: Arc<Tally>,
}

impl<D: Dial> Proxy<D> {
    /// Serves until `stop`, then drains.
    pub async fn run<L: Listen>(self, listener: L, stop: CancellationToken) -> Drained {
        let (limits, tally) = (self.limits, self.tally.clone());
        let (proxy, stopping) = (Arc::new(self), stop.clone());
        let handler = move |wire, ends: Ends| {
            let (proxy, stopping) = (proxy.clone(), stopping.clone());
            async move { proxy.carry(wire, ends.party, stopping).await }
        };
        serve(listener, handler, limits, tally, stop).await
    }

    /// One connection, from accept to the end of both ways.
    async fn carry<S: Stream>(&self, wire: S, party: Option<Party>, stop: CancellationToken) {
        let Ok(front) = self.front.accept_from(party, wire, self.limits.handshake).await else {
            Tally::count(&self.tally.handshakes_failed);
            return;
        };
        if self.front.shakes_hands() {
            self.tally.count_handshake(party);
        }
        match &self.forward {
            Forward::Bytes => self.copy(front).await,
            Forward::Http(rules) => {
                forward_http::forward(front, rules, || self.upstream(), self.limits.idle, stop).await;
            }
        }
    }

    async fn copy(&self, front: Accepted) {
        if let Ok(back) = self.upstream().await {
            // How it ended is the two ends' affair; the streams are dropped with it.
            let _ended = relay(front.stream, back, self.limits.idle).await;
        }
    }

    async fn upstream(&self) -> std::io::Result<BoxStream> {
        let opened = upstream::open(&self.dial, &self.back, self.limits).await;
        opened.inspect_err(|_| Tally::count(&self.tally.upstream_failed))
    }
}
