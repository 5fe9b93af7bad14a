//! What a technique brought home, with provenance.
//!
//! Loot is a claim, never a grade: whether a secret is real, and whether a deed was done, is for the judge
//! to find out from its own sources. Values are kept byte for byte.

mod haul;

use std::{fmt, time::Duration};

use bytes::Bytes;
pub use haul::{Haul, LootSink};
use testbed::foothold::{Answer, HandshakeFailure, NotGranted, TargetId};

/// Everything a technique brought home.
#[derive(Clone, Debug, Default)]
pub struct Loot {
    /// In the order it came. A secret seen again is listed once, with its first provenance.
    pub items: Vec<Item>,
    /// Flows heard, by what they spoke.
    pub flows: FlowCounts,
    /// Items left behind because the haul was full.
    pub left_behind: u64,
}

impl Loot {
    /// The secrets among it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.items.iter().filter_map(|item| if let Item::Secret(secret) = item { Some(secret) } else { None })
    }

    /// The attempts among it.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.items.iter().filter_map(|item| if let Item::Attempt(it) = item { Some(it) } else { None })
    }

    /// The refusals among it.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.items.iter().filter_map(|item| if let Item::Refusal(it) = item { Some(it) } else { None })
    }

    /// The files that could not be read among it.
    pub fn denied(&self) -> impl Iterator<Item = &Denied> {
        self.items.iter().filter_map(|item| if let Item::Denied(denied) = item { Some(denied) } else { None })
    }

    /// The deeds among it.
    pub fn deeds(&self) -> impl Iterator<Item = &Deed> {
        self.items.iter().filter_map(|item| if let Item::Deed(deed) = item { Some(deed) } else { None })
    }
}

/// How many flows a technique heard, each once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts {
    /// Did not begin with a TLS record.
    pub clear: u64,
    /// Began with a TLS record: counted, not read.
    pub tls: u64,
}

/// One thing brought home.
#[derive(Clone, Debug)]
pub enum Item {
    /// Something the attacker should not know.
    Secret(Secret),
    /// Something tried, and the answer.
    Attempt(Attempt),
    /// A victim that would not talk to the impostor.
    Refusal(Refusal),
    /// Something done with loot.
    Deed(Deed),
    /// A file that could not be read.
    Denied(Denied),
    /// A capability the technique asked for and did not get.
    NotGranted(Provenance, NotGranted),
}

/// Where an item comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Which step of which technique.
    pub step: Step,
    /// Which flow, by the number the capture uses.
    pub flow: Option<u64>,
    /// When it crossed, since the run started; known to a sniffer only.
    pub at: Option<Duration>,
    /// For people: `request head X-Auth-Token`, `GET / in clear`.
    pub where_found: String,
}

/// A step of a technique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Name of the technique.
    pub technique: &'static str,
    /// ATT&CK id of the step.
    pub attack_id: &'static str,
}

/// What the attacker takes a secret for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretKind {
    /// The administrator's password of a new server (`adminPass`).
    AdminPass,
    /// A browser's session.
    Cookie,
    /// A login secret.
    Password,
    /// A private key, PKCS#8.
    PrivateKey,
    /// A whole request body.
    RequestBody,
    /// A whole response body.
    ResponseBody,
    /// The id of a server; a name rather than a secret, but a replay needs one.
    ServerId,
    /// A token.
    Token,
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AdminPass => "admin-pass",
            Self::Cookie => "cookie",
            Self::Password => "password",
            Self::PrivateKey => "private-key",
            Self::RequestBody => "request-body",
            Self::ResponseBody => "response-body",
            Self::ServerId => "server-id",
            Self::Token => "token",
        })
    }
}

/// Something the attacker should not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What the attacker takes it for.
    pub kind: SecretKind,
    /// The value, byte for byte.
    pub value: Bytes,
    /// Whose, where that was written beside it.
    pub user: Option<String>,
    /// Where from.
    pub provenance: Provenance,
}

/// How an attempt spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Without TLS.
    Clear,
    /// Over TLS, verifying nothing.
    Tls,
}

/// Something tried, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was dialled.
    pub target: TargetId,
    /// Its label, for people.
    pub label: String,
    /// What was tried, for people: `GET / in clear`.
    pub attempt: String,
    /// How it spoke.
    pub channel: Channel,
    /// What came back.
    pub answer: Answer,
    /// Did it serve the attacker over this channel?
    pub served: bool,
    /// Where from.
    pub provenance: Provenance,
}

/// A victim that would not talk to the impostor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Label of where the victim was going.
    pub label: String,
    /// How it refused.
    pub failure: HandshakeFailure,
    /// Where from; always with a flow.
    pub provenance: Provenance,
}

/// A file the position lets one name and not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Why, in the words of the machine.
    pub why: String,
    /// Where from; `where_found` names the file.
    pub provenance: Provenance,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A server was deleted.
    Deleted {
        /// Its id.
        server_id: String,
    },
}

/// Something the attacker claims to have done with loot, because it was answered so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What.
    pub what: Act,
    /// Label of the endpoint that executed it.
    pub label: String,
    /// The id the service gave the request, if it said so.
    pub request_id: Option<String>,
    /// The HTTP status that confirmed it.
    pub status: u16,
    /// Whose token it was done with, if known.
    pub token_user: Option<String>,
    /// Where the token came from.
    pub provenance: Provenance,
}
