//! What an observer is told of a proxy in every mode: the same code, and what it holds is what the bytes are.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    custody::{Facing, Observe, Seam, Side},
    proxy::{Forward, Proxy},
    rustls::KeyLog,
    tls::{ClientSettings, ClientTls, Identity, ServerSettings, ServerTls, Verification},
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use rcgen::{CertificateParams, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

const QUESTION: &[u8] = b"what is the password";
const ANSWER: &[u8] = b"WHAT IS THE PASSWORD";
/// As the memory transport numbers its callers.
const CALLER: Party = Party(1);

/// `(front or back, side, read or written)`
type Place = (&'static str, Side, &'static str);

/// Everything an observer was told, by place.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    connections: Vec<Facing>,
    buffers: BTreeMap<Place, Vec<u8>>,
}

struct LogSeam {
    log: Log,
    facing: &'static str,
    side: Side,
}

impl Observe for Log {
    fn connection(&self, facing: Facing) -> u64 {
        let mut told = self.0.lock().unwrap();
        told.connections.push(facing);
        told.connections.len() as u64 - 1
    }

    fn seam(&self, connection: u64, side: Side) -> Box<dyn Seam> {
        let facing = match self.0.lock().unwrap().connections[connection as usize] {
            Facing::Front(_) => "front",
            Facing::Back => "back",
        };
        Box::new(LogSeam { log: self.clone(), facing, side })
    }
}

impl LogSeam {
    fn note(&self, way: &'static str, bytes: &[u8]) {
        let mut told = self.log.0.lock().unwrap();
        told.buffers.entry((self.facing, self.side, way)).or_default().extend_from_slice(bytes);
    }
}

impl Seam for LogSeam {
    fn read(&mut self, bytes: &[u8]) {
        self.note("read", bytes);
    }

    fn written(&mut self, bytes: &[u8]) {
        self.note("written", bytes);
    }
}

impl Log {
    /// Places at which these bytes were readable.
    fn readable(&self, wanted: &[u8]) -> Vec<Place> {
        let told = self.0.lock().unwrap();
        let holds = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        told.buffers.iter().filter(|(_, bytes)| holds(bytes)).map(|(place, _)| *place).collect()
    }

    fn places(&self) -> Vec<Place> {
        self.0.lock().unwrap().buffers.keys().copied().collect()
    }
}

#[derive(Debug)]
struct NoLog;
impl KeyLog for NoLog {
    fn log(&self, _: &str, _: &[u8], _: &[u8]) {}
}

/// Server and client side of one certificate.
fn tls() -> (ServerTls, ClientTls) {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let key = KeyPair::generate().unwrap();
    let roots = vec![params.self_signed(&key).unwrap().der().to_vec()];
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["a.invalid".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let identity = Identity { chain: vec![leaf.der().to_vec()], key: key.serialize_der() };
    let settings = ClientSettings::new(roots, Verification::Name, "a.invalid".to_owned());
    (
        ServerTls::new(&ServerSettings::new(identity), Arc::new(NoLog)).unwrap(),
        ClientTls::new(&settings, Arc::new(NoLog)).unwrap(),
    )
}

/// Answers every connection with its own words, in capitals.
async fn shouting(mut listen: MemoryListen, codec: FrontCodec) {
    while let Ok((wire, _)) = listen.accept().await {
        let Ok(accepted) = codec.accept(wire, Duration::from_secs(5)).await else { continue };
        let mut stream = accepted.stream;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        stream.write_all(&heard.to_ascii_uppercase()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

async fn ask(dial: &MemoryDialer, codec: &BackCodec) -> Vec<u8> {
    let (wire, _) = dial.dial().await.unwrap();
    let mut stream = codec.connect(wire, Duration::from_secs(5)).await.unwrap();
    stream.write_all(QUESTION).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

/// One exchange over an observed proxy between a client and a service.
async fn observe(client: BackCodec, front: FrontCodec, back: BackCodec, service: FrontCodec) -> Log {
    let log = Log::default();
    let (to_proxy, at_proxy) = memory::pair(CALLER);
    let (to_service, at_service) = memory::pair(Party(2));
    tokio::spawn(shouting(at_service, service));
    let group = Group::of_one("service", to_service, back.observed(Arc::new(log.clone())));
    let proxy = Proxy::new(front.observed(Arc::new(log.clone())), group, Forward::Bytes);
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));
    assert_eq!(ask(&to_proxy, &client).await, ANSWER);
    let connections = log.0.lock().unwrap().connections.clone();
    assert_eq!(connections, [Facing::Front(Some(CALLER)), Facing::Back]);
    log
}

#[tokio::test(start_paused = true)]
async fn a_copy_holds_each_buffer_once_and_readable() {
    let clear = (BackCodec::clear(), FrontCodec::clear(), BackCodec::clear(), FrontCodec::clear());
    let log = observe(clear.0, clear.1, clear.2, clear.3).await;
    assert_eq!(log.readable(QUESTION), [("back", Side::Both, "written"), ("front", Side::Both, "read")]);
    assert_eq!(log.readable(ANSWER), [("back", Side::Both, "read"), ("front", Side::Both, "written")]);
    assert_eq!(log.places().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_pass_through_holds_ciphertext_because_the_bytes_are() {
    let (server, client) = tls();
    let (client, service) = (BackCodec::originate(client), FrontCodec::terminate(server));
    let log = observe(client, FrontCodec::clear(), BackCodec::clear(), service).await;
    assert_eq!(log.places().len(), 4, "it held the whole exchange: {:?}", log.places());
    assert_eq!([log.readable(QUESTION), log.readable(ANSWER)], [vec![], vec![]]);
    // What it does hold is the name, in the first words of the client.
    assert!(log.readable(b"a.invalid").contains(&("front", Side::Both, "read")));
}

#[tokio::test(start_paused = true)]
async fn terminating_holds_sealed_outside_and_open_inside() {
    let (server, client) = tls();
    let (client, front) = (BackCodec::originate(client), FrontCodec::terminate(server));
    let log = observe(client, front, BackCodec::clear(), FrontCodec::clear()).await;
    assert_eq!(log.readable(QUESTION), [("back", Side::Both, "written"), ("front", Side::Inner, "read")]);
    assert_eq!(log.readable(ANSWER), [("back", Side::Both, "read"), ("front", Side::Inner, "written")]);
    assert_eq!(log.places().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn re_encrypting_holds_open_only_between_its_codecs() {
    let ((server, client), (inner_server, inner_client)) = (tls(), tls());
    let (client, front) = (BackCodec::originate(client), FrontCodec::terminate(server));
    let (back, service) = (BackCodec::originate(inner_client), FrontCodec::terminate(inner_server));
    let log = observe(client, front, back, service).await;
    assert_eq!(log.readable(QUESTION), [("back", Side::Inner, "written"), ("front", Side::Inner, "read")]);
    assert_eq!(log.readable(ANSWER), [("back", Side::Inner, "read"), ("front", Side::Inner, "written")]);
    assert_eq!(log.places().len(), 8);
}
