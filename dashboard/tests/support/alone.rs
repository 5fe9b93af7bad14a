//! A proxy as a process, backends as threads, and a client that verifies; all on loopback.
//!
//! A backend's threads end with the test process.
#![allow(clippy::unwrap_used)]
// Outside programs have sockets of their own, and so have these that stand for them.
#![allow(clippy::disallowed_methods)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use proxies::tls::provider;
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

pub(crate) const NAME: &str = "a.invalid";

/// What every client asks.
pub(crate) fn request(name: &str) -> String {
    format!("GET /it HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")
}

/// True when nobody listens there.
pub(crate) fn refused(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

/// An authority, a certificate of [`NAME`], and the folder they lie in.
pub(crate) struct Files {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // Of a name of its own: by rcgen's usual one, its certificates would seem to sign themselves.
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let made = Self { folder, issuer: Issuer::new(params, key), root: ca.der().clone() };
        let (leaf, key) = made.leaf(NAME);
        fs::write(made.path("cert.pem"), leaf.pem()).unwrap();
        fs::write(made.path("key.pem"), key.serialize_pem()).unwrap();
        made
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// One request to the proxy; the body of a 200, or whatever went wrong.
    pub(crate) fn get(&self, port: u16, name: &str) -> Result<String, String> {
        let mut stream = self.connect(port, name);
        let mut bytes = Vec::new();
        let asked = stream.write_all(request(name).as_bytes());
        let read = asked.and_then(|()| stream.read_to_end(&mut bytes));
        let heard = String::from_utf8(bytes).unwrap();
        match heard.split_once("\r\n\r\n") {
            Some((first, body)) if first.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
            _ => Err(format!("{heard}{read:?}")),
        }
    }

    /// A connection that trusts this authority and nobody else.
    pub(crate) fn connect(&self, port: u16, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let tls = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
        StreamOwned::new(tls, TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    fn leaf(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let (leaf, key) = self.leaf(name);
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Arc::new(builder.with_single_cert(vec![leaf.der().clone()], key.into()).unwrap())
    }
}

/// An HTTP server that says one thing.
pub(crate) struct Backend {
    place: String,
    heard: Arc<Mutex<String>>,
    asked: Receiver<()>,
}

impl Backend {
    pub(crate) fn tcp(says: &'static str) -> Self {
        let (open, _) = gate(true);
        Self::listening(says, open, |stream| stream)
    }

    /// Answers once per message on the channel.
    pub(crate) fn waiting(says: &'static str) -> (Self, Sender<()>) {
        let (gate, opener) = gate(false);
        (Self::listening(says, gate, |stream| stream), opener)
    }

    pub(crate) fn tls(files: &Files, name: &str, says: &'static str) -> Self {
        let config = files.server(name);
        let (open, _) = gate(true);
        Self::listening(says, open, move |stream| {
            StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)
        })
    }

    pub(crate) fn unix(folder: &Path, says: &'static str) -> Self {
        let path = folder.join("app.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (heard, (tell, asked)) = (Arc::<Mutex<String>>::default(), channel());
        let (note, (open, _)) = (heard.clone(), gate(true));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (note, tell, open) = (note.clone(), tell.clone(), open.clone());
                thread::spawn(move || answer(stream.unwrap(), says, &note, &tell, &open));
            }
        });
        Self { place: format!("unix:{}", path.display()), heard, asked }
    }

    pub(crate) fn place(&self) -> String {
        self.place.clone()
    }

    /// The last request.
    pub(crate) fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }

    /// Waits for a request.
    pub(crate) fn asked(&self) {
        self.asked.recv().unwrap();
    }

    fn listening<S: Read + Write + 'static>(
        says: &'static str,
        open: Gate,
        codec: impl Fn(TcpStream) -> S + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let (heard, (tell, asked)) = (Arc::<Mutex<String>>::default(), channel());
        let note = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (note, tell, open, codec) = (note.clone(), tell.clone(), open.clone(), codec.clone());
                thread::spawn(move || answer(codec(stream.unwrap()), says, &note, &tell, &open));
            }
        });
        Self { place, heard, asked }
    }
}

/// Held shut until somebody opens it; `None` is no gate.
type Gate = Arc<Option<Mutex<Receiver<()>>>>;

fn gate(open: bool) -> (Gate, Sender<()>) {
    let (opener, wait) = channel();
    (Arc::new((!open).then(|| Mutex::new(wait))), opener)
}

/// Requests of one connection, one after the other.
fn answer<S: Read + Write>(mut stream: S, says: &str, note: &Mutex<String>, tell: &Sender<()>, open: &Gate) {
    let mut head = Vec::new();
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        *note.lock().unwrap() = String::from_utf8(std::mem::take(&mut head)).unwrap();
        // Nobody may be waiting for it.
        let _ = tell.send(());
        if let Some(gate) = &**open {
            gate.lock().unwrap().recv().unwrap();
        }
        let close = if note.lock().unwrap().to_lowercase().contains("connection: close") {
            "Connection: close\r\n"
        } else {
            ""
        };
        let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{close}\r\n{says}", says.len());
        if stream.write_all(reply.as_bytes()).is_err() || stream.flush().is_err() || !close.is_empty() {
            return;
        }
    }
}

/// A `testbed proxy` that is ready.
pub(crate) struct Proxied {
    child: Child,
    port: u16,
}

impl Proxied {
    /// `mode` is the mode and what goes with it.
    pub(crate) fn start(files: &Files, mode: &[&str], backends: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
        command.args(["proxy", "--listen", "127.0.0.1:0", "--mode"]).args(mode);
        for backend in backends {
            command.args(["--backend", backend]);
        }
        if mode[0] != "pass-through" {
            command.args(["--cert", &files.path("cert.pem"), "--key", &files.path("key.pem")]);
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let said = ready.strip_suffix(", ready\n").unwrap_or_else(|| panic!("{ready}"));
        let port = said.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends SIGTERM without waiting.
    pub(crate) fn ask_to_end(self) -> Self {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self
    }

    /// Waits; it ends well.
    pub(crate) fn ended(mut self) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }

    pub(crate) fn end(self) {
        self.ask_to_end().ended();
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // Only what a failed test left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
