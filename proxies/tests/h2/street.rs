//! The HTTP/2 front with a service behind it that answers by path and writes down what it was asked.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Body, Frame},
};
use proxies::{
    forward::h2::{self, Ended, Exchange, Upload, UploadError},
    limits::Limits,
};
use tokio::{io::DuplexStream, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::client::Client;

/// Bytes a pipe holds, like a small socket buffer.
const PIPE: usize = 64 * 1024;

/// What the service was asked, in the order of its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// How its body ended: not yet, whole, broken off, or too slow.
    pub(crate) end: Option<&'static str>,
    /// When.
    pub(crate) at: Instant,
}

#[derive(Default)]
pub(crate) struct Service {
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// Answers that were begun and are neither over nor given up.
    pub(crate) running: Arc<()>,
    /// What it was not asked.
    pub(crate) refused: Mutex<Vec<StatusCode>>,
    /// Bytes of answers handed over.
    pub(crate) handed: Arc<AtomicUsize>,
}

impl Service {
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many answers are neither over nor given up.
    pub(crate) fn running(&self) -> usize {
        Arc::strong_count(&self.running) - 1
    }

    async fn read(&self, at: usize, mut body: Upload) -> bool {
        let end = loop {
            match body.frame().await {
                None => break "whole",
                Some(Err(UploadError::TooSlow)) => break "too slow",
                Some(Err(_broken)) => break "broken",
                Some(Ok(frame)) => {
                    let mut asked = self.asked.lock().unwrap();
                    match frame.into_data() {
                        Ok(data) => asked[at].body.extend(&data),
                        Err(other) => asked[at].trailers = other.into_trailers().unwrap_or_default(),
                    }
                }
            }
        };
        let mut asked = self.asked.lock().unwrap();
        asked[at].end = Some(end);
        asked[at].at = Instant::now();
        end == "whole"
    }
}

impl Exchange for Service {
    type Body = Pieces;

    fn refused(&self, status: StatusCode) {
        self.refused.lock().unwrap().push(status);
    }

    async fn exchange(&self, request: Request<Upload>) -> Response<Pieces> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let at = {
            let mut asked = self.asked.lock().unwrap();
            let line = format!("{} {}", head.method, head.uri);
            let (headers, at) = (head.headers, Instant::now());
            asked.push(Asked { line, headers, body: vec![], trailers: HeaderMap::new(), end: None, at });
            asked.len() - 1
        };
        let size: usize = head.uri.query().and_then(|size| size.parse().ok()).unwrap_or(0);
        let (handed, running) = (self.handed.clone(), self.running.clone());
        let answer = |pieces| Response::new(Pieces { left: pieces, at: 0, handed, _running: running });
        match path.as_str() {
            "/hold" => std::future::pending().await,
            "/early" => answer(vec![Piece::Bytes(b"early".to_vec())]),
            "/big" => answer(vec![Piece::Big(size / BIG.len())]),
            "/cut" => answer(vec![Piece::Bytes(b"half".to_vec()), Piece::Error]),
            "/slow" => answer(vec![Piece::Bytes(b"begun".to_vec()), Piece::Never]),
            "/trailers" => answer(vec![Piece::Bytes(b"body".to_vec()), Piece::Trailers]),
            _ => {
                let whole = self.read(at, body).await;
                let mut response = answer(if whole { vec![Piece::Bytes(b"ok".to_vec())] } else { vec![] });
                if !whole {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                }
                response
            }
        }
    }
}

/// A piece of a big body.
const BIG: &[u8] = &[b'x'; 16_384];

enum Piece {
    Bytes(Vec<u8>),
    /// So many big ones.
    Big(usize),
    Trailers,
    Error,
    Never,
}

/// A body in pieces.
pub(crate) struct Pieces {
    left: Vec<Piece>,
    at: usize,
    handed: Arc<AtomicUsize>,
    _running: Arc<()>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let at = self.at;
        self.at += 1;
        if let Some(Piece::Big(left)) = self.left.get_mut(at)
            && *left > 0
        {
            *left -= 1;
            self.at = at;
            self.handed.fetch_add(BIG.len(), Ordering::Relaxed);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(BIG)))));
        }
        Poll::Ready(match self.left.get(at) {
            None | Some(Piece::Big(_)) => None,
            Some(Piece::Bytes(bytes)) => {
                self.handed.fetch_add(bytes.len(), Ordering::Relaxed);
                Some(Ok(Frame::data(Bytes::copy_from_slice(bytes))))
            }
            Some(Piece::Trailers) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", "1".parse().unwrap());
                Some(Ok(Frame::trailers(trailers)))
            }
            Some(Piece::Error) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Some(Piece::Never) => {
                self.at = at;
                return Poll::Pending;
            }
        })
    }
}

/// A connection to the front.
pub(crate) struct Street {
    pub(crate) service: Arc<Service>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Ended>,
}

/// A front of its own, and the caller's end of the wire.
pub(crate) fn street_with(limits: &Limits, pipe: usize) -> (DuplexStream, Street) {
    let (near, far) = tokio::io::duplex(pipe);
    let (service, stop) = (Arc::<Service>::default(), CancellationToken::new());
    let (exchange, stopping, limits) = (service.clone(), stop.clone(), *limits);
    // The caller ends it, or the test's runtime.
    #[allow(clippy::disallowed_methods)]
    let running = tokio::spawn(async move { h2::forward(far, exchange, &limits, stopping).await });
    (near, Street { service, stop, running })
}

/// A client past its preface whose windows are these.
pub(crate) async fn opened_windows(stream: u32) -> (Client<DuplexStream>, Street) {
    let (wire, street) = street();
    (Client::opened_with(wire, &[(4, stream)]).await, street)
}

pub(crate) fn street() -> (DuplexStream, Street) {
    street_with(&Limits::default(), PIPE)
}

/// A client past its preface, and the rest.
pub(crate) async fn opened() -> (Client<DuplexStream>, Street) {
    let (wire, street) = street();
    (Client::opened(wire).await, street)
}

pub(crate) async fn opened_with(limits: &Limits) -> (Client<DuplexStream>, Street) {
    let (wire, street) = street_with(limits, PIPE);
    (Client::opened(wire).await, street)
}
