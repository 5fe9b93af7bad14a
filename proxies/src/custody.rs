//! The seam where a process's custody of bytes can be observed: one on each side of a codec.
//!
//! ```text
//!   wire ── outer seam ── TLS ── inner seam ── process          nothing opened: one seam, both sides at once
//! ```
//!
//! The outer side sees what came off the wire, the inner side what the process holds in user space; where no
//! TLS ends the two are one buffer, seen once, so that a pass-through holds ciphertext because the bytes are
//! ciphertext. A seam lives as long as its stream and is dropped with it. Bytes a stream was offered and did
//! not take are not seen. Without an observer the wrapper is a plain pass of each poll: it allocates nothing
//! and calls nobody.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{stream::Stream, transport::Party};

/// Which codec of a process a connection goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Facing {
    /// The accepting one, and who dialled, where that is known.
    Front(Option<Party>),
    /// The dialing one.
    Back,
}

/// Which side of the codec a buffer was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Towards the wire.
    Outer,
    /// Towards the process.
    Inner,
    /// Both: no TLS ends here, wire and process see the same buffer.
    Both,
}

/// Watches the connections of one process. Called on the process's own threads.
pub trait Observe: Send + Sync + 'static {
    /// A connection reached a codec; the number tells its seams from those of others.
    fn connection(&self, facing: Facing) -> u64;

    /// Opens a seam of a connection.
    fn seam(&self, connection: u64, side: Side) -> Box<dyn Seam>;
}

/// Sees every buffer of one stream, each direction in its order. Be quick.
pub trait Seam: Send + 'static {
    /// The process read these bytes.
    fn read(&mut self, bytes: &[u8]);

    /// The process wrote these bytes.
    fn written(&mut self, bytes: &[u8]);
}

/// A stream whose buffers may be observed.
pub struct Custody<S> {
    inner: S,
    seam: Option<Box<dyn Seam>>,
}

impl<S> Custody<S> {
    /// Wraps `inner`; `None` observes nothing.
    pub fn new(inner: S, seam: Option<Box<dyn Seam>>) -> Self {
        Self { inner, seam }
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
        if let (Poll::Ready(Ok(())), Some(seam)) = (&polled, &mut self.seam) {
            seam.read(&buf.filled()[before..]);
        }
        polled
    }
}

impl<S: Stream> AsyncWrite for Custody<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let (Poll::Ready(Ok(written)), Some(seam)) = (&polled, &mut self.seam) {
            seam.written(&bytes[..*written]);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, buffers);
        if let (Poll::Ready(Ok(written)), Some(seam)) = (&polled, &mut self.seam) {
            let mut written = *written;
            for buffer in buffers {
                let part = written.min(buffer.len());
                if part > 0 {
                    seam.written(&buffer[..part]);
                }
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
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    type Seen = Vec<(&'static str, Vec<u8>)>;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Seen>>);

    impl Seam for Log {
        fn read(&mut self, bytes: &[u8]) {
            self.0.lock().unwrap().push(("read", bytes.to_vec()));
        }

        fn written(&mut self, bytes: &[u8]) {
            self.0.lock().unwrap().push(("written", bytes.to_vec()));
        }
    }

    #[tokio::test]
    async fn each_way_is_seen_once_and_apart() {
        let log = Log::default();
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Custody::new(near, Some(Box::new(log.clone())));
        near.write_all(b"ask").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        near.read_exact(&mut answer).await.unwrap();
        assert_eq!(*log.0.lock().unwrap(), [("written", b"ask".to_vec()), ("read", b"answer".to_vec())]);
    }

    #[tokio::test]
    async fn what_the_stream_did_not_take_was_not_written() {
        let log = Log::default();
        let (near, _far) = tokio::io::duplex(4);
        let mut near = Custody::new(near, Some(Box::new(log.clone())));
        assert_eq!(near.write(b"more than four").await.unwrap(), 4);
        assert_eq!(*log.0.lock().unwrap(), [("written", b"more".to_vec())]);
    }

    /// Takes three bytes of each vectored write.
    struct Miser;

    impl AsyncRead for Miser {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Miser {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(3))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_vectored_write_is_seen_as_far_as_it_went() {
        let log = Log::default();
        let mut near = Custody::new(Miser, Some(Box::new(log.clone())));
        assert!(near.is_write_vectored());
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b"cd"), IoSlice::new(b"ef")];
        assert_eq!(near.write_vectored(&parts).await.unwrap(), 3);
        assert_eq!(*log.0.lock().unwrap(), [("written", b"ab".to_vec()), ("written", b"c".to_vec())]);
    }

    /// An absent seam is a null pointer beside the stream: nothing to allocate, nothing to call.
    #[tokio::test]
    async fn without_an_observer_it_is_a_plain_pass() {
        type Held = tokio::io::DuplexStream;
        assert_eq!(size_of::<Option<Box<dyn Seam>>>(), size_of::<Box<dyn Seam>>());
        assert!(size_of::<Custody<Held>>() <= size_of::<Held>() + size_of::<Box<dyn Seam>>());
        let mut near = Custody::new(Miser, None);
        assert!(near.is_write_vectored(), "a flight still leaves in one write");
        assert_eq!(near.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]).await.unwrap(), 3);
    }
}
