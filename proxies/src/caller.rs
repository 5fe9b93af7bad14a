//! Who is at the other end of a front connection, as far as this process can tell. Plain values.

use std::net::SocketAddr;

use crate::{
    tls::PeerCertificate,
    transport::{Ends, Party},
};

/// What one connection says about who opened it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Who announced it; `None` for an outside client.
    pub party: Option<Party>,
    /// Where it comes from: its own address, or the one an allowed peer's PROXY header names; `None` on a Unix
    /// socket.
    pub source: Option<SocketAddr>,
    /// Where it arrived, by the same authority.
    pub destination: Option<SocketAddr>,
    /// The handshake, where there was one.
    pub tls: Option<Handshake>,
}

/// What a finished handshake settled.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    /// The name asked for (SNI), in lower case.
    pub server_name: Option<String>,
    /// The verified certificate of the caller, if it presented one.
    pub certificate: Option<PeerCertificate>,
    /// The application protocol agreed on (ALPN).
    pub application: Option<Application>,
}

/// Application protocols this crate forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Application {
    /// HTTP/1.1.
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2.
    #[serde(rename = "h2")]
    Http2,
}

impl Application {
    /// Its ALPN name.
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }

    /// The one of this ALPN name.
    pub fn of(alpn: &[u8]) -> Option<Self> {
        [Self::Http1, Self::Http2].into_iter().find(|known| known.alpn() == alpn)
    }
}

impl Caller {
    /// What the transport knows.
    pub fn of(ends: Ends) -> Self {
        Self {
            party: ends.party,
            source: ends.wire.map(|wire| SocketAddr::V4(wire.dialer.to_socket_addr())),
            destination: ends.wire.map(|wire| SocketAddr::V4(wire.acceptor.to_socket_addr())),
            tls: None,
        }
    }

    /// The verified certificate it presented.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        self.tls.as_ref()?.certificate.as_ref()
    }

    /// The application protocol agreed on.
    pub fn application(&self) -> Option<Application> {
        self.tls.as_ref()?.application
    }
}
