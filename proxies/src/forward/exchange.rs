//! One request given as a value, and its answer as a value: what a front of another version than HTTP/1.1 needs.
//!
//! ```text
//!   Visit::answer(Request<B>) ─▶ judged ─▶ own head ─▶ kept or new connection ─▶ Response<Answer<B>>
//!                                                       body out ┘ │
//!                                                                  └ Answer: body in, the rest of the body out
//! ```
//!
//! The answer is streamed, and so is the request: whoever polls the answer's body drives both. No task: dropping
//! either breaks the exchange off and its upstream connection with it. Interim answers (1xx) are not passed on,
//! and no upgrade. A caller that stops reading is for its front to notice: nobody polls then.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::time::Instant;

use super::{
    alarm::Alarm,
    counts::HttpCounts,
    failure::Failure,
    homeward::MOST_INTERIM,
    hooks::Watch,
    link::Link,
    pool::Pool,
    prepare::{Method, Prepared},
    reading::poll_head,
    sending::Sending,
    site::{Judged, Visit, head_limits},
};
use crate::{
    http::{
        self, Field, Length, Version, body::Step, end::HeadEnd, name::Name, request::RequestHead,
        response::ResponseHead,
    },
    limits::Limits,
    transport::Dial,
};

impl<D: Dial> Visit<D> {
    /// Answers one request: with the service's answer, or with the proxy's own, without a body, where there is none
    /// or it may not be asked. The request's body is a stream of data and, at its end, trailers; an error of it
    /// breaks the request off.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Answer<B>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        match self.exchange(request).await {
            Ok(response) => response,
            Err(failure) => {
                let mut response = Response::new(Answer(None));
                let status = self.own_answer(&failure);
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                if let Some(seconds) = failure.retry_after() {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }

    async fn exchange<B>(&self, request: Request<B>) -> Result<Response<Answer<B>>, Failure>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut written = Vec::new();
        let (prepared, watch) = self.judge_value(&request, &mut written)?;
        let mut sending = Sending::new(request.into_body(), prepared.length, Instant::now());
        let mut watch = watch;
        HttpCounts::count(&self.site.tally.http.forwarded);
        let mut link = self.site.link(&self.caller, prepared.group, false).await?;
        loop {
            link.wire.output.end().extend_from_slice(&written);
            let mut asked = Asked {
                link: &mut link,
                sending: &mut sending,
                watch: watch.as_deref_mut(),
                limits: &self.site.limits,
                alarm: Alarm::default(),
                end: HeadEnd::default(),
                interim: 0,
                prepared,
            };
            let outcome = std::future::poll_fn(|cx| asked.poll(cx)).await;
            let heard = asked.interim > 0;
            match outcome {
                Ok((response, receiving, last)) => {
                    let rest = Rest {
                        link: Some(link),
                        pool: self.site.pool.clone(),
                        sending,
                        receiving,
                        last,
                        watch,
                        limits: self.site.limits,
                        alarm: Alarm::default(),
                        moved: Instant::now(),
                    };
                    return Ok(response.map(|()| Answer::of(rest)));
                }
                Err(failure) if heard || !retries(&failure, &link, &sending, prepared) => {
                    return Err(failure);
                }
                Err(_dead) => {
                    HttpCounts::count(&self.site.tally.http.retried);
                    link = self.site.link(&self.caller, prepared.group, true).await?;
                    sending.again();
                }
            }
        }
    }

    fn judge_value<B: Body>(&self, request: &Request<B>, out: &mut Vec<u8>) -> Result<Judged, Failure> {
        const HOST: &str = "host";
        let uri = request.uri();
        let target = uri.path_and_query().map_or("/", hyper::http::uri::PathAndQuery::as_str);
        let named = request.headers().len();
        let mut fields = Vec::with_capacity(named + 1);
        if let Some(authority) = uri.authority() {
            // Where both are there they must be one (RFC 9113, 8.3.1).
            let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
            if host.is_some_and(|host| !host.eq_ignore_ascii_case(authority.as_str().as_bytes())) {
                return Err(Failure::Request(http::Refused::bad("two Hosts")));
            }
            fields.push(Field { name: HOST, value: authority.as_str().as_bytes() });
        }
        let rest = request.headers().iter().filter(|(name, _)| *name != HOST || uri.authority().is_none());
        fields.extend(rest.map(|(name, value)| Field { name: name.as_str(), value: value.as_bytes() }));
        if fields.len() > self.site.limits.http.fields {
            return Err(Failure::Request(http::Refused::too_large("too many fields")));
        }
        let mut head = RequestHead::judge(request.method().as_str(), target, Version::Http2, &fields)?;
        if request.body().is_end_stream() && matches!(head.length, Length::None | Length::Sized(0)) {
            // As it says.
        } else if head.length == Length::None {
            head.length = Length::Chunked;
        }
        self.judge(&head, out)
    }
}

/// A kept connection that died before it answered anything did not act on the request, or the request may be
/// acted on twice; and all of it is still here.
fn retries<B>(failure: &Failure, link: &Link, sending: &Sending<B>, prepared: Prepared) -> bool {
    let died = matches!(failure, Failure::Silent | Failure::Upstream(_));
    let whole = link.wire.input.is_empty() && !sending.is_taken();
    died && whole && !link.fresh && (prepared.is_idempotent() || !link.wire.output.is_begun())
}

/// An exchange up to the answer's head.
struct Asked<'a, B> {
    link: &'a mut Link,
    sending: &'a mut Sending<B>,
    watch: Option<&'a mut (dyn Watch + 'static)>,
    limits: &'a Limits,
    alarm: Alarm,
    end: HeadEnd,
    interim: u32,
    prepared: Prepared,
}

type Answered = (Response<()>, http::body::Body, bool);

impl<B: Body<Data = Bytes> + Unpin> Asked<'_, B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answered, Failure>> {
        let sent = self.sending.poll(cx, &mut self.link.wire, self.watch.as_deref_mut());
        // A service may answer without having read everything.
        let broken = match sent {
            Poll::Ready(Err(Failure::Upstream(kind))) => Some(Failure::Upstream(kind)),
            Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
            _ => None,
        };
        loop {
            let limits = head_limits(self.limits);
            match poll_head(cx, &mut self.link.wire, &mut self.end, limits) {
                Poll::Ready(Ok(length)) => {
                    if let Some(answered) = self.head(length)? {
                        return Poll::Ready(Ok(answered));
                    }
                }
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(broken.unwrap_or(failure))),
                Poll::Pending => break,
            }
        }
        if let Some(broken) = broken {
            return Poll::Ready(Err(broken));
        }
        let (due, late) = self.sending.due(self.limits);
        ready!(self.alarm.poll(cx, due));
        Poll::Ready(Err(late))
    }

    /// The head at the beginning of what the service said; `None` for one that another follows.
    fn head(&mut self, length: usize) -> Result<Option<Answered>, Failure> {
        let limits = head_limits(self.limits);
        let (mut room, input) = (http::room(), &mut self.link.wire.input);
        let bytes = &input.bytes()[..length];
        let head = ResponseHead::parse(bytes, &mut room, limits, self.prepared.method == Method::Head)
            .map_err(Failure::Answer)?;
        if head.status == 101 {
            return Err(Failure::Answer(http::Refused::bad("an upgrade nobody asked for")));
        }
        let mut answered = None;
        if head.is_interim() {
            self.interim += 1;
            if self.interim > MOST_INTERIM {
                return Err(Failure::Answer(http::Refused::bad("interim answers without end")));
            }
        } else {
            if let Some(watch) = &mut self.watch {
                watch.response(&head).map_err(Failure::Objection)?;
            }
            answered = Some((as_value(&head)?, http::body::Body::new(head.length, limits), head.last));
        }
        self.end = HeadEnd::default();
        input.consume(length);
        Ok(answered)
    }
}

fn as_value(head: &ResponseHead<'_>) -> Result<Response<()>, Failure> {
    const NONE: Failure = Failure::Answer(http::Refused::bad("a field that is none"));
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.status).map_err(|_| NONE)?;
    for Field { name, value } in head.fields {
        let passed = match Name::of(name) {
            Name::Other | Name::LookAlike | Name::Date | Name::Cookie | Name::Forwarded => {
                !head.is_named(name)
            }
            Name::Trailer => head.length == Length::Chunked,
            _ => false,
        };
        if passed {
            add(response.headers_mut(), name.as_bytes(), value).ok_or(NONE)?;
        }
    }
    let told = match head.length {
        Length::Sized(length) => Some(length),
        Length::None => head.told_length,
        Length::Chunked | Length::UntilClose => None,
    };
    if let Some(told) = told {
        response.headers_mut().insert(hyper::header::CONTENT_LENGTH, told.into());
    }
    Ok(response)
}

fn add(headers: &mut HeaderMap, name: &[u8], value: &[u8]) -> Option<()> {
    headers.append(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    Some(())
}

/// The body of an answer; empty where it is the proxy's own. Ends with an error where the answer broke off.
pub struct Answer<B>(Option<Box<Rest<B>>>);

/// What is left of an exchange once its answer began.
struct Rest<B> {
    link: Option<Link>,
    pool: Arc<Pool>,
    sending: Sending<B>,
    receiving: http::body::Body,
    last: bool,
    watch: Option<Box<dyn Watch>>,
    limits: Limits,
    alarm: Alarm,
    moved: Instant,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let Some(rest) = &mut self.0 else { return Poll::Ready(None) };
        let frame = ready!(rest.poll(cx));
        // Whoever got the last frame need not come back for the end.
        if rest.is_over() || !matches!(frame, Some(Ok(_))) {
            let rest = self.0.take();
            if let (Some(rest), None | Some(Ok(_))) = (rest, &frame) {
                rest.finish();
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.as_ref().map_or(Some(0), |rest| rest.receiving.left()) {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Rest<B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let Some(link) = &mut self.link else { return Poll::Ready(None) };
        let watch = self.watch.as_deref_mut();
        match self.sending.poll(cx, &mut link.wire, watch) {
            Poll::Ready(Ok(()) | Err(Failure::Upstream(_))) | Poll::Pending => {}
            Poll::Ready(Err(failure)) => return Poll::Ready(Some(Err(failure))),
        }
        let mut trailers = HeaderMap::new();
        loop {
            let input = &mut link.wire.input;
            match self.receiving.step(input.bytes()).map_err(Failure::Answer) {
                Err(failure) => return Poll::Ready(Some(Err(failure))),
                Ok(Step::Done) if trailers.is_empty() => return Poll::Ready(None),
                Ok(Step::Done) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(Step::Framing(used)) => input.consume(used),
                Ok(Step::Trailer(used)) => {
                    trailer(&mut trailers, &input.bytes()[..used]);
                    input.consume(used);
                }
                Ok(Step::Data(used)) => {
                    let part = Bytes::copy_from_slice(&input.bytes()[..used]);
                    input.consume(used);
                    self.moved = Instant::now();
                    let watch = self.watch.as_mut();
                    if let Some(Err(objection)) = watch.map(|watch| watch.response_part(&part)) {
                        return Poll::Ready(Some(Err(Failure::Objection(objection))));
                    }
                    return Poll::Ready(Some(Ok(Frame::data(part))));
                }
                Ok(Step::More) => match link.wire.poll_read(cx) {
                    Poll::Ready(Ok(0)) => {
                        if let Err(refused) = self.receiving.end() {
                            return Poll::Ready(Some(Err(Failure::Answer(refused))));
                        }
                    }
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(Failure::upstream(&error)))),
                    Poll::Pending => {
                        ready!(self.alarm.poll(cx, self.moved + self.limits.idle));
                        return Poll::Ready(Some(Err(Failure::SlowUpstream)));
                    }
                },
            }
        }
    }
}

impl<B> Answer<B> {
    fn of(rest: Rest<B>) -> Self {
        if rest.is_over() {
            rest.finish();
            return Self(None);
        }
        Self(Some(Box::new(rest)))
    }
}

impl<B> Rest<B> {
    /// All of both messages went by.
    fn is_over(&self) -> bool {
        self.receiving.is_done() && !self.sending.is_under_way()
    }

    /// All of the answer is there: the connection is good for another request if all of this one went out.
    fn finish(mut self) {
        let whole = !self.last && self.is_over();
        if let Some(link) = self.link.take().filter(|link| whole && link.wire.input.is_empty()) {
            drop(link.keep(&self.pool, Instant::now()));
        }
    }
}

fn trailer(trailers: &mut HeaderMap, line: &[u8]) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if std::str::from_utf8(name).is_ok_and(Name::may_trail) {
        // The line was judged when it was read.
        let _judged = add(trailers, name, value);
    }
}
