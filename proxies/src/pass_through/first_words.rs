//! The first bytes both ways, until the server's hello is known; every byte is passed on as it comes.
//!
//! It ends as soon as there is nothing more to learn, so that a relay of its own kind carries the rest. No task
//! of its own.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{
    peek::{PeekServer, Peeked, ServerHello},
    stream::Stream,
};

/// Bytes of a server's first words that are looked at. A hello of TLS 1.2 takes about a hundred; one of TLS 1.3
/// with a post-quantum key 1,200.
const LOOKED_AT: usize = 4 * 1024;

/// Sends `already` to `back` and then carries both ways until the server's hello was whole, or could not be
/// one, or one way ended. `heard` is called before the client gets the last byte of the hello: what it learns,
/// it knows before the client can use it. An error means that both ends are lost.
pub(super) async fn first_words<A: Stream, B: Stream>(
    already: Vec<u8>,
    (front, back): (&mut A, &mut B),
    heard: impl FnOnce(&ServerHello),
    deadline: Duration,
) -> io::Result<()> {
    let carrying = async {
        send(back, &already).await?;
        drop(already);
        let mut peek = PeekServer::new(LOOKED_AT);
        let (mut forth, mut home) = (Vec::with_capacity(LOOKED_AT), Vec::with_capacity(LOOKED_AT));
        loop {
            tokio::select! {
                read = front.read_buf(&mut forth) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    send(back, &forth).await?;
                    forth.clear();
                }
                read = back.read_buf(&mut home) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    let known = peek.feed(&home);
                    if let Peeked::Hello(hello) = known {
                        heard(hello);
                        return send(front, &home).await;
                    }
                    send(front, &home).await?;
                    if matches!(known, Peeked::Refused(_)) {
                        return Ok(());
                    }
                    home.clear();
                }
            }
        }
    };
    timeout(deadline, carrying).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn send(to: &mut impl Stream, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
