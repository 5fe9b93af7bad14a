//! What stands behind a node's listeners: the protocol a connection is served with.
//!
//! Spawns nothing: serving a connection ends with it, or soon after the stop.

use std::sync::Arc;

use proxies::stream::BoxStream;
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use crate::services::{
    http::{self, Service},
    origin::Origin,
    queue::{self, Broker},
};

/// What answers.
#[derive(Clone, Default)]
pub(super) enum Serving {
    /// Requests and responses.
    Http(Arc<dyn Service>),
    /// Messages.
    Queue(Arc<Broker>),
    /// Nobody: what comes is read and forgotten.
    #[default]
    Nothing,
}

impl Serving {
    /// Serves a connection until it is over. How a peer broke its own connection is its own affair.
    pub(super) async fn serve(self, mut stream: BoxStream, origin: Origin, stop: CancellationToken) {
        match self {
            Self::Http(service) => drop(http::serve(stream, service, origin, stop).await),
            Self::Queue(broker) => drop(queue::serve(stream, broker, stop).await),
            Self::Nothing => {
                let mut ignored = [0; 4096];
                while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
            }
        }
    }
}
