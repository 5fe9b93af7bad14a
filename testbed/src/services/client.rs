//! A minimal HTTP/1.1 client over [`Connect`]: one exchange at a time per connection, a few kept alive.
//!
//! Both compute (towards identity) and the honest users speak through it. It follows no redirect, opens no
//! address and spawns nothing: a connection is driven only while an exchange is on it, so no task can outlive
//! its owner, and dropping an exchange closes its connection. The `written` hook fires when the first bytes of
//! the request were taken by the stream, which is what "sent" means for the canaries in it.

use std::{
    error::Error,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response,
    client::conn::http1,
    header::{CONNECTION, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use proxies::stream::BoxStream;

use super::watched::{Watch, Watched, Written};
use crate::connect::Connect;

/// The longest response body that is read.
const MAX_RESPONSE: usize = 16 * 1024 * 1024;

/// Why an exchange brought no response.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection: refused, reset, or its TLS was refused on either side.
    #[error("connecting to {authority}: {source}")]
    Connect {
        /// Whom.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("speaking HTTP to {authority}: {source}")]
    Http {
        /// With whom.
        authority: String,
        /// Why.
        source: hyper::Error,
    },
    /// The response body broke off or was too long.
    #[error("reading a response of {authority}: {source}")]
    Body {
        /// Whose.
        authority: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A client of one dial.
pub struct Client {
    connect: Arc<dyn Connect>,
    keep: usize,
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    /// At most `keep` idle connections stay open; 0 = one connection per request, closed after it.
    pub fn new(connect: Arc<dyn Connect>, keep: usize) -> Self {
        Self { connect, keep, idle: Mutex::default() }
    }

    /// One request, one response. `Host` is added. A kept connection that turns out to be closed is replaced
    /// by a new one, once, where repeating is harmless: nothing was written yet, or the method is GET.
    pub async fn exchange(
        &self,
        request: Request<Bytes>,
        written: Written,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let request = self.addressed(request);
        if let Some(kept) = self.take_idle() {
            let (outcome, wrote) = self.on(kept, request.clone(), &written).await;
            match outcome {
                Err(ExchangeError::Http { .. }) if !wrote || request.method() == Method::GET => {}
                outcome => return outcome,
            }
        }
        let fresh = self.open().await?;
        self.on(fresh, request, &written).await.0
    }

    /// The same on a new connection, whatever is kept: for what must not fail because a kept one had died.
    pub async fn exchange_anew(
        &self,
        request: Request<Bytes>,
        written: Written,
    ) -> Result<Response<Bytes>, ExchangeError> {
        let fresh = self.open().await?;
        self.on(fresh, self.addressed(request), &written).await.0
    }

    fn addressed(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        if let Ok(host) = HeaderValue::try_from(self.connect.authority()) {
            request.headers_mut().insert(HOST, host);
        }
        if self.keep == 0 {
            request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        request
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn open(&self) -> Result<Connection, ExchangeError> {
        let stream = self
            .connect
            .connect()
            .await
            .map_err(|source| ExchangeError::Connect { authority: self.authority(), source })?;
        Connection::open(stream)
            .await
            .map_err(|source| ExchangeError::Http { authority: self.authority(), source })
    }

    /// The exchange on one connection, and whether any of the request left.
    async fn on(
        &self,
        mut connection: Connection,
        request: Request<Bytes>,
        written: &Written,
    ) -> (Result<Response<Bytes>, ExchangeError>, bool) {
        connection.watch.arm(Arc::clone(written));
        let outcome = connection.exchange(request).await;
        let wrote = connection.watch.fired();
        let outcome = outcome.map_err(|broken| match broken {
            Broken::Http(source) => ExchangeError::Http { authority: self.authority(), source },
            Broken::Body(source) => ExchangeError::Body { authority: self.authority(), source },
        });
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() && connection.driver.is_some() && idle.len() < self.keep {
            idle.push(connection);
        }
        (outcome, wrote)
    }

    fn authority(&self) -> String {
        self.connect.authority().to_owned()
    }
}

/// One open connection.
struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    driver: Option<Driver>,
    watch: Watch,
}

type Driver = Pin<Box<http1::Connection<TokioIo<Watched>, Full<Bytes>>>>;

enum Broken {
    Http(hyper::Error),
    Body(Box<dyn Error + Send + Sync>),
}

impl Connection {
    async fn open(stream: BoxStream) -> Result<Self, hyper::Error> {
        let watch = Watch::default();
        let io = TokioIo::new(Watched { stream, watch: watch.clone() });
        let (sender, driver) = http1::handshake(io).await?;
        Ok(Self { sender, driver: Some(Box::pin(driver)), watch })
    }

    async fn exchange(&mut self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        let sender = &mut self.sender;
        let mut answer = pin!(async move {
            sender.ready().await.map_err(Broken::Http)?;
            let response = sender.send_request(request.map(Full::new)).await.map_err(Broken::Http)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_RESPONSE).collect().await.map_err(Broken::Body)?;
            Ok(Response::from_parts(head, body.to_bytes()))
        });
        // The driver first: it alone notices that a kept connection was closed meanwhile.
        if let Some(driver) = &mut self.driver {
            tokio::select! {
                biased;
                _ = driver => {}
                answer = &mut answer => return answer,
            }
        }
        // Dropping it tells the answer's side that nothing more comes: a response that is complete is
        // delivered, anything else fails.
        self.driver = None;
        answer.await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;
    use crate::{connect::Connecting, services::testing::Refused};

    /// Hands out prepared streams, then refuses.
    struct Prepared(Mutex<Vec<DuplexStream>>);

    impl Connect for Prepared {
        fn connect(&self) -> Connecting<'_> {
            let stream = self.0.lock().unwrap().pop();
            let stream = stream.ok_or_else(|| io::ErrorKind::ConnectionRefused.into());
            Box::pin(async { stream.map(|stream| Box::new(stream) as _) })
        }

        fn authority(&self) -> &'static str {
            "service.invalid:80"
        }
    }

    /// A client with one prepared connection, and the far side of it.
    fn pair(keep: usize) -> (Client, DuplexStream) {
        let (near, far) = duplex(64 * 1024);
        (Client::new(Arc::new(Prepared(Mutex::new(vec![near]))), keep), far)
    }

    fn counting() -> (Arc<AtomicUsize>, Written) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        (count, Arc::new(move || _ = counted.fetch_add(1, Ordering::Relaxed)))
    }

    fn request(method: &str) -> Request<Bytes> {
        Request::builder().method(method).uri("/v3").body(Bytes::from_static(b"{}")).unwrap()
    }

    #[tokio::test]
    async fn a_request_says_whom_it_means_and_that_it_will_close() {
        let (client, mut far) = pair(0);
        let (count, written) = counting();
        let serving = async move {
            let mut request = vec![0; 4096];
            let n = far.read(&mut request).await.unwrap();
            far.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            String::from_utf8(request[..n].to_vec()).unwrap()
        };
        let (response, request) = tokio::join!(client.exchange(request("POST"), written), serving);
        assert_eq!(response.unwrap().status(), 204);
        assert!(
            request.contains("host: service.invalid:80") && request.contains("connection: close"),
            "{request}"
        );
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_never_left_is_not_called_written() {
        let (count, written) = counting();
        let refused = Client::new(Arc::new(Refused), 0).exchange(request("GET"), written).await;
        assert!(matches!(refused, Err(ExchangeError::Connect { .. })), "{refused:?}");
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_left_is_written_even_when_no_answer_comes() {
        let (client, mut far) = pair(0);
        let (count, written) = counting();
        let stealing = async move { far.read(&mut [0; 4096]).await.unwrap() };
        let (lost, stolen) = tokio::join!(client.exchange(request("POST"), written), stealing);
        assert!(matches!(lost, Err(ExchangeError::Http { .. })), "{lost:?}");
        assert!(stolen > 0);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_post_that_may_have_been_executed_is_not_repeated() {
        let (client, mut far) = pair(1);
        let serving = async move {
            assert!(far.read(&mut [0; 4096]).await.unwrap() > 0);
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            far
        };
        let (first, mut far) = tokio::join!(client.exchange(request("POST"), counting().1), serving);
        first.unwrap();
        // Read, then closed without an answer: a second dial would be refused and say `Connect`.
        let (second, read) = tokio::join!(client.exchange(request("POST"), counting().1), async move {
            far.read(&mut [0; 4096]).await.unwrap()
        });
        assert!(read > 0 && matches!(second, Err(ExchangeError::Http { .. })), "{second:?}");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error_not_a_shorter_body() {
        let (client, mut far) = pair(0);
        let serving = async move {
            assert!(far.read(&mut [0; 4096]).await.unwrap() > 0);
            far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
        };
        let (broken, ()) = tokio::join!(client.exchange(request("GET"), counting().1), serving);
        assert!(matches!(broken, Err(ExchangeError::Body { .. })), "{broken:?}");
    }
}
