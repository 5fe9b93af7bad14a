//! The stream under the HTTP/2 library: it shows frames to `watch` as they pass and ends a connection
//! that watch has had enough of.
//!
//! ```text
//!   library ◀── Guarded ◀── wire      each head of a frame is shown to `watch`
//!           ──▶         ──▶           at the next end of a frame: GOAWAY, then `farewell`
//! ```
//!
//! It changes no byte and reads no payload. It also bounds what the library has no clock for: the opening, a header
//! block that stays open, and a peer that takes nothing. No task: it ends with its stream.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    super::alarm::Alarm,
    farewell::Farewell,
    frames::{Moment, Scan},
    watch::{Fault, Watch},
};
use crate::{limits::HttpLimits, stream::Stream};

/// What came of it, for whoever drives the library.
#[derive(Clone, Default)]
pub(super) struct Verdict {
    /// Cancelled once the connection is ended for fault.
    pub(super) ended: CancellationToken,
    why: Arc<OnceLock<Fault>>,
}

impl Verdict {
    pub(super) fn why(&self) -> Option<Fault> {
        self.why.get().copied()
    }

    fn end(&self, why: Fault) {
        let _ended_before = self.why.set(why);
        self.ended.cancel();
    }
}

pub(super) struct Guarded<S> {
    inner: S,
    watch: Watch,
    heard: Scan,
    said: Scan,
    farewell: Option<Farewell>,
    patience: Alarm,
    stall: Alarm,
    stalled: Option<Instant>,
    /// Longest time the peer may take nothing of what is written.
    idle: Duration,
    verdict: Verdict,
}

impl<S: Stream> Guarded<S> {
    pub(super) fn new(inner: S, limits: &HttpLimits, idle: Duration) -> (Self, Verdict) {
        let verdict = Verdict::default();
        let guarded = Self {
            inner,
            watch: Watch::new(limits, Instant::now()),
            heard: Scan::client(),
            said: Scan::server(),
            farewell: None,
            patience: Alarm::default(),
            stall: Alarm::default(),
            stalled: None,
            idle,
            verdict: verdict.clone(),
        };
        (guarded, verdict)
    }

    fn end(&mut self, fault: Fault) {
        self.verdict.end(fault);
        self.farewell = Some(Farewell::saying(fault, self.watch.last()));
    }

    /// Says goodbye, once what is half said is whole; for the library the connection is broken afterwards.
    fn poll_farewell<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if let Some(farewell) = &mut self.farewell {
            if self.said.at_boundary() {
                ready!(farewell.poll(Pin::new(&mut self.inner), cx));
            } else {
                ready!(farewell.poll_over(cx));
            }
        }
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) {
        if let Some((until, fault)) = self.watch.patience()
            && self.patience.poll(cx, until).is_ready()
        {
            self.end(fault);
        }
    }

    fn listen(&mut self, bytes: &[u8]) {
        let now = Instant::now();
        let (heard, watch) = (&mut self.heard, &mut self.watch);
        if let Err(fault) = heard.feed(bytes, |moment| watch.heard(moment, now)) {
            self.end(fault);
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        let watch = &mut self.watch;
        let _never: Result<(), std::convert::Infallible> = self.said.feed(bytes, |moment| {
            if let Moment::Begun(head) = moment {
                watch.said(head);
            }
            Ok(())
        });
    }

    /// A write that does not go on must go on before the peer has been idle for too long.
    fn poll_stall<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = *self.stalled.get_or_insert_with(Instant::now);
        ready!(self.stall.poll(cx, stalled + self.idle));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: Stream> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.farewell.is_none() {
            me.poll_patience(cx);
        }
        if me.farewell.is_none() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut me.inner).poll_read(cx, buf))?;
            me.listen(&buf.filled()[before..]);
            if me.farewell.is_none() {
                return Poll::Ready(Ok(()));
            }
            buf.set_filled(before);
        }
        me.poll_farewell(cx)
    }
}

impl<S: Stream> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let me = &mut *self;
        let mut most = bytes.len();
        if me.farewell.is_some() {
            most = me.said.until_boundary(bytes);
            if most == 0 {
                return me.poll_farewell(cx);
            }
        }
        let written = Pin::new(&mut me.inner).poll_write(cx, &bytes[..most]);
        let written = ready!(me.poll_stall(written, cx))?;
        me.note(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = &mut *self;
        if me.farewell.is_some() {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            return self.poll_write(cx, first.map_or(&[], |buffer| buffer));
        }
        let written = Pin::new(&mut me.inner).poll_write_vectored(cx, buffers);
        let written = ready!(me.poll_stall(written, cx))?;
        let mut left = written;
        for buffer in buffers {
            let now = left.min(buffer.len());
            me.note(&buffer[..now]);
            left -= now;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let flushed = Pin::new(&mut me.inner).poll_flush(cx);
        me.poll_stall(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let farewell = me.farewell.get_or_insert_with(Farewell::wordless);
        ready!(farewell.poll(Pin::new(&mut me.inner), cx));
        Poll::Ready(Ok(()))
    }
}
