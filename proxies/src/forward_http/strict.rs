//! A stream of which a reader sees well-framed requests only.
//!
//! What [`Framing`] refuses never reaches the reader: a byte no request can hold stands in its place, and the
//! end of the stream. So hyper itself answers 400 in its turn, behind the answers to earlier requests, and
//! breaks off a body that went wrong midway.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;
use crate::stream::Stream;

/// Bytes asked for at a time.
const READ: usize = 16 * 1024;
/// Neither a method, nor a chunk's size, nor the end of one begins with it.
const REFUSED: u8 = 0;

pub(super) struct Strict<S> {
    inner: S,
    framing: Framing,
    /// Read and not handed on yet.
    held: Vec<u8>,
    /// How much of it may be.
    admitted: usize,
    ended: bool,
}

impl<S> Strict<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, framing: Framing::default(), held: Vec::new(), admitted: 0, ended: false }
    }

    fn judge(&mut self) {
        let (more, refusal) = self.framing.admit(&self.held[self.admitted..]);
        self.admitted += more;
        if refusal.is_some() {
            self.held.truncate(self.admitted);
            self.held.push(REFUSED);
            self.admitted = self.held.len();
            self.ended = true;
        }
    }

    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let now = self.admitted.min(buf.remaining());
        buf.put_slice(&self.held[..now]);
        self.held.drain(..now);
        self.admitted -= now;
    }
}

impl<S: Stream> Strict<S> {
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.held.len();
        self.held.resize(before + READ, 0);
        let mut target = ReadBuf::new(&mut self.held[before..]);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut target);
        let read = target.filled().len();
        self.held.truncate(before + read);
        if self.held.is_empty() {
            // A connection that is waiting holds no buffer.
            self.held = Vec::new();
        }
        ready!(polled)?;
        self.ended |= read == 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.admitted == 0 && !self.ended {
            ready!(self.poll_more(cx))?;
            self.judge();
        }
        self.hand_on(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Strict<S> {
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
