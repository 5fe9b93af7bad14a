//! A stream on a crossing: copies what is delivered into the ring, after the segment's rules had their say.
//!
//! ```text
//!   read:   wire ─▶ rules ─▶ ring + process        write:  process ─▶ rules ─▶ ring + wire
//! ```
//!
//! What the capture holds is what the receiver got; what a rule swallowed or changed is counted.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use proxies::stream::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Fabric,
    ring::Ring,
    rule::{ChunkAsk, Verdict},
    tap::Flow,
};
use crate::vocabulary::Direction;

/// A tapped stream, wrapped at the end that `reads` names.
pub struct Tapped<S> {
    inner: S,
    fabric: Fabric,
    ring: Arc<Ring>,
    flow: Arc<Flow>,
    reads: Direction,
    // Off the wire, held by a rule.
    undecided: Bytes,
    // Decided, not yet taken by the process (reads) or by the wire (writes).
    arriving: Bytes,
    leaving: Bytes,
    broke: bool,
    reads_finished: bool,
    writes_finished: bool,
}

/// What the segment's rules make of a chunk.
enum Fate {
    Same,
    Other(Bytes),
    Held,
    Cut,
}

impl<S: Stream> Tapped<S> {
    /// Opens the flow on the tap and wraps `inner`, whose reads go in direction `reads`.
    pub fn new(inner: S, fabric: Fabric, ring: Arc<Ring>, flow: Arc<Flow>, reads: Direction) -> Self {
        ring.open(flow.clone());
        Self {
            inner,
            fabric,
            ring,
            flow,
            reads,
            undecided: Bytes::new(),
            arriving: Bytes::new(),
            leaving: Bytes::new(),
            broke: false,
            reads_finished: false,
            writes_finished: false,
        }
    }

    /// The flow's number, the same as in the capture.
    pub fn flow(&self) -> u64 {
        self.flow.id
    }

    fn writes(&self) -> Direction {
        match self.reads {
            Direction::ToAcceptor => Direction::ToDialer,
            Direction::ToDialer => Direction::ToAcceptor,
        }
    }

    fn record(&self, direction: Direction, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ring.data(self.flow.id, direction, self.fabric.now(), bytes);
        }
    }

    fn judge(&self, cx: &Context<'_>, direction: Direction, bytes: &[u8]) -> Fate {
        let ask = ChunkAsk { flow: &self.flow, direction, bytes };
        match self.fabric.rules().chunk(self.flow.segment, ask, cx.waker()) {
            Verdict::Pass => Fate::Same,
            Verdict::Redirect(_) => Fate::Cut,
            Verdict::Replace(other) => {
                self.flow.altered.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Fate::Other(other)
            }
            Verdict::Drop => {
                self.flow.altered.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Fate::Other(Bytes::new())
            }
            Verdict::Hold => Fate::Held,
        }
    }

    fn cut(&mut self) -> io::Error {
        self.broke = true;
        io::ErrorKind::ConnectionReset.into()
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let taken = self.arriving.len().min(buf.remaining());
        buf.put_slice(&self.arriving.split_to(taken));
    }

    fn note<T>(&mut self, polled: &Poll<io::Result<T>>) {
        if matches!(polled, Poll::Ready(Err(_))) {
            self.broke = true;
        }
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let polled = Pin::new(&mut self.inner).poll_write(cx, &self.leaving);
            self.note(&polled);
            let written = ready!(polled)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncRead for Tapped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.arriving.is_empty() {
                this.hand_over(buf);
                return Poll::Ready(Ok(()));
            }
            if this.undecided.is_empty() {
                let room = ready!(this.ring.poll_room(cx, buf.remaining()));
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
                let polled = Pin::new(&mut this.inner).poll_read(cx, &mut part);
                this.note(&polled);
                ready!(polled)?;
                if part.filled().is_empty() {
                    if room > 0 && !std::mem::replace(&mut this.reads_finished, true) {
                        this.ring.data(this.flow.id, this.reads, this.fabric.now(), Bytes::new());
                    }
                    return Poll::Ready(Ok(()));
                }
                this.undecided = Bytes::copy_from_slice(part.filled());
            }
            let came = std::mem::take(&mut this.undecided);
            this.arriving = match this.judge(cx, this.reads, &came) {
                Fate::Same => came,
                Fate::Other(other) => other,
                Fate::Held => {
                    this.undecided = came;
                    return Poll::Pending;
                }
                Fate::Cut => return Poll::Ready(Err(this.cut())),
            };
            this.record(this.reads, this.arriving.clone());
        }
    }
}

impl<S: Stream> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.poll_leaving(cx))?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(this.ring.poll_room(cx, bytes.len()));
        let offered = &bytes[..room];
        match this.judge(cx, this.writes(), offered) {
            Fate::Same => {
                let polled = Pin::new(&mut this.inner).poll_write(cx, offered);
                this.note(&polled);
                let written = ready!(polled)?;
                this.record(this.writes(), Bytes::copy_from_slice(&offered[..written]));
                Poll::Ready(Ok(written))
            }
            Fate::Other(other) => {
                this.record(this.writes(), other.clone());
                this.leaving = other;
                // A write the wire cannot take yet is finished by the next write, flush or shutdown.
                if let Poll::Ready(Err(error)) = this.poll_leaving(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(room))
            }
            Fate::Held => Poll::Pending,
            Fate::Cut => Poll::Ready(Err(this.cut())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let offered: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let first = buffers.iter().find(|buffer| !buffer.is_empty());
        if this.fabric.rules().any() || !this.leaving.is_empty() {
            // A rule decides over one stretch of bytes at a time.
            return Pin::new(this).poll_write(cx, first.map_or(&[], |buffer| buffer));
        }
        if ready!(this.ring.poll_room(cx, offered)) < offered {
            return Pin::new(this).poll_write(cx, first.map_or(&[], |buffer| buffer));
        }
        let polled = Pin::new(&mut this.inner).poll_write_vectored(cx, buffers);
        this.note(&polled);
        let written = ready!(polled)?;
        let mut crossed = BytesMut::with_capacity(written);
        for buffer in buffers {
            crossed.extend_from_slice(&buffer[..buffer.len().min(written - crossed.len())]);
        }
        this.record(this.writes(), crossed.freeze());
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_leaving(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_leaving(cx))?;
        if !std::mem::replace(&mut self.writes_finished, true) {
            self.ring.data(self.flow.id, self.writes(), self.fabric.now(), Bytes::new());
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> Drop for Tapped<S> {
    fn drop(&mut self) {
        let cut = self.broke.then_some(self.reads);
        self.ring.end(self.flow.id, self.fabric.now(), cut);
    }
}
