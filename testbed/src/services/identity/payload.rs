//! What Keystone packs into a project-scoped Fernet token: a msgpack tuple of version, user, methods,
//! project, expiry and audit ids. Pure.
//!
//! Only payload version 2 with UUID ids and the `password` method: nothing else is issued here.

use rmp::{decode, encode};

/// Keystone's `ProjectScopedPayload.version`.
const PROJECT_SCOPED: u8 = 2;
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
}

impl Payload {
    /// The msgpack bytes.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(80);
        // Writing to a Vec cannot fail, so the one error path there is has nothing to report.
        let _ = self.write(&mut packed);
        packed
    }

    fn write(&self, to: &mut Vec<u8>) -> Result<(), encode::ValueWriteError> {
        encode::write_array_len(to, 6)?;
        encode::write_uint(to, PROJECT_SCOPED.into())?;
        write_id(to, &self.user)?;
        encode::write_uint(to, PASSWORD.into())?;
        write_id(to, &self.project)?;
        encode::write_f64(to, self.expires)?;
        encode::write_array_len(to, 1)?;
        encode::write_bin(to, &self.audit)
    }

    /// The facts in msgpack bytes; `None` for any other shape.
    pub(super) fn unpack(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        (decode::read_array_len(&mut rest).ok()? == 6).then_some(())?;
        (decode::read_int::<u8, _>(&mut rest).ok()? == PROJECT_SCOPED).then_some(())?;
        let user = read_id(&mut rest)?;
        (decode::read_int::<u8, _>(&mut rest).ok()? == PASSWORD).then_some(())?;
        let project = read_id(&mut rest)?;
        let expires = decode::read_f64(&mut rest).ok()?;
        (decode::read_array_len(&mut rest).ok()? == 1).then_some(())?;
        let audit = read_16(&mut rest)?;
        rest.is_empty().then_some(Self { user, project, expires, audit })
    }
}

/// `(true, bytes)`: Keystone's "this id is a UUID, stored as bytes".
fn write_id(to: &mut Vec<u8>, id: &[u8; 16]) -> Result<(), encode::ValueWriteError> {
    encode::write_array_len(to, 2)?;
    encode::write_bool(to, true).map_err(encode::ValueWriteError::InvalidDataWrite)?;
    encode::write_bin(to, id)
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
        Payload { user: [1; 16], project: [2; 16], expires: 1_795_000_000.0, audit: [3; 16] };

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
    fn what_was_packed_is_unpacked_and_anything_shorter_or_longer_is_not() {
        let packed = PAYLOAD.pack();
        assert_eq!(Payload::unpack(&packed), Some(PAYLOAD));
        for cut in 0..packed.len() {
            assert_eq!(Payload::unpack(&packed[..cut]), None);
        }
        assert_eq!(Payload::unpack(&[packed, vec![0]].concat()), None);
    }
}
