//! `testbed proxy`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proxies::alone::{self, Address, AddressError, Place, Route};

/// Options of `proxy`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Proxy {
    /// What it does with a connection
    #[arg(long, value_name = "MODE", value_enum)]
    pub mode: Mode,
    /// Where clients come, on this machine's loopback; port 0 takes any that is free
    #[arg(long, value_name = "127.0.0.1:PORT")]
    pub listen: Address,
    /// Where connections go, on this machine too; several take turns
    #[arg(long, value_name = "ADDR|unix:PATH")]
    pub backend: Vec<Place>,
    /// Certificate chain it presents, leaf first (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Vec<PathBuf>,
    /// Key of that certificate (PEM, PKCS#8)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Vec<PathBuf>,
    /// Authorities trusted behind it (PEM); re-encrypt only
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// Name a backend's certificate must carry; re-encrypt only
    #[arg(long, value_name = "NAME")]
    pub backend_name: Option<String>,
    /// Name passed through, and where to, several in turn; without a place, to the backends
    #[arg(long, value_name = "NAME[=ADDR|unix:PATH]", value_parser = route)]
    pub sni: Vec<Route>,
    /// Threads that serve
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
}

/// What a proxy does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// End TLS, forward HTTP in the clear
    Terminate,
    /// End TLS, copy bytes in the clear
    TerminateL4,
    /// Leave TLS unopened, go by the name it asks for
    PassThrough,
    /// End TLS, forward HTTP over TLS of its own
    ReEncrypt,
}

impl From<Mode> for alone::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Terminate => Self::Terminate,
            Mode::TerminateL4 => Self::TerminateL4,
            Mode::PassThrough => Self::PassThrough,
            Mode::ReEncrypt => Self::ReEncrypt,
        }
    }
}

fn route(text: &str) -> Result<Route, AddressError> {
    let (name, to) = match text.split_once('=') {
        Some((name, to)) => (name, vec![to.parse()?]),
        None => (text, Vec::new()),
    };
    Ok(Route { name: name.to_owned(), to })
}

const EXAMPLES: &str = "\
Clients and backends are programs of yours on this machine; anything but loopback is refused.
It runs in the foreground and says on stderr when it is ready. SIGTERM and Ctrl-C let running
connections finish; a second one does not.

Examples:
  testbed proxy --mode terminate --listen 127.0.0.1:8443 --cert c.pem --key k.pem --backend 127.0.0.1:8080
  testbed proxy --mode pass-through --listen 127.0.0.1:8443 --sni a.invalid=127.0.0.1:9443";
