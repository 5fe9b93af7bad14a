//! The attacker at work: one technique, one foothold, one thread.
//!
//! The foothold is granted on that thread, so that every attack socket lives and ends there; when the
//! technique is over, or its time is, the thread is joined and not one attack socket is left.

use std::sync::Arc;

use attacker::{
    loot::{Item, Loot, LootSink},
    technique::Description,
};
use testbed::{
    foothold::{Foothold, Footholds, GrantError},
    node::thread::NodeThread,
    vocabulary::Vantage,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::RunError;

/// A technique under way.
pub(super) struct Assault {
    thread: NodeThread,
    vantage: Vantage,
    stop: CancellationToken,
    outcome: oneshot::Receiver<Result<Loot, GrantError>>,
    items: mpsc::UnboundedReceiver<Item>,
}

impl Assault {
    /// Grants the foothold and starts the technique; returns when the foothold stands.
    pub(super) async fn start(
        footholds: &Arc<Footholds>,
        technique: &Description,
        vantage: Vantage,
        grant: impl FnOnce(&Footholds, &CancellationToken) -> Result<Foothold, GrantError> + Send + 'static,
        stop: CancellationToken,
    ) -> Result<Self, RunError> {
        let (sink, items) = LootSink::channel();
        let (done, outcome) = oneshot::channel();
        let (standing, stands) = oneshot::channel();
        let (footholds, prepare, until) = (footholds.clone(), technique.prepare, stop.clone());
        let thread = NodeThread::start("attacker", move |end| async move {
            let foothold = match grant(&footholds, &until) {
                Ok(foothold) => foothold,
                Err(error) => {
                    // Whoever waits learns it from the outcome.
                    let _ = done.send(Err(error));
                    return Ok(());
                }
            };
            let _ = standing.send(());
            let running = prepare(sink).run(foothold);
            if let Some(loot) = end.run_until_cancelled(running).await {
                let _ = done.send(Ok(loot));
            }
            Ok(())
        })?;
        let mut assault = Self { thread, vantage, stop, outcome, items };
        if stands.await.is_err() {
            let refused = (&mut assault.outcome).await;
            return match refused {
                Ok(Err(error)) => Err(error.into()),
                _ => Err(std::io::Error::other("the attacker ended before it began").into()),
            };
        }
        Ok(assault)
    }

    /// Where the attacker stands.
    pub(super) fn vantage(&self) -> Vantage {
        self.vantage
    }

    /// Loot that came since the last look.
    pub(super) fn fresh(&mut self) -> Vec<Item> {
        std::iter::from_fn(|| self.items.try_recv().ok()).collect()
    }

    /// Waits for a technique that ends by itself, and joins its thread.
    pub(super) async fn finish(self) -> Result<(Loot, Vec<Item>), RunError> {
        let Self { thread, outcome, mut items, .. } = self;
        let loot = outcome.await;
        let last = std::iter::from_fn(|| items.try_recv().ok()).collect();
        thread.stop()?;
        match loot {
            Ok(Ok(loot)) => Ok((loot, last)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(std::io::Error::other("a technique ended without a word").into()),
        }
    }

    /// Tells the technique that its time is over, waits for what it brings home, and joins its thread.
    pub(super) async fn end(self) -> Result<(Loot, Vec<Item>), RunError> {
        self.stop.cancel();
        self.finish().await
    }
}
