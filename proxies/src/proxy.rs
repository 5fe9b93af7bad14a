//! One proxied listener: terminate, re-encrypt, or copy, on one shared core.
//!
//! ```text
//!   wire ─▶ FrontCodec ─▶ Group: dial ─▶ BackCodec ─▶ relay | forward
//!           clear | TLS                  clear | TLS
//! ```
//!
//! Clear/clear copies, TLS/clear terminates, TLS/TLS re-encrypts. It copies at layer 4 and parses nothing, but
//! where a listener speaks HTTP, of the version its handshake agreed on, on a clear link HTTP/1.1: there each request
//! goes to one of its groups, on a connection kept from an earlier one or a new one. Every connection or request goes to one of equal places; where that depends on the name a
//! client asks for, see `pass_through`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    balance::{Asked, Group, watch},
    caller::{Application, Caller},
    codec::{Accepted, FrontCodec},
    forward::{Hooks, Rules, Site, h2, http1},
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
    /// HTTP messages, under these rules.
    Http(Rules),
}

/// Everything a proxied listener does with a connection.
pub struct Proxy<D> {
    /// What connections pass first.
    pub entrance: Entrance,
    /// Towards clients.
    pub front: FrontCodec,
    /// Where connections go: the first, or where rules choose by request; shared by the threads of a node.
    pub groups: Vec<Arc<Group<D>>>,
    /// What passes between them.
    pub forward: Forward,
    /// Who else is asked about HTTP messages.
    pub hooks: Hooks,
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
            groups: self.groups.clone(),
            forward: self.forward.clone(),
            hooks: self.hooks.clone(),
            limits: self.limits,
            tally: self.tally.clone(),
        }
    }
}

impl<D> Proxy<D> {
    /// To one group, with the usual limits, counts of its own, and nobody else to ask.
    pub fn new(front: FrontCodec, group: Arc<Group<D>>, forward: Forward) -> Self {
        let (hooks, limits, tally) = (Hooks::default(), Limits::default(), Arc::default());
        let entrance = Entrance::default();
        Self { entrance, front, groups: vec![group], forward, hooks, limits, tally }
    }
}

impl<D: Dial> Proxy<D> {
    /// Serves until `stop`, then drains. Upstream connections kept for later requests are this call's own.
    pub async fn run<L: Listen>(self, listener: L, stop: CancellationToken) -> Drained {
        match self.forward.clone() {
            Forward::Bytes => self.run_with(listener, stop, None).await,
            Forward::Http(rules) => {
                let (groups, hooks) = (self.groups.clone(), self.hooks.clone());
                let site = Arc::new(Site::new(groups, rules, self.limits, hooks, self.tally.clone()));
                let drained = tokio::select! {
                    drained = self.run_with(listener, stop, Some(site.clone())) => drained,
                    never = site.keep() => never,
                };
                site.close().await;
                drained
            }
        }
    }

    async fn run_with<L: Listen>(
        self,
        listener: L,
        stop: CancellationToken,
        site: Option<Arc<Site<D>>>,
    ) -> Drained {
        let (limits, tally) = (self.limits, self.tally.clone());
        let listener = self.entrance.watch(listener, &limits, &tally);
        let (proxy, stopping) = (Arc::new(self), stop.clone());
        let watched = proxy.clone();
        let handler = move |mut wire, ends: Ends| {
            let (proxy, stopping, site) = (proxy.clone(), stopping.clone(), site.clone());
            async move {
                let entered = proxy.entrance.enter(&mut wire, ends, &proxy.limits, &proxy.tally).await;
                let Some(caller) = entered else { return };
                proxy.carry(wire, caller, site, stopping).await;
            }
        };
        let (drained, ()) = tokio::join!(
            serve(listener, handler, limits, tally, stop.clone()),
            watch(watched.groups.iter().map(|group| &**group), &watched.limits, &stop),
        );
        drained
    }

    /// One connection, from accept to the end of both ways.
    async fn carry<S: Stream>(
        &self,
        wire: S,
        mut caller: Caller,
        site: Option<Arc<Site<D>>>,
        stop: CancellationToken,
    ) {
        let accepted = self.front.accept_from(caller.party, wire, self.limits.handshake).await;
        let Ok(Accepted { stream: front, tls }) = accepted else {
            Tally::count(&self.tally.handshakes_failed);
            return;
        };
        if self.front.shakes_hands() {
            self.tally.count_handshake(caller.party);
        }
        caller.tls = tls;
        self.pass(front, caller, site, stop).await;
    }

    /// The same, once its bytes are readable.
    async fn pass(
        &self,
        front: BoxStream,
        caller: Caller,
        site: Option<Arc<Site<D>>>,
        stop: CancellationToken,
    ) {
        match site {
            None => self.copy(front, &caller).await,
            Some(site) if caller.application() == Some(Application::Http2) => {
                let visit = Arc::new(site.visit(caller));
                let ended = h2::forward(front, visit, &self.limits, stop).await;
                self.tally.http.count_ended(ended);
            }
            Some(site) => http1::serve(front, site.visit(caller), &stop).await,
        }
    }

    async fn copy(&self, front: BoxStream, caller: &Caller) {
        let (Some(group), asked) = (self.groups.first(), Asked { caller, session_id: None }) else { return };
        let failed = || Tally::count(&self.tally.upstream_failed);
        if let Ok(back) = group.open(&asked, &self.limits, failed).await {
            // How it ended is the two ends' affair; the streams are dropped with it.
            let _ended = relay(front, back.stream, self.limits.idle).await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{
        caller::Handshake,
        codec::BackCodec,
        transport::{Party, memory},
    };

    /// What a caller hears that opens an HTTP/2 connection after agreeing on this.
    async fn heard(application: Option<Application>) -> Vec<u8> {
        let (dial, _service) = memory::pair(Party(1));
        let group = Group::of_one("service", dial, BackCodec::clear());
        let proxy = Proxy::new(FrontCodec::clear(), group.clone(), Forward::Http(Rules::default()));
        let counts = proxy.tally.clone();
        let site = Site::new(vec![group], Rules::default(), proxy.limits, Hooks::default(), counts);
        let tls = Some(Handshake { application, ..Handshake::default() });
        let (mut near, far) = tokio::io::duplex(64 * 1024);
        let caller = Caller { tls, ..Caller::default() };
        let says = async {
            near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
            near.shutdown().await.unwrap();
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).await.unwrap();
            heard
        };
        let passing = proxy.pass(Box::new(far), caller, Some(Arc::new(site)), CancellationToken::new());
        tokio::join!(passing, says).1
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_speaks_what_its_handshake_agreed_on() {
        let settings = heard(Some(Application::Http2)).await;
        assert_eq!(settings[3..9], [4, 0, 0, 0, 0, 0], "a SETTINGS frame: {settings:?}");
        for other in [None, Some(Application::Http1)] {
            let answer = heard(other).await;
            assert!(answer.starts_with(b"HTTP/1.1 400 "), "{:?}", String::from_utf8_lossy(&answer));
        }
    }
}
