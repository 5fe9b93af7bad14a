//! Looking at the first bytes of a connection without taking them.
//!
//! Reads until it is clear what they are, then hands out a stream that says them again.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::parse::hello::{Opening, opening};

/// Bytes that are looked at before a hello without end counts as one without a name.
const MAX_PEEK: usize = 64 * 1024;

/// A stream whose first bytes were looked at.
pub(super) struct Peeked<S> {
    first: BytesMut,
    rest: S,
}

/// What a connection begins with, and the connection as it was. [`Opening::Partial`] is one that ended
/// before that was clear.
pub(super) async fn peek<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(Opening, Peeked<S>)> {
    let mut first = BytesMut::new();
    let seen = loop {
        let ended = stream.read_buf(&mut first).await? == 0;
        match opening(&first) {
            Opening::Partial if ended => break Opening::Partial,
            Opening::Partial if first.len() >= MAX_PEEK => break Opening::Hello(None),
            Opening::Partial => {}
            seen => break seen,
        }
    };
    Ok((seen, Peeked { first, rest: stream }))
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.rest).poll_read(cx, into);
        }
        let said = self.first.len().min(into.remaining());
        into.put_slice(self.first.get(..said).unwrap_or_default());
        self.first.advance(said);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn what_was_looked_at_is_said_again_and_the_rest_follows() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(b"GET / HTTP/1.1").await.unwrap();
        let (seen, mut stream) = peek(ours).await.unwrap();
        assert_eq!(seen, Opening::Clear);
        theirs.write_all(b"\r\n\r\n").await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "GET / HTTP/1.1\r\n\r\n");
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_its_first_record_stays_partial() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(b"\x16\x03\x01\x02\x00half").await.unwrap();
        drop(theirs);
        assert_eq!(peek(ours).await.unwrap().0, Opening::Partial);
    }
}
