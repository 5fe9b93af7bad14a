//! A queue over memory: dials that end in it, fail, or end in silence, and a log of every byte.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use proxies::stream::BoxStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::super::{
    Access, Agent, Broker, Inbox, Publisher, QueueLogin,
    client::{Caller, Channel},
    packet::{Connect, Packet, Welcome},
    serve,
    wire::Wire,
};
use crate::{
    connect,
    services::{plant::Plant, testing::Registry},
};

/// What becomes of one connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Refused,
    /// Open, and nobody ever says anything.
    Silent,
}

/// A queue and everything needed to call it. Connections are served until it is dropped.
pub(super) struct Hall {
    pub(super) broker: Arc<Broker>,
    pub(super) registry: Arc<Registry>,
    /// Fates of the next connections; afterwards all are served.
    pub(super) fates: Mutex<VecDeque<Fate>>,
    /// When each connection was opened.
    pub(super) opened: Mutex<Vec<Instant>>,
    /// What each connection carried: towards the queue, and back.
    pub(super) carried: Mutex<Vec<[Heard; 2]>>,
    silent: Mutex<Vec<DuplexStream>>,
    drain: Mutex<CancellationToken>,
    served: TaskTracker,
}

pub(super) type Heard = Arc<Mutex<Vec<u8>>>;

pub(super) fn login(name: &str) -> QueueLogin {
    QueueLogin { name: name.into(), password: format!("{name}-password") }
}

impl Hall {
    pub(super) fn new() -> Arc<Self> {
        Self::for_logins(["nova", "one", "two"].map(login))
    }

    pub(super) fn for_logins(logins: impl IntoIterator<Item = QueueLogin>) -> Arc<Self> {
        Arc::new(Self {
            broker: Broker::new(Access::new(logins)),
            registry: Arc::default(),
            fates: Mutex::default(),
            opened: Mutex::default(),
            carried: Mutex::default(),
            silent: Mutex::default(),
            drain: Mutex::default(),
            served: TaskTracker::new(),
        })
    }

    pub(super) fn fates(&self, fates: impl IntoIterator<Item = Fate>) {
        self.fates.lock().unwrap().extend(fates);
    }

    /// Cuts every connection opened so far.
    pub(super) fn cut(&self) {
        std::mem::take(&mut *self.drain.lock().unwrap()).cancel();
    }

    /// A raw connection, over a pipe of this size.
    pub(super) fn enter(&self, pipe: usize) -> DuplexStream {
        let (near, far) = duplex(pipe);
        let drain = self.drain.lock().unwrap().clone();
        let (broker, stream) = (self.broker.clone(), Box::new(far));
        self.served.spawn(async move { drop(serve(stream, broker, drain).await) });
        near
    }

    /// What the queue answers to a login over a raw connection.
    pub(super) async fn greet(&self, name: &str, password: &str, pipe: usize) -> (Wire, Option<Packet>) {
        let mut wire = Wire::new(Box::new(self.enter(pipe)));
        wire.write(&introduction(name, password)).await.unwrap();
        let answer = wire.read().await.unwrap();
        (wire, answer)
    }

    /// A raw connection that reads topics.
    pub(super) async fn reader(&self, name: &str, topics: &[&str], pipe: usize) -> Wire {
        let (mut wire, answer) = self.greet(name, &login(name).password, pipe).await;
        assert!(matches!(answer, Some(Packet::Connack { code: Welcome::Accepted, .. })), "{answer:?}");
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let granted = vec![true; topics.len()];
        wire.write(&Packet::Subscribe { id: 9, topics }).await.unwrap();
        assert_eq!(wire.read().await.unwrap(), Some(Packet::Suback { id: 9, granted }));
        wire
    }

    pub(super) fn caller(self: &Arc<Self>, name: &str) -> Caller {
        let plant: Arc<dyn Plant> = self.registry.clone();
        Caller { connect: Arc::new(Door(self.clone())), login: login(name), plant }
    }

    /// A connection that publishes.
    pub(super) async fn sender(self: &Arc<Self>) -> Channel {
        self.caller("nova").open("sender".into(), true, 0).await.unwrap()
    }

    pub(super) fn publisher(self: &Arc<Self>, topics: &[&str]) -> Arc<Publisher> {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let plant: Arc<dyn Plant> = self.registry.clone();
        Publisher::new(Arc::new(Door(self.clone())), login("nova"), topics, plant)
    }

    /// An agent, not yet running, and its log.
    pub(super) fn agent(self: &Arc<Self>, name: &str, topic: &str) -> (Arc<Agent>, Arc<Inbox>) {
        let inbox = Arc::new(Inbox::new(Instant::now()));
        let (plant, door): (Arc<dyn Plant>, _) = (self.registry.clone(), Arc::new(Door(self.clone())));
        (Arc::new(Agent::new(door, login(name), topic.into(), inbox.clone(), plant)), inbox)
    }
}

pub(super) fn introduction(name: &str, password: &str) -> Packet {
    Packet::Connect(Connect {
        client: name.into(),
        name: name.into(),
        password: password.into(),
        clean: false,
        keep_alive: 10,
    })
}

/// The dial of a hall.
pub(super) struct Door(pub(super) Arc<Hall>);

impl connect::Connect for Door {
    fn connect(&self) -> connect::Connecting<'_> {
        Box::pin(async {
            let hall = &self.0;
            hall.opened.lock().unwrap().push(Instant::now());
            let fate = hall.fates.lock().unwrap().pop_front().unwrap_or(Fate::Served);
            let stream = match fate {
                Fate::Refused => return Err(io::ErrorKind::ConnectionRefused.into()),
                Fate::Served => hall.enter(256 * 1024),
                Fate::Silent => {
                    let (near, far) = duplex(1024);
                    hall.silent.lock().unwrap().push(far);
                    near
                }
            };
            let carried = [Heard::default(), Heard::default()];
            hall.carried.lock().unwrap().push(carried.clone());
            Ok(Box::new(Logged { stream, carried }) as BoxStream)
        })
    }

    fn authority(&self) -> &'static str {
        "queue.invalid:1883"
    }
}

/// Waits, in paused time, until something is so; fails after a minute.
pub(super) async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.unwrap();
}

/// Writes down what passes.
struct Logged {
    stream: DuplexStream,
    carried: [Heard; 2],
}

impl AsyncRead for Logged {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.carried[1].lock().unwrap().extend(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Logged {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.carried[0].lock().unwrap().extend(&bytes[..wrote]);
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
