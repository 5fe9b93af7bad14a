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
    tls::{ClientSettings, ClientTls, Verification},
    transport::{Dial, tcp::TcpDialer},
};
use tokio::time::timeout;

use super::{
    flood::{Arm, FloodBackend, FloodConnection, FloodKind},
    grant::Ground,
};
use crate::{launch::arms::Arms, pki::DOMAIN};

/// Source addresses of one flood: ~28,000 ports each, so that ports never run out before the bounds do.
const SOURCES: usize = 16;

pub(super) struct FloodGround {
    victim: Vec<TcpDialer>,
    decoy: Vec<TcpDialer>,
    tls: Option<ClientTls>,
    next: AtomicUsize,
    limits: Limits,
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
        let tls = match kind {
            FloodKind::Connect => None,
            FloodKind::Handshake => {
                let server_name = format!("flood.{DOMAIN}");
                let settings = ClientSettings::new(Vec::new(), Verification::Off, server_name);
                let log = Arc::new(ground.world.key_log.clone());
                Some(ClientTls::new(&settings, log).map_err(io::Error::other)?)
            }
        };
        Ok(Self { victim, decoy, tls, next: AtomicUsize::new(0), limits: Limits::default() })
    }

    async fn one(&self, arm: Arm, kind: FloodKind) -> io::Result<FloodConnection> {
        let dialers = match arm {
            Arm::Victim => &self.victim,
            Arm::Decoy => &self.decoy,
        };
        let dialer = &dialers[self.next.fetch_add(1, Ordering::Relaxed) % dialers.len()];
        let (wire, _ends) = dialer.dial().await?;
        match (kind, &self.tls) {
            (FloodKind::Handshake, Some(tls)) => {
                Ok(FloodConnection { stream: Box::new(tls.connect_settled(wire).await?) })
            }
            (FloodKind::Connect, _) => Ok(FloodConnection { stream: Box::new(wire) }),
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
