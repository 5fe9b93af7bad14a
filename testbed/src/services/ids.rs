//! Identifiers as OpenStack writes them, from the system's randomness.
//!
//! Deliberately not seeded: reproducibility is promised for schedules and findings, not for wire bytes.

use std::fmt::Write;

use aws_lc_rs::rand;

/// Fresh random bytes.
///
/// # Panics
/// Where the operating system has no randomness to give, which aws-lc treats as fatal too.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(rand::fill(&mut bytes).is_ok(), "the operating system gave no randomness");
    bytes
}

/// 32 hex digits, as Keystone names users, projects and endpoints.
pub fn hex_id() -> String {
    hex(&uuid_bytes())
}

/// A version 4 UUID with dashes, as Nova names servers.
pub fn uuid() -> String {
    let digits = hex(&uuid_bytes());
    let group = |from: usize, to: usize| &digits[from..to];
    [group(0, 8), group(8, 12), group(12, 16), group(16, 20), group(20, 32)].join("-")
}

/// `req-<uuid>`, as oslo.middleware names requests.
pub fn request_id() -> String {
    format!("req-{}", uuid())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The 16 bytes behind 32 hex digits; `None` for anything else.
pub fn unhex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

fn uuid_bytes() -> [u8; 16] {
    let mut bytes: [u8; 16] = random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_4_uuid_and_survives_packing() {
        let id = hex_id();
        assert_eq!(hex(&unhex(&id).unwrap()), id);
        assert_eq!(&id[12..13], "4");
        assert_ne!(id, hex_id());
    }

    #[test]
    fn a_request_id_has_the_shape_of_oslo() {
        let id = request_id();
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [3, 8, 4, 4, 4, 12]);
    }

    #[test]
    fn what_is_not_32_hex_digits_is_not_unpacked() {
        for bad in ["", "ab", "+0000000000000000000000000000000", "zz000000000000000000000000000000"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }
}
