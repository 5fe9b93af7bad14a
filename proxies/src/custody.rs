//! The seam where a process's custody of bytes can be observed: one wrapper on each side of a codec.
//!
//! The outer side sees what came off the wire, the inner side what the process holds in user space; in a
//! pass-through both are the same bytes, because nothing was opened. Without an observer the wrapper is a
//! plain pass of each poll.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// Which side of the codec a buffer was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the wire.
    Outer,
    /// Towards the process.
    Inner,
}

/// Sees every buffer that passes a seam. Called on the process's own thread: be quick.
pub trait Observe: Send + Sync + 'static {
    /// `bytes` were in the process's memory on `side`.
    fn held(&self, side: Side, bytes: &[u8]);
}

/// A stream whose buffers may be observed.
pub struct Custody<S> {
    inner: S,
    side: Side,
    observer: Option<Arc<dyn Observe>>,
}

impl<S> Custody<S> {
    /// Wraps `inner`; `None` observes nothing.
    pub fn new(inner: S, side: Side, observer: Option<Arc<dyn Observe>>) -> Self {
        Self { inner, side, observer }
    }

    fn observe(&self, bytes: &[u8]) {
        if let Some(observer) = &self.observer {
            observer.held(self.side, bytes);
        }
    }
}

impl<S: Stream> AsyncRead for Custody<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = polled {
            self.observe(&buf.filled()[before..]);
        }
        polled
    }
}

impl<S: Stream> AsyncWrite for Custody<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            self.observe(&bytes[..written]);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, buffers);
        if let Poll::Ready(Ok(mut written)) = polled {
            for buffer in buffers {
                let part = written.min(buffer.len());
                self.observe(&buffer[..part]);
                written -= part;
            }
        }
        polled
    }

    /// Matters to TLS: a flight of several records, or an alert behind one, leaves in one write.
    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[derive(Default)]
    struct Log(Mutex<Vec<(Side, Vec<u8>)>>);

    impl Observe for Log {
        fn held(&self, side: Side, bytes: &[u8]) {
            self.0.lock().unwrap().push((side, bytes.to_vec()));
        }
    }

    #[tokio::test]
    async fn both_ways_are_seen_once() {
        let log = Arc::new(Log::default());
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Custody::new(near, Side::Inner, Some(log.clone()));
        near.write_all(b"ask").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        near.read_exact(&mut answer).await.unwrap();
        let seen = log.0.lock().unwrap().clone();
        assert_eq!(seen, vec![(Side::Inner, b"ask".to_vec()), (Side::Inner, b"answer".to_vec())]);
    }
}
