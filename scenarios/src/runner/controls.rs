//! What comes down while a run goes on: pause, skip, stop the attack, stop everything. Every call returns at
//! once.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Handles on a run. Clones share it.
#[derive(Clone, Default)]
pub struct Controls {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    paused: AtomicBool,
    interfered: AtomicBool,
    resumed: Notify,
    stop: CancellationToken,
    step: Mutex<StepTokens>,
    attack_stop_asked: Mutex<Option<Instant>>,
}

/// What ends the current step, and what ends its attack traffic.
#[derive(Clone, Default)]
pub(super) struct StepTokens {
    /// Cut the step short.
    pub(super) step: CancellationToken,
    /// End attack traffic.
    pub(super) attack: CancellationToken,
}

impl Controls {
    /// Holds the run before its next step, or lets it go on.
    pub fn pause(&self, paused: bool) {
        self.inner.paused.store(paused, Ordering::SeqCst);
        self.inner.resumed.notify_waiters();
    }

    /// Ends the current step.
    pub fn skip(&self) {
        self.tokens().step.cancel();
        self.stop_attack();
    }

    /// Ends all attack traffic of the current step.
    pub fn stop_attack(&self) {
        self.inner.interfered.store(true, Ordering::SeqCst);
        lock(&self.inner.attack_stop_asked).get_or_insert_with(Instant::now);
        self.tokens().attack.cancel();
    }

    /// Ends the run: traffic stops, what is finished is written.
    pub fn stop(&self) {
        self.inner.stop.cancel();
        self.skip();
        self.inner.resumed.notify_waiters();
    }

    /// True once [`Self::stop`] was called.
    pub(super) fn stopped(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// True once anything was cut short by hand.
    pub(super) fn interfered(&self) -> bool {
        self.inner.interfered.load(Ordering::SeqCst)
    }

    /// When the attack of this step was asked to stop, if it was.
    pub(super) fn attack_stop_asked(&self) -> Option<Instant> {
        *lock(&self.inner.attack_stop_asked)
    }

    /// Fresh tokens for a step.
    pub(super) fn new_step(&self) -> StepTokens {
        let step = self.inner.stop.child_token();
        let fresh = StepTokens { attack: step.child_token(), step };
        *lock(&self.inner.step) = fresh.clone();
        *lock(&self.inner.attack_stop_asked) = None;
        fresh
    }

    /// Resolves when the run is not paused.
    pub(super) async fn go_on(&self) {
        loop {
            let resumed = self.inner.resumed.notified();
            tokio::pin!(resumed);
            resumed.as_mut().enable();
            if !self.inner.paused.load(Ordering::SeqCst) || self.stopped() {
                return;
            }
            resumed.await;
        }
    }

    fn tokens(&self) -> StepTokens {
        lock(&self.inner.step).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
