//! Any bytes, and frames of any kind in any order: the front ends, and says nothing that is no frame.

use proptest::prelude::*;
use proxies::forward::h2::fuzz_front;

use crate::{
    client::{GET, block, frame},
    table::cases,
};

#[test]
fn every_case_of_the_table_ends_in_every_step() {
    for case in cases() {
        for mode in [0, 2, 0xfe, 1] {
            fuzz_front(&[&[mode][..], &case.says].concat());
        }
    }
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        Just(block(GET)),
        Just(vec![0; 8]),
        Just(vec![0, 0, 0, 1]),
        Just(vec![b'x'; 9_000]),
    ];
    let kind = prop_oneof![Just(1_u8), 0..12_u8];
    (kind, any::<u8>(), prop_oneof![Just(0_u32), 0..12_u32], payload)
        .prop_map(|(kind, flags, stream, payload)| frame(kind, flags, stream, &payload))
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        fuzz_front(&bytes);
    }

    #[test]
    fn any_frames_end(mode in any::<u8>(), frames in proptest::collection::vec(any_frame(), 0..24)) {
        fuzz_front(&[vec![mode & 0xfe], frames.concat()].concat());
    }
}
