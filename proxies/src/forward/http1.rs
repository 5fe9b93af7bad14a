//! One connection of a caller that speaks HTTP/1.1: request after request.
//!
//! ```text
//!   waiting ─ first byte ─▶ head ─ judged ─▶ crossing ─▶ waiting …
//!      │                     │ refused          │ 101
//!      └ idle, stop: closed  └ own answer       └ bytes both ways
//! ```
//!
//! Requests that come early wait their turn in the connection. One future, no task of its own: dropping it drops
//! the connections in use.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::{
    alarm::Alarm,
    buffers::Output,
    counts::HttpCounts,
    crossing::{Between, Crossing},
    date::date,
    failure::Failure,
    link::Link,
    prepare::Prepared,
    site::{Judged, Visit},
    wire::{Quiet, Wire},
};
use crate::{
    http::{
        self, Length, Version,
        end::{HeadEnd, blank},
        request::RequestHead,
        write::{self, Onward},
    },
    relay::relay_from,
    stream::BoxStream,
    transport::Dial,
};

/// How long, and for how much, a caller is listened to that was answered before it had said everything: closing
/// at once would reset the connection, and the answer with it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// Serves one accepted connection until it is over, or until the answer in progress once `stop` is cancelled.
pub(crate) async fn serve<D: Dial>(front: BoxStream, visit: Visit<D>, stop: &CancellationToken) {
    let now = Instant::now();
    let (front, alarm) = (Wire::new(front), Alarm::default());
    let mut conversation = Conversation { front, alarm, visit, stop, own: None, asked: 0, since: now };
    let mut stopping = std::pin::pin!(stop.cancelled());
    loop {
        let mut waiting = Waiting::default();
        let arrival = std::future::poll_fn(|cx| conversation.poll_head(cx, &mut waiting, stopping.as_mut()));
        let next = match arrival.await {
            Arrival::Over => Next::Close,
            Arrival::Refused(failure) => conversation.refuse(&failure, Version::Http11, false).await,
            Arrival::Head(length) => conversation.answer(length).await,
        };
        match next {
            Next::Request => {}
            Next::Close => return conversation.close(false).await,
            Next::Linger => return conversation.close(true).await,
            Next::Abort => return,
            Next::Tunnel(link) => return conversation.tunnel(*link).await,
        }
    }
}

struct Conversation<'a, D> {
    front: Wire,
    alarm: Alarm,
    visit: Visit<D>,
    stop: &'a CancellationToken,
    /// An upstream connection that is this caller's alone.
    own: Option<Link>,
    /// Requests so far.
    asked: u32,
    /// When it began to wait for the next one.
    since: Instant,
}

/// The search for the next request.
#[derive(Default)]
struct Waiting {
    end: HeadEnd,
    began: Option<Instant>,
}

enum Arrival {
    /// A head of this many bytes.
    Head(usize),
    /// What came is not one, or came too slowly.
    Refused(Failure),
    /// No more requests.
    Over,
}

enum Next {
    Request,
    /// Close; nothing is left unread.
    Close,
    /// Close, while the caller may still be talking.
    Linger,
    /// Drop: what was said is not whole and must not look so.
    Abort,
    /// The connection speaks something else from here on.
    Tunnel(Box<Link>),
}

/// How far an exchange came.
#[derive(Clone, Copy)]
struct Stage {
    /// The answer began.
    told: bool,
    /// All of the request was read.
    read: bool,
}

impl Stage {
    fn of(crossing: &Crossing) -> Self {
        Self { told: crossing.home.is_told(), read: crossing.up.is_read() }
    }
}

impl<D: Dial> Conversation<'_, D> {
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        waiting: &mut Waiting,
        stopping: Pin<&mut WaitForCancellationFuture<'_>>,
    ) -> Poll<Arrival> {
        let limits = self.visit.site.head_limits();
        loop {
            let input = &mut self.front.input;
            let skipped = blank(input.bytes());
            if skipped > 0 {
                input.consume(skipped);
                waiting.end = HeadEnd::default();
            }
            if !input.is_empty() {
                match waiting.end.find(input.bytes(), limits.bytes) {
                    Ok(Some(length)) => return Poll::Ready(Arrival::Head(length)),
                    Ok(None) => {}
                    Err(refused) => return Poll::Ready(Arrival::Refused(refused.into())),
                }
                waiting.began.get_or_insert_with(Instant::now);
            }
            match self.front.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(Arrival::Over),
                Poll::Pending => break,
            }
        }
        let http = &self.visit.site.limits.http;
        if let Some(began) = waiting.began {
            ready!(self.alarm.poll(cx, began + http.head));
            return Poll::Ready(Arrival::Refused(Failure::SlowCaller));
        }
        if stopping.poll(cx).is_pending() {
            ready!(self.alarm.poll(cx, self.since + http.keep_alive));
        }
        Poll::Ready(Arrival::Over)
    }

    /// The request whose head is at the beginning of the input, from there to the end of its answer.
    async fn answer(&mut self, length: usize) -> Next {
        self.asked = self.asked.saturating_add(1);
        let mut draft = Output::default();
        let judged = self.judge(length, &mut draft);
        self.front.input.consume(length);
        let (prepared, watch) = match judged {
            Ok(judged) => judged,
            Err((failure, version, keep)) => return self.refuse(&failure, version, keep).await,
        };
        let (site, fresh) = (self.visit.site.clone(), false);
        HttpCounts::count(&site.tally.http.forwarded);
        let mut crossing = Crossing::new(prepared, watch, site.head_limits());
        let mut link = match self.link(prepared.group, fresh).await {
            Ok(link) => link,
            Err(failure) => return self.fail(&failure, &prepared, Stage::of(&crossing)).await,
        };
        link.wire.output = draft;
        loop {
            let mut between = Between {
                front: &mut self.front,
                link: &mut link,
                alarm: &mut self.alarm,
                limits: &site.limits,
                keep: prepared.keep && self.asked < site.limits.http.requests,
                stop: self.stop,
            };
            let crossed = std::future::poll_fn(|cx| crossing.poll(cx, &mut between)).await;
            let failure = match crossed {
                Ok(()) => return self.crossed(link, &crossing),
                Err(failure) => failure,
            };
            if !crossing.may_retry(&failure, &link) {
                drop(link);
                return self.fail(&failure, &prepared, Stage::of(&crossing)).await;
            }
            HttpCounts::count(&site.tally.http.retried);
            let mut draft = std::mem::take(&mut link.wire.output);
            draft.rewind();
            link = match self.link(prepared.group, true).await {
                Ok(link) => link,
                Err(failure) => return self.fail(&failure, &prepared, Stage::of(&crossing)).await,
            };
            link.wire.output = draft;
            crossing.again();
        }
    }

    /// Judges the head, and writes our own into `out`. With a refusal comes the version to answer in, and whether
    /// the connection can go on.
    fn judge(&self, length: usize, out: &mut Output) -> Result<Judged, (Failure, Version, bool)> {
        let (limits, mut room) = (self.visit.site.head_limits(), http::room());
        let bytes = &self.front.input.bytes()[..length];
        let head = RequestHead::parse(bytes, &mut room, limits)
            .map_err(|refused| (Failure::Request(refused), Version::Http11, false))?;
        let keep = head.length.is_empty() && head.connection.keeps(head.version);
        self.visit.judge(&head, out.end()).map_err(|failure| (failure, head.version, keep))
    }

    async fn link(&mut self, group: usize, fresh: bool) -> Result<Link, Failure> {
        let mut own = self.own.take().filter(|own| !fresh && own.is_for(group));
        match own.take_if(|own| own.wire.is_quiet() == Quiet::Yes) {
            Some(own) => Ok(own),
            None => self.visit.site.link(&self.visit.caller, group, fresh).await,
        }
    }

    /// After an answer that is home.
    fn crossed(&mut self, link: Link, crossing: &Crossing) -> Next {
        self.since = Instant::now();
        let Crossing { up, home, .. } = crossing;
        if home.is_switched() {
            return Next::Tunnel(Box::new(link));
        }
        if up.is_sent() && !home.last && link.wire.input.is_empty() {
            self.own = link.keep(&self.visit.site.pool, self.since);
        }
        match (home.keeps() && up.is_read(), up.is_read() && self.front.input.is_empty()) {
            (true, _) => Next::Request,
            (false, true) => Next::Close,
            (false, false) => Next::Linger,
        }
    }

    /// After an exchange that broke: an answer of our own, or none where one had begun.
    async fn fail(&mut self, failure: &Failure, prepared: &Prepared, stage: Stage) -> Next {
        if stage.told {
            self.visit.note(failure);
            return Next::Abort;
        }
        let keep = prepared.keep && stage.read && !matches!(failure, Failure::Caller(_));
        self.refuse(failure, prepared.version, keep).await
    }

    /// An answer of our own.
    async fn refuse(&mut self, failure: &Failure, version: Version, keep: bool) -> Next {
        let status = self.visit.own_answer(failure);
        let keep = keep && self.asked < self.visit.site.limits.http.requests && !self.stop.is_cancelled();
        let date = date();
        let onward = Onward { version, length: Length::None, keep, date: &date };
        write::own_answer(status, failure.retry_after(), &onward, self.front.output.end());
        self.since = Instant::now();
        let due = self.since + self.visit.site.limits.idle;
        let (front, alarm) = (&mut self.front, &mut self.alarm);
        let written = std::future::poll_fn(|cx| {
            if let Poll::Ready(written) = front.poll_write(cx) {
                ready!(front.poll_flush(cx))?;
                return Poll::Ready(written);
            }
            alarm.poll(cx, due).map(|()| Err(std::io::ErrorKind::TimedOut.into()))
        });
        let written = written.await;
        self.front.output.clear();
        match written {
            Err(_gone) => Next::Abort,
            Ok(()) if keep => Next::Request,
            Ok(()) => Next::Linger,
        }
    }

    /// Ends the connection in order.
    async fn close(mut self, linger: bool) {
        let due = Instant::now() + LINGER;
        let (front, alarm) = (&mut self.front, &mut self.alarm);
        let (mut said_goodbye, mut heard) = (false, 0);
        std::future::poll_fn(|cx| {
            if !said_goodbye && front.poll_shutdown(cx).is_ready() {
                said_goodbye = true;
            }
            if said_goodbye && !linger {
                return Poll::Ready(());
            }
            while linger && heard < LINGER_BYTES {
                let unread = front.input.bytes().len();
                front.input.consume(unread);
                match front.poll_read(cx) {
                    Poll::Ready(Ok(count @ 1..)) => heard += count,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return alarm.poll(cx, due),
                }
            }
            if linger { Poll::Ready(()) } else { alarm.poll(cx, due) }
        })
        .await;
    }

    async fn tunnel(self, link: Link) {
        let Self { mut front, visit, .. } = self;
        let already = front.input.take();
        // How it ended is the two ends' affair; the streams are dropped with it.
        let _ended = relay_from(already, front.stream, link.wire.stream, visit.site.limits.idle).await;
    }
}
