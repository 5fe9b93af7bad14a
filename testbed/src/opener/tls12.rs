//! TLS 1.2 record protection: from a master secret to opened records (RFC 5246 §5, §6.2.3.3, §6.3; RFC 5288,
//! RFC 7905).
//!
//! How the master secret came about, extended or not, full handshake or resumed, makes no difference here. Only
//! the authenticated ECDHE suites are opened: what rustls speaks, and what OpenSSL prefers.

use aws_lc_rs::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce,
        UnboundKey,
    },
    tls_prf::{self, P_SHA256, P_SHA384},
};
use bytes::Buf;
use proxies::peek::Reader;

use super::{protection::RecordProtection, records::Record};
use crate::vocabulary::Direction;

/// Bytes of a master secret.
const MASTER_SECRET: usize = 48;

/// Bytes of the nonce that the sender of a GCM record chooses and puts in front of it.
const EXPLICIT: usize = 8;

/// What a cipher suite stands for.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    aead: &'static Algorithm,
    hash: &'static tls_prf::Algorithm,
    /// Bytes of the nonce that each record carries.
    explicit: usize,
}

impl Suite {
    /// By its code point.
    pub(super) fn by_code(code: u16) -> Option<Self> {
        let (aead, hash, explicit) = match code {
            0xc02b | 0xc02f => (&AES_128_GCM, &P_SHA256, EXPLICIT),
            0xc02c | 0xc030 => (&AES_256_GCM, &P_SHA384, EXPLICIT),
            0xcca8 | 0xcca9 => (&CHACHA20_POLY1305, &P_SHA256, 0),
            _ => return None,
        };
        Some(Self { aead, hash, explicit })
    }
}

/// The randoms of both hellos.
#[derive(Clone, Copy)]
pub(super) struct Randoms {
    pub(super) client: [u8; 32],
    pub(super) server: [u8; 32],
}

/// The keys of one direction.
pub(super) struct Tls12 {
    key: LessSafeKey,
    /// The part of the nonce that is never sent, then zeros.
    iv: [u8; NONCE_LEN],
    explicit: usize,
    sequence: u64,
}

impl Tls12 {
    /// From a master secret; `None` if it is not as long as one.
    pub(super) fn new(suite: Suite, master: &[u8], randoms: &Randoms, direction: Direction) -> Option<Self> {
        if master.len() != MASTER_SECRET {
            return None;
        }
        let (key_length, implicit) = (suite.aead.key_len(), NONCE_LEN - suite.explicit);
        let master = tls_prf::Secret::new(suite.hash, master).ok()?;
        let length = 2 * (key_length + implicit);
        let block = master
            .derive_with_seed_concatination(b"key expansion", &randoms.server, &randoms.client, length)
            .ok()?;
        // The client's key, the server's, the client's part of a nonce, the server's.
        let mut block = Reader::new(block.as_ref());
        let keys = (block.take(key_length)?, block.take(key_length)?);
        let ivs = (block.take(implicit)?, block.take(implicit)?);
        let (key, fixed) = match direction {
            Direction::ToAcceptor => (keys.0, ivs.0),
            Direction::ToDialer => (keys.1, ivs.1),
        };
        let key = LessSafeKey::new(UnboundKey::new(suite.aead, key).ok()?);
        let mut iv = [0; NONCE_LEN];
        iv.get_mut(..implicit)?.copy_from_slice(fixed);
        Some(Self { key, iv, explicit: suite.explicit, sequence: 0 })
    }

    /// For a record that starts like this; `None` if its part of the nonce is missing.
    fn nonce(&self, start: &[u8]) -> Option<Nonce> {
        let mut nonce = self.iv;
        if self.explicit > 0 {
            nonce.get_mut(NONCE_LEN - self.explicit..)?.copy_from_slice(start.get(..self.explicit)?);
        } else {
            for (byte, count) in nonce.iter_mut().rev().zip(self.sequence.to_le_bytes()) {
                *byte ^= count;
            }
        }
        Some(Nonce::assume_unique_for_key(nonce))
    }

    /// What is authenticated with a record of this many bytes of content.
    fn associated(&self, record: &Record, content: usize) -> Option<Aad<[u8; 13]>> {
        let mut data = [0; 13];
        let (sequence, rest) = data.split_first_chunk_mut::<8>()?;
        *sequence = self.sequence.to_be_bytes();
        let [kind, major, minor, ..] = record.header;
        let [high, low] = u16::try_from(content).ok()?.to_be_bytes();
        rest.copy_from_slice(&[kind, major, minor, high, low]);
        Some(Aad::from(data))
    }
}

impl RecordProtection for Tls12 {
    fn open(&mut self, record: &mut Record) -> Option<u8> {
        let nonce = self.nonce(&record.body)?;
        let overhead = self.explicit + self.key.algorithm().tag_len();
        let content = record.body.len().checked_sub(overhead)?;
        let associated = self.associated(record, content)?;
        record.body.advance(self.explicit);
        self.key.open_in_place(nonce, associated, &mut record.body).ok()?;
        record.body.truncate(content);
        self.sequence += 1;
        Some(record.kind)
    }

    fn update(&mut self) -> bool {
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    const SUITES: [u16; 6] = [0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];
    const RANDOMS: Randoms = Randoms { client: [1; 32], server: [2; 32] };

    fn keys(code: u16, direction: Direction) -> Tls12 {
        Tls12::new(Suite::by_code(code).unwrap(), &[7; 48], &RANDOMS, direction).unwrap()
    }

    /// What an endpoint with these keys sends; it counts its records in the explicit part.
    fn seal(keys: &mut Tls12, content: &[u8], kind: u8) -> Record {
        let length = u16::try_from(content.len() + keys.explicit + 16).unwrap().to_be_bytes();
        let explicit = &(0xa0b0 + keys.sequence).to_be_bytes()[..keys.explicit];
        let header = [kind, 3, 3, length[0], length[1]];
        let mut record = Record { kind, header, body: BytesMut::new(), span: 0..0, order: 0 };
        let mut sealed = content.to_vec();
        let (nonce, associated) =
            (keys.nonce(explicit).unwrap(), keys.associated(&record, content.len()).unwrap());
        keys.key.seal_in_place_append_tag(nonce, associated, &mut sealed).unwrap();
        keys.sequence += 1;
        record.body.extend_from_slice(&[explicit, &sealed].concat());
        record
    }

    #[test]
    fn every_suite_opens_each_direction_with_its_own_keys() {
        for code in SUITES {
            for direction in [Direction::ToAcceptor, Direction::ToDialer] {
                let (mut sender, mut reader) = (keys(code, direction), keys(code, direction));
                for content in [&b"first"[..], b"", b"third"] {
                    let mut record = seal(&mut sender, content, 23);
                    assert_eq!(reader.open(&mut record), Some(23), "{code:#x} {direction}");
                    assert_eq!(&record.body[..], content);
                }
            }
            let mut sender = keys(code, Direction::ToAcceptor);
            assert_eq!(keys(code, Direction::ToDialer).open(&mut seal(&mut sender, b"x", 23)), None);
        }
    }

    /// The vector of the IETF's TLS working group for the SHA-256 PRF ("`P_SHA256` test vectors", 2008).
    #[test]
    fn the_pseudo_random_function_is_that_of_the_published_vector() {
        let secret = tls_prf::Secret::new(&P_SHA256, &hex("9bbe436ba940f017b17652849a71db35")).unwrap();
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let output = secret.derive(b"test label", &seed, 100).unwrap();
        assert_eq!(output.as_ref()[..16], hex("e3f229ba727be17b8d122620557cd453"));
        assert_eq!(output.as_ref()[96..], hex("87347b66"));
    }

    #[test]
    fn a_record_out_of_turn_does_not_open_and_costs_no_turn() {
        for code in SUITES {
            let (mut sender, mut reader) = (keys(code, Direction::ToDialer), keys(code, Direction::ToDialer));
            let mut first = seal(&mut sender, b"one", 23);
            let mut second = seal(&mut sender, b"two", 23);
            assert_eq!(reader.open(&mut second), None, "{code:#x}");
            assert_eq!(reader.open(&mut first), Some(23), "{code:#x}");
        }
    }

    #[test]
    fn an_altered_header_nonce_body_or_tag_does_not_open() {
        for code in SUITES {
            for at in 0..4 {
                let (mut sender, mut reader) =
                    (keys(code, Direction::ToDialer), keys(code, Direction::ToDialer));
                let mut record = seal(&mut sender, b"content", 23);
                let last = record.body.len() - 1;
                match at {
                    0 => record.header[0] = 22,
                    1 => record.body[0] ^= 1,
                    2 => record.body[9] ^= 1,
                    _ => record.body[last] ^= 1,
                }
                assert_eq!(reader.open(&mut record), None, "{code:#x} {at}");
            }
        }
    }

    #[test]
    fn a_record_too_short_for_its_nonce_and_tag_does_not_open() {
        for code in SUITES {
            for length in 0..24 {
                let mut reader = keys(code, Direction::ToAcceptor);
                let body = BytesMut::zeroed(length);
                let mut record = Record { kind: 23, header: [23, 3, 3, 0, 0], body, span: 0..0, order: 0 };
                assert_eq!(reader.open(&mut record), None, "{code:#x} {length}");
            }
        }
    }

    #[test]
    fn suites_without_authenticated_encryption_or_forward_secrecy_are_unknown() {
        // ECDHE with CBC, static RSA with CBC and with GCM, a suite of TLS 1.3.
        for code in [0xc013, 0xc014, 0xc027, 0x002f, 0x003c, 0x009c, 0x009d, 0x1301] {
            assert!(Suite::by_code(code).is_none(), "{code:#x}");
        }
    }

    #[test]
    fn only_48_bytes_are_a_master_secret() {
        for length in [0, 47, 49] {
            let suite = Suite::by_code(0xc02b).unwrap();
            assert!(Tls12::new(suite, &vec![7; length], &RANDOMS, Direction::ToDialer).is_none());
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
