//! TLS 1.3 record protection: from a traffic secret to opened records (RFC 8446 §5.2, §5.3, §7.2, §7.3).

use aws_lc_rs::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce,
        UnboundKey,
    },
    hkdf::{self, HKDF_SHA256, HKDF_SHA384, KeyType, Prk},
};

use super::{protection::RecordProtection, records::Record};

/// What a cipher suite stands for.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    aead: &'static Algorithm,
    hash: hkdf::Algorithm,
}

impl Suite {
    /// By its code point.
    pub(super) fn by_code(code: u16) -> Option<Self> {
        let (aead, hash) = match code {
            0x1301 => (&AES_128_GCM, HKDF_SHA256),
            0x1302 => (&AES_256_GCM, HKDF_SHA384),
            0x1303 => (&CHACHA20_POLY1305, HKDF_SHA256),
            _ => return None,
        };
        Some(Self { aead, hash })
    }
}

/// The keys of one direction and one epoch.
pub(super) struct Tls13 {
    suite: Suite,
    secret: Vec<u8>,
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    sequence: u64,
}

impl Tls13 {
    /// From a traffic secret; `None` if it is not as long as the suite's hash.
    pub(super) fn new(suite: Suite, secret: &[u8]) -> Option<Self> {
        if secret.len() != suite.hash.len() {
            return None;
        }
        let prk = Prk::new_less_safe(suite.hash, secret);
        let key = expand_label(&prk, b"key", suite.aead.key_len())?;
        let key = LessSafeKey::new(UnboundKey::new(suite.aead, &key).ok()?);
        let iv = expand_label(&prk, b"iv", NONCE_LEN)?.try_into().ok()?;
        Some(Self { suite, secret: secret.to_vec(), key, iv, sequence: 0 })
    }

    fn nonce(&self) -> Nonce {
        let mut nonce = self.iv;
        for (byte, count) in nonce.iter_mut().rev().zip(self.sequence.to_le_bytes()) {
            *byte ^= count;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

impl RecordProtection for Tls13 {
    fn open(&mut self, record: &mut Record) -> Option<u8> {
        let opened = self.key.open_in_place(self.nonce(), Aad::from(record.header), &mut record.body).ok()?;
        // The content type is the last byte that is not padding.
        let length = opened.iter().rposition(|byte| *byte != 0)?;
        let kind = *opened.get(length)?;
        record.body.truncate(length);
        self.sequence += 1;
        Some(kind)
    }

    fn update(&mut self) -> bool {
        let prk = Prk::new_less_safe(self.suite.hash, &self.secret);
        let next = expand_label(&prk, b"traffic upd", self.suite.hash.len())
            .and_then(|secret| Self::new(self.suite, &secret));
        match next {
            Some(next) => {
                *self = next;
                true
            }
            None => false,
        }
    }
}

/// `HKDF-Expand-Label(secret, label, "", length)`.
fn expand_label(prk: &Prk, label: &[u8], length: usize) -> Option<Vec<u8>> {
    const PREFIX: &[u8] = b"tls13 ";
    let total = u16::try_from(length).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let mut out = vec![0; length];
    prk.expand(&[&total, &label_length, PREFIX, label, &[0]], Length(length)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    const SUITES: [u16; 3] = [0x1301, 0x1302, 0x1303];

    fn keys(code: u16) -> Tls13 {
        let suite = Suite::by_code(code).unwrap();
        Tls13::new(suite, &vec![7; suite.hash.len()]).unwrap()
    }

    /// What an endpoint with these keys sends: content, its type, padding.
    fn seal(keys: &Tls13, content: &[u8], kind: u8, padding: usize) -> Record {
        let mut body = content.to_vec();
        body.push(kind);
        body.resize(body.len() + padding, 0);
        seal_inner(keys, body)
    }

    fn seal_inner(keys: &Tls13, mut body: Vec<u8>) -> Record {
        let [high, low] = u16::try_from(body.len() + keys.suite.aead.tag_len()).unwrap().to_be_bytes();
        let header = [23, 3, 3, high, low];
        keys.key.seal_in_place_append_tag(keys.nonce(), Aad::from(header), &mut body).unwrap();
        Record { kind: 23, header, body: BytesMut::from(&body[..]), span: 0..0, order: 0 }
    }

    #[test]
    fn the_keys_are_those_of_rfc_8448() {
        // "Simple 1-RTT Handshake", {server} derive write traffic keys for handshake data.
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let prk = Prk::new_less_safe(HKDF_SHA256, &secret);

        assert_eq!(expand_label(&prk, b"key", 16).unwrap(), hex("3fce516009c21727d0f2e4e86ee403bc"));
        assert_eq!(expand_label(&prk, b"iv", 12).unwrap(), hex("5d313eb2671276ee13000b30"));
    }

    #[test]
    fn every_suite_opens_and_strips_padding() {
        for code in SUITES {
            for padding in [0, 1, 300] {
                let mut keys = keys(code);
                let mut record = seal(&keys, b"secret\0", 22, padding);
                assert_eq!(keys.open(&mut record), Some(22));
                assert_eq!(&record.body[..], b"secret\0");
            }
        }
    }

    #[test]
    fn each_record_has_its_own_nonce() {
        let mut keys = keys(0x1301);
        let (mut first, mut repeated) = (seal(&keys, b"one", 23, 0), seal(&keys, b"one", 23, 0));
        assert_eq!(keys.open(&mut first), Some(23));
        assert_eq!(keys.open(&mut repeated), None);

        let mut second = seal(&keys, b"two", 23, 0);
        assert_eq!(keys.open(&mut second), Some(23), "a record that did not open cost no nonce");
    }

    #[test]
    fn an_altered_record_or_header_does_not_open() {
        let mut keys = keys(0x1302);
        let mut body = seal(&keys, b"content", 23, 0);
        body.body[3] ^= 1;
        assert_eq!(keys.open(&mut body), None);
        let mut header = seal(&keys, b"content", 23, 0);
        header.header[2] ^= 1;
        assert_eq!(keys.open(&mut header), None);
    }

    #[test]
    fn nothing_but_padding_is_no_content() {
        let mut keys = keys(0x1303);
        for padding in [0, 20] {
            let mut record = seal_inner(&keys, vec![0; padding]);
            assert_eq!(keys.open(&mut record), None);
        }
    }

    #[test]
    fn both_ends_update_to_the_same_keys_and_count_anew() {
        for code in SUITES {
            let (mut sender, mut reader) = (keys(code), keys(code));
            assert_eq!(reader.open(&mut seal(&sender, b"old", 23, 0)), Some(23));
            assert!(sender.update() && reader.update());
            let mut record = seal(&sender, b"new", 23, 0);
            assert_eq!(reader.open(&mut record), Some(23));
            assert_eq!(&record.body[..], b"new");
        }
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_refused() {
        assert!(Tls13::new(Suite::by_code(0x1302).unwrap(), &[7; 32]).is_none());
    }

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}
