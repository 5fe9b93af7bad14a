//! What a `ClientHello` says in clear text, as far as anybody in between may want it.
//!
//! Strict where two readers could otherwise understand different things, and silent about the rest: whether
//! the hello is acceptable is for the server behind to say.

use rustls::{ProtocolVersion, pki_types::DnsName};

use super::reader::Reader;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const EARLY_DATA: u16 = 42;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// The only type of server name there is (RFC 6066 §3).
const HOST_NAME: u8 = 0;
pub(super) const LONGEST_SESSION_ID: usize = 32;

/// A hello, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// Names the session in a key log.
    pub random: [u8; 32],
    /// TLS 1.2's session to resume; in TLS 1.3 a random value without meaning.
    pub session_id: Vec<u8>,
    /// The server asked for, in lower case; `None` if there is none, or it is no DNS name (an IP literal, say).
    pub server_name: Option<String>,
    /// TLS versions offered, in the client's order, without GREASE.
    pub versions: Vec<ProtocolVersion>,
    /// Application protocols offered, in the client's order.
    pub alpn: Vec<Vec<u8>>,
    /// Does it announce early data?
    pub early_data: bool,
    /// TLS 1.2's session ticket.
    pub ticket: Ticket,
    /// Does it want to resume a session of TLS 1.3?
    pub pre_shared_key: bool,
    /// Does it carry another hello, encrypted (ECH)? The name here is then the outer one, for all to see. A
    /// client may send noise there instead, so that nobody can tell.
    pub encrypted_hello: bool,
}

/// What a hello says about TLS 1.2's session tickets (RFC 5077).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ticket {
    /// Nothing: the client takes none.
    #[default]
    Absent,
    /// The client takes one.
    Wanted,
    /// The client has one and wants its session back.
    Presented,
}

impl ClientHello {
    /// Reads a `ClientHello` message without its header; `None` if it is malformed.
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut message = Reader::new(message);
        let version = message.u16()?;
        let random = message.array()?;
        let session_id = message.short_vector()?;
        let suites = message.vector()?;
        let compressions = message.short_vector()?;
        if session_id.len() > LONGEST_SESSION_ID || suites.is_empty() || compressions.is_empty() {
            return None;
        }
        let mut hello = Self {
            random,
            session_id: session_id.to_vec(),
            server_name: None,
            versions: vec![version.into()],
            alpn: Vec::new(),
            early_data: false,
            ticket: Ticket::Absent,
            pre_shared_key: false,
            encrypted_hello: false,
        };
        for (number, content) in message.extensions()? {
            match number {
                SERVER_NAME => hello.read_server_name(content)?,
                ALPN => hello.read_alpn(content)?,
                SUPPORTED_VERSIONS => hello.read_versions(content)?,
                EARLY_DATA => hello.early_data = true,
                SESSION_TICKET if content.is_empty() => hello.ticket = Ticket::Wanted,
                SESSION_TICKET => hello.ticket = Ticket::Presented,
                PRE_SHARED_KEY => hello.pre_shared_key = true,
                ENCRYPTED_CLIENT_HELLO => hello.encrypted_hello = true,
                _ => {}
            }
        }
        Some(hello)
    }

    /// Does it offer TLS 1.3?
    pub fn offers_tls13(&self) -> bool {
        self.versions.contains(&ProtocolVersion::TLSv1_3)
    }

    /// Does it offer TLS 1.2 or anything older, where a session has an id?
    pub fn offers_session_ids(&self) -> bool {
        self.versions.iter().any(|version| u16::from(*version) <= u16::from(ProtocolVersion::TLSv1_2))
    }

    /// The session id it carries, if any.
    pub fn session(&self) -> Option<&[u8]> {
        (!self.session_id.is_empty()).then_some(&self.session_id)
    }

    fn read_server_name(&mut self, mut content: Reader<'_>) -> Option<()> {
        let mut list = Reader::new(content.vector()?);
        if list.is_empty() || !content.is_empty() {
            return None;
        }
        let mut named = false;
        // Nobody knows how long a name of another type is, so nothing behind one can be read.
        while !list.is_empty() && list.u8()? == HOST_NAME {
            let name = list.vector()?;
            if std::mem::replace(&mut named, true) {
                return None;
            }
            self.server_name = dns_name(name);
        }
        Some(())
    }

    fn read_alpn(&mut self, mut content: Reader<'_>) -> Option<()> {
        let mut protocols = Reader::new(content.vector()?);
        while !protocols.is_empty() {
            self.alpn.push(protocols.short_vector()?.to_vec());
        }
        content.is_empty().then_some(())
    }

    fn read_versions(&mut self, mut content: Reader<'_>) -> Option<()> {
        let mut versions = Reader::new(content.short_vector()?);
        self.versions.clear();
        while !versions.is_empty() {
            let version = versions.u16()?;
            if !is_grease(version) {
                self.versions.push(version.into());
            }
        }
        content.is_empty().then_some(())
    }
}

/// In lower case; `None` for anything that is no DNS name, or ends in a dot, which RFC 6066 forbids.
pub(crate) fn dns_name(name: &[u8]) -> Option<String> {
    let name = DnsName::try_from(name).ok()?;
    let name = name.as_ref();
    (!name.ends_with('.')).then(|| name.to_ascii_lowercase())
}

/// Values reserved for clients that want to see unknown ones ignored (RFC 8701).
fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}
