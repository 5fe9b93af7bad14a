//! A plain function that takes any bytes and checks what must hold of them; it panics where it does not.

use super::{LONGEST_V1, LONGEST_V2, Parsed, Version, parse};

/// What [`parse`] promises, of these bytes and all their beginnings; and a header that is written anew is read the
/// same.
pub fn fuzz_header(bytes: &[u8]) {
    // Of what is beyond the longest header nothing can matter.
    let bytes = &bytes[..bytes.len().min(LONGEST_V2 + 1)];
    let (whole, mut asked_to) = (parse(bytes), 0);
    for end in 0..=bytes.len() {
        match parse(&bytes[..end]) {
            Parsed::More(more) => {
                assert!(more > 0 && end + more <= LONGEST_V2, "more than a header has");
                asked_to = asked_to.max(end + more);
            }
            Parsed::Whole(header, length) => {
                assert_eq!(whole, Parsed::Whole(header, length), "an answer stays");
                assert!(length == end && asked_to <= length, "read beyond the header");
                for (version, longest) in [(Version::V1, LONGEST_V1), (Version::V2, LONGEST_V2)] {
                    let written = header.encode(version);
                    assert!(written.len() <= longest);
                    assert_eq!(parse(&written), Parsed::Whole(header, written.len()));
                }
                return;
            }
            Parsed::Refused(reason) => {
                assert_eq!(whole, Parsed::Refused(reason), "an answer stays");
                return;
            }
        }
    }
    assert!(matches!(whole, Parsed::More(_)));
}
