//! One usable connection to what stands behind a proxy, within its deadlines. It neither chooses nor retries.

use std::io;

use tokio::time::timeout;

use crate::{codec::BackCodec, limits::Limits, stream::BoxStream, transport::Dial};

/// Dials, then makes the wire usable.
pub(crate) async fn open<D: Dial>(dial: &D, codec: &BackCodec, limits: Limits) -> io::Result<BoxStream> {
    let dialled = timeout(limits.connect, dial.dial()).await;
    let (wire, _ends) = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    codec.connect(wire, limits.handshake).await
}
