//! TLS 1.2 between two foreign ends, `openssl s_client` and `s_server`, over real sockets with a tap between:
//! what the opener makes of it. Where there is no openssl it says SKIPPED.
#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Stdio};

use proxies::{
    registry::{Admit, Registry},
    transport::{
        Dial, Listen, Party,
        tcp::{TcpDialer, TcpListen},
    },
};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};
use rustls::{KeyLog, ProtocolVersion};
use testbed::{
    keylog::KeyLogStore,
    opener::{Keys, OpenError, Opened, Opener},
    vocabulary::Direction,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

async fn installed() -> bool {
    let found = Command::new("openssl").arg("version").output().await.is_ok();
    if !found {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: openssl is not installed\n");
    }
    found
}

/// Writes `NAME.pem` with a certificate of its own and its key.
fn write_identity(folder: &Path, name: &str, algorithm: &'static SignatureAlgorithm) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let certificate = CertificateParams::new(["a.invalid".to_owned()]).unwrap().self_signed(&key).unwrap();
    let both = certificate.pem() + &key.serialize_pem();
    std::fs::write(folder.join(format!("{name}.pem")), both).unwrap();
}

/// `openssl s_server`, which says every line backwards, and a key log beside it.
struct Server {
    _process: Child,
    registry: Registry,
    dial: TcpDialer,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_identity(folder.path(), "rsa", &PKCS_RSA_SHA256);
        write_identity(folder.path(), "ecdsa", &PKCS_ECDSA_P256_SHA256);
        let identities = ["-cert", "rsa.pem", "-key", "rsa.pem", "-dcert", "ecdsa.pem", "-dkey", "ecdsa.pem"];
        let mut process = Command::new("openssl")
            .args(["s_server", "-tls1_2", "-accept", "127.0.0.1:0", "-rev", "-keylogfile", "keys.txt"])
            .args(identities)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(at) = line.strip_prefix("ACCEPT 127.0.0.1:") {
                break at.parse().unwrap();
            }
        };
        let registry = Registry::new();
        let localhost = proxies::transport::loopback::LoopbackIp::LOCALHOST;
        let entry = registry.foreign(process.id().unwrap(), localhost, port).unwrap();
        let source = registry.source(registry.draw_ip());
        let dial = TcpDialer::new(registry.clone(), source, Party(1), entry).unwrap();
        Self { _process: process, registry, dial, folder }
    }

    /// One call of `s_client` through a tap, opened with the server's key log.
    async fn call(&self, arguments: &[&str], talk: impl AsyncFnOnce(&mut Client)) -> Opened {
        let entry = self.registry.hold(self.registry.draw_ip(), None, 1, Admit::Anyone).unwrap();
        let at = self.registry.at(entry).unwrap().to_socket_addr().to_string();
        let mut listen = TcpListen::take(&self.registry, entry).unwrap();
        let mut client = Client::start(self.folder.path(), &at, arguments);
        let talking = async {
            talk(&mut client).await;
            client.say("CLOSE\n").await;
            client.process.wait().await.unwrap();
        };
        let ((), chunks) = tokio::join!(talking, async {
            let (front, _) = listen.accept().await.unwrap();
            let (back, _) = self.dial.dial().await.unwrap();
            tap(front, back).await
        });
        let mut opener = Opener::new(&self.keys());
        for (direction, bytes) in &chunks {
            opener.feed(*direction, bytes);
        }
        opener.finish()
    }

    fn keys(&self) -> KeyLogStore {
        let store = KeyLogStore::default();
        for line in std::fs::read_to_string(self.folder.path().join("keys.txt")).unwrap().lines() {
            if let [label, random, secret] = line.split(' ').collect::<Vec<_>>()[..] {
                store.log(label, &hex(random), &hex(secret));
            }
        }
        store
    }
}

struct Client {
    process: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Client {
    fn start(folder: &Path, at: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new("openssl")
            .args(["s_client", "-tls1_2", "-connect", at, "-servername", "a.invalid"])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, to, from }
    }

    async fn say(&mut self, line: &str) {
        self.to.write_all(line.as_bytes()).await.unwrap();
    }

    /// Reads what it prints up to some text.
    async fn hear(&mut self, text: &str) {
        let mut heard = Vec::new();
        while !heard.ends_with(text.as_bytes()) {
            heard.push(self.from.read_u8().await.unwrap());
        }
    }

    /// A line there and, backwards, home.
    async fn chat(&mut self) {
        self.say("drawer\n").await;
        self.hear("reward\n").await;
    }
}

/// Passes bytes both ways until both ends are done; what passed, in order.
async fn tap<A: proxies::stream::Stream, B: proxies::stream::Stream>(
    front: A,
    back: B,
) -> Vec<(Direction, Vec<u8>)> {
    let (mut front, mut back) = (tokio::io::split(front), tokio::io::split(back));
    let mut chunks = Vec::new();
    let (mut forth, mut home) = (true, true);
    while forth || home {
        let (direction, bytes) = tokio::select! {
            bytes = read(&mut front.0), if forth => (Direction::ToAcceptor, bytes),
            bytes = read(&mut back.0), if home => (Direction::ToDialer, bytes),
        };
        let (ended, other): (_, &mut (dyn tokio::io::AsyncWrite + Send + Unpin)) = match direction {
            Direction::ToAcceptor => (&mut forth, &mut back.1),
            Direction::ToDialer => (&mut home, &mut front.1),
        };
        *ended = !bytes.is_empty();
        // The other end may be gone; what was said counts all the same.
        let _heard = if bytes.is_empty() { other.shutdown().await } else { other.write_all(&bytes).await };
        chunks.push((direction, bytes));
    }
    chunks
}

async fn read(from: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let length = from.read(&mut bytes).await.unwrap_or(0);
    bytes.truncate(length);
    bytes
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn assert_opened(opened: &Opened, what: &str) {
    assert_eq!((opened.keys, &opened.errors[..]), (Keys::Found, &[][..]), "{what}");
    assert_eq!(opened.version, Some(ProtocolVersion::TLSv1_2), "{what}");
    assert!(opened.handshake_complete, "{what}");
    assert_eq!(opened.to_acceptor.plaintext(), b"drawer\nCLOSE\n", "{what}");
    assert_eq!(opened.to_dialer.plaintext(), b"reward\n", "{what}");
    let closed = opened.alerts.iter().any(|alert| alert.direction == Direction::ToDialer && alert.protected);
    assert!(closed, "{what}: {:?}", opened.alerts);
}

#[tokio::test]
async fn suites_of_openssl_are_opened_or_said_to_stay_closed() {
    if !installed().await {
        return;
    }
    let server = Server::start(&[]).await;
    let table = [
        ("ECDHE-RSA-AES128-GCM-SHA256", 0xc02f, true),
        ("ECDHE-RSA-AES256-GCM-SHA384", 0xc030, true),
        ("ECDHE-RSA-CHACHA20-POLY1305", 0xcca8, true),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, true),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, true),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9, true),
        ("ECDHE-RSA-AES128-SHA256", 0xc027, false),
        ("ECDHE-RSA-AES256-SHA", 0xc014, false),
        ("AES128-GCM-SHA256", 0x009c, false),
        ("AES128-SHA", 0x002f, false),
    ];
    for (cipher, suite, opens) in table {
        let opened = server.call(&["-cipher", cipher], Client::chat).await;
        assert_eq!(opened.cipher_suite.map(u16::from), Some(suite), "{cipher}");
        if opens {
            assert_opened(&opened, cipher);
        } else {
            assert_eq!(opened.errors, [OpenError::UnsupportedSuite { suite }], "{cipher}");
            assert_eq!((opened.to_acceptor.plaintext(), opened.to_dialer.plaintext()), (vec![], vec![]));
            assert!(!opened.handshake_complete, "{cipher}");
        }
    }
}

#[tokio::test]
async fn sessions_resumed_by_openssl_are_opened() {
    if !installed().await {
        return;
    }
    for (how, arguments) in [("ticket", &[][..]), ("id", &["-no_ticket"])] {
        let server = Server::start(arguments).await;
        let talk = Client::chat;
        assert_opened(&server.call(&["-sess_out", "session.pem"], talk).await, how);
        let resumed = server
            .call(&["-sess_in", "session.pem"], async |client| {
                client.hear("Reused, TLSv1.2").await;
                client.chat().await;
            })
            .await;
        assert_opened(&resumed, how);
    }
}

#[tokio::test]
async fn a_session_negotiated_anew_is_opened_up_to_there() {
    if !installed().await {
        return;
    }
    let server = Server::start(&["-client_renegotiation"]).await;
    let opened = server
        .call(&["-msg"], async |client| {
            client.chat().await;
            client.say("R\n").await;
            // What is typed before both have finished may be lost.
            client.hear(", Finished\n").await;
            client.hear(", Finished\n").await;
            client.chat().await;
        })
        .await;

    assert!(
        matches!(opened.errors[..], [OpenError::Renegotiated { .. }, OpenError::Renegotiated { .. }]),
        "{:?}",
        opened.errors
    );
    assert!(opened.handshake_complete, "the first one");
    assert_eq!(opened.to_acceptor.plaintext(), b"drawer\n");
    assert_eq!(opened.to_dialer.plaintext(), b"reward\n");
}
