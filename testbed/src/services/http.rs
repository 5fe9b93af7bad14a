//! Serving one HTTP/1.1 connection that somebody else accepted (and somebody else's TLS already opened).
//!
//! Ends when the peer closes, when a deadline passes, or, after `drain` is cancelled, with the answer in
//! progress. Spawns nothing: the future *is* the connection.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use proxies::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::{call::Call, origin::Origin, pipeline::Answering};

/// A whole request head must have arrived within this, counted from when the connection waits for it; so it is
/// also the longest idle time. Without a timer hyper would not enforce any.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Header fields of one request; hyper answers 431 above.
pub const MAX_HEADERS: usize = 100;
/// Bytes of one request head; hyper answers 431 above.
pub const MAX_HEAD: usize = 32 * 1024;
/// Requests on one connection; the last reply says `Connection: close`.
pub const MAX_REQUESTS: u32 = 1000;
/// What no pipeline may read beyond, whatever its own limit is: keeps a misconfigured one from eating memory.
const BODY_CEILING: usize = 16 * 1024 * 1024;

/// Something that answers requests.
pub trait Service: Send + Sync + 'static {
    /// The reply to one request. Never panics on anything a peer sent.
    fn call(&self, call: Call) -> Answering<'_>;
}

/// Serves one connection of a listener until it is over. An error tells how the *peer* broke it; nobody else
/// suffers.
pub async fn serve(
    stream: BoxStream,
    service: Arc<dyn Service>,
    origin: Origin,
    drain: CancellationToken,
) -> Result<(), hyper::Error> {
    let served = AtomicU32::new(0);
    let handler = service_fn(|request: Request<Incoming>| {
        let service = Arc::clone(&service);
        let last = served.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_REQUESTS;
        async move {
            let (head, body) = request.into_parts();
            let body = Limited::new(body, BODY_CEILING).boxed();
            let mut reply = service.call(Call { head, body, request_id: String::new(), origin }).await;
            if last {
                reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), handler)
    );
    // Draining first: an answer given after it began already says that the connection closes.
    tokio::select! {
        biased;
        () = drain.cancelled() => connection.as_mut().graceful_shutdown(),
        ended = connection.as_mut() => return ended,
    }
    connection.await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hyper::StatusCode;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        time::Instant,
    };

    use super::*;
    use crate::services::reply::empty_reply;

    /// Answers 204, once it may.
    struct Gate(CancellationToken);

    impl Service for Gate {
        fn call(&self, _: Call) -> Answering<'_> {
            Box::pin(async {
                self.0.cancelled().await;
                empty_reply(StatusCode::NO_CONTENT)
            })
        }
    }

    fn connection(
        gate: &CancellationToken,
        drain: &CancellationToken,
    ) -> (DuplexStream, impl Future<Output = Result<(), hyper::Error>> + use<>) {
        let (near, far) = duplex(256 * 1024);
        (near, serve(Box::new(far), Arc::new(Gate(gate.clone())), Origin::default(), drain.clone()))
    }

    fn open() -> CancellationToken {
        let token = CancellationToken::new();
        token.cancel();
        token
    }

    /// What a peer that writes `request` and then only reads gets back.
    async fn exchange(request: String) -> String {
        let (mut peer, served) = connection(&open(), &CancellationToken::new());
        let talk = async move {
            peer.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            peer.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::join!(talk, served).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_arrive_in_time_costs_the_connection() {
        let start = Instant::now();
        let (mut peer, served) = connection(&open(), &CancellationToken::new());
        peer.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        assert!(served.await.unwrap_err().is_timeout());
        assert!(start.elapsed() >= HEAD_DEADLINE && start.elapsed() < HEAD_DEADLINE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_headers_or_too_long_a_head_is_431() {
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        let long = format!("a: {}\r\n", "b".repeat(MAX_HEAD));
        for headers in [many, long] {
            let answer = exchange(format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        }
        let fits = "a: b\r\n".repeat(MAX_HEADERS);
        let answer = exchange(format!("GET / HTTP/1.1\r\n{fits}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_are_not_http_end_in_a_400() {
        let answer = exchange("\u{16}\u{3}\u{1}nonsense\r\n\r\n".into()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }

    #[tokio::test]
    async fn draining_lets_the_answer_in_progress_out_and_then_closes() {
        let (gate, drain) = (CancellationToken::new(), CancellationToken::new());
        let (mut peer, served) = connection(&gate, &drain);
        peer.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut served = std::pin::pin!(served);
        // Polled once: the request is read and waits at the gate.
        tokio::select! { biased; _ = &mut served => panic!("answered too early"), () = async {} => {} }
        drain.cancel();
        gate.cancel();
        served.await.unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn the_last_request_a_connection_may_make_closes_it() {
        let requests = "GET / HTTP/1.1\r\n\r\n".repeat(MAX_REQUESTS as usize + 1);
        let answers = exchange(requests).await;
        assert_eq!(answers.matches("HTTP/1.1 204").count(), MAX_REQUESTS as usize);
        assert_eq!(answers.matches("connection: close").count(), 1);
    }
}
