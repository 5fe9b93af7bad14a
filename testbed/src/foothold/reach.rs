//! Dialling by handle: what a position can name, and what a named address answers.

use std::{fmt, future::Future, io, pin::Pin, sync::Arc};

use proxies::stream::BoxStream;

use crate::vocabulary::Method;

/// A handle on something that can be dialled. It carries no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub(crate) u32);

impl TargetId {
    /// For tests of techniques against a made-up backend.
    pub fn for_test(id: u32) -> Self {
        Self(id)
    }
}

/// Something a position can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The handle.
    pub id: TargetId,
    /// `host/process:service on segment`, for people.
    pub label: String,
    /// The name an impostor or a client would ask for in SNI and `Host:`.
    pub server_name: String,
}

/// What a dialled target answered, at whatever layer it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel refused (`ECONNREFUSED`).
    Refused,
    /// The kernel forbade it to this user (`EACCES`, `EPERM`).
    Denied(String),
    /// The position cannot name an address of that host: our registry says so (`modelled`).
    NoRoute,
    /// A TLS alert, by its name (`unknown_ca`).
    Alert(String),
    /// An HTTP status.
    Http(u16),
    /// It accepted and closed without a byte.
    Closed,
    /// It accepted and said nothing within the deadline.
    Silence,
    /// It answered bytes that are no HTTP; the first few, printable.
    Bytes(String),
    /// Any other error of the socket.
    Error(String),
}

impl Answer {
    /// What the kernel said to whoever connected or opened.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(errno @ (nix::errno::Errno::EACCES | nix::errno::Errno::EPERM)) => {
                Self::Denied(format!("{errno:?}"))
            }
            Some(nix::errno::Errno::ECONNREFUSED) => Self::Refused,
            _ if error.kind() == io::ErrorKind::TimedOut => Self::Silence,
            _ => Self::Error(error.to_string()),
        }
    }

    /// Whose answer it is.
    pub fn method(&self) -> Method {
        match self {
            Self::NoRoute => Method::Modelled,
            _ => Method::Measured,
        }
    }
}

impl Target {
    /// For a listener nobody named; dialling it answers nothing.
    pub(crate) fn unnamed() -> Self {
        Self { id: TargetId(u32::MAX), label: "unnamed".to_owned(), server_name: String::new() }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Denied(errno) => write!(f, "permission denied ({errno})"),
            Self::NoRoute => f.write_str("no route"),
            Self::Alert(name) => write!(f, "alert {name}"),
            Self::Http(status) => write!(f, "HTTP {status}"),
            Self::Closed => f.write_str("closed without a byte"),
            Self::Silence => f.write_str("silence"),
            Self::Bytes(text) => write!(f, "bytes `{text}`"),
            Self::Error(text) => f.write_str(text),
        }
    }
}

/// The outcome of a dial.
pub enum Dialed {
    /// Connected.
    Open(BoxStream),
    /// Not connected.
    Answered(Answer),
}

/// What the launch puts behind a [`Reach`].
pub trait ReachBackend: Send + Sync + 'static {
    /// Everything this position can name, in a stable order.
    fn targets(&self) -> Vec<Target>;

    /// One TCP connection to a target, crossing the segment like any other.
    fn dial(&self, target: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>>;
}

/// The capability to dial.
#[derive(Clone)]
pub struct Reach(Arc<dyn ReachBackend>);

impl Reach {
    /// Wraps a backend.
    pub fn new(backend: Arc<dyn ReachBackend>) -> Self {
        Self(backend)
    }

    /// Everything this position can name.
    pub fn targets(&self) -> Vec<Target> {
        self.0.targets()
    }

    /// One TCP connection.
    pub async fn dial(&self, target: TargetId) -> Dialed {
        self.0.dial(target).await
    }
}
