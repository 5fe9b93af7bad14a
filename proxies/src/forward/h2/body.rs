//! Bodies of HTTP/2 streams, both ways: what a caller sends must come whole and in time, what it gets it must take
//! in time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{pace::Pace, tasks::Pulse};
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
pub struct Upload {
    inner: Incoming,
    pace: Pace,
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Upload {
    pub(super) fn new(inner: Incoming, limits: &Limits) -> Self {
        let http = &limits.http;
        Self {
            inner,
            pace: Pace::new(http.body_rate, http.body_grace, limits.idle),
            until: Instant::now() + http.body,
            timer: None,
        }
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.pace.wait(Instant::now());
        let until = self.pace.until().map_or(self.until, |until| until.min(self.until));
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx)
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
        let Poll::Ready(next) = Pin::new(&mut me.inner).poll_frame(cx) else {
            ready!(me.poll_patience(cx));
            return Poll::Ready(Some(Err(UploadError::TooSlow)));
        };
        Poll::Ready(match next {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                me.pace.moved(bytes, Instant::now());
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(UploadError::Broken(Some(error)))),
            // The library takes RST_STREAM with NO_ERROR for an end like any other.
            None if !me.inner.is_end_stream() => Some(Err(UploadError::Broken(None))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
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
