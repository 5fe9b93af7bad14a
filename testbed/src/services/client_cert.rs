//! `Client-Cert`, RFC 9440: the certificate a caller presented to whoever ended its TLS. Pure.
//!
//! One structured byte sequence, `:base64:`, of one DER certificate; read strictly, because what does not
//! read as exactly that was not written by our proxy. Looks at no name, no date and no signature: the
//! handshake in front did. A certificate is remembered by its thumbprint only, as RFC 8705 binds tokens.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// The header, in lower case.
pub const CLIENT_CERT: &str = "client-cert";
/// Bytes of one certificate at most: far above any leaf, so that the work per request is bounded.
pub const MAX_CERTIFICATE: usize = 16 * 1024;

/// SHA-256 of a certificate's DER: `x5t#S256`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

/// The header was there and is not one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Client-Cert does not hold one certificate")]
pub struct Garbled;

impl Thumbprint {
    /// Of a certificate.
    pub fn of(der: &[u8]) -> Self {
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(thumbprint)
    }

    /// Reads what [`fmt::Display`] writes; trailing padding, which Keystone leaves there, is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// Reads the value of one header.
pub fn read(value: &[u8]) -> Result<Thumbprint, Garbled> {
    // Base64 takes four characters for three bytes.
    if value.len() > MAX_CERTIFICATE / 3 * 4 + 2 {
        return Err(Garbled);
    }
    let inner = value.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b":")).ok_or(Garbled)?;
    let der = STANDARD.decode(inner).map_err(|_| Garbled)?;
    if is_one_sequence(&der) { Ok(Thumbprint::of(&der)) } else { Err(Garbled) }
}

/// The value for a certificate.
pub fn write(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode(der))
}

/// Whether this is one DER SEQUENCE, from the first byte to the last; a certificate is one.
fn is_one_sequence(der: &[u8]) -> bool {
    let Some((0x30, rest)) = der.split_first().map(|(tag, rest)| (*tag, rest)) else { return false };
    let Some((first, rest)) = rest.split_first() else { return false };
    let (length, content) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 | 0x82 => {
            let Some((digits, content)) = rest.split_at_checked(usize::from(*first & 0x7f)) else {
                return false;
            };
            let length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            // DER has one spelling of a length: the shortest.
            let shortest = if digits.len() == 1 { 0x80 } else { 0x100 };
            if length < shortest {
                return false;
            }
            (length, content)
        }
        _ => return false,
    };
    length > 0 && content.len() == length
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A SEQUENCE around `content`.
    fn sequence(content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match length {
            0..0x80 => vec![0x30, length as u8],
            0x80..0x100 => vec![0x30, 0x81, length as u8],
            _ => vec![0x30, 0x82, (length >> 8) as u8, length as u8],
        };
        [head, content.to_vec()].concat()
    }

    #[test]
    fn a_thumbprint_is_the_one_openssl_and_keystonemiddleware_compute() {
        // printf abc | sha256sum, in base64url without padding.
        let thumbprint = Thumbprint::of(b"abc");
        assert_eq!(thumbprint.to_string(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Some(thumbprint));
        assert_eq!(Thumbprint::parse("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0="), Some(thumbprint));
        assert_eq!(Thumbprint::parse("ungWv48B"), None);
    }

    #[test]
    fn anything_but_one_certificate_in_colons_is_garbled() {
        let good = write(&sequence(b"certificate"));
        assert!(read(good.as_bytes()).is_ok());
        let inner = &good[1..good.len() - 1];
        let two = write(&[sequence(b"one"), sequence(b"two")].concat());
        for bad in [
            String::new(),
            ":".into(),
            "::".into(),
            inner.into(),
            format!(":{inner}"),
            format!("{inner}:"),
            format!(" {good}"),
            format!("{good};a=1"),
            format!("{good}, {good}"),
            format!(":{}:", inner.trim_end_matches('=')),
            format!(":{}=:", inner.trim_end_matches('=')),
            format!(":-{}:", &inner[1..]),
            two,
            write(b""),
            write(&[0x30, 0]),
            write(&[0x30, 0x80, 0, 0]),
            write(&[0x30, 0x81, 1, 0]),
            write(&[0x30, 0x82, 0, 1, 0]),
            write(&[0x31, 1, 0]),
            write(&sequence(&[0; MAX_CERTIFICATE])),
        ] {
            assert_eq!(read(bad.as_bytes()), Err(Garbled), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_a_proxy_wrote_is_read_back(content in prop::collection::vec(any::<u8>(), 1..4096)) {
            let der = sequence(&content);
            prop_assert_eq!(read(write(&der).as_bytes()), Ok(Thumbprint::of(&der)));
        }

        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_has_one_spelling(
            bytes in prop::collection::vec(any::<u8>(), 0..256),
        ) {
            let _ = read(&bytes);
            let _ = read(write(&bytes).as_bytes());
            if read(&bytes).is_ok() {
                let der = STANDARD.decode(&bytes[1..bytes.len() - 1]).unwrap();
                prop_assert_eq!(write(&der).into_bytes(), bytes);
            }
        }

        #[test]
        fn a_changed_certificate_has_another_thumbprint(
            content in prop::collection::vec(any::<u8>(), 1..512), at in any::<prop::sample::Index>(),
        ) {
            let der = sequence(&content);
            let mut changed = der.clone();
            let last = at.index(content.len());
            let from = der.len() - content.len();
            changed[from + last] ^= 1;
            prop_assert_ne!(Thumbprint::of(&der), Thumbprint::of(&changed));
        }
    }
}
