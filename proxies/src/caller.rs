//! Who is at the other end of a front connection, as far as this process can tell. Plain values.

use std::net::SocketAddr;

use rustls::{CommonState, HandshakeKind};

use crate::{
    tls::{Group, PeerCertificate, TlsVersion},
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
    /// The verified certificate of the other side, if it presented one.
    pub certificate: Option<PeerCertificate>,
    /// The application protocol agreed on (ALPN).
    pub application: Option<Application>,
    /// The version spoken.
    pub version: Option<TlsVersion>,
    /// The group of the key exchange; `None` where a TLS 1.2 session was resumed, which makes none.
    pub group: Option<Group>,
    /// Was an earlier session resumed? Then the certificate is the one verified in that session.
    pub resumed: bool,
}

impl Handshake {
    /// What this finished connection says of itself, where `server_name` was asked for.
    pub(crate) fn of(connection: &CommonState, server_name: Option<String>) -> Self {
        Self {
            server_name,
            certificate: PeerCertificate::of(connection),
            application: connection.alpn_protocol().and_then(Application::of),
            version: connection.protocol_version().and_then(TlsVersion::of),
            group: connection.negotiated_key_exchange_group().and_then(|group| Group::of(group.name())),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }
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
