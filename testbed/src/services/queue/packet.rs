//! The packets of MQTT 3.1.1 this cloud speaks, and their bytes.
//!
//! `mqtt-protocol-core` reads and writes each packet; its connection machine is not used. Left out on
//! purpose: `QoS` 2, retained messages, wills, wildcards and unsubscribing. Whoever asks for one of them
//! breaks the rules of this queue and loses its connection.

use std::fmt;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::{
    packet::{Qos, SubEntry, SubOpts, v3_1_1},
    result_code::{ConnectReturnCode, MqttError, SubackReturnCode},
};

/// What one side says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Connect(Connect),
    /// Whether the login was taken, and whether the queue still knew the session.
    Connack {
        code: Welcome,
        session: bool,
    },
    Publish(Publish),
    Puback(u16),
    Subscribe {
        id: u16,
        topics: Vec<String>,
    },
    /// Which of the topics asked for were granted.
    Suback {
        id: u16,
        granted: Vec<bool>,
    },
    Ping,
    Pong,
    Disconnect,
}

/// How a client introduces itself.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) client: String,
    pub(super) name: String,
    pub(super) password: Vec<u8>,
    /// Forget the session when the connection ends.
    pub(super) clean: bool,
    /// Seconds; 0 = the client promises nothing.
    pub(super) keep_alive: u16,
}

impl fmt::Debug for Connect {
    /// Never prints the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("client", &self.client)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) body: Bytes,
    /// What its receiver acknowledges; `None` = nothing is acknowledged.
    pub(super) id: Option<u16>,
    /// It may have been sent before.
    pub(super) again: bool,
}

/// The answer to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    Accepted,
    /// Wrong name or password.
    Refused,
    /// No room for another session.
    Full,
}

/// What is no packet of this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Its bytes make no sense.
    #[error("no MQTT packet ({0:?})")]
    Bytes(MqttError),
    /// Its length goes on for more than four bytes.
    #[error("no MQTT packet (its length does not end)")]
    Length,
    /// It asks for what this queue leaves out.
    #[error("a packet this queue does not speak (first byte {0:#04x})")]
    Unspoken(u8),
}

impl From<MqttError> for Malformed {
    fn from(error: MqttError) -> Self {
        Self::Bytes(error)
    }
}

impl Packet {
    /// Reads a whole packet: its first byte and what followed its length.
    pub(super) fn read(first: u8, body: &[u8]) -> Result<Self, Malformed> {
        Ok(match first {
            0x10 => connect(&whole(body, v3_1_1::Connect::parse(body)?)?)?,
            0x20 => {
                let packet = whole(body, v3_1_1::Connack::parse(body)?)?;
                let code = match packet.return_code() {
                    ConnectReturnCode::Accepted => Welcome::Accepted,
                    ConnectReturnCode::ServerUnavailable => Welcome::Full,
                    _ => Welcome::Refused,
                };
                Self::Connack { code, session: packet.session_present() }
            }
            0x30..=0x3f => publish(first, body)?,
            0x40 => Self::Puback(whole(body, v3_1_1::Puback::parse(body)?)?.packet_id()),
            0x82 => {
                let packet = whole(body, v3_1_1::Subscribe::parse(body)?)?;
                let topics = packet.entries().iter().map(|entry| entry.topic_filter().to_owned());
                Self::Subscribe { id: packet.packet_id(), topics: topics.collect() }
            }
            0x90 => {
                let packet = whole(body, v3_1_1::Suback::parse(body)?)?;
                let granted = packet.return_codes().iter().map(SubackReturnCode::is_success).collect();
                Self::Suback { id: packet.packet_id(), granted }
            }
            0xc0 if body.is_empty() => Self::Ping,
            0xd0 if body.is_empty() => Self::Pong,
            0xe0 if body.is_empty() => Self::Disconnect,
            other => return Err(Malformed::Unspoken(other)),
        })
    }

    /// Its bytes, length included.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Malformed> {
        Ok(match self {
            Self::Connect(connect) => v3_1_1::Connect::builder()
                .client_id(connect.client.as_str())?
                .user_name(connect.name.as_str())?
                .password(connect.password.clone())?
                .clean_session(connect.clean)
                .keep_alive(connect.keep_alive)
                .build()?
                .to_continuous_buffer(),
            Self::Connack { code, session } => {
                let code = match code {
                    Welcome::Accepted => ConnectReturnCode::Accepted,
                    Welcome::Refused => ConnectReturnCode::BadUserNameOrPassword,
                    Welcome::Full => ConnectReturnCode::ServerUnavailable,
                };
                let packet = v3_1_1::Connack::builder().return_code(code).session_present(*session);
                packet.build()?.to_continuous_buffer()
            }
            Self::Publish(publish) => {
                let qos = if publish.id.is_some() { Qos::AtLeastOnce } else { Qos::AtMostOnce };
                v3_1_1::Publish::builder()
                    .topic_name(publish.topic.as_str())?
                    .qos(qos)
                    .dup(publish.again)
                    .packet_id(publish.id)
                    .payload(&publish.body[..])
                    .build()?
                    .to_continuous_buffer()
            }
            Self::Puback(id) => v3_1_1::Puback::builder().packet_id(*id).build()?.to_continuous_buffer(),
            Self::Subscribe { id, topics } => {
                let once =
                    |topic: &String| SubEntry::new(topic.as_str(), SubOpts::new().set_qos(Qos::AtLeastOnce));
                let entries = topics.iter().map(once).collect::<Result<Vec<_>, _>>()?;
                let packet = v3_1_1::Subscribe::builder().packet_id(*id).entries(entries);
                packet.build()?.to_continuous_buffer()
            }
            Self::Suback { id, granted } => {
                let code = |granted: &bool| match granted {
                    true => SubackReturnCode::SuccessMaximumQos1,
                    false => SubackReturnCode::Failure,
                };
                let packet = v3_1_1::Suback::builder().packet_id(*id);
                packet.return_codes(granted.iter().map(code).collect()).build()?.to_continuous_buffer()
            }
            Self::Ping => v3_1_1::Pingreq::new().to_continuous_buffer(),
            Self::Pong => v3_1_1::Pingresp::new().to_continuous_buffer(),
            Self::Disconnect => v3_1_1::Disconnect::new().to_continuous_buffer(),
        })
    }
}

/// A packet that fills its length: bytes behind it would be smuggled past whoever reads along.
fn whole<T>(body: &[u8], (packet, read): (T, usize)) -> Result<T, Malformed> {
    if read == body.len() { Ok(packet) } else { Err(MqttError::MalformedPacket.into()) }
}

fn connect(packet: &v3_1_1::Connect) -> Result<Packet, Malformed> {
    if packet.will_flag() {
        return Err(Malformed::Unspoken(0x10));
    }
    Ok(Packet::Connect(Connect {
        client: packet.client_id().to_owned(),
        name: packet.user_name().unwrap_or_default().to_owned(),
        password: packet.password().unwrap_or_default().to_vec(),
        clean: packet.clean_session(),
        keep_alive: packet.keep_alive(),
    }))
}

fn publish(first: u8, body: &[u8]) -> Result<Packet, Malformed> {
    let packet: v3_1_1::Publish = whole(body, v3_1_1::Publish::parse(first & 0x0f, body.into())?)?;
    if packet.qos() == Qos::ExactlyOnce || packet.retain() {
        return Err(Malformed::Unspoken(first));
    }
    if packet.packet_id() == Some(0) {
        return Err(MqttError::MalformedPacket.into());
    }
    Ok(Packet::Publish(Publish {
        topic: packet.topic_name().to_owned(),
        body: Bytes::copy_from_slice(packet.payload().as_slice()),
        id: packet.packet_id(),
        again: packet.dup(),
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body behind first byte and length, for packets shorter than 128 bytes.
    fn reread(packet: &Packet) -> Packet {
        let bytes = packet.bytes().unwrap();
        assert_eq!(usize::from(bytes[1]), bytes.len() - 2);
        Packet::read(bytes[0], &bytes[2..]).unwrap()
    }

    #[test]
    fn every_packet_is_read_as_it_was_written() {
        let connect = Connect {
            client: "compute-1/agent".into(),
            name: "agent".into(),
            password: b"pw".to_vec(),
            clean: false,
            keep_alive: 10,
        };
        let message = Publish { topic: "compute.c1".into(), body: "{}".into(), id: Some(7), again: true };
        let packets = [
            Packet::Connect(connect),
            Packet::Connack { code: Welcome::Accepted, session: true },
            Packet::Connack { code: Welcome::Refused, session: false },
            Packet::Connack { code: Welcome::Full, session: false },
            Packet::Publish(message.clone()),
            Packet::Publish(Publish { id: None, again: false, body: Bytes::new(), ..message }),
            Packet::Puback(7),
            Packet::Subscribe { id: 1, topics: vec!["compute.c1".into(), "compute.c2".into()] },
            Packet::Suback { id: 1, granted: vec![true, false] },
            Packet::Ping,
            Packet::Pong,
            Packet::Disconnect,
        ];
        for packet in packets {
            assert_eq!(reread(&packet), packet);
        }
    }

    #[test]
    fn what_this_queue_leaves_out_is_refused() {
        let exactly_once = [0x34, 0, 1, b't', 0, 1];
        let retained = [0x31, 0, 1, b't'];
        let will = [0x10, 0, 4, b'M', b'Q', b'T', b'T', 4, 0x04, 0, 0, 0, 1, b'c', 0, 1, b't', 0, 1, b'w'];
        for bytes in [&exactly_once[..], &retained, &will, &[0xa2, 0, 1], &[0x80], &[0xf0]] {
            let read = Packet::read(bytes[0], &bytes[1..]);
            assert_eq!(read, Err(Malformed::Unspoken(bytes[0])));
        }
    }

    #[test]
    fn bytes_behind_a_packet_and_packets_cut_short_are_malformed() {
        for bytes in
            [&[0x40, 0, 7, 0, 9][..], &[0x20, 0, 0, 0], &[0x40, 0], &[0x32, 0, 1, b't', 0, 0], &[0xc0, 1]]
        {
            assert!(Packet::read(bytes[0], &bytes[1..]).is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn a_login_does_not_print_its_password() {
        let connect = Connect {
            client: String::new(),
            name: "nova".into(),
            password: b"hunter2".to_vec(),
            clean: true,
            keep_alive: 0,
        };
        let printed = format!("{:?}", Packet::Connect(connect.clone()));
        assert!(printed.contains("nova") && !printed.contains("hunter2"), "{printed}");
        assert!(!printed.contains(&format!("{:?}", connect.password)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_read_can_be_written(
            first in prop::sample::select(vec![0x10_u8, 0x20, 0x30, 0x32, 0x3a, 0x40, 0x82, 0x90, 0xc0, 0xff]),
            head in prop::sample::select(vec![&b""[..], b"\x00\x04MQTT\x04\xc2\x00\x0a", b"\x00\x01t", b"\x00\x07"]),
            tail in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let body = [head, &tail].concat();
            if let Ok(packet) = Packet::read(first, &body) {
                // A name may hold what only a stricter writer refuses; it must not panic either.
                let _ = packet.bytes();
            }
        }
    }
}
