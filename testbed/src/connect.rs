//! How a service or a client opens one of its `dials`: by handle, never by address.

use std::{future::Future, io, pin::Pin};

use proxies::stream::BoxStream;

/// The future of one connection attempt.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>>;

/// Opens one connection of a dial. TCP, segment crossing and (where the file asks for it) TLS with
/// verification are done when it resolves.
pub trait Connect: Send + Sync + 'static {
    /// One new connection.
    fn connect(&self) -> Connecting<'_>;

    /// What a client writes into `Host:`, for example `identity.cloud.invalid:5000`.
    fn authority(&self) -> &str;
}
