//! One proxied listener: terminate, re-encrypt, or copy, on one shared core.
//!
//! ```text
//!   wire ─▶ FrontCodec ─▶ Group: dial ─▶ BackCodec ─▶ relay | forward_http
//!           clear | TLS                  clear | TLS
//! ```
//!
//! Clear/clear copies, TLS/clear terminates, TLS/TLS re-encrypts. It copies at layer 4 and parses nothing, but
//! where a listener speaks HTTP: there it dials at the first request and forwards messages. Every connection goes
//! to one of equal places; where that depends on the name asked for, see `pass_through`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    balance::{Asked, Group},
    caller::Caller,
    codec::{Accepted, FrontCodec},
    forward_http::{self, ClientCert},
    guard::Entrance,
    limits::Limits,
    relay::relay,
    serve::{Drained, Tally, serve},
    stream::{BoxStream, Stream},
    transport::{Dial, Ends, Listen},
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
pub struct Proxy<D> {
    /// What connections pass first.
    pub entrance: Entrance,
    /// Towards clients.
    pub front: FrontCodec,
    /// Where connections go; shared by the threads of a node.
    pub group: Arc<Group<D>>,
    /// What passes between them.
    pub forward: Forward,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// Counts.
    pub tally: Arc<Tally>,
}

impl<D> Clone for Proxy<D> {
    fn clone(&self) -> Self {
        Self {
            entrance: self.entrance.clone(),
            front: self.front.clone(),
            group: self.group.clone(),
            forward: self.forward.clone(),
            limits: self.limits,
            tally: self.tally.clone(),
        }
    }
}

impl<D: Dial> Proxy<D> {
    /// Serves until `stop`, then drains.
    pub async fn run<L: Listen>(self, listener: L, stop: CancellationToken) -> Drained {
        let (limits, tally) = (self.limits, self.tally.clone());
        let listener = self.entrance.watch(listener, &limits, &tally);
        let (proxy, stopping) = (Arc::new(self), stop.clone());
        let handler = move |mut wire, ends: Ends| {
            let (proxy, stopping) = (proxy.clone(), stopping.clone());
            async move {
                let entered = proxy.entrance.enter(&mut wire, ends, &proxy.limits, &proxy.tally).await;
                let Some(caller) = entered else { return };
                proxy.carry(wire, caller, stopping).await;
            }
        };
        serve(listener, handler, limits, tally, stop).await
    }

    /// One connection, from accept to the end of both ways.
    async fn carry<S: Stream>(&self, wire: S, mut caller: Caller, stop: CancellationToken) {
        let accepted = self.front.accept_from(caller.party, wire, self.limits.handshake).await;
        let Ok(Accepted { stream: front, tls }) = accepted else {
            Tally::count(&self.tally.handshakes_failed);
            return;
        };
        if self.front.shakes_hands() {
            self.tally.count_handshake(caller.party);
        }
        caller.tls = tls;
        match &self.forward {
            Forward::Bytes => self.copy(front, &caller).await,
            Forward::Http(rules) => {
                let idle = self.limits.idle;
                forward_http::forward(front, &caller, rules, || self.upstream(&caller), idle, stop).await;
            }
        }
    }

    async fn copy(&self, front: BoxStream, caller: &Caller) {
        if let Ok(back) = self.upstream(caller).await {
            // How it ended is the two ends' affair; the streams are dropped with it.
            let _ended = relay(front, back, self.limits.idle).await;
        }
    }

    async fn upstream(&self, caller: &Caller) -> std::io::Result<BoxStream> {
        let asked = Asked { caller, session_id: None };
        let failed = || Tally::count(&self.tally.upstream_failed);
        Ok(self.group.open(&asked, &self.limits, failed).await?.stream)
    }
}
