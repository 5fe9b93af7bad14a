//! What a `ServerHello` says in clear text: the version, and the session it names.
//!
//! In TLS 1.2 the id names a session the server keeps and the client may come back to. In TLS 1.3 it is the
//! client's own value sent back, which names nothing; so it is in a `HelloRetryRequest`, which has the same form.

use rustls::ProtocolVersion;

use super::{First, Peeked, hello::LONGEST_SESSION_ID, hello::SUPPORTED_VERSIONS, reader::Reader};

const SERVER_HELLO: u8 = 2;

/// A server's hello, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen.
    pub version: ProtocolVersion,
    /// As sent; see [`session`](Self::session) for what it means.
    pub session_id: Vec<u8>,
}

impl ServerHello {
    /// Reads a `ServerHello` message without its header; `None` if it is malformed.
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut message = Reader::new(message);
        let mut version = message.u16()?;
        let _random = message.array::<32>()?;
        let session_id = message.short_vector()?;
        let _suite = message.u16()?;
        let _compression = message.u8()?;
        if session_id.len() > LONGEST_SESSION_ID {
            return None;
        }
        for (number, mut content) in message.extensions()? {
            if number == SUPPORTED_VERSIONS {
                version = content.u16()?;
                content.is_empty().then_some(())?;
            }
        }
        Some(Self { version: version.into(), session_id: session_id.to_vec() })
    }

    /// The id of a session that can be resumed by it: none in TLS 1.3, and none if the server keeps no sessions.
    pub fn session(&self) -> Option<&[u8]> {
        let named = u16::from(self.version) <= u16::from(ProtocolVersion::TLSv1_2);
        (named && !self.session_id.is_empty()).then_some(&self.session_id)
    }
}

/// An unfinished look at what a server says first.
#[derive(Debug)]
pub struct PeekServer(First<ServerHello>);

impl PeekServer {
    /// Looks at no more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(First::new(SERVER_HELLO, ServerHello::read, limit))
    }

    /// The next bytes of the answer.
    pub fn feed(&mut self, bytes: &[u8]) -> &Peeked<ServerHello> {
        self.0.feed(bytes)
    }
}
