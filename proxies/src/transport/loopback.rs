//! Addresses that cannot be made from text, configuration or outside values.
//!
//! A [`Loopback`] exists only after a bind or an accept inside this crate; it can be shown and compared,
//! and nothing in any crate connects to one: dialing takes a registry entry.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

/// A bound or accepted endpoint in 127.0.0.0/8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loopback(SocketAddrV4);

impl Loopback {
    /// `None` unless the address is IPv4 in 127.0.0.0/8 with a port.
    pub(crate) fn checked(address: SocketAddr) -> Option<Self> {
        match address {
            SocketAddr::V4(v4) if v4.ip().is_loopback() && v4.port() != 0 => Some(Self(v4)),
            _ => None,
        }
    }

    /// Its IP, as a value one can bind to again.
    pub fn ip(self) -> LoopbackIp {
        LoopbackIp(*self.0.ip())
    }

    /// Its port.
    pub fn port(self) -> u16 {
        self.0.port()
    }

    /// For headers of captured frames and for people; nothing dials it.
    pub fn to_socket_addr(self) -> SocketAddrV4 {
        self.0
    }
}

impl fmt::Display for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IP of 127.0.0.0/8, drawn by a registry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoopbackIp(Ipv4Addr);

impl LoopbackIp {
    /// 127.0.0.1, for listeners that outside clients shall reach as `localhost`.
    pub const LOCALHOST: Self = Self(Ipv4Addr::LOCALHOST);

    pub(crate) fn from_bits(low: u32) -> Self {
        Self(Ipv4Addr::from_bits(0x7f00_0000 | (low & 0x00ff_ffff)))
    }

    /// For certificates, name resolution blocks and people; nothing dials it.
    pub fn to_ip(self) -> Ipv4Addr {
        self.0
    }
}

impl fmt::Display for LoopbackIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LoopbackIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_with_a_port_is_an_endpoint() {
        for refused in ["10.0.0.1:80", "0.0.0.0:80", "192.168.1.1:80", "127.0.0.1:0", "[::1]:80", "[::]:80"] {
            assert_eq!(Loopback::checked(refused.parse().unwrap()), None, "{refused}");
        }
        assert_eq!(Loopback::checked("127.9.8.7:80".parse().unwrap()).unwrap().to_string(), "127.9.8.7:80");
    }

    #[test]
    fn whatever_the_bits_the_ip_stays_in_127() {
        for bits in [0, 1, u32::MAX, 0x0a00_0001] {
            assert!(LoopbackIp::from_bits(bits).to_ip().is_loopback());
        }
    }
}
