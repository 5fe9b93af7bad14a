//! TLS servers in memory that can be killed and come back, and clients that come back to them.

use std::{
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proxies::{
    rustls::{
        ClientConfig, HandshakeKind, ServerConfig,
        pki_types::{CertificateDer, ServerName},
    },
    stream::Stream,
    transport::{
        Dial, Ends, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use super::servers::{Own, Sessions, TLS12_ONLY, client_of, own, server};

pub(crate) const NAME: &str = "a.invalid";

/// A way to a place that may be there, refuse, or not answer at all.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Inner>);

struct Inner {
    way: Mutex<Way>,
    dials: AtomicUsize,
}

#[derive(Clone)]
pub(crate) enum Way {
    Open(MemoryDialer),
    Refused,
    Mute,
}

impl Switch {
    pub(crate) fn new(way: Way) -> Self {
        Self(Arc::new(Inner { way: Mutex::new(way), dials: AtomicUsize::new(0) }))
    }

    pub(crate) fn set(&self, way: Way) {
        *self.0.way.lock().unwrap() = way;
    }

    /// How often anybody tried.
    pub(crate) fn dials(&self) -> usize {
        self.0.dials.load(Ordering::Relaxed)
    }
}

impl Dial for Switch {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<(DuplexStream, Ends)> {
        self.0.dials.fetch_add(1, Ordering::Relaxed);
        let way = self.0.way.lock().unwrap().clone();
        match way {
            Way::Open(dialer) => dialer.dial().await,
            Way::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Way::Mute => pending().await,
        }
    }
}

/// A place with a TLS server that keeps sessions by their ids.
pub(crate) struct Place {
    pub(crate) number: u8,
    pub(crate) way: Switch,
    own: Arc<Own>,
    work: Duration,
    running: JoinHandle<()>,
}

impl Place {
    /// One that takes `work` to answer; all places are one server to clients.
    pub(crate) fn new(number: u8, own: &Arc<Own>, work: Duration) -> Self {
        let way = Switch::new(Way::Refused);
        let mut place = Self { number, way, own: own.clone(), work, running: tokio::spawn(async {}) };
        place.start();
        place
    }

    /// With an empty memory, as after a crash.
    pub(crate) fn start(&mut self) {
        let (dialer, listen) = memory::pair(Party(2));
        let config = Arc::new(server(&self.own, Sessions::Ids));
        self.running = tokio::spawn(serve(self.number, config, listen, self.work));
        self.way.set(Way::Open(dialer));
    }

    /// Ends it with every connection it has; whoever comes now is refused, or gets no answer.
    pub(crate) async fn kill(&mut self, afterwards: Way) {
        self.way.set(afterwards);
        self.running.abort();
        let _aborted = (&mut self.running).await;
    }
}

pub(crate) fn shared() -> Arc<Own> {
    Arc::new(own(NAME))
}

/// Says its number, and whether the session was resumed, after each handshake.
pub(crate) async fn serve(number: u8, config: Arc<ServerConfig>, mut listen: MemoryListen, work: Duration) {
    let acceptor = TlsAcceptor::from(config);
    let mut connections = JoinSet::new();
    while let Ok((wire, _)) = listen.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // A client that only wants to see the hello goes away.
            let Ok(mut session) = acceptor.accept(wire).await else { return };
            tokio::time::sleep(work).await;
            let resumed = session.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            let _gone = session.write_all(&[number, u8::from(resumed)]).await;
            let _gone = session.shutdown().await;
            let _gone = session.read_to_end(&mut Vec::new()).await;
        });
    }
}

/// Where a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) place: u8,
    pub(crate) resumed: bool,
}

/// Somebody with a memory for sessions of its own.
#[derive(Clone)]
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    /// Of TLS 1.2, by id or ticket as the server wants it.
    pub(crate) fn new(root: &CertificateDer<'static>) -> Self {
        Self(Arc::new(client_of(root, TLS12_ONLY, &[])))
    }

    pub(crate) fn of(config: ClientConfig) -> Self {
        Self(Arc::new(config))
    }

    /// One connection from handshake to end.
    pub(crate) async fn visit(&self, wire: impl Stream) -> io::Result<Visit> {
        let name = ServerName::try_from(NAME).unwrap();
        heard(TlsConnector::from(self.0.clone()).connect(name, wire).await?).await
    }

    /// The same on which it asks first.
    pub(crate) async fn ask_by(&self, dialer: &impl Dial) -> io::Result<Visit> {
        let name = ServerName::try_from(NAME).unwrap();
        let (wire, _) = dialer.dial().await?;
        let mut session = TlsConnector::from(self.0.clone()).connect(name, wire).await?;
        session.write_all(b"?").await?;
        heard(session).await
    }

    /// One without asking, through a dialer.
    pub(crate) async fn visit_by(&self, dialer: &impl Dial) -> io::Result<Visit> {
        self.visit(dialer.dial().await?.0).await
    }
}

async fn heard<S: Stream>(mut session: TlsStream<S>) -> io::Result<Visit> {
    let [place, resumed] = [session.read_u8().await?, session.read_u8().await?];
    session.shutdown().await?;
    session.read_to_end(&mut Vec::new()).await?;
    Ok(Visit { place, resumed: resumed == 1 })
}
