//! Bytes both ways between two streams, with correct half-close.
//!
//! ```text
//!   front ──read──▶ buffer ──write──▶ back      end of file on one side is passed on as a shutdown of the
//!   front ◀─write── buffer ◀──read─── back      other's write half; the opposite way goes on
//! ```
//!
//! An error on either way ends both at once: a truncated message must not look complete. Between two plain
//! sockets large amounts pass inside the kernel (`splice`); a stream that somebody watches is no plain socket.
//! One future, no task of its own; dropping it drops both streams.

#[cfg_attr(not(target_os = "linux"), path = "no_splice.rs")]
mod splice;
mod way;

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

use self::way::Way;
use crate::stream::Stream;

/// What a relay moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes from front to back.
    pub forth: u64,
    /// Bytes from back to front.
    pub back: u64,
}

/// Copies both ways until both ended, one failed, or nothing moved for `idle`.
pub async fn relay<A: Stream, B: Stream>(front: A, back: B, idle: Duration) -> (Moved, io::Result<()>) {
    relay_from(Vec::new(), front, back, idle).await
}

/// The same with bytes that were read from `front` already and go to `back` before anything else.
pub async fn relay_from<A: Stream, B: Stream>(
    already: Vec<u8>,
    front: A,
    back: B,
    idle: Duration,
) -> (Moved, io::Result<()>) {
    let mut pump = Pump::new(already, front, back, idle);
    let outcome = (&mut pump).await;
    (Moved { forth: pump.forth.moved(), back: pump.home.moved() }, outcome)
}

struct Pump<A, B> {
    front: A,
    back: B,
    forth: Way,
    home: Way,
    idle: Duration,
    idle_since: Instant,
    timer: Pin<Box<Sleep>>,
}

impl<A: Stream, B: Stream> Pump<A, B> {
    fn new(already: Vec<u8>, front: A, back: B, idle: Duration) -> Self {
        let plain = front.as_plain().is_some() && back.as_plain().is_some();
        Self {
            front,
            back,
            forth: Way::new(already, plain),
            home: Way::new(Vec::new(), plain),
            idle,
            idle_since: Instant::now(),
            timer: Box::pin(tokio::time::sleep(idle)),
        }
    }
}

impl<A: Stream, B: Stream> Future for &mut Pump<A, B> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let pump = &mut **self;
        let before = pump.forth.moved() + pump.home.moved();
        let forth = pump.forth.poll(cx, &mut pump.front, &mut pump.back)?;
        let home = pump.home.poll(cx, &mut pump.back, &mut pump.front)?;
        if forth.is_ready() && home.is_ready() {
            return Poll::Ready(Ok(()));
        }
        if pump.forth.moved() + pump.home.moved() != before {
            pump.idle_since = Instant::now();
        }
        // The timer is re-armed only when it fires: one registration per idle period, not per byte.
        while pump.timer.as_mut().poll(cx).is_ready() {
            let deadline = pump.idle_since + pump.idle;
            if Instant::now() >= deadline {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "idle for too long")));
            }
            pump.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
