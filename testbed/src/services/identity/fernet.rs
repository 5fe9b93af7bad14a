//! Fernet tokens: version, time, IV, AES-128-CBC, HMAC-SHA256, in URL-safe base64 without padding.
//!
//! The published Fernet specification, except that `=` is stripped as Keystone does. Says nothing about what
//! is inside a token, nor how long it lives.

use aws_lc_rs::{
    cipher::{
        AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
        UnboundCipherKey,
    },
    error::Unspecified,
    hmac,
    iv::FixedLength,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::services::ids;

const VERSION: u8 = 0x80;
const HEAD: usize = 1 + 8 + 16;
const TAG: usize = 32;

/// One key of a Keystone key repository: signs with its first half, encrypts with its second.
pub struct Fernet {
    signing: hmac::Key,
    encrypting: PaddedBlockEncryptingKey,
    decrypting: PaddedBlockDecryptingKey,
}

/// What a token of ours held.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// When it was made, seconds since 1970.
    pub issued: u64,
    /// What was put in.
    pub payload: Vec<u8>,
}

impl Fernet {
    /// A key drawn now.
    pub fn generate() -> Result<Self, Unspecified> {
        Self::with_key(&ids::random())
    }

    fn with_key(key: &[u8; 32]) -> Result<Self, Unspecified> {
        let (signing, cipher) = key.split_at(16);
        Ok(Self {
            signing: hmac::Key::new(hmac::HMAC_SHA256, signing),
            encrypting: PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, cipher)?)?,
            decrypting: PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_128, cipher)?)?,
        })
    }

    /// A token around a payload; `issued` in seconds since 1970.
    pub fn seal(&self, issued: u64, payload: &[u8]) -> Result<String, Unspecified> {
        self.seal_with(issued, ids::random(), payload)
    }

    fn seal_with(&self, issued: u64, iv: [u8; 16], payload: &[u8]) -> Result<String, Unspecified> {
        let mut sealed = payload.to_vec();
        self.encrypting.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(iv)))?;
        let mut token = Vec::with_capacity(HEAD + sealed.len() + TAG);
        token.push(VERSION);
        token.extend(issued.to_be_bytes());
        token.extend(iv);
        token.extend(sealed);
        let tag = hmac::sign(&self.signing, &token);
        token.extend(tag.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// What is in a token; `None` unless this key made it and nobody changed a bit.
    pub fn open(&self, token: &str) -> Option<Opened> {
        let token = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
        let (signed, tag) = token.split_at_checked(token.len().checked_sub(TAG)?)?;
        hmac::verify(&self.signing, signed, tag).ok()?;
        let (head, sealed) = signed.split_at_checked(HEAD)?;
        let (version, rest) = head.split_first()?;
        let (issued, iv) = rest.split_first_chunk::<8>()?;
        let iv = DecryptionContext::Iv128(FixedLength::from(<[u8; 16]>::try_from(iv).ok()?));
        let mut sealed = sealed.to_vec();
        let payload = self.decrypting.decrypt(&mut sealed, iv).ok()?.to_vec();
        (*version == VERSION).then_some(Opened { issued: u64::from_be_bytes(*issued), payload })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // generate.json and verify.json of github.com/fernet/spec.
    const SECRET: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4";
    const TOKEN: &str =
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA";
    const ISSUED: u64 = 499_162_800;

    fn spec_key() -> Fernet {
        let key: [u8; 32] = URL_SAFE_NO_PAD.decode(SECRET).unwrap().try_into().unwrap();
        Fernet::with_key(&key).unwrap()
    }

    #[test]
    fn the_specifications_vector_is_made_and_opened() {
        let iv = std::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(spec_key().seal_with(ISSUED, iv, b"hello").unwrap(), TOKEN);
        let opened = Opened { issued: ISSUED, payload: b"hello".to_vec() };
        assert_eq!(spec_key().open(TOKEN).as_ref(), Some(&opened));
        assert_eq!(spec_key().open(&format!("{TOKEN}==")), Some(opened));
    }

    #[test]
    fn a_token_with_any_byte_changed_or_cut_is_refused() {
        let key = Fernet::generate().unwrap();
        let token = key.seal(1, b"user").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(&changed)), None, "byte {at} changed");
            assert_eq!(key.open(&URL_SAFE_NO_PAD.encode(&bytes[..at])), None, "cut at {at}");
        }
        assert_eq!(Fernet::generate().unwrap().open(&token), None);
    }
}
