//! Loopback addresses and Unix paths as people write them. Anything else is refused here, before it can mean
//! anything: no name is resolved, no other network exists.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
    str::FromStr,
};

use crate::transport::loopback::{Loopback, LoopbackIp};

/// An address of 127.0.0.0/8 with a port; port 0 stands for any free one where something is to listen.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(SocketAddrV4);

/// Where an outside program listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On TCP, with a port.
    Tcp(Address),
    /// On a Unix socket.
    Unix(PathBuf),
}

/// Why a text is no address this program uses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another machine's, or all of this one's.
    #[error("{0} is not on this machine's loopback (127.0.0.0/8), and nothing goes anywhere else")]
    Elsewhere(SocketAddr),
    /// `::1`.
    #[error("{0}: IPv6 is not served, write 127.0.0.1 or another address of 127.0.0.0/8")]
    Six(SocketAddr),
    /// A name, an address without a port, or nothing like it.
    #[error("`{0}` is not IP:PORT, such as 127.0.0.1:8443; names are not resolved")]
    NoAddress(String),
    /// Port 0 where something listens already.
    #[error("{0}: port 0 is no place to connect to")]
    NoPort(SocketAddrV4),
    /// `unix:` and nothing behind it.
    #[error("`unix:` needs the path of a socket, such as unix:/run/app.sock")]
    NoPath,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse().map_err(|_| AddressError::NoAddress(text.to_owned()))? {
            SocketAddr::V4(at) if at.ip().is_loopback() => Ok(Self(at)),
            at @ SocketAddr::V6(six) if six.ip().is_loopback() => Err(AddressError::Six(at)),
            at => Err(AddressError::Elsewhere(at)),
        }
    }
}

impl FromStr for Place {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(AddressError::NoPath),
            Some(path) => Ok(Self::Unix(path.into())),
            None => match text.parse()? {
                Address(at) if at.port() == 0 => Err(AddressError::NoPort(at)),
                address => Ok(Self::Tcp(address)),
            },
        }
    }
}

impl Address {
    /// What to bind: `None` is any port that is free.
    pub(super) fn parts(self) -> (LoopbackIp, Option<u16>) {
        let ip = LoopbackIp::from_bits(Ipv4Addr::to_bits(*self.0.ip()));
        (ip, Some(self.0.port()).filter(|port| *port != 0))
    }

    /// What to dial.
    pub(super) fn endpoint(self) -> Option<Loopback> {
        Loopback::checked(self.0.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => at.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_an_address() {
        for good in ["127.0.0.1:8443", "127.255.255.254:1", "127.9.8.7:0"] {
            assert_eq!(good.parse::<Address>().unwrap().to_string(), good);
        }
        let table = [
            ("10.0.0.1:80", "not on this machine's loopback"),
            ("0.0.0.0:80", "not on this machine's loopback"),
            ("192.168.1.1:443", "not on this machine's loopback"),
            ("[2001:db8::1]:80", "not on this machine's loopback"),
            ("[::]:80", "not on this machine's loopback"),
            ("[::ffff:127.0.0.1]:80", "not on this machine's loopback"),
            ("[::1]:80", "IPv6 is not served"),
            ("127.0.0.1", "is not IP:PORT"),
            ("localhost:80", "names are not resolved"),
            ("example.org:443", "names are not resolved"),
            ("127.1:80", "is not IP:PORT"),
            ("0177.0.0.1:80", "is not IP:PORT"),
            ("2130706433:80", "is not IP:PORT"),
            ("127.0.0.1:65536", "is not IP:PORT"),
            ("http://127.0.0.1:80", "is not IP:PORT"),
            ("", "is not IP:PORT"),
        ];
        for (text, why) in table {
            let said = text.parse::<Address>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_an_address_with_a_port_or_a_path() {
        assert_eq!("unix:/a b".parse(), Ok(Place::Unix("/a b".into())));
        assert_eq!("127.0.0.1:80".parse::<Place>().unwrap().to_string(), "127.0.0.1:80");
        assert_eq!("unix:".parse::<Place>(), Err(AddressError::NoPath));
        let nowhere = "127.0.0.1:0".parse::<Place>().unwrap_err();
        assert_eq!(nowhere.to_string(), "127.0.0.1:0: port 0 is no place to connect to");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_loopback(bits: u32, port: u16) {
            let at = SocketAddrV4::new(bits.into(), port);
            let read = at.to_string().parse::<Address>();
            proptest::prop_assert_eq!(read.is_ok(), at.ip().octets()[0] == 127);
            if let Ok(address) = read {
                proptest::prop_assert_eq!(address.parts().0.to_ip(), *at.ip());
            }
        }
    }
}
