//! What Keystone packs into a Fernet token: a msgpack tuple of version, user, methods, project, expiry and
//! audit ids, and for a token bound to a certificate its thumbprint. Pure.
//!
//! Only payload versions 2 and 10 with UUID ids and the `password` method: nothing else is issued here.

use rmp::{decode, encode};

use crate::services::client_cert::Thumbprint;

/// Keystone's `ProjectScopedPayload.version`.
const PROJECT_SCOPED: u8 = 2;
/// Keystone's `Oauth2CredentialsScopedPayload.version`: bound to a client certificate.
const BOUND: u8 = 10;
/// `password` as a bit of Keystone's default `[auth] methods`: external 1, password 2, token 4, …
const PASSWORD: u8 = 2;

/// The facts of a token, apart from when it was issued.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Payload {
    /// Who.
    pub(super) user: [u8; 16],
    /// For which project.
    pub(super) project: [u8; 16],
    /// Until when, seconds since 1970.
    pub(super) expires: f64,
    /// Names the token in logs and in the revocation list without revealing it.
    pub(super) audit: [u8; 16],
    /// The certificate whose holder alone may use it.
    pub(super) bound_to: Option<Thumbprint>,
}

impl Payload {
    /// The msgpack bytes.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(128);
        // Writing to a Vec cannot fail, so the one error path there is has nothing to report.
        let _ = self.write(&mut packed);
        packed
    }

    fn write(&self, to: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
        encode::write_array_len(to, if self.bound_to.is_some() { 8 } else { 6 })?;
        encode::write_uint(to, if self.bound_to.is_some() { BOUND } else { PROJECT_SCOPED }.into())?;
        write_id(to, &self.user)?;
        encode::write_uint(to, PASSWORD.into())?;
        write_id(to, &self.project)?;
        if self.bound_to.is_some() {
            // The domain: a token of a project has none.
            write_no_id(to)?;
            encode::write_nil(to).map_err(encode::ValueWriteError::InvalidMarkerWrite)?;
        }
        encode::write_f64(to, self.expires)?;
        encode::write_array_len(to, 1)?;
        encode::write_bin(to, &self.audit)?;
        if let Some(thumbprint) = &self.bound_to {
            write_no_id(to)?;
            encode::write_str(to, &thumbprint.to_string())?;
        }
        Ok(())
    }

    /// The facts in msgpack bytes; `None` for any other shape.
    pub(super) fn unpack(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        let length = decode::read_array_len(&mut rest).ok()?;
        let bound = match (length, decode::read_int::<u8, _>(&mut rest).ok()?) {
            (6, PROJECT_SCOPED) => false,
            (8, BOUND) => true,
            _ => return None,
        };
        let user = read_id(&mut rest)?;
        (decode::read_int::<u8, _>(&mut rest).ok()? == PASSWORD).then_some(())?;
        let project = read_id(&mut rest)?;
        if bound {
            read_no_id(&mut rest)?;
            decode::read_nil(&mut rest).ok()?;
        }
        let expires = decode::read_f64(&mut rest).ok()?;
        (decode::read_array_len(&mut rest).ok()? == 1).then_some(())?;
        let audit = read_16(&mut rest)?;
        let bound_to = if bound { Some(read_thumbprint(&mut rest)?) } else { None };
        rest.is_empty().then_some(Self { user, project, expires, audit, bound_to })
    }
}

/// `(true, bytes)`: Keystone's "this id is a UUID, stored as bytes".
fn write_id(to: &mut Vec<u8>, id: &[u8; 16]) -> Result<(), encode::ValueWriteError> {
    encode::write_array_len(to, 2)?;
    encode::write_bool(to, true).map_err(encode::ValueWriteError::InvalidDataWrite)?;
    encode::write_bin(to, id)
}

/// `(false, …)`: Keystone's "this is stored as it is".
fn write_no_id(to: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
    encode::write_array_len(to, 2)?;
    encode::write_bool(to, false).map_err(encode::ValueWriteError::InvalidDataWrite)
}

fn read_no_id(from: &mut &[u8]) -> Option<()> {
    (decode::read_array_len(from).ok()? == 2).then_some(())?;
    (!decode::read_bool(from).ok()?).then_some(())
}

fn read_thumbprint(from: &mut &[u8]) -> Option<Thumbprint> {
    read_no_id(from)?;
    let length = usize::try_from(decode::read_str_len(from).ok()?).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    Thumbprint::parse(std::str::from_utf8(text).ok()?)
}

fn read_id(from: &mut &[u8]) -> Option<[u8; 16]> {
    (decode::read_array_len(from).ok()? == 2).then_some(())?;
    decode::read_bool(from).ok()?.then_some(())?;
    read_16(from)
}

fn read_16(from: &mut &[u8]) -> Option<[u8; 16]> {
    (decode::read_bin_len(from).ok()? == 16).then_some(())?;
    let (bytes, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: Payload =
        Payload { user: [1; 16], project: [2; 16], expires: 1_795_000_000.0, audit: [3; 16], bound_to: None };

    fn bound() -> Payload {
        Payload { bound_to: Some(Thumbprint::of(b"abc")), ..PAYLOAD }
    }

    #[test]
    fn the_bytes_are_those_of_msgpack_in_keystone() {
        // msgpack.packb((2, (True, b'\x01'*16), 2, (True, b'\x02'*16), 1795000000.0, [b'\x03'*16]))
        let want = [
            &[0x96, 0x02, 0x92, 0xc3, 0xc4, 0x10][..],
            &[1; 16],
            &[0x02, 0x92, 0xc3, 0xc4, 0x10],
            &[2; 16],
            &[0xcb, 0x41, 0xda, 0xbf, 0x61, 0xb0, 0, 0, 0, 0x91, 0xc4, 0x10],
            &[3; 16],
        ]
        .concat();
        assert_eq!(PAYLOAD.pack(), want);
    }

    #[test]
    fn the_bytes_of_a_bound_token_are_those_of_keystones_mutual_tls() {
        // msgpack.packb((10, (True, b'\x01'*16), 2, (True, b'\x02'*16), (False, None), 1795000000.0,
        //                [b'\x03'*16], (False, 'ungWv48B…')))
        let want = [
            &[0x98, 0x0a, 0x92, 0xc3, 0xc4, 0x10][..],
            &[1; 16],
            &[0x02, 0x92, 0xc3, 0xc4, 0x10],
            &[2; 16],
            &[0x92, 0xc2, 0xc0],
            &[0xcb, 0x41, 0xda, 0xbf, 0x61, 0xb0, 0, 0, 0, 0x91, 0xc4, 0x10],
            &[3; 16],
            &[0x92, 0xc2, 0xd9, 43],
            b"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
        ]
        .concat();
        assert_eq!(bound().pack(), want);
    }

    #[test]
    fn what_was_packed_is_unpacked_and_anything_shorter_or_longer_is_not() {
        for payload in [PAYLOAD, bound()] {
            let packed = payload.pack();
            assert_eq!(Payload::unpack(&packed), Some(payload));
            for cut in 0..packed.len() {
                assert_eq!(Payload::unpack(&packed[..cut]), None);
            }
            assert_eq!(Payload::unpack(&[packed, vec![0]].concat()), None);
        }
    }
}
