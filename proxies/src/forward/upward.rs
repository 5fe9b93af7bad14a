//! A request on its way from a caller's connection to a service's.
//!
//! ```text
//!   Going ─ all of the body read ─▶ Ended ─ all of it written ─▶ Sent
//!     └───────── the service takes no more ─────────────────────▶ Broken
//! ```

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::time::Instant;

use super::{
    alarm::Pace,
    buffers::{COPY, ROOM},
    failure::Failure,
    hooks::Watch,
    prepare::{Prepared, Wish},
    wire::Wire,
};
use crate::{
    http::{
        HeadLimits,
        body::{Body, Step},
        encode::Encoder,
    },
    limits::Limits,
};

pub(super) struct Upward {
    body: Body,
    encoder: Encoder,
    state: State,
    /// Bytes at the beginning of the input that are the body's and were not written yet.
    passing: usize,
    start: Start,
    began: Instant,
    pace: Pace,
    progress: bool,
    moved: Instant,
    /// The service, not the caller, keeps it waiting.
    held_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Going,
    Ended,
    Sent,
    Broken,
}

/// How far the body came, as far as a second attempt is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Its sender waits for leave.
    Waits,
    /// Nothing of it was taken.
    Free,
    /// Something of it was, and is gone if the connection is.
    Taken,
}

impl Upward {
    pub(super) fn new(prepared: &Prepared, limits: HeadLimits, now: Instant) -> Self {
        Self {
            body: Body::new(prepared.length, limits),
            encoder: Encoder::new(prepared.length),
            state: State::Going,
            passing: 0,
            start: if prepared.wish == Wish::Continue { Start::Waits } else { Start::Free },
            began: now,
            pace: Pace::new(now),
            progress: false,
            moved: now,
            held_up: false,
        }
    }

    /// Something of the body was taken, and is gone if the connection is.
    pub(super) fn is_taken(&self) -> bool {
        self.start == Start::Taken
    }

    /// All of it left.
    pub(super) fn is_sent(&self) -> bool {
        self.state == State::Sent
    }

    /// All of it was read, so that what follows on the caller's connection is another request.
    pub(super) fn is_read(&self) -> bool {
        self.body.is_done() && self.passing == 0
    }

    /// Nothing more leaves, because the service does not take it.
    pub(super) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// The caller still waits for leave to send its body, and sent none of it.
    pub(super) fn waits(&self) -> bool {
        self.start == Start::Waits
    }

    /// The caller got leave.
    pub(super) fn go_on(&mut self) {
        if self.start == Start::Waits {
            self.start = Start::Free;
        }
        self.pace = Pace::new(Instant::now());
    }

    /// When it is too late for what is being waited for, and what that means. To be asked when nothing moves.
    pub(super) fn due(&mut self, limits: &Limits) -> Option<(Instant, Failure)> {
        let http = &limits.http;
        if std::mem::take(&mut self.progress) {
            self.moved = Instant::now();
            if self.held_up {
                self.pace = Pace::new(self.moved);
            }
        }
        match self.state {
            State::Broken => None,
            State::Sent => Some((self.moved + http.response, Failure::SlowUpstream)),
            State::Ended => Some((self.moved + limits.idle, Failure::SlowUpstream)),
            State::Going if self.held_up => Some((self.moved + limits.idle, Failure::SlowUpstream)),
            State::Going if self.waits() => Some((self.began + http.response, Failure::SlowUpstream)),
            State::Going => {
                let total = self.began + http.body;
                let due = self.pace.due(http.body_rate, http.body_grace).map_or(total, |due| due.min(total));
                Some((due, Failure::SlowCaller))
            }
        }
    }

    /// Sends as much as there is; ready once nothing is left to be done. Only the caller's faults are errors.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (front, back): (&mut Wire, &mut Wire),
        watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Poll<Result<(), Failure>> {
        match self.advance(cx, front, back, watch) {
            Poll::Ready(Err(Failure::Upstream(_))) => {
                // It may have answered all the same.
                self.state = State::Broken;
                Poll::Ready(Ok(()))
            }
            polled => polled,
        }
    }

    fn advance(
        &mut self,
        cx: &mut Context<'_>,
        front: &mut Wire,
        back: &mut Wire,
        mut watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Poll<Result<(), Failure>> {
        loop {
            match self.state {
                State::Sent | State::Broken => return Poll::Ready(Ok(())),
                State::Ended => {
                    ready!(self.poll_write(cx, back))?;
                    ready!(back.poll_flush(cx)).map_err(|error| Failure::upstream(&error))?;
                    self.state = State::Sent;
                }
                State::Going if self.passing > 0 => ready!(self.poll_pass(cx, front, back))?,
                State::Going => match self.body.step(front.input.bytes())? {
                    Step::Done => {
                        if let Some(watch) = watch.as_deref_mut() {
                            watch.request_end().map_err(Failure::Objection)?;
                        }
                        self.encoder.end(back.output.end());
                        self.state = State::Ended;
                    }
                    Step::Framing(used) => {
                        self.start = Start::Taken;
                        front.input.consume(used);
                    }
                    Step::Trailer(used) => {
                        self.encoder.trailer(&front.input.bytes()[..used]);
                        front.input.consume(used);
                    }
                    Step::Data(used) => {
                        self.start = Start::Taken;
                        self.pace.moved(used);
                        if let Some(watch) = watch.as_deref_mut() {
                            watch.request_part(&front.input.bytes()[..used]).map_err(Failure::Objection)?;
                        }
                        if self.encoder.is_plain() && used > COPY {
                            self.passing = used;
                        } else {
                            self.encoder.data(&front.input.bytes()[..used], back.output.end());
                            front.input.consume(used);
                        }
                        if back.output.bytes().len() >= ROOM {
                            ready!(self.poll_write(cx, back))?;
                        }
                    }
                    Step::More => {
                        ready!(self.poll_write(cx, back))?;
                        ready!(poll_more(cx, front, back))?;
                    }
                },
            }
        }
    }

    /// The body's own bytes, from one buffer to the other connection without a copy.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        front: &mut Wire,
        back: &mut Wire,
    ) -> Poll<Result<(), Failure>> {
        ready!(self.poll_write(cx, back))?;
        self.held_up = true;
        let written = ready!(back.poll_pass(cx, &front.input.bytes()[..self.passing]));
        let written = written.map_err(|error| Failure::upstream(&error))?;
        self.held_up = false;
        self.progress = true;
        self.passing -= written;
        front.input.consume(written);
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, back: &mut Wire) -> Poll<Result<(), Failure>> {
        if !back.output.is_empty() {
            self.held_up = true;
            ready!(back.poll_write(cx)).map_err(|error| Failure::upstream(&error))?;
            self.held_up = false;
            self.progress = true;
        }
        // What can be sent again is kept until it is answered.
        if self.is_taken() {
            back.output.clear();
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads on; what was sent leaves before anybody waits.
fn poll_more(cx: &mut Context<'_>, front: &mut Wire, back: &mut Wire) -> Poll<Result<(), Failure>> {
    match front.poll_read(cx) {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(Failure::Caller(io::ErrorKind::UnexpectedEof))),
        Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
        Poll::Ready(Err(error)) => Poll::Ready(Err(Failure::caller(&error))),
        Poll::Pending => {
            ready!(back.poll_flush(cx)).map_err(|error| Failure::upstream(&error))?;
            Poll::Pending
        }
    }
}
