//! Wires to a faulty service: pipes whose end can be a reset, and a dialer that refuses or hangs.

use std::{
    future::pending,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use proxies::transport::{Dial, Ends};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
};

/// What answers a dial.
#[derive(Clone)]
pub(crate) enum PipeDialer {
    /// Nobody.
    Refused,
    /// Nothing, ever.
    Silent,
    /// A service at the other end of this queue, which may end connections by reset.
    Served(mpsc::UnboundedSender<DuplexStream>, bool),
}

impl Dial for PipeDialer {
    type Stream = Pipe;

    async fn dial(&self) -> io::Result<(Pipe, Ends)> {
        match self {
            Self::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Self::Silent => pending().await,
            Self::Served(queue, resets) => {
                let (near, far) = tokio::io::duplex(64 * 1024);
                queue.send(far).map_err(|_| io::ErrorKind::ConnectionRefused)?;
                let pipe = Pipe { inner: near, resets: *resets, reset: false };
                Ok((pipe, Ends { wire: None, party: None }))
            }
        }
    }
}

/// A pipe whose far end, when dropped, looks like a reset if it is meant to.
pub(crate) struct Pipe {
    inner: DuplexStream,
    resets: bool,
    /// Once reset, it stays so for both ways.
    reset: bool,
}

impl Pipe {
    fn is_reset(&self) -> io::Result<()> {
        if self.reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_reset()?;
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if self.resets && buf.filled().len() == before && buf.remaining() > 0 {
            self.reset = true;
        }
        Poll::Ready(self.is_reset())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_reset()?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
