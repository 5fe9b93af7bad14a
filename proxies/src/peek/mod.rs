//! Looks at the first bytes of a connection until it knows which server a `ClientHello` asks for, and at the
//! first bytes of the answer until it knows which session a `ServerHello` names.
//!
//! ```text
//!   bytes, in any pieces ─▶ records ─▶ one handshake message ─▶ hello
//!                           (joined over records)                name, session id, versions, ALPN
//! ```
//!
//! Pure: it holds no socket and no clock, and does not keep the bytes for whoever passes them on. The answer
//! depends on the bytes alone, never on how they were cut; once given it stays. Neither a second record nor a
//! second read is a corner case: a post-quantum hello does not fit in one segment.
//!
//! What follows the hello is not looked at.

mod first;
mod hello;
mod reader;
mod records;
mod server_hello;

pub(crate) use hello::dns_name;
pub use hello::{ClientHello, Ticket};
pub use reader::Reader;
pub use server_hello::{PeekServer, ServerHello};

use first::First;

const CLIENT_HELLO: u8 = 1;

/// What is known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peeked<T = ClientHello> {
    /// All of it fits a hello, and the hello is not whole yet.
    More,
    /// The hello is whole.
    Hello(T),
    /// It will never be one.
    Refused(NoHello),
}

/// Why bytes are not a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHello {
    /// They do not start like a TLS connection.
    NotTls,
    /// They start like one and break TLS's rules after that.
    Malformed,
    /// The hello is not whole within the limit.
    TooLarge,
}

/// An unfinished look at what a client says first.
#[derive(Debug)]
pub struct Peek(First<ClientHello>);

impl Peek {
    /// Looks at no more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(First::new(CLIENT_HELLO, ClientHello::read, limit))
    }

    /// The next bytes of the connection.
    pub fn feed(&mut self, bytes: &[u8]) -> &Peeked {
        self.0.feed(bytes)
    }
}
