//! Packets of MQTT 3.1.1, as far as an attacker needs them: logins and messages, and what answers them.
//!
//! One direction of one flow, bytes in any slices. What is too long to keep is read past; what makes no
//! sense ends the reading of that direction. A listener that starts in the middle finds its feet where a
//! chunk begins with a packet, as chunks do that were written one packet at a time.

use bytes::{Buf, Bytes, BytesMut};
use testbed::vocabulary::Direction;

/// Bytes of one packet that are kept.
const MAX_PACKET: usize = 256 * 1024;
/// Longest topic that is believed when it is all there is to go by.
const MAX_TOPIC: usize = 256;

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A client introduces itself.
    Login {
        /// Its name, where it gave one.
        name: Option<String>,
        /// Its password, where it gave one.
        password: Option<Bytes>,
    },
    /// A message, to the queue or from it.
    Message {
        /// Where it was sent to.
        topic: String,
        /// The message itself.
        body: Bytes,
        /// What its receiver acknowledges.
        id: Option<[u8; 2]>,
    },
    /// A client asks for topics.
    Subscription {
        /// What the queue acknowledges.
        id: [u8; 2],
        /// How many.
        topics: usize,
    },
    /// A client wants to know whether the queue is still there.
    Ping,
    /// Something without worth.
    Other,
}

impl Packet {
    /// What a queue that takes everything says to it.
    pub fn answer(&self) -> Vec<u8> {
        match self {
            Self::Login { .. } => vec![0x20, 2, 0, 0],
            Self::Message { id: Some([high, low]), .. } => vec![0x40, 2, *high, *low],
            Self::Subscription { id: [high, low], topics } => {
                let topics = (*topics).min(64);
                let mut answer = vec![0x90, 2 + topics as u8, *high, *low];
                answer.resize(4 + topics, 1);
                answer
            }
            Self::Ping => vec![0xd0, 0],
            Self::Message { id: None, .. } | Self::Other => Vec::new(),
        }
    }

    fn read(first: u8, body: &[u8]) -> Option<Self> {
        let mut rest = Fields(body);
        match first {
            0x10 => rest.login(),
            0x30..=0x3f => {
                let topic = rest.text()?;
                let id = if first & 0x06 == 0 { None } else { Some([rest.byte()?, rest.byte()?]) };
                Some(Self::Message { topic, body: Bytes::copy_from_slice(rest.0), id })
            }
            0x82 => {
                let id = [rest.byte()?, rest.byte()?];
                let topics = std::iter::from_fn(|| rest.text().and_then(|_| rest.byte())).count();
                Some(Self::Subscription { id, topics })
            }
            0xc0 => Some(Self::Ping),
            _ => Some(Self::Other),
        }
    }
}

/// The fields of a packet that are not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Bytes behind their length.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_be_bytes([self.byte()?, self.byte()?]));
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn text(&mut self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A login behind its first byte and length: protocol, version, flags, keep-alive, then what the flags
    /// announce.
    fn login(&mut self) -> Option<Packet> {
        self.bytes()?;
        let (_version, flags) = (self.byte()?, self.byte()?);
        let (_keep_alive, _client) = ((self.byte()?, self.byte()?), self.bytes()?);
        if flags & 0x04 != 0 {
            let (_will_topic, _will) = (self.bytes()?, self.bytes()?);
        }
        let name = if flags & 0x80 == 0 { None } else { Some(self.text()?) };
        let password = if flags & 0x40 == 0 { None } else { Some(Bytes::copy_from_slice(self.bytes()?)) };
        Some(Packet::Login { name, password })
    }
}

/// Packet after packet of one direction.
#[derive(Debug, Default)]
pub struct Packets {
    buffer: BytesMut,
    /// Bytes of a packet too long to keep that are still to come.
    skipping: usize,
    lost: bool,
}

impl Packets {
    /// Adds bytes in their order. Call [`Self::packet`] until it returns `None` before adding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        let skipped = self.skipping.min(bytes.len());
        self.skipping -= skipped;
        if !self.lost {
            self.buffer.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        }
    }

    /// The next complete packet.
    pub fn packet(&mut self) -> Option<Packet> {
        let (head, length) = match length(&self.buffer) {
            Length::Of { head, body } => (head, body),
            Length::Unknown => return None,
            Length::Endless => return self.give_up(),
        };
        let whole = head + length;
        if whole > MAX_PACKET {
            self.skipping = whole.saturating_sub(self.buffer.len());
            self.buffer.advance(whole.min(self.buffer.len()));
            return Some(Packet::Other);
        }
        if self.buffer.len() < whole {
            return None;
        }
        let bytes = self.buffer.split_to(whole);
        match Packet::read(*bytes.first()?, bytes.get(head..)?) {
            Some(packet) => Some(packet),
            None => self.give_up(),
        }
    }

    fn give_up(&mut self) -> Option<Packet> {
        self.lost = true;
        self.buffer.clear();
        None
    }
}

/// Do the first bytes of a direction begin a conversation with a queue? `None` = too few to tell.
pub fn opening(direction: Direction, bytes: &[u8]) -> Option<bool> {
    let first = *bytes.first()?;
    if !matches!(
        (first, direction),
        (0x10 | 0x82, Direction::ToAcceptor) | (0x20 | 0x90, Direction::ToDialer)
    ) && !matches!(first, 0x30..=0x3d | 0x40 | 0xc0 | 0xd0)
    {
        return Some(false);
    }
    let (head, length) = match length(bytes) {
        Length::Of { head, body } => (head, body),
        Length::Unknown => return None,
        Length::Endless => return Some(false),
    };
    let rest = bytes.get(head..).unwrap_or_default();
    match first {
        0x10 => {
            let names: [&[u8]; 2] = [b"\x00\x04MQTT", b"\x00\x06MQIsdp"];
            if names.iter().any(|name| rest.starts_with(name)) {
                return Some(true);
            }
            if names.iter().any(|name| name.starts_with(rest)) { None } else { Some(false) }
        }
        0x20 | 0x40 => Some(length == 2),
        0x90 => Some((3..=2 + MAX_TOPIC).contains(&length)),
        0xc0 | 0xd0 => Some(length == 0),
        // A message or a subscription in the middle of a conversation: its topic has to fit.
        _ => {
            let before = if first == 0x82 { 2 } else { 0 };
            let [high, low, ..] = rest.get(before..)? else { return None };
            let topic = usize::from(u16::from_be_bytes([*high, *low]));
            Some((1..=MAX_TOPIC).contains(&topic) && before + 2 + topic <= length)
        }
    }
}

enum Length {
    Of { head: usize, body: usize },
    Unknown,
    Endless,
}

/// The length behind the first byte of a packet: seven bits a byte, four bytes at most.
fn length(bytes: &[u8]) -> Length {
    let mut body = 0;
    for (at, byte) in bytes.iter().skip(1).take(4).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Length::Of { head: at + 2, body };
        }
    }
    if bytes.len() > 4 { Length::Endless } else { Length::Unknown }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOGIN: &[u8] = b"\x10\x1d\x00\x04MQTT\x04\xc2\x00\x0a\x00\x01c\x00\x06nova-1\x00\x06secret";
    const MESSAGE: &[u8] = b"\x32\x0b\x00\x03a.b\x00\x07body";
    const UNACKNOWLEDGED: &[u8] = b"\x30\x05\x00\x01tok";
    const SUBSCRIPTION: &[u8] = b"\x82\x0a\x00\x01\x00\x01t\x01\x00\x01u\x01";

    fn read(pieces: &[&[u8]]) -> Vec<Packet> {
        let (mut packets, mut read) = (Packets::default(), Vec::new());
        for piece in pieces {
            packets.feed(piece);
            read.extend(std::iter::from_fn(|| packets.packet()));
        }
        read
    }

    fn all() -> (Vec<u8>, Vec<Packet>) {
        let bytes = [LOGIN, SUBSCRIPTION, MESSAGE, UNACKNOWLEDGED, b"\xc0\x00", b"\xe0\x00"].concat();
        let login = Packet::Login { name: Some("nova-1".into()), password: Some("secret".into()) };
        let message = |topic: &str, body: &'static str, id| Packet::Message {
            topic: topic.into(),
            body: body.into(),
            id,
        };
        let subscription = Packet::Subscription { id: [0, 1], topics: 2 };
        let messages = [message("a.b", "body", Some([0, 7])), message("t", "ok", None)];
        let packets = [login, subscription].into_iter().chain(messages);
        (bytes, packets.chain([Packet::Ping, Packet::Other]).collect())
    }

    #[test]
    fn packets_read_the_same_however_they_are_sliced() {
        let (bytes, packets) = all();
        for cut in 0..bytes.len() {
            let (one, two) = bytes.split_at(cut);
            assert_eq!(read(&[one, two]), packets, "cut at {cut}");
        }
        assert_eq!(read(&bytes.chunks(1).collect::<Vec<_>>()), packets);
    }

    #[test]
    fn a_queue_that_takes_everything_answers_what_wants_an_answer() {
        let answers: Vec<Vec<u8>> = all().1.iter().map(Packet::answer).collect();
        let told: [&[u8]; 6] =
            [&[0x20, 2, 0, 0], &[0x90, 4, 0, 1, 1, 1], &[0x40, 2, 0, 7], &[], &[0xd0, 0], &[]];
        assert_eq!(answers, told);
    }

    #[test]
    fn a_conversation_is_known_by_its_first_packet_and_by_one_in_its_middle() {
        use Direction::{ToAcceptor, ToDialer};
        for (direction, bytes) in [
            (ToAcceptor, LOGIN),
            (ToAcceptor, SUBSCRIPTION),
            (ToAcceptor, MESSAGE),
            (ToDialer, MESSAGE),
            (ToDialer, b"\x20\x02\x00\x00"),
            (ToDialer, b"\x90\x03\x00\x01\x01"),
            (ToAcceptor, b"\x40\x02\x00\x07"),
            (ToDialer, b"\xd0\x00"),
        ] {
            assert_eq!(opening(direction, bytes), Some(true), "{bytes:x?}");
            let told: Vec<_> = (0..bytes.len()).map(|cut| opening(direction, &bytes[..cut])).collect();
            assert!(!told.contains(&Some(false)), "{bytes:x?} {told:?}");
        }
    }

    #[test]
    fn what_http_and_text_begin_with_is_no_queue() {
        let texts: [&[u8]; 7] = [
            b"GET / HTTP/1.1",
            b"HTTP/1.1 200",
            b"0\r\n\r\n",
            b"3d4 text",
            b"  {\"a\":1}",
            b"@home",
            b"\x10\x05abcde",
        ];
        for direction in [Direction::ToAcceptor, Direction::ToDialer] {
            for text in texts {
                assert_eq!(opening(direction, text), Some(false), "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_too_long_is_read_past() {
        let length = 300 * 1024;
        let head =
            [0x30, (length % 128) as u8 | 0x80, (length / 128 % 128) as u8 | 0x80, (length / 16384) as u8];
        let long = [&head[..], &vec![b'x'; length]].concat();
        let slices: Vec<&[u8]> = long.chunks(1000).chain([MESSAGE]).collect();
        let told = read(&slices);
        assert!(matches!(&told[..], [Packet::Other, Packet::Message { .. }]), "{told:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_nothing_piles_up(
            chunks in prop::collection::vec(prop_oneof![
                prop::sample::select(vec![LOGIN, MESSAGE, SUBSCRIPTION, b"\x30\xff\xff\x7f", b"\x10"])
                    .prop_map(<[u8]>::to_vec),
                prop::collection::vec(any::<u8>(), 0..64),
            ], 0..40),
        ) {
            let mut packets = Packets::default();
            for chunk in &chunks {
                opening(Direction::ToAcceptor, chunk);
                opening(Direction::ToDialer, chunk);
                packets.feed(chunk);
                while let Some(packet) = packets.packet() {
                    prop_assert!(packet.answer().len() <= 68);
                }
                prop_assert!(packets.buffer.len() <= MAX_PACKET);
            }
        }
    }
}
