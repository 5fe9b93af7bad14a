//! Plain functions that take any bytes and check what must hold of them; they panic where it does not.

use super::{HeadLimits, end::HeadEnd, request::RequestHead, room};

const LIMITS: HeadLimits = HeadLimits { bytes: 4096, fields: 32 };

/// A head is found at one place, and judged without breaking anything.
pub fn fuzz_head(bytes: &[u8]) {
    if let Ok(Some(length)) = HeadEnd::default().find(bytes, LIMITS.bytes) {
        let mut room = room();
        let _verdict = RequestHead::parse(&bytes[..length], &mut room, LIMITS);
    }
}
