//! Which client libraries come back to their place by TLS session, over real sockets: ours, OpenSSL, curl.
//!
//! The affinity of the guide's load balancer at work: it holds for TLS 1.2 with session ids, and for nothing else.
//! Programs that are not installed are SKIPPED.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;
mod support;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use proxies::{
    balance::{Policy, Settings, affinity::Counts},
    pass_through::PassThrough,
    registry::{Admit, EntryId, Registry},
    routes::Routes,
    rustls::{
        ALL_VERSIONS, HandshakeKind, ServerConfig, SupportedProtocolVersion,
        client::{Resumption, Tls12Resumption},
        pki_types::{CertificateDer, PrivateKeyDer},
    },
    serve::Drained,
    transport::{
        Listen, Party,
        tcp::{TcpDialer, TcpListen},
    },
};
use sni::{
    places::{Client, NAME},
    scene::{pass_through, route_with},
    servers::{Own, Sessions, TLS12_ONLY, TLS13_ONLY, client_of, server},
};
use support::Authority;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Connections of each client, one after the other.
const VISITS: usize = 6;

/// Two places behind a pass-through by session, on real sockets.
struct Town {
    registry: Registry,
    edge: EntryId,
    root: Vec<u8>,
    proxy: PassThrough<TcpDialer>,
    /// Place, and whether the session was resumed, as the servers say.
    sessions: Arc<Mutex<Vec<(usize, bool)>>>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

/// What a client's visits came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Connections at each place.
    at: [usize; 2],
    resumed: usize,
    counts: Counts,
}

impl Town {
    fn new(sessions: Sessions) -> Self {
        let (authority, registry) = (Authority::new(), Registry::new());
        let identity = authority.identity(NAME);
        let key = PrivateKeyDer::try_from(identity.key.clone()).unwrap();
        let own: Own = (CertificateDer::from(identity.chain[0].clone()), key);
        let (stop, mut running, seen) = (CancellationToken::new(), JoinSet::new(), Arc::default());
        let dialers: Vec<TcpDialer> = (0..2)
            .map(|place| {
                let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
                let listen = TcpListen::take(&registry, entry).unwrap();
                let config = Arc::new(server(&own, sessions));
                running.spawn(serve(place, config, listen, Arc::clone(&seen), stop.clone()));
                dialer(&registry, entry)
            })
            .collect();
        let settings = Settings { policy: Policy::SessionId, ..Settings::default() };
        let routes = Routes::new(vec![route_with(NAME, dialers, &settings)], &BTreeMap::new()).unwrap();
        let proxy = pass_through(routes);
        let edge = registry.hold(registry.draw_ip(), None, 1, Admit::Anyone).unwrap();
        let listen = TcpListen::take(&registry, edge).unwrap();
        let pass = proxy.clone().run(listen, stop.clone());
        running.spawn(async move { assert_eq!(pass.await, Drained { cut: 0 }) });
        Self { registry, edge, root: authority.root, proxy, sessions: seen, stop, running }
    }

    fn at(&self) -> SocketAddr {
        self.registry.at(self.edge).unwrap().to_socket_addr().into()
    }

    /// Ends it, and tells what was seen.
    async fn outcome(self) -> Outcome {
        self.stop.cancel();
        self.running.join_all().await;
        assert_eq!(self.registry.violations(), vec![]);
        let sessions = self.sessions.lock().unwrap();
        Outcome {
            at: [0, 1].map(|place| sessions.iter().filter(|(at, _)| *at == place).count()),
            resumed: sessions.iter().filter(|(_, resumed)| *resumed).count(),
            counts: self.proxy.routes.of(NAME).unwrap().snapshot().affinity.unwrap(),
        }
    }
}

fn dialer(registry: &Registry, entry: EntryId) -> TcpDialer {
    TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap()
}

/// Notes each session, and answers whoever asks for anything, in HTTP.
async fn serve(
    place: usize,
    config: Arc<ServerConfig>,
    mut listen: TcpListen,
    seen: Arc<Mutex<Vec<(usize, bool)>>>,
    stop: CancellationToken,
) {
    let (acceptor, mut connections) = (TlsAcceptor::from(config), JoinSet::new());
    loop {
        let wire = tokio::select! {
            accepted = listen.accept() => accepted.unwrap().0,
            () = stop.cancelled() => break,
        };
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        connections.spawn(async move {
            let mut session = acceptor.accept(wire).await.unwrap();
            let resumed = session.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            seen.lock().unwrap().push((place, resumed));
            let mut request = [0; 4096];
            // Some clients only came for the session, and go without a word.
            if let Ok(1..) = session.read(&mut request).await {
                let body = [place as u8, u8::from(resumed)];
                let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
                session.write_all(if request[0] == b'G' { head } else { b"" }).await.unwrap();
                session.write_all(&body).await.unwrap();
                session.shutdown().await.unwrap();
                let _gone = session.read_to_end(&mut Vec::new()).await;
            }
        });
    }
    connections.join_all().await;
}

/// All at one place, and each but the first resumed.
fn came_back() -> Outcome {
    let back = VISITS as u64 - 1;
    Outcome {
        at: [VISITS, 0],
        resumed: VISITS - 1,
        counts: Counts { hits: back, resumed: back, learned: 1, ..Counts::default() },
    }
}

/// In turns, nobody resumed, nothing learned, and these ids asked for in vain.
fn spread(asked_in_vain: u64) -> Outcome {
    let half = VISITS / 2;
    Outcome { at: [half; 2], resumed: 0, counts: Counts { misses: asked_in_vain, ..Counts::default() } }
}

#[tokio::test]
async fn our_own_clients_come_back_by_session_id_and_by_nothing_else() {
    let by_id = || Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
    let by_any = || Resumption::in_memory_sessions(8);
    let cases: [(&str, Sessions, &[&'static SupportedProtocolVersion], Resumption, Outcome); 5] = [
        ("TLS 1.2, ids only", Sessions::Ids, TLS12_ONLY, by_id(), came_back()),
        ("TLS 1.2, tickets offered, ids kept", Sessions::Ids, TLS12_ONLY, by_any(), came_back()),
        // Beside a ticket the id is made up anew each time.
        ("TLS 1.2, tickets", Sessions::Tickets, TLS12_ONLY, by_any(), spread(VISITS as u64 - 1)),
        // Here it is so from the first hello on.
        ("TLS 1.3", Sessions::Ids, TLS13_ONLY, by_any(), spread(VISITS as u64)),
        ("TLS 1.3 chosen", Sessions::Ids, ALL_VERSIONS, by_any(), spread(VISITS as u64)),
    ];
    for (case, sessions, versions, resumption, expected) in cases {
        let town = Town::new(sessions);
        let mut config = client_of(&CertificateDer::from(town.root.clone()), versions, &[]);
        config.resumption = resumption;
        let client = Client::of(config);
        let to_edge = dialer(&town.registry, town.edge);
        for _ in 0..VISITS {
            client.ask_by(&to_edge).await.unwrap();
        }
        assert_eq!(town.outcome().await, expected, "{case}");
    }
}

/// False, and loudly so, where the program is not there.
async fn installed(program: &str, argument: &str) -> bool {
    let found = Command::new(program).arg(argument).output().await.is_ok();
    if !found {
        let said = format!("SKIPPED: {program} is not installed\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
    }
    found
}

/// What a program printed, and whether it ended well.
async fn run(town: &Town, program: &str, arguments: &[String]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = STANDARD.encode(&town.root).into_bytes().chunks(64).map(<[u8]>::to_vec).collect();
    let body = String::from_utf8(lines.join(&b'\n')).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    std::fs::write(folder.path().join("root.pem"), pem).unwrap();
    let mut command = Command::new(program);
    let output =
        command.args(arguments).current_dir(folder.path()).stdin(Stdio::null()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// `-reconnect` makes five more connections after the first, each with the session of the one before.
#[tokio::test]
async fn openssl_comes_back_by_session_id_and_by_nothing_else() {
    if !installed("openssl", "version").await {
        return;
    }
    let cases: [(&[&str], Sessions, Outcome); 4] = [
        (&["-tls1_2", "-no_ticket"], Sessions::Ids, came_back()),
        // It sends a digest of the ticket as the id.
        (&["-tls1_2"], Sessions::Tickets, spread(VISITS as u64 - 1)),
        (&["-tls1_3"], Sessions::Ids, spread(VISITS as u64)),
        // It chooses TLS 1.3.
        (&["-no_ticket"], Sessions::Ids, spread(VISITS as u64)),
    ];
    for (options, sessions, expected) in cases {
        let town = Town::new(sessions);
        let at = town.at().to_string();
        let fixed = ["s_client", "-reconnect", "-connect", &at, "-servername", NAME, "-CAfile", "root.pem"];
        let verifying = ["-verify_return_error", "-verify_hostname", NAME];
        let arguments: Vec<String> =
            fixed.iter().chain(&verifying).chain(options).map(|word| (*word).to_owned()).collect();
        let (ended_well, said) = run(&town, "openssl", &arguments).await;
        assert!(ended_well, "{options:?}: {said}");
        assert_eq!(said.matches("Reused, TLSv1.2").count(), expected.resumed, "{options:?}: {said}");
        assert_eq!(town.outcome().await, expected, "{options:?}: {said}");
    }
}

/// It keeps sessions between the addresses of one command, and takes no tickets in TLS 1.2.
#[tokio::test]
async fn curl_comes_back_by_session_id_and_by_nothing_else() {
    if !installed("curl", "--version").await {
        return;
    }
    let cases: [(&[&str], Sessions, Outcome); 3] = [
        (&["--tlsv1.2", "--tls-max", "1.2"], Sessions::Ids, came_back()),
        (&["--tlsv1.3"], Sessions::Ids, spread(VISITS as u64)),
        (&[], Sessions::Ids, spread(VISITS as u64)),
    ];
    for (options, sessions, expected) in cases {
        let town = Town::new(sessions);
        let (at, visits) = (town.at(), 1..=VISITS);
        let resolve = format!("{NAME}:{}:{}", at.port(), at.ip());
        let fixed =
            ["-sS", "--fail", "--http1.1", "--noproxy", "*", "--cacert", "root.pem", "--resolve", &resolve];
        let pages = visits.map(|visit| format!("https://{NAME}:{}/{visit}", at.port()));
        let arguments: Vec<String> =
            fixed.iter().chain(options).map(|word| (*word).to_owned()).chain(pages).collect();
        let (ended_well, said) = run(&town, "curl", &arguments).await;
        assert!(ended_well, "{options:?}: {said}");
        assert_eq!(town.outcome().await, expected, "{options:?}: {said}");
    }
}
