//! Version 1: `PROXY TCP4 source destination port port`, one line. Pure.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use super::{BadHeader, Header, LONGEST_V1, Parsed};

/// `PROXY UNKNOWN` and its line end.
pub(super) const SHORTEST: usize = 15;

const BEGINNING: &[u8] = b"PROXY ";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN";
/// After the keyword: family, two addresses, two ports.
const SPACES: usize = 5;

pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let looked_at = bytes.len().min(BEGINNING.len());
    if bytes[..looked_at] != BEGINNING[..looked_at] {
        return Parsed::Refused(BadHeader::NotAHeader);
    }
    let within = &bytes[..bytes.len().min(LONGEST_V1)];
    match within.iter().position(|&byte| byte.is_ascii_control()) {
        // A header of nobody known may say anything up to its line end.
        Some(_) if within.starts_with(UNKNOWN) => unknown(within),
        Some(end) if within[end] == b'\r' => match within.get(end + 1) {
            Some(b'\n') => match fields(&within[..end]) {
                Ok(header) => Parsed::Whole(header, end + 2),
                Err(reason) => Parsed::Refused(reason),
            },
            Some(_) => Parsed::Refused(BadHeader::Malformed),
            None if within.len() == LONGEST_V1 => Parsed::Refused(BadHeader::TooLong),
            None => Parsed::More(1),
        },
        Some(_) => Parsed::Refused(BadHeader::Malformed),
        None if within.len() == LONGEST_V1 => Parsed::Refused(BadHeader::TooLong),
        None => Parsed::More(still_to_come(within)),
    }
}

fn unknown(within: &[u8]) -> Parsed {
    let after = within.get(UNKNOWN.len());
    if !matches!(after, None | Some(b' ' | b'\r')) {
        return Parsed::Refused(BadHeader::Malformed);
    }
    match within.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Parsed::Whole(Header::Own, end + 2),
        None if within.len() == LONGEST_V1 => Parsed::Refused(BadHeader::TooLong),
        None => Parsed::More(if within.ends_with(b"\r") { 1 } else { 2 }),
    }
}

/// What a line must at least go on with: everything up to the shortest line there is, then a character and its space
/// for each field that has not begun, and the line end.
fn still_to_come(within: &[u8]) -> usize {
    if within.len() < SHORTEST {
        return SHORTEST - within.len();
    }
    if within.starts_with(UNKNOWN) {
        return 2;
    }
    let spaces = within.split(|&byte| byte == b' ').skip(1).count();
    2 + 2 * SPACES.saturating_sub(spaces)
}

fn fields(line: &[u8]) -> Result<Header, BadHeader> {
    let line = std::str::from_utf8(line).map_err(|_| BadHeader::Malformed)?;
    let fields: Vec<&str> = line.split(' ').skip(1).collect();
    let [family, from, to, from_port, to_port] = fields[..] else { return Err(BadHeader::Malformed) };
    let ip = match family {
        "TCP4" => |text: &str| Ipv4Addr::from_str(text).ok().map(IpAddr::V4),
        "TCP6" => |text: &str| Ipv6Addr::from_str(text).ok().map(IpAddr::V6),
        _ => return Err(BadHeader::Unsupported),
    };
    let end = |address, number| Some(SocketAddr::new(ip(address)?, port(number)?));
    let source = end(from, from_port).ok_or(BadHeader::Address)?;
    let destination = end(to, to_port).ok_or(BadHeader::Address)?;
    Ok(Header::For { source, destination })
}

/// Digits only and no leading zero, so that no two readers can read two ports.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

pub(super) fn encode(header: Header) -> Vec<u8> {
    let Header::For { source, destination } = header else { return b"PROXY UNKNOWN\r\n".to_vec() };
    let family = match (source, destination) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => "TCP4",
        (SocketAddr::V6(_), SocketAddr::V6(_)) => "TCP6",
        _ => return encode(Header::Own),
    };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}
