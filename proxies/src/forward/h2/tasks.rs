//! Where the streams of one HTTP/2 connection run: a set of tasks that belongs to the connection and is aborted with
//! it, and a clock over each of them.
//!
//! A stream whose caller takes its answer too slowly is given up: its task ends, and the library resets it. The set
//! is awaited by its owner; dropping it aborts what is left.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::Executor;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{super::alarm::Alarm, pace::Pace};
use crate::limits::HttpLimits;

tokio::task_local! {
    /// The stream a task runs.
    static PULSE: Arc<Pulse>;
}

/// How one stream's answer gets on.
pub(super) struct Pulse(Mutex<Pace>);

impl Pulse {
    /// That of the stream this code runs for.
    pub(super) fn here() -> Option<Arc<Self>> {
        PULSE.try_with(Arc::clone).ok()
    }

    /// Bytes were handed to the library; it asks for more once the caller has room.
    pub(super) fn handed(&self) {
        self.pace().wait(Instant::now());
    }

    /// The library asks: what it was handed before is on its way.
    pub(super) fn taken(&self, bytes: u64) {
        self.pace().moved(bytes, Instant::now());
    }

    fn until(&self) -> Option<Instant> {
        self.pace().until()
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        lock(&self.0)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tasks of one connection; dropping it aborts them.
pub(super) struct Tasks {
    set: Arc<Mutex<JoinSet<()>>>,
    running: watch::Sender<usize>,
}

/// What the library starts tasks with. It keeps none alive: each task holds one of these itself.
#[derive(Clone)]
pub(super) struct Spawner {
    set: Weak<Mutex<JoinSet<()>>>,
    running: watch::Sender<usize>,
    rate: u64,
    grace: Duration,
    idle: Duration,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Self { set: Arc::default(), running: watch::Sender::new(0) }
    }

    pub(super) fn spawner(&self, limits: &HttpLimits, idle: Duration) -> Spawner {
        Spawner {
            set: Arc::downgrade(&self.set),
            running: self.running.clone(),
            rate: limits.body_rate,
            grace: limits.body_grace,
            idle,
        }
    }

    /// Returns once no stream has been running for as long as `patience` says.
    pub(super) async fn idle_for(&self, patience: Duration) {
        let mut running = self.running.subscribe();
        loop {
            // The sender is this object's: there is always an answer.
            drop(running.wait_for(|count| *count == 0).await);
            tokio::select! {
                biased;
                _busy = running.wait_for(|count| *count > 0) => {}
                () = tokio::time::sleep(patience) => return,
            }
        }
    }

    /// Aborts every stream.
    pub(super) fn abort(&self) {
        lock(&self.set).abort_all();
    }

    /// Aborts every stream and waits until they are gone.
    pub(super) async fn end(&self) {
        let mut set = std::mem::take(&mut *lock(&self.set));
        set.shutdown().await;
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, stream: F) {
        // Without its owner the connection is over.
        let Some(set) = self.set.upgrade() else { return };
        let pulse = Arc::new(Pulse(Mutex::new(Pace::new(self.rate, self.grace, self.idle))));
        self.running.send_modify(|count| *count += 1);
        let timed = Timed {
            stream: Box::pin(stream),
            pulse: pulse.clone(),
            alarm: Alarm::default(),
            _one: One(self.running.clone()),
        };
        let mut set = lock(&set);
        while set.try_join_next().is_some() {}
        set.spawn(PULSE.scope(pulse, timed));
    }
}

/// One running stream, as long as it runs.
struct One(watch::Sender<usize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// A stream that ends when its caller stalls.
struct Timed<F> {
    stream: Pin<Box<F>>,
    pulse: Arc<Pulse>,
    alarm: Alarm,
    _one: One,
}

impl<F: Future<Output = ()>> Future for Timed<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(until) = self.pulse.until() else { return Poll::Pending };
        self.alarm.poll(cx, until)
    }
}
