//! From a plan's listeners and dials to streams: taps where a segment is crossed, TLS where the plan says so.

use std::{io, sync::Arc};

use proxies::{
    codec::{BackCodec, FrontCodec},
    custody::Observe,
    limits::Limits,
    registry::EntryId,
    stream::{BoxStream, Stream},
    tls::{ClientTls, ServerTls},
    transport::{
        Dial, Ends, Listen,
        tcp::{TcpDialer, TcpListen},
        unix::{UnixDialer, UnixListen},
    },
};
use tokio::time::timeout;

use super::plan::{DialPlan, ListenPlan};
use crate::{
    connect::{Connect, Connecting},
    custody::Custody,
    fabric::{
        Fabric,
        crossing::{CrossingListen, SegmentDial},
        ring::Ring,
    },
    keylog::KeyLogStore,
    services::compute::ComputeStore,
};

/// What every node of a launch shares.
#[derive(Clone)]
pub struct World {
    /// Segments and addresses.
    pub fabric: Fabric,
    /// Secrets of every TLS session of the run.
    pub key_log: KeyLogStore,
    /// Do services keep a log of what they did, for whoever judges?
    pub recorded: bool,
    /// What every compute service of the launch works on, as on one database.
    pub store: Arc<ComputeStore>,
    /// What processes hold, where the launch keeps it.
    pub custody: Option<Custody>,
}

impl World {
    /// The same for one process: what passes its codecs is its own.
    #[must_use]
    pub fn of(&self, process: &str) -> Self {
        Self { custody: self.custody.as_ref().map(|custody| custody.of(process)), ..self.clone() }
    }

    fn observer(&self, dials: Option<EntryId>) -> Option<Arc<dyn Observe>> {
        self.custody.as_ref().and_then(|custody| custody.observer(dials))
    }
}

/// A listener on a node thread: crossing a segment or not.
pub enum NodeListen {
    /// Tapped at the acceptor.
    Crossing(CrossingListen<TcpListen>),
    /// A local link, or behind a relay.
    Plain(TcpListen),
    /// A Unix socket of the host.
    Unix(UnixListen),
}

impl NodeListen {
    /// Takes a plan's listener onto the current runtime.
    pub fn take(world: &World, ring: &Arc<Ring>, plan: &ListenPlan) -> io::Result<Self> {
        let registry = world.fabric.registry();
        if registry.is_unix(plan.entry) {
            return Ok(Self::Unix(UnixListen::take(registry, plan.entry).map_err(io::Error::other)?));
        }
        let listen = TcpListen::take(registry, plan.entry).map_err(io::Error::other)?;
        Ok(match plan.crossing {
            Some(segment) => {
                let (fabric, ring) = (world.fabric.clone(), ring.clone());
                Self::Crossing(CrossingListen::new(listen, fabric, ring, segment, plan.entry))
            }
            None => Self::Plain(listen),
        })
    }
}

impl Listen for NodeListen {
    type Stream = BoxStream;

    async fn accept(&mut self) -> io::Result<(BoxStream, Ends)> {
        self.accept_if(|_| true).await
    }

    async fn accept_if<A: FnMut(&Ends) -> bool + Send>(&mut self, admit: A) -> io::Result<(BoxStream, Ends)> {
        Ok(match self {
            Self::Crossing(listen) => boxed(listen.accept_if(admit).await?),
            Self::Plain(listen) => boxed(listen.accept_if(admit).await?),
            Self::Unix(listen) => boxed(listen.accept_if(admit).await?),
        })
    }
}

fn boxed<S: Stream>((stream, ends): (S, Ends)) -> (BoxStream, Ends) {
    (Box::new(stream), ends)
}

/// The codec of a plan's listener.
pub fn front_codec(world: &World, plan: &ListenPlan) -> io::Result<FrontCodec> {
    let codec = match &plan.tls {
        None => FrontCodec::clear(),
        Some(settings) => {
            let tls = ServerTls::new(settings, Arc::new(world.key_log.clone())).map_err(io::Error::other)?;
            FrontCodec::terminate(tls).with_ballast(plan.ballast)
        }
    };
    Ok(match world.observer(None) {
        Some(observer) => codec.observed(observer),
        None => codec,
    })
}

/// A way to dial: asking a segment's rules, or over a local link.
#[derive(Clone)]
pub enum NodeDial {
    /// Across a segment.
    Segment(SegmentDial),
    /// Within the host.
    Local(TcpDialer),
    /// Within the host, over a file.
    Unix(UnixDialer),
}

impl NodeDial {
    /// The dial of a plan.
    pub fn new(world: &World, plan: &DialPlan) -> io::Result<Self> {
        let fabric = &world.fabric;
        if fabric.registry().is_unix(plan.entry) {
            let dialer = UnixDialer::new(fabric.registry().clone(), plan.party, plan.entry);
            return Ok(Self::Unix(dialer));
        }
        let dialer = TcpDialer::new(fabric.registry().clone(), plan.source, plan.party, plan.entry)?;
        Ok(match plan.segment {
            Some(segment) => {
                Self::Segment(SegmentDial::new(dialer, fabric.clone(), segment, plan.party, plan.entry))
            }
            None => Self::Local(dialer),
        })
    }
}

impl Dial for NodeDial {
    type Stream = BoxStream;

    async fn dial(&self) -> io::Result<(BoxStream, Ends)> {
        match self {
            Self::Segment(dial) => dial.dial().await,
            Self::Local(dial) => {
                dial.dial().await.map(|(stream, ends)| (Box::new(stream) as BoxStream, ends))
            }
            Self::Unix(dial) => dial.dial().await.map(|(stream, ends)| (Box::new(stream) as BoxStream, ends)),
        }
    }
}

/// The codec of a plan's dial.
pub fn back_codec(world: &World, plan: &DialPlan) -> io::Result<BackCodec> {
    let codec = match &plan.tls {
        None => BackCodec::clear(),
        Some(settings) => {
            let tls = ClientTls::new(settings, Arc::new(world.key_log.clone())).map_err(io::Error::other)?;
            BackCodec::originate(tls)
        }
    };
    Ok(match world.observer(Some(plan.entry)) {
        Some(observer) => codec.observed(observer),
        None => codec,
    })
}

/// A dial as services and clients use it: TCP, crossing and TLS in one.
pub struct NodeConnect {
    dial: NodeDial,
    codec: BackCodec,
    limits: Limits,
    authority: String,
}

impl NodeConnect {
    /// The connector of a plan's dial.
    pub fn new(world: &World, plan: &DialPlan, limits: Limits) -> io::Result<Arc<Self>> {
        let (dial, codec) = (NodeDial::new(world, plan)?, back_codec(world, plan)?);
        Ok(Arc::new(Self { dial, codec, limits, authority: plan.authority.clone() }))
    }
}

impl Connect for NodeConnect {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let dialled = timeout(self.limits.connect, self.dial.dial()).await;
            let (wire, _ends) = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            self.codec.connect(wire, self.limits.handshake).await
        })
    }

    fn authority(&self) -> &str {
        &self.authority
    }
}
