//! What a connection passes before anything is spent on it.
//!
//! ```text
//!   accept ─▶ rate of its source ─▶ rate of the listener ─▶ task ─▶ PROXY header ─▶ rate of the source it names
//!                └───────── reset ──────────┘                         └──────── closed ────────┘
//!                                                                     (from peers that send one)
//! ```
//!
//! All of it comes before any codec, so that a flood that is turned away costs no asymmetric cryptography. A peer that
//! is believed carries other people's connections: its own address is not limited, those it names are. No task of its
//! own.

use std::sync::Arc;

use tokio::time::Instant;

use super::gate::{Gate, TooMany};
use crate::{
    caller::Caller,
    limits::{Limits, Rates},
    proxy_header::{self, Accept},
    serve::Tally,
    stream::Stream,
    transport::{Ends, Listen},
};

/// The entrance of one listener; its clones, one per thread, count together.
#[derive(Clone, Default)]
pub struct Entrance {
    header: Option<Arc<Accept>>,
    gate: Arc<Gate>,
}

impl Entrance {
    /// One whose connections from these peers begin with a PROXY header; by default none do.
    pub fn behind(peers: Accept) -> Self {
        Self { header: Some(Arc::new(peers)), gate: Arc::default() }
    }

    /// A listener that lets in what its rates allow, and resets the rest at once.
    pub fn watch<L: Listen>(&self, listener: L, limits: &Limits, tally: &Arc<Tally>) -> Watched<L> {
        Watched { listener, entrance: self.clone(), rates: limits.rates, tally: tally.clone() }
    }

    /// Who calls, by the header where one is due; `None` if the connection is to be dropped. Takes nothing off the
    /// wire but that header.
    pub async fn enter<S: Stream>(
        &self,
        wire: &mut S,
        ends: Ends,
        limits: &Limits,
        tally: &Tally,
    ) -> Option<Caller> {
        let mut caller = Caller::of(ends);
        if !self.believes(&caller) {
            return Some(caller);
        }
        let Ok(header) = proxy_header::read(wire, limits.peek).await else {
            Tally::count(&tally.proxy_headers_refused);
            return None;
        };
        Tally::count(&tally.proxy_headers);
        header.apply(&mut caller);
        let admitted = self.admit_source(&caller, &limits.rates);
        admitted.map_err(|reason| count(tally, reason)).ok().map(|()| caller)
    }

    fn believes(&self, caller: &Caller) -> bool {
        self.header.as_ref().is_some_and(|peers| peers.believes(caller))
    }

    fn admit_source(&self, caller: &Caller, rates: &Rates) -> Result<(), TooMany> {
        let source = caller.source.map(|source| source.ip());
        self.gate.admit_source(rates, source, Instant::now())
    }

    /// Before the connection is looked at. The source first: who comes too often takes nothing from the others.
    fn admit(&self, ends: Ends, rates: &Rates) -> Result<(), TooMany> {
        let caller = Caller::of(ends);
        if !self.believes(&caller) {
            self.admit_source(&caller, rates)?;
        }
        self.gate.admit_connection(rates, Instant::now())
    }
}

fn count(tally: &Tally, reason: TooMany) {
    Tally::count(match reason {
        TooMany::Connections => &tally.over_rate,
        TooMany::FromSource => &tally.over_source_rate,
    });
}

/// A listener behind an entrance.
pub struct Watched<L> {
    listener: L,
    entrance: Entrance,
    rates: Rates,
    tally: Arc<Tally>,
}

impl<L: Listen> Listen for Watched<L> {
    type Stream = L::Stream;

    async fn accept(&mut self) -> std::io::Result<(L::Stream, Ends)> {
        if self.rates.connections.is_none() && self.rates.per_source.is_none() {
            return self.listener.accept().await;
        }
        let Self { listener, entrance, rates, tally } = self;
        let admit = |ends: &Ends| entrance.admit(*ends, rates).map_err(|reason| count(tally, reason)).is_ok();
        listener.accept_if(admit).await
    }
}
