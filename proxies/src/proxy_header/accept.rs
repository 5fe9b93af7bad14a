//! Whose header is believed, and taking exactly one header off a stream.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use super::{BadHeader, Header, Parsed, parse};
use crate::{caller::Caller, transport::Party};

/// A listener's peers that begin every connection with a header.
///
/// From one of them the header is required. From anybody else nothing is parsed, so that nobody can give himself an
/// address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Any of these.
    pub from: Vec<Peer>,
}

/// A way to know a peer by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// Who announced the connection.
    Party(Party),
    /// Where the connection comes from. Only ever compared with the address the kernel reports, never dialled.
    Address(Ipv4Addr),
}

impl Accept {
    /// True where the peer at the other end of the wire is one of them. To be asked before a header changed
    /// `caller`.
    pub fn believes(&self, caller: &Caller) -> bool {
        let address = caller.source.map(|source| source.ip());
        self.from.iter().any(|peer| match peer {
            Peer::Party(party) => caller.party == Some(*party),
            Peer::Address(known) => address == Some(IpAddr::V4(*known)),
        })
    }
}

/// Takes a header off the stream within `deadline`, and nothing behind it.
pub async fn read<S: AsyncRead + Unpin>(stream: &mut S, deadline: Duration) -> Result<Header, BadHeader> {
    let reading = async {
        let mut bytes = Vec::with_capacity(super::LONGEST_V1);
        loop {
            match parse(&bytes) {
                Parsed::Whole(header, _) => return Ok(header),
                Parsed::Refused(reason) => return Err(reason),
                Parsed::More(more) => {
                    let read = (&mut *stream).take(more as u64).read_buf(&mut bytes).await;
                    if !matches!(read, Ok(1..)) {
                        return Err(BadHeader::CutShort);
                    }
                }
            }
        }
    };
    timeout(deadline, reading).await.unwrap_or(Err(BadHeader::TooSlow))
}
