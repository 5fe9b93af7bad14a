//! The byte stream every part of the data plane is generic over, and its boxed form.
//!
//! A stream may be a TCP socket, an in-memory pipe, a tapped wrapper of either, or a TLS session on
//! top of any of them. Code here never learns which.

use tokio::io::{AsyncRead, AsyncWrite};

/// Anything bytes can be read from and written to by one owner.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// A stream whose concrete type no longer matters.
pub type BoxStream = Box<dyn Stream>;
