//! One direction of a relay: through a buffer of ours, or, where much arrives at once on a plain socket,
//! through a pipe of the kernel's.
//!
//! ```text
//!   wake-up ─▶ copy ── a whole buffer came, and both are plain ──▶ splice ── little came ──▶ copy
//! ```
//!
//! Small messages are cheaper to copy, large ones to splice, so each wake-up's amount decides about the next.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::ReadBuf;

use super::splice::{Filled, Splice};
use crate::stream::Stream;

/// Read at once: 8 KiB costs a quarter more on bulk, 256 KiB gains nothing (measured on loopback).
const BUFFER: usize = 64 * 1024;

/// The same between plain sockets, and what a wake-up must bring for splicing to pay.
const MUCH: usize = 16 * 1024;

thread_local! {
    /// Every way of a thread reads into this one, so that a relay holds only what could not be written at once.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Default)]
pub(super) struct Way {
    /// Read and not written yet, from `start` on.
    left: Vec<u8>,
    start: usize,
    moved: u64,
    unflushed: bool,
    state: State,
    splice: Splice,
    /// May this way splice at all?
    plain: bool,
    /// Does it at the moment?
    splicing: bool,
    /// Bytes since it last waited for more.
    wave: usize,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Ending,
    Ended,
}

impl Way {
    /// A way whose first bytes are here already.
    pub(super) fn new(already: Vec<u8>, plain: bool) -> Self {
        Self { left: already, plain: plain && Splice::AVAILABLE, ..Self::default() }
    }

    /// Bytes delivered.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Of those, the ones that never came into this process's memory.
    #[cfg(test)]
    pub(super) fn spliced(&self) -> u64 {
        self.splice.moved()
    }

    /// Ready once the end of `from` was passed on.
    pub(super) fn poll<R: Stream, W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.state {
                State::Ended => return Poll::Ready(Ok(())),
                State::Ending => {
                    // A peer that is gone already needs no goodbye.
                    let _ = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.state = State::Ended;
                }
                State::Open if self.start < self.left.len() => ready!(self.write_left(cx, to))?,
                State::Open if self.splicing => ready!(self.splice(cx, from, to))?,
                State::Open => ready!(self.read(cx, from, to))?,
            }
        }
    }

    fn write_left<W: Stream>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        self.start += ready!(self.write(cx, to, None))?;
        if self.start == self.left.len() {
            (self.left, self.start) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes of `bytes`, or of what is left.
    fn write<W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        bytes: Option<&[u8]>,
    ) -> Poll<io::Result<usize>> {
        let bytes = bytes.unwrap_or(&self.left[self.start..]);
        let written = ready!(Pin::new(to).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.moved += written as u64;
        self.unflushed = true;
        Poll::Ready(Ok(written))
    }

    fn read<R: Stream, W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        let mut scratch = SCRATCH.take();
        scratch.resize(BUFFER, 0);
        let room = if self.plain { MUCH } else { BUFFER };
        let outcome = self.pass(cx, (from, to), &mut scratch[..room]);
        SCRATCH.set(scratch);
        outcome
    }

    /// Reads into `scratch` and writes from there what can be written at once.
    fn pass<R: Stream, W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        (from, to): (&mut R, &mut W),
        scratch: &mut [u8],
    ) -> Poll<io::Result<()>> {
        let mut target = ReadBuf::new(scratch);
        if Pin::new(from).poll_read(cx, &mut target)?.is_pending() {
            if self.unflushed {
                ready!(Pin::new(to).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Pending;
        }
        let read = target.filled();
        if read.is_empty() {
            self.state = State::Ending;
            return Poll::Ready(Ok(()));
        }
        self.splicing = self.plain && read.len() >= MUCH;
        let written = match self.write(cx, to, Some(read))? {
            Poll::Ready(written) => written,
            Poll::Pending => 0,
        };
        if written < read.len() {
            self.left = read[written..].to_vec();
        }
        Poll::Ready(Ok(()))
    }

    fn splice<R: Stream, W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        from: &R,
        to: &W,
    ) -> Poll<io::Result<()>> {
        // Asked again each time: the streams are only lent to this way.
        let (Some(from), Some(to)) = (from.as_plain(), to.as_plain()) else {
            return Poll::Ready(Err(io::Error::other("a plain stream is plain no more")));
        };
        if self.splice.holds() {
            self.moved += ready!(self.splice.drain(cx, to))? as u64;
            return Poll::Ready(Ok(()));
        }
        match self.splice.fill(cx, from)? {
            Poll::Ready(Filled::Some(bytes)) => self.wave += bytes,
            Poll::Ready(Filled::End) => self.state = State::Ending,
            // No pipe to be had, or a socket that cannot: the copy goes on.
            Poll::Ready(Filled::Cannot) => (self.splicing, self.plain) = (false, false),
            Poll::Pending => {
                if (1..MUCH).contains(&self.wave) {
                    self.splicing = false;
                }
                self.wave = 0;
                self.splice.rest();
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}
