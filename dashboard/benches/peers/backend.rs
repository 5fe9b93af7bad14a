//! What stands behind every proxy: fixed answers over TCP, a Unix socket or TLS, from one thread.
//!
//! The thread ends with the process.

use std::{path::Path, sync::mpsc, thread};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    task::{JoinSet, LocalSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    clock,
    pki::{Failed, Files},
};

/// Bytes of a large answer.
pub(crate) const LARGE: usize = 1024 * 1024;
/// Bytes of a small one.
pub(crate) const SMALL: usize = 128;

pub(crate) struct Backend {
    /// Its thread, for its clock.
    pub(crate) thread: i32,
    /// Port in the clear.
    pub(crate) clear: u16,
    /// Port with TLS.
    pub(crate) tls: u16,
}

impl Backend {
    /// Starts it; it answers when this returns.
    pub(crate) fn start(files: &Files) -> Result<Self, Failed> {
        let (tell, told) = mpsc::channel();
        let (path, acceptor) = (files.path("app.sock"), TlsAcceptor::from(files.server.clone()));
        thread::Builder::new().name("backend".into()).spawn(move || {
            clock::pin(clock::ENDS);
            let served = serve(&path, &acceptor, &tell);
            eprintln!("the backend ended: {served:?}");
        })?;
        Ok(told.recv()?)
    }
}

fn serve(path: &Path, acceptor: &TlsAcceptor, tell: &mpsc::Sender<Backend>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers: &'static Answers = Box::leak(Box::new(Answers::new()));
    runtime.block_on(LocalSet::new().run_until(async {
        let (clear, tls) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        let unix = UnixListener::bind(path)?;
        let ports = (clear.local_addr()?.port(), tls.local_addr()?.port());
        tell.send(Backend { thread: clock::this_thread(), clear: ports.0, tls: ports.1 })?;
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                accepted = clear.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    tasks.spawn_local(answers.give(stream));
                }
                accepted = unix.accept() => {
                    tasks.spawn_local(answers.give(accepted?.0));
                }
                accepted = tls.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    let acceptor = acceptor.clone();
                    tasks.spawn_local(async move {
                        // A client that breaks off is its own affair.
                        if let Ok(stream) = acceptor.accept(stream).await {
                            answers.give(stream).await;
                        }
                    });
                }
                Some(_ended) = tasks.join_next(), if !tasks.is_empty() => {}
            }
        }
    }))
}

const CLOSE: &[u8] = b"\r\nConnection: close";

struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        let answer = |bytes: usize| {
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {bytes}\r\n\r\n");
            [head.into_bytes(), vec![b'x'; bytes]].concat()
        };
        Self { small: answer(SMALL), large: answer(LARGE) }
    }

    /// Requests of one connection, which have no bodies, one after the other.
    async fn give<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) {
        let mut asked = Vec::with_capacity(4096);
        while let Ok(1..) = stream.read_buf(&mut asked).await {
            while let Some(end) = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let answer = if asked.starts_with(b"GET /large") { &self.large } else { &self.small };
                // Where a proxy reads no HTTP, the client's wish reaches us.
                let last = asked[..end].windows(CLOSE.len()).any(|line| line.eq_ignore_ascii_case(CLOSE));
                asked.drain(..end + 4);
                if stream.write_all(answer).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                if last {
                    // The goodbye of a client that left already is lost on nobody.
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    }
}
