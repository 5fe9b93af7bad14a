//! Version 2: a signature, a kind, a length, two ends, and values nobody here needs. Pure.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{BadHeader, Header, LONGEST_V2, Parsed, checksum};
use crate::peek::Reader;

pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX: u8 = 0x31;
/// Two socket paths.
const UNIX_ENDS: usize = 216;

const CHECKSUM: u8 = 0x03;

pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let looked_at = bytes.len().min(SIGNATURE.len());
    if bytes[..looked_at] != SIGNATURE[..looked_at] {
        return Parsed::Refused(BadHeader::NotAHeader);
    }
    match bytes.get(SIGNATURE.len()) {
        None | Some(&(LOCAL | PROXY)) => {}
        Some(version) if version >> 4 != 2 => return Parsed::Refused(BadHeader::Malformed),
        Some(_) => return Parsed::Refused(BadHeader::Unsupported),
    }
    let Some(&[high, low]) = bytes.get(FIXED - 2..FIXED).and_then(|length| length.first_chunk()) else {
        return Parsed::More(FIXED - bytes.len());
    };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_V2 {
        return Parsed::Refused(BadHeader::TooLong);
    }
    match bytes.get(..length) {
        None => Parsed::More(length - bytes.len()),
        Some(whole) => match read(whole) {
            Ok(header) => Parsed::Whole(header, length),
            Err(reason) => Parsed::Refused(reason),
        },
    }
}

fn read(whole: &[u8]) -> Result<Header, BadHeader> {
    if whole[SIGNATURE.len()] == LOCAL {
        // To be skipped whatever it says.
        return Ok(Header::Own);
    }
    let mut reader = Reader::new(&whole[FIXED..]);
    let header = match whole[SIGNATURE.len() + 1] {
        UNSPECIFIED => return Ok(Header::Own),
        TCP4 => ends::<4>(&mut reader),
        TCP6 => ends::<16>(&mut reader),
        UNIX => reader.take(UNIX_ENDS).map(|_paths| Header::Own),
        _ => return Err(BadHeader::Unsupported),
    };
    let header = header.ok_or(BadHeader::Address)?;
    values(whole, reader)?;
    Ok(header)
}

fn ends<const N: usize>(reader: &mut Reader<'_>) -> Option<Header>
where
    [u8; N]: Octets,
{
    let (from, to) = (reader.array::<N>()?, reader.array::<N>()?);
    let (from_port, to_port) = (reader.u16()?, reader.u16()?);
    Some(Header::For { source: from.end(from_port), destination: to.end(to_port) })
}

trait Octets {
    fn end(self, port: u16) -> SocketAddr;
}

impl Octets for [u8; 4] {
    fn end(self, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::from(self), port))
    }
}

impl Octets for [u8; 16] {
    fn end(self, port: u16) -> SocketAddr {
        SocketAddr::from((Ipv6Addr::from(self), port))
    }
}

/// Values must be whole and end with the header; a checksum among them must fit.
fn values(whole: &[u8], mut reader: Reader<'_>) -> Result<(), BadHeader> {
    while !reader.is_empty() {
        let kind = reader.u8().ok_or(BadHeader::Malformed)?;
        let value = reader.vector().ok_or(BadHeader::Malformed)?;
        if kind != CHECKSUM {
            continue;
        }
        let given = value.try_into().map(u32::from_be_bytes).map_err(|_| BadHeader::Malformed)?;
        // It is counted with itself as zeros.
        let end = whole.len() - reader.left();
        let sum = checksum::crc32c([&whole[..end - 4], &[0; 4], &whole[end..]]);
        if sum != given {
            return Err(BadHeader::Checksum);
        }
    }
    Ok(())
}

pub(super) fn encode(header: Header) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    let mut kind = |command, family, length: u16| {
        bytes.extend([command, family]);
        bytes.extend(length.to_be_bytes());
    };
    let Header::For { source, destination } = header else {
        kind(LOCAL, UNSPECIFIED, 0);
        return bytes;
    };
    match (source, destination) {
        (SocketAddr::V4(from), SocketAddr::V4(to)) => {
            kind(PROXY, TCP4, 12);
            bytes.extend(from.ip().octets());
            bytes.extend(to.ip().octets());
        }
        (SocketAddr::V6(from), SocketAddr::V6(to)) => {
            kind(PROXY, TCP6, 36);
            bytes.extend(from.ip().octets());
            bytes.extend(to.ip().octets());
        }
        _ => return encode(Header::Own),
    }
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes
}
