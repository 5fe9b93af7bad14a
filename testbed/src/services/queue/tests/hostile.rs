//! Bytes from people who mean no good.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    super::packet::{Packet, Publish},
    hall::{Hall, introduction},
};

/// Pieces of real packets mixed with arbitrary bytes: what finds holes in a parser.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let message = Publish { topic: "compute.c1".into(), body: "x".into(), id: Some(3), again: false };
    let pieces = [
        introduction("two", "two-password").bytes().unwrap(),
        introduction("two", "wrong").bytes().unwrap(),
        Packet::Publish(message).bytes().unwrap(),
        Packet::Subscribe { id: 5, topics: vec!["compute.c1".into()] }.bytes().unwrap(),
        Packet::Puback(1).bytes().unwrap(),
        Packet::Ping.bytes().unwrap(),
        vec![0x30, 0xff, 0xff, 0xff, 0x7f],
        vec![0x82, 0x02, 0, 0],
        vec![0x10],
    ];
    prop_oneof![prop::sample::select(pieces.to_vec()), prop::collection::vec(any::<u8>(), 0..64),]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_the_connection_ends_and_others_are_served(
        logged_in in any::<bool>(),
        pieces in prop::collection::vec(noise(), 0..12),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let hall = Hall::new();
            let mut enemy = hall.enter(64 * 1024);
            if logged_in {
                enemy.write_all(&introduction("two", "two-password").bytes().unwrap()).await.unwrap();
            }
            for piece in &pieces {
                // The queue may hang up at any piece.
                let _ = enemy.write_all(piece).await;
            }
            let _ = enemy.shutdown().await;
            // Ends at once or by its own deadline, never hangs.
            let _ = enemy.read_to_end(&mut Vec::new()).await;
            let mut reader = hall.reader("one", &["compute.other"], 1024).await;
            let mut sender = hall.sender().await;
            let written = std::sync::Arc::new(|| ());
            sender.publish("compute.other", "still here".into(), false, written).await.unwrap();
            let heard = reader.read().await.unwrap();
            assert!(matches!(heard, Some(Packet::Publish(message)) if message.body == "still here"));
        });
    }
}
