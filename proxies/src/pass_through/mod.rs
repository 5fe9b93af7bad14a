//! One listener that sends TLS on, unopened, to where the name in its `ClientHello` leads.
//!
//! ```text
//!   wire ─▶ FrontCodec ─▶ peek ─▶ route by name ─▶ dial ─▶ BackCodec ─▶ replay what was read, relay
//!           clear           │          │            └── failed: the next one of that name
//!                           └──────────┴── refused: alert (where it is TLS), count, close
//! ```
//!
//! It holds no key: both codecs are clear and are there for their custody seam. Whatever is not a hello that
//! asks for a name with a route is turned away; there is no default. Nothing is sent to a place before its
//! connection stands, so trying the next one repeats nothing. Where sessions decide, the server's hello is looked
//! at as it passes. No task of its own; `serve` owns each connection.

mod first_words;
mod hellos;

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub use hellos::Hellos;

use first_words::first_words;

use crate::{
    balance::{Asked, Group, Opened, watch},
    caller::Caller,
    codec::{Accepted, FrontCodec},
    guard::Entrance,
    limits::Limits,
    peek::{ClientHello, Peek, Peeked, ServerHello},
    refusal::Refusal,
    relay::{relay, relay_from},
    routes::Routes,
    serve::{Drained, Tally, serve},
    stream::{BoxStream, Stream},
    transport::{Dial, Ends, Listen},
};

/// Room for a post-quantum hello without growing.
const USUAL_HELLO: usize = 2048;

/// What a client that is turned away gets to hear why.
const FAREWELL: Duration = Duration::from_secs(1);

/// Everything a pass-through listener does with a connection.
pub struct PassThrough<D> {
    /// What connections pass first.
    pub entrance: Entrance,
    /// Towards clients: clear, observed or not.
    pub front: FrontCodec,
    /// Where names lead; shared by the threads of a node, so that they take turns together.
    pub routes: Arc<Routes<Group<D>>>,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// Counts.
    pub tally: Arc<Tally>,
}

impl<D> Clone for PassThrough<D> {
    fn clone(&self) -> Self {
        Self {
            entrance: self.entrance.clone(),
            front: self.front.clone(),
            routes: self.routes.clone(),
            limits: self.limits,
            tally: self.tally.clone(),
        }
    }
}

impl<D: Dial> PassThrough<D> {
    /// Serves until `stop`, then drains.
    pub async fn run<L: Listen>(self, listener: L, stop: CancellationToken) -> Drained {
        let (limits, tally) = (self.limits, self.tally.clone());
        let listener = self.entrance.watch(listener, &limits, &tally);
        let proxy = Arc::new(self);
        let watched = proxy.clone();
        let handler = move |mut wire, ends: Ends| {
            let proxy = proxy.clone();
            async move {
                let entered = proxy.entrance.enter(&mut wire, ends, &proxy.limits, &proxy.tally).await;
                let Some(caller) = entered else { return };
                proxy.carry(wire, caller).await;
            }
        };
        let (drained, ()) = tokio::join!(
            serve(listener, handler, limits, tally, stop.clone()),
            watch(watched.routes.targets(), &watched.limits, &stop),
        );
        drained
    }

    /// One connection, from accept to the end of both ways.
    async fn carry<S: Stream>(&self, wire: S, caller: Caller) {
        let accepted = self.front.accept_from(caller.party, wire, self.limits.handshake).await;
        let Ok(Accepted { stream: mut front, .. }) = accepted else {
            Tally::count(&self.tally.handshakes_failed);
            return;
        };
        let mut received = Vec::with_capacity(USUAL_HELLO);
        let routed = match self.peek(&mut front, &mut received).await {
            Ok(hello) => {
                self.tally.hellos.count(&hello);
                self.route(&hello).map(|group| (group, hello))
            }
            Err(reason) => Err(reason),
        };
        match routed {
            Ok((group, hello)) => {
                if let Some(opened) = self.upstream(group, &caller, &hello).await {
                    self.pass(received, front, opened, (group, &hello)).await;
                }
            }
            Err(reason) => self.refuse(reason, front, received.is_empty()).await,
        }
    }

    /// Both ways, to the end; on the way the group hears which session the server names.
    async fn pass(
        &self,
        received: Vec<u8>,
        mut front: BoxStream,
        opened: Opened,
        (group, hello): (&Group<D>, &ClientHello),
    ) {
        let Opened { stream: mut back, place, lease: _open } = opened;
        // How it ended is the two ends' affair; the streams are dropped with it.
        if !(group.learns() && hello.offers_session_ids()) {
            let _ended = relay_from(received, front, back, self.limits.idle).await;
            return;
        }
        let heard = |server: &ServerHello| group.heard(server, hello.session(), place);
        let begun = first_words(received, (&mut front, &mut back), heard, self.limits.idle).await;
        if begun.is_ok() {
            let _ended = relay(front, back, self.limits.idle).await;
        }
    }

    /// Reads until the hello is whole; everything read is in `received`.
    async fn peek(&self, front: &mut BoxStream, received: &mut Vec<u8>) -> Result<ClientHello, Refusal> {
        let mut wire = front.take(self.limits.peek_bytes as u64);
        let mut peek = Peek::new(self.limits.peek_bytes);
        let looking = async {
            loop {
                let start = received.len();
                if !matches!(wire.read_buf(received).await, Ok(1..)) {
                    return Err(Refusal::CutShort);
                }
                match peek.feed(&received[start..]) {
                    Peeked::More => {}
                    Peeked::Hello(hello) => return Ok(hello.clone()),
                    Peeked::Refused(reason) => return Err((*reason).into()),
                }
            }
        };
        timeout(self.limits.peek, looking).await.unwrap_or(Err(Refusal::TooSlow))
    }

    fn route(&self, hello: &ClientHello) -> Result<&Group<D>, Refusal> {
        let name = hello.server_name.as_deref().ok_or(Refusal::NoName)?;
        self.routes.of(name).ok_or(Refusal::UnknownName)
    }

    /// The first place that takes a connection; `None` if none does.
    async fn upstream(&self, group: &Group<D>, caller: &Caller, hello: &ClientHello) -> Option<Opened> {
        let failed = || Tally::count(&self.tally.upstream_failed);
        group.open(&Asked { caller, session_id: hello.session() }, &self.limits, failed).await.ok()
    }

    /// Turns a connection away, telling a TLS client why.
    async fn refuse(&self, reason: Refusal, mut front: BoxStream, silent: bool) {
        self.tally.refused.count(reason);
        let Some(alert) = reason.alert().filter(|_| !silent) else { return };
        let farewell = async {
            front.write_all(&alert).await?;
            front.shutdown().await?;
            // Closing a socket with unread bytes resets it under a client that has yet to hear.
            let mut rest = front.take(self.limits.peek_bytes as u64);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // A client that does not listen is cut off all the same.
        let _heard = timeout(FAREWELL, farewell).await;
    }
}
