//! Packets on a byte stream: cut out whole, bounded before they are collected.
//!
//! Reading may be dropped at any await and taken up again; writing may not. Nothing here spawns.

use std::io;

use bytes::{Buf, BytesMut};
use proxies::stream::BoxStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::packet::{Malformed, Packet};
use crate::services::watched::{Watch, Watched, Written};

/// Bytes of one packet, its head included; a longer one costs the connection before it is read.
pub const MAX_PACKET: usize = 64 * 1024;

/// Why a connection is not worth going on with.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It ended in the middle of a packet.
    #[error("the connection ended in the middle of a packet")]
    Cut,
    /// A packet over [`MAX_PACKET`].
    #[error("a packet of {0} bytes, {MAX_PACKET} are allowed")]
    TooLong(usize),
    /// No packet of this queue.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// One side of a connection.
pub(super) struct Wire {
    stream: Watched,
    watch: Watch,
    read: BytesMut,
}

impl Wire {
    pub(super) fn new(stream: BoxStream) -> Self {
        let watch = Watch::default();
        Self { stream: Watched { stream, watch: watch.clone() }, watch, read: BytesMut::new() }
    }

    /// The next packet; `None` at the end.
    pub(super) async fn read(&mut self) -> Result<Option<Packet>, Broken> {
        loop {
            if let Some(frame) = frame(&self.read)? {
                let bytes = self.read.split_to(frame.whole);
                let (first, body) = (bytes.chunk().first().copied(), bytes.get(frame.head..));
                return Ok(Some(Packet::read(first.unwrap_or_default(), body.unwrap_or_default())?));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return if self.read.is_empty() { Ok(None) } else { Err(Broken::Cut) };
            }
        }
    }

    /// Says something.
    pub(super) async fn write(&mut self, packet: &Packet) -> Result<(), Broken> {
        self.stream.write_all(&packet.bytes()?).await?;
        Ok(self.stream.flush().await?)
    }

    /// Says something, and tells when the first bytes of it were taken.
    pub(super) async fn write_watched(&mut self, packet: &Packet, written: Written) -> Result<(), Broken> {
        self.watch.arm(written);
        self.write(packet).await
    }

    /// Ends this side.
    pub(super) async fn close(&mut self) {
        // A peer that is gone already has nothing to be told.
        let _ = self.stream.shutdown().await;
    }
}

/// Where a packet ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    /// First byte and length.
    head: usize,
    /// All of it.
    whole: usize,
}

/// The packet at the front of what was read; `None` until it is there as a whole.
fn frame(read: &[u8]) -> Result<Option<Frame>, Broken> {
    let mut length = 0;
    // Four bytes of length at most, the last one without the high bit (MQTT 3.1.1, 2.2.3).
    for (at, byte) in read.iter().skip(1).take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let head = at + 2;
            let whole = head + length;
            if whole > MAX_PACKET {
                return Err(Broken::TooLong(whole));
            }
            return Ok((read.len() >= whole).then_some(Frame { head, whole }));
        }
    }
    if read.len() > 4 { Err(Malformed::Length.into()) } else { Ok(None) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::*;

    /// What is read from these pieces, until the end or the first thing wrong.
    async fn hear(pieces: &[&[u8]]) -> (Vec<Packet>, Option<Broken>) {
        let (mut near, far) = duplex(1024 * 1024);
        for piece in pieces {
            near.write_all(piece).await.unwrap();
        }
        drop(near);
        let (mut wire, mut heard) = (Wire::new(Box::new(far)), Vec::new());
        loop {
            match wire.read().await {
                Ok(Some(packet)) => heard.push(packet),
                Ok(None) => return (heard, None),
                Err(broken) => return (heard, Some(broken)),
            }
        }
    }

    #[tokio::test]
    async fn packets_are_found_however_they_are_sliced() {
        let talk = [&[0x40, 2, 0, 7][..], &[0xc0, 0], &[0xd0, 0]].concat();
        let whole = [Packet::Puback(7), Packet::Ping, Packet::Pong];
        for cut in 0..talk.len() {
            let (one, two) = talk.split_at(cut);
            let (heard, broken) = hear(&[one, two]).await;
            assert!(heard == whole && broken.is_none(), "cut at {cut}: {heard:?} {broken:?}");
        }
    }

    #[tokio::test]
    async fn the_end_in_a_packet_is_told_from_the_end_between_two() {
        assert!(
            matches!(hear(&[&[0xc0, 0, 0x40, 2, 0]]).await, (heard, Some(Broken::Cut)) if heard == [Packet::Ping])
        );
        assert!(matches!(hear(&[&[0xc0, 0]]).await, (_, None)));
    }

    #[test]
    fn a_packet_that_is_too_long_is_refused_by_its_head_alone() {
        let longest = MAX_PACKET - 4;
        let head =
            |length: usize| [0x30, length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
        assert!(matches!(frame(&head(longest)), Ok(None)));
        assert!(matches!(frame(&head(longest + 1)), Err(Broken::TooLong(size)) if size == MAX_PACKET + 1));
        assert!(matches!(frame(&[0x30, 0xff, 0xff, 0xff]), Ok(None)));
        let endless = frame(&[0x30, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(endless, Err(Broken::Malformed(Malformed::Length))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_a_frame_never_reaches_behind_what_was_read(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(Some(frame)) = frame(&bytes) {
                prop_assert!(frame.head >= 2 && frame.head <= frame.whole && frame.whole <= bytes.len());
            }
        }
    }
}
