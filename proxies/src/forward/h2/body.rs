//! Bodies of HTTP/2 streams, both ways: what a caller sends must come whole and in time, what it gets it must take
//! in time.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::Instant;

use super::{super::alarm::Alarm, pace::Pace, tasks::Pulse};
use crate::limits::Limits;

/// Why a request body is not whole.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The caller reset the stream, ended the connection, or sent another length than it said.
    #[error("the caller broke off the body of its request")]
    Broken(#[source] Option<hyper::Error>),
    /// The caller was too slow.
    #[error("the body of the request took too long")]
    TooSlow,
}

/// The body of a request: whole, or an error; never quietly cut.
///
/// Where its length was told, the last of it waits for the end of the stream: what comes after it may still show
/// that the request is none, and then it must not have looked whole to anybody.
pub struct Upload {
    inner: Incoming,
    held: Option<Bytes>,
    trailers: Option<Frame<Bytes>>,
    pace: Pace,
    until: Instant,
    alarm: Alarm,
    late: Arc<AtomicBool>,
}

impl Upload {
    pub(super) fn new(inner: Incoming, limits: &Limits) -> Self {
        let http = &limits.http;
        Self {
            inner,
            held: None,
            trailers: None,
            pace: Pace::new(http.body_rate, http.body_grace, limits.idle),
            until: Instant::now() + http.body,
            alarm: Alarm::default(),
            late: Arc::default(),
        }
    }

    /// Whether it was given up for being too slow; to be asked later.
    pub(super) fn late(&self) -> Arc<AtomicBool> {
        self.late.clone()
    }

    /// Everything its length promised is there, and not yet its end.
    fn is_last(&self) -> bool {
        self.inner.size_hint().exact() == Some(0) && !self.inner.is_end_stream()
    }

    fn hold(&mut self, data: Bytes) {
        // The library refuses more than the length said, so what comes after the last is empty.
        self.held.get_or_insert(data);
    }

    /// What is left to say when nothing more comes.
    fn end(&mut self) -> Option<Result<Frame<Bytes>, UploadError>> {
        // The library takes RST_STREAM with NO_ERROR for an end like any other.
        if !self.inner.is_end_stream() {
            return Some(Err(UploadError::Broken(None)));
        }
        self.held.take().map(|held| Ok(Frame::data(held)))
    }

    /// Waits for the end of a body that its length says is empty, so that the request is one.
    pub(super) async fn settle(&mut self) -> Result<(), UploadError> {
        if !self.is_last() {
            return Ok(());
        }
        match poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(frame)) => {
                self.trailers = frame.is_trailers().then_some(frame);
                Ok(())
            }
        }
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.pace.wait(Instant::now());
        let until = self.pace.until().map_or(self.until, |until| until.min(self.until));
        self.alarm.poll(cx, until)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let me = &mut *self;
        if let Some(trailers) = me.trailers.take() {
            return Poll::Ready(Some(Ok(trailers)));
        }
        loop {
            let Poll::Ready(next) = Pin::new(&mut me.inner).poll_frame(cx) else {
                ready!(me.poll_patience(cx));
                me.late.store(true, Ordering::Relaxed);
                return Poll::Ready(Some(Err(UploadError::TooSlow)));
            };
            let Some(next) = next else { return Poll::Ready(me.end()) };
            let next = next.map_err(|error| UploadError::Broken(Some(error)))?;
            let bytes = next.data_ref().map_or(0, |data| data.len() as u64);
            me.pace.moved(bytes, Instant::now());
            match next.into_data() {
                Ok(data) if me.is_last() => me.hold(data),
                Ok(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                // They end the stream; what is held comes first.
                Err(trailers) => {
                    let Some(held) = me.held.take() else { return Poll::Ready(Some(Ok(trailers))) };
                    me.trailers = Some(trailers);
                    return Poll::Ready(Some(Ok(Frame::data(held))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && self.held.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (self.inner.size_hint().exact(), &self.held) {
            (Some(left), held) => {
                SizeHint::with_exact(left + held.as_ref().map_or(0, |held| held.len() as u64))
            }
            (None, _) => SizeHint::default(),
        }
    }
}

/// The body of an answer, of which its stream's clock knows how it gets on.
pub struct Download<B> {
    inner: B,
    handed: u64,
    pulse: Option<Arc<Pulse>>,
}

impl<B> Download<B> {
    pub(super) fn new(inner: B) -> Self {
        Self { inner, handed: 0, pulse: Pulse::here() }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Download<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let me = &mut *self;
        if me.handed > 0
            && let Some(pulse) = &me.pulse
        {
            pulse.taken(std::mem::take(&mut me.handed));
        }
        let next = ready!(Pin::new(&mut me.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &next {
            me.handed = frame.data_ref().map_or(0, |data| data.len() as u64);
            if me.handed > 0
                && let Some(pulse) = &me.pulse
            {
                pulse.handed();
            }
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
