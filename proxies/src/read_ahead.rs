//! Larger reads under a TLS session than the session asks for.
//!
//! rustls reads its socket 4 KiB at a time, which on large bodies is a system call for each quarter of a record.
//! A read that brings all that was asked for is followed by one into a buffer of our own; whatever brings less,
//! such as any small message, goes straight through. The buffer is there only while it holds something. It
//! starts nothing and changes no byte.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::stream::Stream;

/// Read at once: four records.
const AHEAD: usize = 64 * 1024;

/// A stream read ahead of what its reader asks for.
pub(crate) struct ReadAhead<S> {
    inner: S,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Did the last read bring all it could?
    more: bool,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, buffer: Vec::new(), start: 0, end: 0, more: false }
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let taken = buf.remaining().min(self.end - self.start);
        buf.put_slice(&self.buffer[self.start..self.start + taken]);
        self.start += taken;
        if self.start == self.end && !self.more {
            self.buffer = Vec::new();
        }
    }
}

impl<S: Stream> AsyncRead for ReadAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.start < this.end {
            this.hand_over(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.more {
            let before = buf.remaining();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            this.more = buf.remaining() == 0 && before > 0;
            return Poll::Ready(Ok(()));
        }
        if this.buffer.is_empty() {
            this.buffer = vec![0; AHEAD];
        }
        let mut ahead = ReadBuf::new(&mut this.buffer);
        let polled = Pin::new(&mut this.inner).poll_read(cx, &mut ahead);
        let read = ahead.filled().len();
        if !matches!(polled, Poll::Ready(Ok(()))) || read == 0 {
            (this.more, this.buffer) = (false, Vec::new());
            return polled;
        }
        // Little came: the next read asks for no more than the reader does.
        (this.start, this.end, this.more) = (0, read, read >= AHEAD / 4);
        this.hand_over(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for ReadAhead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// Reads as rustls does, and says how often the stream itself was asked.
    struct Asked<S>(S, usize);

    impl<S: Stream> AsyncRead for Asked<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.1 += 1;
            Pin::new(&mut self.0).poll_read(cx, buf)
        }
    }

    impl<S: Stream> AsyncWrite for Asked<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(cx)
        }
    }

    #[tokio::test]
    async fn much_is_read_in_few_reads_and_unchanged() {
        let (mut far, near) = duplex(1024 * 1024);
        let mut near = ReadAhead::new(Asked(near, 0));
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        far.write_all(&sent).await.unwrap();
        far.shutdown().await.unwrap();
        let (mut heard, mut step) = (Vec::new(), [0; 4096]);
        loop {
            let read = near.read(&mut step).await.unwrap();
            if read == 0 {
                break;
            }
            heard.extend_from_slice(&step[..read]);
        }
        assert!(heard == sent);
        assert!(near.inner.1 < 30, "{} reads", near.inner.1);
        assert!(near.buffer.is_empty(), "nothing is kept once it is over");
    }

    #[tokio::test]
    async fn a_small_message_goes_straight_through() {
        let (mut far, near) = duplex(1024 * 1024);
        let mut near = ReadAhead::new(Asked(near, 0));
        let mut step = [0; 4096];
        for message in [100, 4095, 1] {
            far.write_all(&vec![7; message]).await.unwrap();
            assert_eq!(near.read(&mut step).await.unwrap(), message);
            assert!(near.buffer.is_empty());
        }
        assert_eq!(near.inner.1, 3);
    }

    #[tokio::test]
    async fn an_idle_stream_holds_no_buffer() {
        let (mut far, near) = duplex(1024 * 1024);
        let mut near = ReadAhead::new(near);
        let mut step = [0; 4096];
        far.write_all(&[7; 40_000]).await.unwrap();
        let mut left = 40_000;
        while left > 0 {
            left -= near.read(&mut step).await.unwrap();
        }
        let more = tokio::select! {
            biased;
            read = near.read(&mut step) => read.unwrap(),
            () = std::future::ready(()) => 0,
        };
        assert_eq!((more, near.buffer.len()), (0, 0));
    }
}
