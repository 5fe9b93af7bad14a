//! The TLS opener: captured bytes of a flow and the run's key log in, plaintext and facts out.
//!
//! ```text
//!  chunks ─► records ─► side (one per direction) ─► pieces of plaintext
//!             framing     │   ▲                     alerts, Finished, errors
//!                         ▼   │
//!                       session: hellos, suite, secrets ◄─ key log
//!                         │
//!                         └─► protection (tls12, tls13): opens one record
//! ```
//!
//! It reads like a passive observer who was handed the secrets: nothing is verified beyond what opening a
//! record proves. Pure: no sockets, no clock, and no panic whatever the bytes are. The order in which the two
//! directions are fed does not matter, only the order within each.
//!
//! It opens TLS 1.3, and TLS 1.2 with the suites that rustls and OpenSSL prefer. Of older versions and suites
//! (CBC, static RSA) and of a session that is negotiated anew it reads the part in clear text and says that the
//! rest stays closed; early data is passed over and counted. A flow that starts with a PROXY protocol header is
//! not TLS to it.

mod alert;
mod error;
mod handshake;
mod hello;
mod opened;
mod protection;
mod records;
mod session;
mod side;
mod tls12;
mod tls13;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use alert::{Alert, AlertDescription, AlertLevel};
pub use error::OpenError;
pub use opened::{Keys, Kind, OneWay, Opened, Piece};

use session::Session;
use side::Side;

use crate::{keylog::KeyLogStore, vocabulary::Direction};

/// Opens one flow. The dialing end is taken to be the TLS client.
pub struct Opener {
    session: Session,
    to_acceptor: Side,
    to_dialer: Side,
    kind: Option<Kind>,
    chunks: u64,
}

impl Opener {
    /// An opener that looks secrets up in this key log.
    pub fn new(keys: &KeyLogStore) -> Self {
        Self {
            session: Session::new(keys.clone()),
            to_acceptor: Side::new(Direction::ToAcceptor),
            to_dialer: Side::new(Direction::ToDialer),
            kind: None,
            chunks: 0,
        }
    }

    /// The next bytes of one direction, split anywhere.
    pub fn feed(&mut self, direction: Direction, bytes: &[u8]) {
        let order = self.chunks;
        self.chunks += 1;
        self.side(direction).receive(bytes, order);
        if self.kind.is_none() {
            self.kind = hello::kind_of_dialer(self.to_acceptor.unread());
        }
        self.advance();
    }

    /// Everything that could be opened.
    pub fn finish(mut self) -> Opened {
        let kind = self
            .kind
            .unwrap_or_else(|| hello::kind_of_truncated(self.to_acceptor.unread(), self.to_dialer.unread()));
        self.kind = Some(kind);
        self.advance();
        let to_acceptor = self.to_acceptor.finish(kind, &mut self.session);
        let to_dialer = self.to_dialer.finish(kind, &mut self.session);
        self.session.finish(kind, to_acceptor, to_dialer)
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToAcceptor => &mut self.to_acceptor,
            Direction::ToDialer => &mut self.to_dialer,
        }
    }

    /// A side may wait for the other one's hello. Hellos cross in clear text and wait for nothing, so both are
    /// read when the last chunk was fed, and the turn that [`Opener::finish`] gives opens what had to wait.
    fn advance(&mut self) {
        match self.kind {
            Some(Kind::Tls) => {
                self.to_acceptor.open(&mut self.session);
                self.to_dialer.open(&mut self.session);
            }
            Some(Kind::NotTls) => {
                self.to_acceptor.copy();
                self.to_dialer.copy();
            }
            Some(Kind::Silent) | None => {}
        }
    }
}
