//! A stream with what was read from it too early and what is still to be written to it.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffers::{Input, Output};
use crate::stream::BoxStream;

pub(super) struct Wire {
    pub(super) stream: BoxStream,
    pub(super) input: Input,
    pub(super) output: Output,
    unflushed: bool,
}

impl Wire {
    pub(super) fn new(stream: BoxStream) -> Self {
        Self { stream, input: Input::default(), output: Output::default(), unflushed: false }
    }

    /// Reads once; 0 is the end of the stream. Whoever calls it with a full input learns nothing.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(self.input.room());
        match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
            Poll::Ready(outcome) => {
                let count = room.filled().len();
                self.input.filled(count);
                Poll::Ready(outcome.map(|()| count))
            }
            Poll::Pending => {
                self.input.park();
                Poll::Pending
            }
        }
    }

    /// Writes all of the output; keeps it, so that it may be rewound.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.output.bytes()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.written(written);
            self.unflushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes some of another wire's input. The output must have been written.
    pub(super) fn poll_pass(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unflushed = true;
        Poll::Ready(Ok(written))
    }

    /// Sees to it that what was written leaves.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Says goodbye.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// True where it neither ended nor said anything: a connection that waits for a request.
    pub(super) fn is_quiet(&mut self) -> Quiet {
        if !self.input.is_empty() {
            return Quiet::Talks;
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_read(&mut cx) {
            Poll::Pending => Quiet::Yes,
            Poll::Ready(Ok(1..)) => Quiet::Talks,
            Poll::Ready(_) => Quiet::Gone,
        }
    }
}

/// What a connection does that nobody asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Nothing.
    Yes,
    /// Says something all the same.
    Talks,
    /// It ended.
    Gone,
}
