//! Settings changed under way: nobody notices but by the certificate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use proxies::{
    codec::{BackCodec, FrontCodec},
    tls::{
        ClientSettings, Resumes, Resumption, ServerSettings, ServerTls, TicketKey, TicketKeys, Tickets,
        TlsVersion,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    meeting::{back, meet},
    support::{self, Authority},
};

const NAME: &str = "a.invalid";
const RELOADS: usize = 20;
const DEADLINE: Duration = Duration::from_mins(1);

/// The first is what the server starts with; each has a certificate and a ticket key of its own.
fn successive(authority: &Authority) -> Vec<ServerSettings> {
    let mut keys = TicketKeys::new(TicketKey::draw().unwrap());
    let next = |_| {
        keys = keys.clone().rotate(TicketKey::draw().unwrap());
        let resumption = Resumption { session_ids: false, tickets: Tickets::Sealed(keys.clone()) };
        ServerSettings { resumption, ..ServerSettings::new(authority.identity(NAME)) }
    };
    (0..=RELOADS).map(next).collect()
}

/// What the story knows while it runs.
struct Story {
    certificates: Vec<Vec<u8>>,
    /// The last settings known to be in force, and the last that may be.
    surely: AtomicUsize,
    maybe: AtomicUsize,
    over: AtomicBool,
    handshakes: watch::Sender<usize>,
    resumed: AtomicUsize,
}

/// Answers every connection byte by byte, until no more come.
async fn serve(codec: FrontCodec, mut wires: mpsc::Receiver<DuplexStream>) {
    let mut connections = JoinSet::new();
    while let Some(wire) = wires.recv().await {
        let codec = codec.clone();
        connections.spawn(async move {
            let mut stream = codec.accept(wire, DEADLINE).await.unwrap().stream;
            let mut byte = [0];
            while stream.read(&mut byte).await.unwrap() > 0 {
                stream.write_all(&byte).await.unwrap();
                stream.flush().await.unwrap();
            }
            stream.shutdown().await.unwrap();
        });
    }
    while let Some(connection) = connections.join_next().await {
        connection.unwrap();
    }
}

/// Handshake, three requests, and goodbye, again and again.
async fn visit(story: Arc<Story>, codec: BackCodec, wires: mpsc::Sender<DuplexStream>) {
    while !story.over.load(SeqCst) {
        let oldest = story.surely.load(SeqCst);
        let (near, far) = duplex(16 * 1024);
        wires.send(far).await.unwrap();
        let mut opened = codec.negotiate(near, DEADLINE).await.unwrap();
        let newest = story.maybe.load(SeqCst);
        let told = opened.tls.unwrap();
        if told.resumed {
            story.resumed.fetch_add(1, SeqCst);
        } else {
            let shown = told.certificate.unwrap();
            let allowed = &story.certificates[oldest..=newest];
            assert!(allowed.iter().any(|certificate| certificate == shown.der()), "{oldest} to {newest}");
        }
        ask(&mut opened.stream, 3).await;
        opened.stream.shutdown().await.unwrap();
        assert_eq!(opened.stream.read(&mut [0]).await.unwrap(), 0);
        story.handshakes.send_modify(|count| *count += 1);
    }
}

async fn ask(stream: &mut proxies::stream::BoxStream, requests: u8) {
    for request in 0..requests {
        stream.write_all(&[request]).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), request);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_reloads_under_way_drop_no_request_and_show_no_third_certificate() {
    let authority = Authority::new();
    let settings = successive(&authority);
    let tls = support::server(&settings[0]);
    let story = Arc::new(Story {
        certificates: settings.iter().map(|settings| settings.identity.chain[0].clone()).collect(),
        surely: AtomicUsize::new(0),
        maybe: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        handshakes: watch::Sender::new(0),
        resumed: AtomicUsize::new(0),
    });
    let (wires, arriving) = mpsc::channel(8);
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(FrontCodec::terminate(tls.clone()), arriving));
    for (version, resumption) in [
        (TlsVersion::Tls12, Resumes::Off),
        (TlsVersion::Tls13, Resumes::Off),
        (TlsVersion::Tls12, Resumes::Tickets),
        (TlsVersion::Tls13, Resumes::Tickets),
    ] {
        let client = ClientSettings { versions: vec![version], resumption, ..authority.settings(NAME) };
        tasks.spawn(visit(story.clone(), back(&client), wires.clone()));
    }
    let (near, far) = duplex(16 * 1024);
    wires.send(far).await.unwrap();
    let mut lasting = back(&authority.settings(NAME)).connect(near, DEADLINE).await.unwrap();
    drop(wires);
    let mut handshakes = story.handshakes.subscribe();
    for (position, settings) in settings.iter().enumerate().skip(1) {
        let enough = *handshakes.borrow() + 6;
        tokio::select! {
            waited = handshakes.wait_for(|count| *count >= enough) => { waited.unwrap(); }
            // A visitor that failed would otherwise be waited for in vain.
            ended = tasks.join_next() => panic!("{ended:?}"),
        }
        story.maybe.store(position, SeqCst);
        tls.reload(settings).unwrap();
        story.surely.store(position, SeqCst);
        ask(&mut lasting, 1).await;
    }
    story.over.store(true, SeqCst);
    lasting.shutdown().await.unwrap();
    assert_eq!(lasting.read(&mut [0]).await.unwrap(), 0);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert!(story.resumed.load(SeqCst) > RELOADS);
}

#[tokio::test(start_paused = true)]
async fn every_clone_gets_the_new_certificate_and_a_bad_reload_changes_nothing() {
    let authority = Authority::new();
    let (first, second) = (authority.identity(NAME), authority.identity(NAME));
    let tls: ServerTls = support::server(&ServerSettings::new(first.clone()));
    let front = FrontCodec::terminate(tls.clone()).clone();
    let back = back(&authority.settings(NAME));
    let bad = ServerSettings { versions: vec![], ..ServerSettings::new(second.clone()) };
    assert!(tls.reload(&bad).is_err());
    assert_eq!(meet(&front, &back).await.well().certificate.unwrap().der(), first.chain[0]);
    tls.reload(&ServerSettings::new(second.clone())).unwrap();
    assert_eq!(meet(&front, &back).await.well().certificate.unwrap().der(), second.chain[0]);
}
