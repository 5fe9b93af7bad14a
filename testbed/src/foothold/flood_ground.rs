//! Behind [`Flood`](super::Flood): many registered source addresses, connections that close by reset.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proxies::{
    limits::Limits,
    registry::EntryId,
    tls::{ClientSettings, ClientTls, Verification},
    transport::{Dial, tcp::TcpDialer},
};
use tokio::time::timeout;

use super::{
    flood::{Arm, FloodBackend, FloodConnection, FloodKind},
    grant::Ground,
};
use crate::{
    architecture::SegmentId,
    fabric::{Fabric, crossing::AtDialer},
    launch::arms::Arms,
};

/// Source addresses of one flood: ~28,000 ports each, so that ports never run out before the bounds do.
const SOURCES: usize = 16;

pub(super) struct FloodGround {
    victim: Side,
    decoy: Side,
    next: AtomicUsize,
    limits: Limits,
    fabric: Fabric,
    segment: SegmentId,
    tap: AtDialer,
}

/// How one arm is flooded.
struct Side {
    entry: EntryId,
    dialers: Vec<TcpDialer>,
    tls: Option<ClientTls>,
}

impl FloodGround {
    pub(super) fn new(ground: &Ground, arms: &Arms, kind: FloodKind) -> io::Result<Self> {
        let fabric = &ground.world.fabric;
        let registry = fabric.registry();
        let (mut victim, mut decoy) = (Vec::new(), Vec::new());
        for _ in 0..SOURCES {
            let source = registry.source(registry.draw_ip());
            let dialer = TcpDialer::new(registry.clone(), source, arms.party, arms.victim)?.reset_on_close();
            decoy.push(dialer.towards(arms.decoy));
            victim.push(dialer);
        }
        let tls = |name: &str| match kind {
            FloodKind::Connect => Ok(None),
            FloodKind::Handshake => {
                let settings = ClientSettings::new(Vec::new(), Verification::Off, name.to_owned());
                let log = Arc::new(ground.world.key_log.clone());
                ClientTls::new(&settings, log).map(Some).map_err(io::Error::other)
            }
        };
        let victim = Side { entry: arms.victim, dialers: victim, tls: tls(&arms.victim_name)? };
        let decoy = Side { entry: arms.decoy, dialers: decoy, tls: tls(&arms.decoy_name)? };
        let (fabric, segment, tap) = (fabric.clone(), arms.segment, AtDialer::default());
        let (next, limits) = (AtomicUsize::new(0), Limits::default());
        Ok(Self { victim, decoy, next, limits, fabric, segment, tap })
    }

    async fn one(&self, arm: Arm, kind: FloodKind) -> io::Result<FloodConnection> {
        let Side { entry, dialers, tls } = match arm {
            Arm::Victim => &self.victim,
            Arm::Decoy => &self.decoy,
        };
        let dialer = &dialers[self.next.fetch_add(1, Ordering::Relaxed) % dialers.len()];
        let wire = self.tap.cross(&self.fabric, (self.segment, *entry), dialer.dial().await?);
        match (kind, tls) {
            (FloodKind::Handshake, Some(tls)) => {
                Ok(FloodConnection { stream: Box::new(tls.connect_settled(wire).await?) })
            }
            (FloodKind::Connect, _) => Ok(FloodConnection { stream: wire }),
            (FloodKind::Handshake, None) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl FloodBackend for FloodGround {
    fn attempt(
        &self,
        arm: Arm,
        kind: FloodKind,
    ) -> Pin<Box<dyn Future<Output = io::Result<FloodConnection>> + Send + '_>> {
        Box::pin(async move {
            let attempt = timeout(self.limits.handshake, self.one(arm, kind)).await;
            attempt.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}
