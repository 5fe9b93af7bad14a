//! One direction of a relay: through a buffer of ours, or, where much arrives at once on a plain socket,
//! through a pipe of the kernel's.
//!
//! ```text
//!   wake-up ─▶ copy ── a whole buffer came, and both are plain ──▶ splice ── little came ──▶ copy
//! ```
//!
//! Small messages are cheaper to copy, large ones to splice, so each wake-up's amount decides about the next.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::ReadBuf;

use super::splice::{Filled, Splice};
use crate::stream::Stream;

/// Copy buffer per direction: 8 KiB costs a quarter more on bulk, 256 KiB gains nothing (measured on
/// loopback); allocated at the first byte, freed while a direction is quiet.
const BUFFER: usize = 64 * 1024;

/// The same between plain sockets, and what a wake-up must bring for splicing to pay.
const MUCH: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Way {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
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
        Self { end: already.len(), buffer: already, plain: plain && Splice::AVAILABLE, ..Self::default() }
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
                State::Open if self.start < self.end => ready!(self.write(cx, to))?,
                State::Open if self.splicing => ready!(self.splice(cx, from, to))?,
                State::Open => ready!(self.read(cx, from, to))?,
            }
        }
    }

    fn write<W: Stream>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        let written = ready!(Pin::new(to).poll_write(cx, &self.buffer[self.start..self.end]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.start += written;
        self.moved += written as u64;
        self.unflushed = true;
        Poll::Ready(Ok(()))
    }

    fn read<R: Stream, W: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        let room = if self.plain { MUCH } else { BUFFER };
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let mut target = ReadBuf::new(&mut self.buffer);
        match Pin::new(from).poll_read(cx, &mut target) {
            Poll::Ready(Ok(())) => {
                (self.start, self.end) = (0, target.filled().len());
                match self.end {
                    0 => self.state = State::Ending,
                    much => self.splicing = self.plain && much >= MUCH,
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.buffer = Vec::new();
                if self.unflushed {
                    ready!(Pin::new(to).poll_flush(cx))?;
                    self.unflushed = false;
                }
                Poll::Pending
            }
        }
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
        self.buffer = Vec::new();
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
