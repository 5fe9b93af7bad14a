//! A plain function that takes any bytes as what a client says, and checks what must hold of the answer; it panics where
//! it does not.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{Request, Response, StatusCode, header::HOST};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{
    Exchange, Upload, forward,
    frames::{Moment, Scan, kind},
};
use crate::limits::Limits;

/// How a client begins that wants to get any further.
const OPENING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Bytes of the largest frame a client allows that says nothing about it.
const LARGEST: u32 = 16_384;
/// Far more than a connection needs that ends with its input.
const DEADLINE: Duration = Duration::from_secs(8);

/// Serves one connection on which these bytes come, and then its end. The first byte says whether a proper opening comes
/// before them, and how many come at a time.
///
/// It ends by itself before the deadline and within a number of turns bounded by the input; what it says is whole
/// frames of known kinds and lengths; what it forwards is a path and a host.
pub fn fuzz_front(bytes: &[u8]) {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    let opening = if mode & 1 == 0 { OPENING } else { &[] };
    let said = [opening, bytes].concat();
    let turns = Arc::new(AtomicUsize::new(0));
    let most = 10_000 + 64 * said.len();
    let wire = Scripted {
        said,
        at: 0,
        step: usize::from(mode >> 1) + 1,
        heard: Scan::server(),
        turns: turns.clone(),
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    runtime.block_on(async {
        let limits = Limits::default();
        let served = forward(wire, Arc::new(Echo), &limits, CancellationToken::new());
        let ended = tokio::time::timeout(DEADLINE, served).await;
        assert!(ended.is_ok(), "it went on after its deadline");
    });
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns <= most, "{turns} turns, {most} may be");
}

struct Echo;

impl Exchange for Echo {
    type Body = Full<Bytes>;

    async fn exchange(&self, request: Request<Upload>) -> Response<Full<Bytes>> {
        let target = request.uri().to_string();
        assert!(target.starts_with('/') || target == "*", "{target:?} is no path");
        assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?} is no path");
        assert!(request.headers().get_all(HOST).iter().count() == 1, "one host");
        let body = request.into_body().collect().await.map_or_else(|_| Bytes::new(), Collected::to_bytes);
        Response::new(Full::new(body))
    }

    fn refused(&self, status: StatusCode) {
        assert!(status.is_client_error(), "{status} is no answer of a front");
    }
}

/// Bytes given out a few at a time, and then the end; what is written to it is looked at.
struct Scripted {
    said: Vec<u8>,
    at: usize,
    step: usize,
    heard: Scan,
    turns: Arc<AtomicUsize>,
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        let end = self.said.len().min(self.at + self.step.min(buf.remaining()));
        buf.put_slice(&self.said[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        let told: Result<(), std::convert::Infallible> = self.heard.feed(bytes, |moment| {
            if let Moment::Begun(head) = moment {
                assert!(head.length <= LARGEST && head.kind <= kind::CONTINUATION, "{head:?} was said");
            }
            Ok(())
        });
        assert!(told.is_ok());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        assert!(self.heard.at_boundary(), "it ended in the middle of a frame");
        Poll::Ready(Ok(()))
    }
}
