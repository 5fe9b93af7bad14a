//! An answer on its way from a service's connection to a caller's.
//!
//! ```text
//!   Head ─▶ Body ─ all of it read ─▶ Ending ─ all of it written ─▶ Home
//!    └ 1xx: Head again    └ 101: Ending
//! ```

use std::task::{Context, Poll, ready};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    alarm::Pace,
    buffers::{COPY, ROOM},
    date::date,
    failure::Failure,
    hooks::Watch,
    prepare::{Method, Prepared, Wish},
    reading::poll_head,
    wire::Wire,
};
use crate::{
    http::{
        self, HeadLimits, Refused, Version,
        body::{Body, Step},
        encode::Encoder,
        end::HeadEnd,
        name::Name,
        response::ResponseHead,
        write::{self, Onward, reframed},
    },
    limits::Limits,
};

/// Interim answers to one request.
pub(super) const MOST_INTERIM: u32 = 32;

pub(super) struct Homeward {
    state: State,
    end: HeadEnd,
    interim: u32,
    body: Body,
    encoder: Encoder,
    passing: usize,
    /// The service's connection is of no use afterwards.
    pub(super) last: bool,
    told: Told,
    progress: bool,
    moved: Instant,
    /// Since the head: the service's average.
    total: Pace,
    /// While the caller keeps it waiting.
    taking: Option<Pace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Body,
    Ending,
    Home,
}

/// What the caller was told of the time after the final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// There is none yet.
    Nothing,
    /// That its connection goes on.
    Kept,
    /// That it ends.
    Closed,
    /// That it speaks something else.
    Switched,
}

/// What the answer's head did to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing new.
    Nothing,
    /// The caller may send its body.
    Continue,
}

/// What an answer is told about the rest of the exchange.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) limits: HeadLimits,
    /// The caller's connection may go on once this answer is home, and so may the request.
    pub(super) keep: bool,
    /// All of the request left.
    pub(super) sent: bool,
    /// Asked when the answer begins: whether this is the last one.
    pub(super) stop: &'a CancellationToken,
}

impl Homeward {
    pub(super) fn new(now: Instant) -> Self {
        let none = HeadLimits { bytes: 0, fields: 0 };
        Self {
            state: State::Head,
            end: HeadEnd::default(),
            interim: 0,
            body: Body::new(http::Length::None, none),
            encoder: Encoder::Plain,
            passing: 0,
            last: false,
            told: Told::Nothing,
            progress: false,
            moved: now,
            total: Pace::new(now),
            taking: None,
        }
    }

    /// Some answer came, if only an interim one.
    pub(super) fn is_heard(&self) -> bool {
        self.is_told() || self.interim > 0
    }

    /// The connection speaks something else from here on.
    pub(super) fn is_switched(&self) -> bool {
        self.told == Told::Switched
    }

    /// The final answer began: nothing else can be said any more.
    pub(super) fn is_told(&self) -> bool {
        self.told != Told::Nothing
    }

    /// The caller's connection goes on afterwards.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.told, Told::Kept | Told::Switched)
    }

    /// When it is too late for what is being waited for, and what that means. To be asked when nothing moves.
    pub(super) fn due(&mut self, limits: &Limits) -> Option<(Instant, Failure)> {
        if std::mem::take(&mut self.progress) {
            self.moved = Instant::now();
        }
        let (http, idle) = (&limits.http, self.moved + limits.idle);
        match (self.state, &self.taking) {
            (State::Home, _) | (State::Head, None) => None,
            (_, Some(taking)) => {
                let due = taking.due(http.body_rate, http.body_grace).map_or(idle, |due| due.min(idle));
                Some((due, Failure::SlowCaller))
            }
            (_, None) => {
                let due = self.total.due(http.body_rate, http.body).map_or(idle, |due| due.min(idle));
                Some((due, Failure::SlowUpstream))
            }
        }
    }

    /// Passes on as much as there is; ready when there is something to say, or all of it is home.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (front, back): (&mut Wire, &mut Wire),
        mut watch: Option<&mut (dyn Watch + 'static)>,
        around: &Around<'_>,
    ) -> Poll<Result<Said, Failure>> {
        loop {
            match self.state {
                State::Home => return Poll::Ready(Ok(Said::Nothing)),
                State::Head => {
                    let Poll::Ready(found) = poll_head(cx, back, &mut self.end, around.limits) else {
                        ready!(self.poll_write(cx, front))?;
                        ready!(front.poll_flush(cx)).map_err(|error| Failure::caller(&error))?;
                        return Poll::Pending;
                    };
                    if self.head(found?, front, back, watch.as_deref_mut(), around)? == Said::Continue {
                        return Poll::Ready(Ok(Said::Continue));
                    }
                }
                State::Body if self.passing > 0 => ready!(self.poll_pass(cx, front, back))?,
                State::Body => ready!(self.poll_body(cx, front, back, watch.as_deref_mut()))?,
                State::Ending => {
                    ready!(self.poll_write(cx, front))?;
                    ready!(front.poll_flush(cx)).map_err(|error| Failure::caller(&error))?;
                    self.state = State::Home;
                }
            }
        }
    }

    /// The head at the beginning of what the service said, passed on.
    fn head(
        &mut self,
        length: usize,
        front: &mut Wire,
        back: &mut Wire,
        watch: Option<&mut (dyn Watch + 'static)>,
        around: &Around<'_>,
    ) -> Result<Said, Failure> {
        let (mut room, prepared) = (http::room(), around.prepared);
        let bytes = &back.input.bytes()[..length];
        let head = ResponseHead::parse(bytes, &mut room, around.limits, prepared.method == Method::Head);
        let head = head.map_err(Failure::Answer)?;
        let said = if head.is_interim() {
            self.interim(&head, front, prepared)?
        } else {
            self.last = head.last;
            self.answer(&head, front, watch, around)?;
            Said::Nothing
        };
        self.end = HeadEnd::default();
        back.input.consume(length);
        if self.is_switched() {
            let rest = back.input.take();
            front.output.end().extend_from_slice(&rest);
        }
        Ok(said)
    }

    fn interim(
        &mut self,
        head: &ResponseHead<'_>,
        front: &mut Wire,
        prepared: &Prepared,
    ) -> Result<Said, Failure> {
        self.interim += 1;
        if self.interim > MOST_INTERIM {
            return Err(Failure::Answer(Refused::bad("interim answers without end")));
        }
        let leave = head.status == 100;
        if prepared.version != Version::Http11 || (leave && prepared.wish != Wish::Continue) {
            return Ok(Said::Nothing);
        }
        let onward = Onward { version: prepared.version, length: http::Length::None, keep: true, date: b"" };
        write::response(head, &onward, front.output.end());
        Ok(if leave { Said::Continue } else { Said::Nothing })
    }

    fn answer(
        &mut self,
        head: &ResponseHead<'_>,
        front: &mut Wire,
        watch: Option<&mut (dyn Watch + 'static)>,
        around: &Around<'_>,
    ) -> Result<(), Failure> {
        let prepared = around.prepared;
        let switching = head.status == 101;
        if switching
            && !(prepared.wish == Wish::Upgrade
                && head.fields.iter().any(|field| Name::of(field.name) == Name::Upgrade))
        {
            return Err(Failure::Answer(Refused::bad("an upgrade nobody asked for")));
        }
        if let Some(watch) = watch {
            watch.response(head).map_err(Failure::Objection)?;
        }
        let length = reframed(head.length, prepared.version);
        let endless = length == http::Length::UntilClose;
        // A service that closes without having taken all of the request leaves a caller that still sends it.
        let keep = around.keep && !endless && (around.sent || !head.last) && !around.stop.is_cancelled();
        let date = date();
        let onward = Onward { version: prepared.version, length, keep, date: &date };
        write::response(head, &onward, front.output.end());
        self.told = match keep {
            _ if switching => Told::Switched,
            true => Told::Kept,
            false => Told::Closed,
        };
        self.body = Body::new(head.length, around.limits);
        self.encoder = Encoder::new(length);
        self.moved = Instant::now();
        self.total = Pace::new(self.moved);
        self.state = if switching { State::Ending } else { State::Body };
        Ok(())
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        front: &mut Wire,
        back: &mut Wire,
        watch: Option<&mut (dyn Watch + 'static)>,
    ) -> Poll<Result<(), Failure>> {
        match self.body.step(back.input.bytes()).map_err(Failure::Answer)? {
            Step::Done => {
                self.encoder.end(front.output.end());
                self.state = State::Ending;
            }
            Step::Framing(used) => back.input.consume(used),
            Step::Trailer(used) => {
                self.encoder.trailer(&back.input.bytes()[..used]);
                back.input.consume(used);
            }
            Step::Data(used) => {
                self.total.moved(used);
                if let Some(watch) = watch {
                    watch.response_part(&back.input.bytes()[..used]).map_err(Failure::Objection)?;
                }
                if self.encoder.is_plain() && used > COPY {
                    self.passing = used;
                } else {
                    self.encoder.data(&back.input.bytes()[..used], front.output.end());
                    back.input.consume(used);
                }
                if front.output.bytes().len() >= ROOM {
                    ready!(self.poll_write(cx, front))?;
                }
            }
            Step::More => {
                ready!(self.poll_write(cx, front))?;
                self.taking = None;
                match back.poll_read(cx) {
                    Poll::Ready(Ok(0)) => self.body.end().map_err(Failure::Answer)?,
                    Poll::Ready(Ok(_)) => self.progress = true,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::upstream(&error))),
                    Poll::Pending => {
                        ready!(front.poll_flush(cx)).map_err(|error| Failure::caller(&error))?;
                        return Poll::Pending;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The body's own bytes, from one buffer to the other connection without a copy.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        front: &mut Wire,
        back: &mut Wire,
    ) -> Poll<Result<(), Failure>> {
        ready!(self.poll_write(cx, front))?;
        match front.poll_pass(cx, &back.input.bytes()[..self.passing]) {
            Poll::Ready(Ok(written)) => {
                self.took(written);
                self.passing -= written;
                back.input.consume(written);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(Failure::caller(&error))),
            Poll::Pending => self.held_up(),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, front: &mut Wire) -> Poll<Result<(), Failure>> {
        let before = front.output.bytes().len();
        if before > 0 {
            let polled = front.poll_write(cx);
            self.took(before - front.output.bytes().len());
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::caller(&error))),
                Poll::Pending => return self.held_up(),
            }
            front.output.clear();
        }
        Poll::Ready(Ok(()))
    }

    fn took(&mut self, bytes: usize) {
        self.progress |= bytes > 0;
        if let Some(taking) = &mut self.taking {
            taking.moved(bytes);
        }
    }

    fn held_up(&mut self) -> Poll<Result<(), Failure>> {
        self.taking.get_or_insert_with(|| Pace::new(Instant::now()));
        Poll::Pending
    }
}
