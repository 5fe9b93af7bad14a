//! The load: TLS 1.3 clients on one thread, each in a closed loop.
//!
//! Every handshake is a full one, and that is checked: resumed ones would measure something else. Nagle is off:
//! against a server that is silent after its flight it would wait for a delayed ACK and be taken for a slow
//! proxy.

use std::{cell::RefCell, io, rc::Rc, sync::Arc, time::Duration};

use rustls::{ClientConfig, HandshakeKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, LocalSet},
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    backend::{LARGE, SMALL},
    pki::{FRONT, Failed},
};

/// What one closed loop asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Small answers on connections that are kept.
    Small,
    /// 1 MiB answers on connections that are kept.
    Large,
    /// A connection, one small answer, and its end.
    Connect,
}

/// What was finished in a measured stretch of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    /// Of each loop's kind of request: how long each took, µs.
    pub(crate) took: Vec<(Ask, u32)>,
}

#[derive(Clone)]
pub(crate) struct Client {
    connector: TlsConnector,
    port: u16,
}

type Stream = TlsStream<TcpStream>;

impl Client {
    pub(crate) fn new(config: Arc<ClientConfig>, port: u16) -> Self {
        Self { connector: TlsConnector::from(config), port }
    }

    /// Runs the loops for `warm`, then calls `mark`, runs them for `measured` and calls it again. What was done
    /// between the two marks comes back.
    pub(crate) async fn load(
        &self,
        loops: &[(Ask, usize)],
        (warm, measured): (Duration, Duration),
        mut mark: impl FnMut(),
    ) -> Result<Done, Failed> {
        let done = Rc::new(RefCell::new(Done::default()));
        let tasks = async {
            let mut tasks = JoinSet::new();
            for &(ask, connections) in loops {
                for _ in 0..connections {
                    let (client, done) = (self.clone(), done.clone());
                    tasks.spawn_local(async move { client.keep_asking(ask, &done).await });
                }
            }
            // They never end by themselves, unless they fail.
            tasks.join_next().await
        };
        let marked = async {
            tokio::time::sleep(warm).await;
            *done.borrow_mut() = Done::default();
            mark();
            tokio::time::sleep(measured).await;
            let finished = done.take();
            mark();
            finished
        };
        LocalSet::new()
            .run_until(async {
                tokio::select! {
                    finished = marked => Ok(finished),
                    failed = tasks => Err(format!("a client broke off: {failed:?}").into()),
                }
            })
            .await
    }

    /// Exactly so many small requests over so many connections, for counting instructions.
    pub(crate) async fn exactly(&self, requests: usize, connections: usize) -> Result<(), Failed> {
        let mut streams = Vec::new();
        for _ in 0..connections {
            streams.push(self.connect().await?);
        }
        for turn in 0..requests.div_ceil(connections) {
            for stream in &mut streams {
                let kept = exchange(stream, Ask::Small, &mut Vec::new()).await?;
                if !kept {
                    return Err(format!("closed after {turn} requests").into());
                }
            }
        }
        Ok(())
    }

    /// Open connections that had one answer each and say no more.
    pub(crate) async fn idle(&self, connections: usize) -> Result<Vec<Stream>, Failed> {
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let mut stream = self.connect().await?;
            exchange(&mut stream, Ask::Small, &mut Vec::new()).await?;
            streams.push(stream);
        }
        Ok(streams)
    }

    async fn keep_asking(&self, ask: Ask, done: &RefCell<Done>) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(if ask == Ask::Large { 256 * 1024 } else { 4096 });
        let mut stream = None;
        loop {
            let began = Instant::now();
            let mut open = match stream.take() {
                Some(open) => open,
                None => self.connect().await?,
            };
            if exchange(&mut open, ask, &mut buffer).await? {
                stream = Some(open);
            } else {
                // The other side ends; whether it says goodbye in TLS is not what is measured.
                let _ended = open.read_to_end(&mut buffer).await;
            }
            let mut done = done.borrow_mut();
            done.requests += 1;
            done.took.push((ask, began.elapsed().as_micros() as u32));
        }
    }

    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let name = FRONT.try_into().map_err(io::Error::other)?;
        let stream = self.connector.connect(name, stream).await?;
        match stream.get_ref().1.handshake_kind() {
            Some(HandshakeKind::Full) => Ok(stream),
            other => Err(io::Error::other(format!("not a full handshake: {other:?}"))),
        }
    }
}

/// One request and its whole answer; false if the other side ends the connection.
async fn exchange(stream: &mut Stream, ask: Ask, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let (request, expected): (&[u8], _) = match ask {
        Ask::Small => (b"GET /small HTTP/1.1\r\nHost: front.invalid\r\nUser-Agent: peers\r\n\r\n", SMALL),
        Ask::Large => (b"GET /large HTTP/1.1\r\nHost: front.invalid\r\nUser-Agent: peers\r\n\r\n", LARGE),
        Ask::Connect => (
            b"GET /small HTTP/1.1\r\nHost: front.invalid\r\nUser-Agent: peers\r\nConnection: close\r\n\r\n",
            SMALL,
        ),
    };
    stream.write_all(request).await?;
    stream.flush().await?;
    buffer.clear();
    let head = loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let (length, close) = read_head(&buffer[..head])?;
    if length != expected {
        return Err(io::Error::other(format!("{length} bytes instead of {expected}")));
    }
    let mut missing = length - (buffer.len() - head).min(length);
    while missing > 0 {
        buffer.clear();
        match stream.read_buf(buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => missing = missing.saturating_sub(read),
        }
    }
    Ok(!close && ask != Ask::Connect)
}

fn read_head(head: &[u8]) -> io::Result<(usize, bool)> {
    let text = std::str::from_utf8(head).map_err(io::Error::other)?;
    if !text.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(format!("not a 200: {text}")));
    }
    let (mut length, mut close) = (None, false);
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
        close |= name.eq_ignore_ascii_case("connection") && value.trim().eq_ignore_ascii_case("close");
    }
    Ok((length.ok_or_else(|| io::Error::other("an answer without a length"))?, close))
}
