//! Forwarding HTTP/1.1 instead of bytes, so that what a request says about its caller can be put right.
//!
//! ```text
//!   front ─▶ Activity ─▶ Strict ─▶ hyper server ─▶ own header ─▶ hyper client ─▶ one upstream connection
//!            idle time   framing   one request     hop_by_hop    upstream        dialled at the first request
//!                        judged    at a time       client_cert
//! ```
//!
//! Requests and responses are streamed and written anew, so that nothing but well-framed messages leaves on
//! either side. It follows no redirect, retries nothing that may have been read, passes no upgrade, `CONNECT`
//! or trailer on, and answers `Expect: 100-continue` itself. One future, no task of its own: dropping it drops
//! both connections.

mod activity;
mod client_cert;
mod framing;
mod head;
mod hop_by_hop;
mod strict;
mod upstream;

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::{
    Request, Response, StatusCode, Uri, Version,
    body::Incoming,
    header::{EXPECT, HOST},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::{
    activity::{Active, Activity},
    strict::Strict,
    upstream::{Failure, Upstream, drive},
};
use crate::{caller::Caller, stream::BoxStream, tls::PeerCertificate};

pub use client_cert::ClientCert;

/// A whole request head must have arrived within this, counted from when the connection waits for it; so it is
/// also the longest time a connection is kept without a request.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of one request head.
const MAX_HEAD: usize = 32 * 1024;
/// Header fields of one message; hyper answers 431 above.
const MAX_HEADERS: usize = 100;
/// What the upstream connection gets to end in order once the front one has ended.
const GOODBYE: Duration = Duration::from_secs(1);

/// Body of a forwarded response, or none where the answer is the proxy's own.
type Answer = Response<Either<Incoming, Empty<Bytes>>>;

/// Serves one accepted connection until it is over, or until the answer in progress once `stop` is cancelled.
pub(crate) async fn forward<C, F>(
    front: BoxStream,
    caller: &Caller,
    rules: &ClientCert,
    connect: C,
    idle: Duration,
    stop: CancellationToken,
) where
    C: Fn() -> F,
    F: Future<Output = io::Result<BoxStream>>,
{
    let activity = Arc::new(Activity::default());
    let wire = Strict::new(Active::new(front, activity.clone()));
    let (upstream, mut drivers) = Upstream::new(connect);
    let exchange =
        Exchange { rules, peer: caller.certificate(), upstream: &upstream, activity: &activity, idle };
    let handler = service_fn(|request| async { Ok::<_, Infallible>(exchange.answer(request).await) });
    let mut drive = pin!(drive(&mut drivers));
    {
        let mut served = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_DEADLINE)
                .max_headers(MAX_HEADERS)
                .max_header_size(MAX_HEAD)
                .serve_connection(TokioIo::new(wire), handler)
        );
        let mut draining = false;
        loop {
            tokio::select! {
                biased;
                // First: an answer given after it began already says that the connection closes.
                () = stop.cancelled(), if !draining => {
                    served.as_mut().graceful_shutdown();
                    draining = true;
                }
                // How the caller broke its own connection is its own affair.
                _ended = served.as_mut() => break,
                () = activity.quiet_for(idle) => break,
                () = &mut drive => break,
            }
        }
    }
    // Without anybody to ask it, the upstream connection ends by itself.
    drop(upstream);
    let _in_order = timeout(GOODBYE, drive).await;
}

/// What requests of one connection have in common.
struct Exchange<'a, C> {
    rules: &'a ClientCert,
    peer: Option<&'a PeerCertificate>,
    upstream: &'a Upstream<C>,
    activity: &'a Activity,
    idle: Duration,
}

impl<C, F> Exchange<'_, C>
where
    C: Fn() -> F,
    F: Future<Output = io::Result<BoxStream>>,
{
    async fn answer(&self, mut request: Request<Incoming>) -> Answer {
        if let Err(status) = self.prepare(&mut request) {
            return own_answer(status);
        }
        let response = tokio::select! {
            biased;
            response = self.upstream.send(request) => response,
            () = self.activity.quiet_for(self.idle) => return own_answer(StatusCode::GATEWAY_TIMEOUT),
        };
        match response {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                own_answer(StatusCode::BAD_GATEWAY)
            }
            Ok(mut response) => {
                hop_by_hop::strip(response.headers_mut());
                *response.version_mut() = Version::HTTP_11;
                response.map(Either::Left)
            }
            Err(Failure::RequestBody) => own_answer(StatusCode::BAD_REQUEST),
            Err(Failure::Upstream) => own_answer(StatusCode::BAD_GATEWAY),
        }
    }

    /// Makes a request one of our own; or says why it is not forwarded.
    fn prepare(&self, request: &mut Request<Incoming>) -> Result<(), StatusCode> {
        origin_form(request)?;
        hop_by_hop::strip(request.headers_mut());
        request.headers_mut().remove(EXPECT);
        *request.version_mut() = Version::HTTP_11;
        self.rules
            .apply(self.peer, request.headers_mut())
            .map_err(|client_cert::Ambiguous| StatusCode::BAD_REQUEST)
    }
}

/// `GET http://name/path` means the same as `GET /path` with that `Host`; a request that names two is refused.
fn origin_form(request: &mut Request<Incoming>) -> Result<(), StatusCode> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    let host = request.headers().get(HOST).map(hyper::header::HeaderValue::as_bytes);
    if !host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str().as_bytes())) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok(())
}

fn own_answer(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Right(Empty::new()));
    *answer.status_mut() = status;
    answer
}
