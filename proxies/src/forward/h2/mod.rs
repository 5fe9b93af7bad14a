//! HTTP/2 in front, HTTP/1.1 behind.
//!
//! ```text
//!   front ─▶ Guarded ─▶ library ─▶ a task a stream ─▶ translate ─▶ Exchange ─▶ HTTP/1.1
//!            watch      frames,    tasks              Upload
//!                       windows                       Download
//! ```
//!
//! It pushes nothing, opens no tunnel, and passes no `1xx` on. A malformed header block is a stream reset by the library; a
//! request that HTTP/1.1 cannot mean is answered 400 here. The tasks of a connection's streams belong to it: they
//! are awaited when it ends, and aborted with it when it is dropped.

mod body;
mod farewell;
mod frames;
mod fuzz;
mod guarded;
mod pace;
mod tasks;
mod translate;
mod watch;

use std::{
    convert::Infallible,
    error::Error,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch as latest;
use tokio_util::sync::CancellationToken;

pub use self::{
    body::{Download, Upload, UploadError},
    fuzz::fuzz_front,
    watch::Fault,
};
use self::{guarded::Guarded, tasks::Tasks};
use super::{Answer, Visit};
use crate::{limits::Limits, stream::Stream, transport::Dial};

/// Streams reset before anybody accepted them that may wait; as many as the library's own default.
const RESETS_WAITING: usize = 20;

/// Where translated requests go.
pub trait Exchange: Send + Sync + 'static {
    /// Body of an answer. An error in it resets the stream, so that it never looks whole.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// One request, in origin form and with `Host`, to the head of its answer.
    fn exchange(&self, request: Request<Upload>) -> impl Future<Output = Response<Self::Body>> + Send;

    /// A request was answered with this without asking it.
    fn refused(&self, status: StatusCode);
}

impl<D: Dial> Exchange for Visit<D> {
    type Body = Answer<Upload>;

    async fn exchange(&self, request: Request<Upload>) -> Response<Answer<Upload>> {
        self.answer(request).await
    }

    fn refused(&self, status: StatusCode) {
        self.site.tally.http.count_own(status.as_u16());
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By either side, in order or by an error of its own.
    Over,
    /// For a fault of the client that the library itself does not end it for.
    Faulty(Fault),
}

/// Serves one accepted connection until it is over, or until the streams under way are once `stop` is cancelled.
pub async fn forward<S: Stream, X: Exchange>(
    front: S,
    exchange: Arc<X>,
    limits: &Limits,
    stop: CancellationToken,
) -> Ended {
    let (wire, verdict) = Guarded::new(front, &limits.http, limits.idle);
    let tasks = Tasks::new();
    let (asked, shared) = (latest::Sender::new(0_u32), Arc::new(*limits));
    let service = service_fn(|request: Request<Incoming>| {
        asked.send_modify(|count| *count = count.saturating_add(1));
        answer(exchange.clone(), request, shared.clone())
    });
    {
        let served = builder(limits, &tasks).serve_connection(TokioIo::new(wire), service);
        let mut served = pin!(served);
        let mut enough = asked.subscribe();
        let (mut leaving, mut ended) = (false, false);
        loop {
            let patience = if leaving { limits.drain } else { limits.http.keep_alive };
            tokio::select! {
                biased;
                () = stop.cancelled(), if !leaving => leaving = true,
                // How the caller broke its own connection is its own affair.
                _ended = served.as_mut() => break,
                () = verdict.ended.cancelled(), if !ended => {
                    ended = true;
                    tasks.abort();
                    continue;
                }
                _all = enough.wait_for(|count| *count >= limits.http.requests), if !leaving => leaving = true,
                () = tasks.idle_for(patience), if !ended => {
                    if leaving {
                        break;
                    }
                    leaving = true;
                }
            }
            served.as_mut().graceful_shutdown();
        }
    }
    tasks.end().await;
    verdict.why().map_or(Ended::Over, Ended::Faulty)
}

fn builder(limits: &Limits, tasks: &Tasks) -> http2::Builder<tasks::Spawner> {
    let http = &limits.http;
    let mut builder = http2::Builder::new(tasks.spawner(http, limits.idle));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(http.streams)
        .max_header_list_size(http.header_list)
        .max_pending_accept_reset_streams(RESETS_WAITING)
        .max_local_error_reset_streams(http.resets as usize)
        .initial_stream_window_size(http.stream_window)
        .initial_connection_window_size(http.connection_window)
        // What a stream may have waiting for a caller with a large window that does not read.
        .max_send_buf_size(http.stream_window as usize)
        // A caller that is not there any more is found out within the idle time: asked at half of it.
        .keep_alive_interval(limits.idle / 2)
        .keep_alive_timeout(limits.idle / 2)
        .auto_date_header(false);
    builder
}

/// The body of what the caller gets: an answer's, or none where the answer is the proxy's own.
type Sent<B> = Either<Download<B>, Empty<Bytes>>;

async fn answer<X: Exchange>(
    exchange: Arc<X>,
    request: Request<Incoming>,
    limits: Arc<Limits>,
) -> Result<Response<Sent<X::Body>>, Infallible> {
    match prepared(request, &limits).await {
        Ok(request) => Ok(passed(&*exchange, request).await),
        Err(status) => {
            exchange.refused(status);
            Ok(own_answer(status))
        }
    }
}

/// The request that is passed on, or what its caller is told instead.
async fn prepared(request: Request<Incoming>, limits: &Limits) -> Result<Request<Upload>, StatusCode> {
    let (head, body) = request.into_parts();
    let head = translate::request(head, limits.http.fields)?;
    let mut body = Upload::new(body, limits);
    match body.settle().await {
        Ok(()) => Ok(Request::from_parts(head, body)),
        Err(UploadError::TooSlow) => Err(StatusCode::REQUEST_TIMEOUT),
        Err(UploadError::Broken(_)) => Err(StatusCode::BAD_REQUEST),
    }
}

async fn passed<X: Exchange>(exchange: &X, request: Request<Upload>) -> Response<Sent<X::Body>> {
    let late = request.body().late();
    let mut response = exchange.exchange(request).await;
    if response.status().is_informational() {
        return own_answer(StatusCode::BAD_GATEWAY);
    }
    if response.status() == StatusCode::BAD_REQUEST && late.load(Ordering::Relaxed) {
        // Whoever read the body saw that it broke off, not why.
        *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
    }
    translate::response(response.headers_mut());
    response.map(|body| Either::Left(Download::new(body)))
}

fn own_answer<B>(status: StatusCode) -> Response<Sent<B>> {
    let mut answer = Response::new(Either::Right(Empty::new()));
    *answer.status_mut() = status;
    answer
}
