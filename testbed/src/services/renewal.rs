//! Asking whoever logs in somewhere to do so again, at once: in every phase its password has to cross.
//!
//! The asker may wait until that was tried, which says nothing about how it went. Spawns nothing; who is asked
//! works in its own time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{Notify, watch};

/// Makes somebody log in again. Clones ask the same one; asking twice before it listens is asking once.
#[derive(Clone, Debug, Default)]
pub struct Renewal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    asks: AtomicU64,
    asked: Notify,
    tried: watch::Sender<u64>,
}

impl Renewal {
    /// Asks for a new connection and a new login; what it returns ends when that was tried, and need not be
    /// awaited. Without anybody who is asked it never ends.
    pub fn ask(&self) -> impl Future<Output = ()> + use<> {
        let mine = self.0.asks.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.asked.notify_one();
        let inner = self.0.clone();
        async move {
            // The sender is held here, so it cannot be gone.
            let _ = inner.tried.subscribe().wait_for(|tried| *tried >= mine).await;
        }
    }

    /// Waits to be asked. Where several wait, one is asked.
    pub(super) async fn asked(&self) -> Asked {
        self.0.asked.notified().await;
        Asked { number: self.0.asks.load(Ordering::Relaxed), inner: self.0.clone() }
    }
}

/// An ask that is being worked on; dropped when the login was tried.
#[derive(Debug)]
pub(super) struct Asked {
    number: u64,
    inner: Arc<Inner>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.inner.tried.send_modify(|tried| *tried = self.number.max(*tried));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// What a future has come to without waiting any longer.
    macro_rules! poll {
        ($future:expr) => {
            $future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        };
    }

    fn heard(renewal: &Renewal) -> Option<Asked> {
        match poll!(pin!(renewal.asked())) {
            Poll::Ready(asked) => Some(asked),
            Poll::Pending => None,
        }
    }

    #[test]
    fn an_asker_waits_for_its_own_ask_and_no_earlier_one() {
        let renewal = Renewal::default();
        let mut first = pin!(renewal.ask());
        let trying = heard(&renewal);
        assert!(trying.is_some() && poll!(first).is_pending());
        let mut second = pin!(renewal.ask());
        drop(trying);
        assert!(poll!(first).is_ready() && poll!(second).is_pending());
        drop(heard(&renewal));
        assert!(poll!(second).is_ready());
    }

    #[test]
    fn asks_that_nobody_heard_yet_are_one() {
        let renewal = Renewal::default();
        let (mut first, mut second) = (pin!(renewal.ask()), pin!(renewal.ask()));
        drop(heard(&renewal));
        assert!(poll!(first).is_ready() && poll!(second).is_ready());
        assert!(heard(&renewal).is_none());
    }
}
