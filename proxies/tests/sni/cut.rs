//! A stream whose first read ends where the test wants it to.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use proxies::transport::{Ends, Listen, memory::MemoryListen};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// A listener on whose connections the first read ends after so many bytes.
pub(crate) struct CutListen {
    pub(crate) inner: MemoryListen,
    pub(crate) first: Arc<AtomicUsize>,
}

impl Listen for CutListen {
    type Stream = Cut;

    async fn accept(&mut self) -> io::Result<(Cut, Ends)> {
        let (inner, ends) = self.inner.accept().await?;
        Ok((Cut { inner, first: self.first.load(Ordering::Relaxed) }, ends))
    }
}

pub(crate) struct Cut {
    inner: DuplexStream,
    first: usize,
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first == 0 {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let mut bytes = vec![0; self.first.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut part);
        self.first -= part.filled().len();
        buf.put_slice(part.filled());
        polled
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
