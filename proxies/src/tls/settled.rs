//! A handshake whose server is known to be done with it.
//!
//! A TLS 1.3 client is finished before the server has read its last flight; closing by reset at that moment
//! may lose it. The server's session ticket, sent after that flight was processed, is the proof. In TLS 1.2
//! the server finishes last, so nothing is left to wait for.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_rustls::client::TlsStream;

use crate::stream::Stream;

/// Reads until the server is done. Application data that came along is dropped.
pub(super) async fn settled<S: Stream>(mut stream: TlsStream<S>) -> io::Result<TlsStream<S>> {
    if stream.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_2) {
        return Ok(stream);
    }
    poll_fn(|cx| poll_ticket(&mut stream, cx)).await?;
    Ok(stream)
}

fn poll_ticket<S: Stream>(stream: &mut TlsStream<S>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut dropped = [0; 256];
    loop {
        let mut buffer = ReadBuf::new(&mut dropped);
        let polled = Pin::new(&mut *stream).poll_read(cx, &mut buffer);
        if stream.get_ref().1.tls13_tickets_received() > 0 {
            return Poll::Ready(Ok(()));
        }
        match polled {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
}
