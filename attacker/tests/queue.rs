//! A real message queue and its real users, overheard and betrayed.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use attacker::loot::{FlowCounts, Loot};
use serde_json::Value;
use support::{flows::Segment, foothold, run, secrets, target};
use testbed::{
    connect::{Connect, Connecting},
    foothold::{Answer, Dialed, InPath, Intercepted, Reach, ReachBackend, Target, TargetId},
    ledger::Forgetful,
    services::queue::{Access, Agent, Broker, Inbox, Notice, Publisher, QueueLogin, Task, serve},
    vocabulary::Direction,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
    sync::mpsc,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const BUILD: Notice<'static> = Notice { task: Task::Build, server_id: "s-1", request_id: "req-1" };

fn login(name: &str) -> QueueLogin {
    QueueLogin { name: name.into(), password: format!("{name}-password") }
}

/// A queue, and what was said on each connection to it.
struct Queue {
    broker: Arc<Broker>,
    spoken: Mutex<Vec<Script>>,
    tasks: TaskTracker,
}

type Script = Arc<Mutex<Vec<(Direction, Vec<u8>)>>>;

impl Queue {
    fn new() -> Arc<Self> {
        let broker = Broker::new(Access::new(["nova", "agent"].map(login)));
        Arc::new(Self { broker, spoken: Mutex::default(), tasks: TaskTracker::new() })
    }

    fn open(&self) -> DuplexStream {
        let (near, far) = duplex(64 * 1024);
        let (broker, stream) = (self.broker.clone(), Box::new(far));
        self.tasks.spawn(async move { drop(serve(stream, broker, CancellationToken::new()).await) });
        near
    }
}

/// A dial to the queue, over a wire somebody listens to.
struct Overheard(Arc<Queue>);

impl Connect for Overheard {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let script = Script::default();
            self.0.spoken.lock().unwrap().push(script.clone());
            Ok(Box::new(Wire { stream: self.0.open(), script }) as _)
        })
    }

    fn authority(&self) -> &'static str {
        "queue.test:1"
    }
}

/// A dial that ends at the impostor.
struct Redirected(mpsc::Sender<Intercepted>);

impl Connect for Redirected {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let (near, far) = duplex(64 * 1024);
            let arrival = Intercepted { flow: 7, victim: Box::new(far), original: target(1, "queue") };
            let gone = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
            self.0.send(arrival).await.map_err(gone)?;
            Ok(Box::new(near) as _)
        })
    }

    fn authority(&self) -> &'static str {
        "queue.test:1"
    }
}

/// What the impostor finds where its victims were going.
enum FarSide {
    Open(Arc<Queue>),
    /// Closes without a word: a queue that wants a client certificate.
    Mute,
    Refused,
}

impl ReachBackend for FarSide {
    fn targets(&self) -> Vec<Target> {
        vec![target(1, "queue")]
    }

    fn dial(&self, _: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>> {
        Box::pin(async {
            match self {
                Self::Open(queue) => Dialed::Open(Box::new(queue.open())),
                Self::Mute => Dialed::Open(Box::new(duplex(1024).0)),
                Self::Refused => Dialed::Answered(Answer::Refused),
            }
        })
    }
}

/// One message published through an impostor; whether its victim thinks that the queue has it.
async fn betray(far: FarSide) -> (Loot, bool) {
    let (foothold, stop) = foothold();
    let (arrivals, queue) = mpsc::channel(4);
    let in_path = InPath::new(queue, stop.clone(), Box::new(()));
    let foothold = foothold.with_in_path(in_path).with_reach(Reach::new(Arc::new(far)));
    let topics = vec!["compute.c1".to_owned()];
    let publisher =
        Publisher::new(Arc::new(Redirected(arrivals)), login("nova"), topics, Arc::new(Forgetful));
    let victim = async {
        let taken = publisher.tell(BUILD).await;
        stop.cancel();
        taken
    };
    tokio::join!(run("impostor", foothold), victim)
}

fn message_ids(loot: &Loot) -> Vec<String> {
    let id = |text: &String| {
        let message: Value = serde_json::from_str(text).unwrap();
        message["message_id"].as_str().unwrap().to_owned()
    };
    secrets(loot, "internal-message").iter().map(id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sniffer_reads_logins_and_messages_of_both_sides_of_a_real_queue() {
    let queue = Queue::new();
    let (inbox, stop) = (Arc::new(Inbox::new(Instant::now())), CancellationToken::new());
    let dial = || Arc::new(Overheard(queue.clone()));
    let agent = Agent::new(dial(), login("agent"), "compute.c1".into(), inbox.clone(), Arc::new(Forgetful));
    let talk = async {
        inbox.until(|inbox| inbox.logins() == 1).await;
        let publisher =
            Publisher::new(dial(), login("nova"), vec!["compute.c1".to_owned()], Arc::new(Forgetful));
        assert!(publisher.tell(BUILD).await);
        inbox.until(|inbox| inbox.arrived() == 1).await;
        stop.cancel();
    };
    tokio::join!(agent.run(stop.clone()), talk);

    let spoken: Vec<Vec<_>> =
        queue.spoken.lock().unwrap().iter().map(|script| script.lock().unwrap().clone()).collect();
    let [agents, computes] = &spoken[..] else { panic!("two connections") };
    // From the start, and for a listener that came after the agent had logged in.
    let late = agents.iter().position(|(_, bytes)| bytes.starts_with(&[0x32])).unwrap();
    for (heard, passwords) in [
        (vec![&agents[..], &computes[..]], vec!["agent-password", "nova-password"]),
        (vec![&agents[late..]], vec![]),
    ] {
        let (foothold, stop) = foothold();
        let (mut segment, sniffer) = Segment::new(&stop);
        for script in &heard {
            let script: Vec<_> = script.iter().map(|(direction, bytes)| (*direction, &bytes[..])).collect();
            segment.flow(&target(1, "queue"), &script);
        }
        drop(segment);
        let loot = run("sniff", foothold.with_sniffer(sniffer)).await;
        assert_eq!(secrets(&loot, "password"), passwords);
        let arrived: Vec<String> = inbox.arrivals().into_iter().map(|arrival| arrival.id.unwrap()).collect();
        assert_eq!(message_ids(&loot), arrived, "once, though it crossed twice");
        assert_eq!(loot.flows, FlowCounts { clear: heard.len() as u64, tls: 0 });
        assert_eq!(loot.items.len(), passwords.len() + 1, "and nothing else is taken for loot");
    }
}

#[tokio::test(start_paused = true)]
async fn an_impostor_relays_a_publisher_to_the_queue_and_keeps_what_it_said() {
    let queue = Queue::new();
    let (loot, taken) = betray(FarSide::Open(queue.clone())).await;
    assert!(taken);
    assert_eq!((queue.broker.counts().published, queue.broker.counts().refused), (1, 0));
    assert_eq!(secrets(&loot, "password"), ["nova-password"]);
    assert_eq!(message_ids(&loot).len(), 1);
    assert!(loot.secrets().all(|secret| secret.provenance.flow == Some(7)));
}

#[tokio::test(start_paused = true)]
async fn where_the_queue_keeps_silent_or_is_away_the_impostor_plays_it_and_gets_the_message_all_the_same() {
    for far in [FarSide::Mute, FarSide::Refused] {
        let (loot, taken) = betray(far).await;
        assert!(taken, "the victim is none the wiser");
        assert_eq!(secrets(&loot, "password"), ["nova-password"]);
        assert_eq!(message_ids(&loot).len(), 1);
    }
}

/// A wire that writes down what is said on it.
struct Wire {
    stream: DuplexStream,
    script: Script,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let heard = buf.filled()[before..].to_vec();
        self.script.lock().unwrap().push((Direction::ToDialer, heard));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.script.lock().unwrap().push((Direction::ToAcceptor, bytes[..wrote].to_vec()));
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
