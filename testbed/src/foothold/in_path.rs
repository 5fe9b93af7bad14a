//! A place between two machines: victims' connections arrive here instead of where they were going.

use proxies::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::reach::Target;

/// A victim's connection, redirected to the impostor.
pub struct Intercepted {
    /// Distinguishes flows of one run; the same number the capture uses.
    pub flow: u64,
    /// The victim's side.
    pub victim: BoxStream,
    /// Where it was going; [`super::Reach::dial`] takes its id.
    pub original: Target,
}

/// Redirected connections, one by one. The rule is lifted when this is dropped.
pub struct InPath {
    arrivals: mpsc::Receiver<Intercepted>,
    stop: CancellationToken,
    // Held for its `Drop`: the segment's redirect rule.
    _rule: Box<dyn Send + Sync>,
}

impl InPath {
    /// A place in the path over a channel of arrivals; `rule` lifts the redirect when dropped.
    pub fn new(
        arrivals: mpsc::Receiver<Intercepted>,
        stop: CancellationToken,
        rule: Box<dyn Send + Sync>,
    ) -> Self {
        Self { arrivals, stop, _rule: rule }
    }

    /// The next victim; `None` once stopped.
    pub async fn next(&mut self) -> Option<Intercepted> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            arrival = self.arrivals.recv() => arrival,
        }
    }
}
