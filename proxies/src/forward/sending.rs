//! A request's body, given as a value, on its way to a service.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::Instant;

use super::{alarm::Pace, buffers::ROOM, failure::Failure, hooks::Watch, wire::Wire};
use crate::{
    http::{Length, Refused, encode::Encoder, write},
    limits::Limits,
};

pub(super) struct Sending<B> {
    body: B,
    encoder: Encoder,
    /// Bytes the head promised and that did not come yet.
    left: Option<u64>,
    state: State,
    /// Something of the body was taken, and is gone if the connection is.
    taken: bool,
    began: Instant,
    pace: Pace,
    /// When something last left, or all of it had.
    moved: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    /// Everything is written down.
    Ended,
    /// Everything left.
    Sent,
    /// The service takes no more.
    Broken,
}

impl<B> Sending<B> {
    pub(super) fn new(body: B, length: Length, now: Instant) -> Self {
        let left = match length {
            Length::None => Some(0),
            Length::Sized(length) => Some(length),
            Length::Chunked | Length::UntilClose => None,
        };
        let (encoder, pace) = (Encoder::new(length), Pace::new(now));
        Self { body, encoder, left, state: State::Going, taken: false, began: now, pace, moved: now }
    }

    /// Something of the body was taken, and is gone if the connection is.
    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    /// The same once more, on another connection, nothing having been taken.
    pub(super) fn again(&mut self) {
        self.state = State::Going;
    }

    /// Not all of it left.
    pub(super) fn is_under_way(&self) -> bool {
        self.state != State::Sent
    }

    /// When it is too late for what is being waited for, and what that means.
    pub(super) fn due(&self, limits: &Limits) -> (Instant, Failure) {
        let http = &limits.http;
        match self.state {
            State::Sent => (self.moved + http.response, Failure::SlowUpstream),
            State::Ended | State::Broken => (self.moved + limits.idle, Failure::SlowUpstream),
            State::Going => {
                let total = self.began + http.body;
                let due = self.pace.due(http.body_rate, http.body_grace).map_or(total, |due| due.min(total));
                (due, Failure::SlowCaller)
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Sending<B> {
    /// Sends as much as there is; ready once all of it left, or no more can.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire,
        watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Poll<Result<(), Failure>> {
        let polled = self.advance(cx, wire, watch);
        if matches!(polled, Poll::Ready(Err(Failure::Upstream(_)))) {
            self.state = State::Broken;
        }
        polled
    }

    fn advance(
        &mut self,
        cx: &mut Context<'_>,
        wire: &mut Wire,
        mut watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Poll<Result<(), Failure>> {
        let upstream = |error: std::io::Error| Failure::upstream(&error);
        loop {
            match self.state {
                State::Sent => return Poll::Ready(Ok(())),
                State::Broken => return Poll::Ready(Err(Failure::Upstream(std::io::ErrorKind::BrokenPipe))),
                State::Ended => {
                    ready!(wire.poll_write(cx)).map_err(upstream)?;
                    ready!(wire.poll_flush(cx)).map_err(upstream)?;
                    self.state = State::Sent;
                    self.moved = Instant::now();
                }
                State::Going if self.left == Some(0) => self.finish(wire, watch.as_deref_mut())?,
                State::Going => {
                    if wire.output.bytes().len() > ROOM {
                        ready!(wire.poll_write(cx)).map_err(upstream)?;
                        // The service kept the caller waiting, not the other way round.
                        self.pace = Pace::new(Instant::now());
                    }
                    match Pin::new(&mut self.body).poll_frame(cx) {
                        Poll::Ready(Some(Ok(frame))) => self.frame(frame, wire, watch.as_deref_mut())?,
                        Poll::Ready(Some(Err(_))) => {
                            return Poll::Ready(Err(Failure::Caller(std::io::ErrorKind::ConnectionReset)));
                        }
                        Poll::Ready(None) => self.finish(wire, watch.as_deref_mut())?,
                        Poll::Pending => {
                            ready!(wire.poll_write(cx)).map_err(upstream)?;
                            ready!(wire.poll_flush(cx)).map_err(upstream)?;
                            return Poll::Pending;
                        }
                    }
                }
            }
        }
    }

    fn frame(
        &mut self,
        frame: Frame<Bytes>,
        wire: &mut Wire,
        watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Result<(), Failure> {
        self.begin(wire);
        match frame.into_data() {
            Ok(part) => {
                if let Some(left) = &mut self.left {
                    *left =
                        left.checked_sub(part.len() as u64).ok_or(Refused::bad("more than was promised"))?;
                }
                if let Some(watch) = watch {
                    watch.request_part(&part).map_err(Failure::Objection)?;
                }
                self.pace.moved(part.len());
                self.encoder.data(&part, wire.output.end());
            }
            Err(frame) => {
                for (name, value) in frame.trailers_ref().into_iter().flatten() {
                    let mut line = Vec::new();
                    write::field(name.as_str(), value.as_bytes(), &mut line);
                    self.encoder.trailer(&line);
                }
            }
        }
        Ok(())
    }

    /// From now on nothing can be sent a second time, so what was is not kept.
    fn begin(&mut self, wire: &mut Wire) {
        self.taken = true;
        if wire.output.is_empty() {
            wire.output.clear();
        }
    }

    fn finish(&mut self, wire: &mut Wire, watch: Option<&mut (dyn Watch + 'static)>) -> Result<(), Failure> {
        if self.left.is_some_and(|left| left > 0) {
            return Err(Failure::Request(Refused::bad("less than was promised")));
        }
        if let Some(watch) = watch {
            watch.request_end().map_err(Failure::Objection)?;
        }
        self.encoder.end(wire.output.end());
        self.state = State::Ended;
        Ok(())
    }
}
