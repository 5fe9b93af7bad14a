//! Asking a client of the queue to log in again, at once: in every phase its password has to cross.

use std::sync::Arc;

use tokio::sync::Notify;

/// Makes a client of the queue log in again. Clones ask the same client; asking twice before it listens is
/// asking once.
#[derive(Clone, Debug, Default)]
pub struct Renewal(Arc<Notify>);

impl Renewal {
    /// Asks for a new connection and a new login.
    pub fn ask(&self) {
        self.0.notify_one();
    }

    pub(super) async fn asked(&self) {
        self.0.notified().await;
    }
}
