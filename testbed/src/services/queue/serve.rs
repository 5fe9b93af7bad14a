//! Serving one connection of the queue that somebody else accepted (and somebody else's TLS already opened).
//!
//! Ends when the peer closes, breaks a rule or keeps silent too long, when a newer connection takes its
//! session, or when `drain` is cancelled; what it had sent and nobody acknowledged is kept for the session's
//! next connection. Spawns nothing: the future *is* the connection.

use std::{sync::Arc, time::Duration};

use proxies::stream::BoxStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    broker::{Broker, Next, Seat},
    packet::{Connect, Packet, Publish, Welcome},
    wire::{Broken, Wire},
};

/// A login must have arrived within this.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(5);
/// The longest silence of a peer, whatever keep-alive it promised.
pub const MAX_IDLE: Duration = Duration::from_mins(1);
/// A peer must have taken a packet within this.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// How a connection ended that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The stream failed, or what came was no packet.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// No login in time, or silence.
    #[error("the peer kept silent too long")]
    Silent,
    /// It did not take what was sent to it.
    #[error("the peer did not take a packet in time")]
    Slow,
    /// The login was not taken.
    #[error("the login was not taken")]
    Refused,
    /// Something only the other side says, or something said too early or twice.
    #[error("the peer said something out of turn")]
    OutOfTurn,
    /// A publish that is not permitted; the protocol has no milder way to say so.
    #[error("the peer may not publish there")]
    Denied,
    /// A newer connection of the same client.
    #[error("a newer connection took the session")]
    Taken,
}

/// Serves one connection until it is over. An error tells how the *peer* broke it; nobody else suffers.
pub async fn serve(stream: BoxStream, broker: Arc<Broker>, drain: CancellationToken) -> Result<(), Ended> {
    let mut wire = Wire::new(stream);
    let outcome = tokio::select! {
        biased;
        () = drain.cancelled() => Ok(()),
        outcome = converse(&mut wire, &broker) => outcome,
    };
    if !matches!(outcome, Err(Ended::Broken(Broken::Io(_)) | Ended::Slow)) {
        // A peer that does not even take the end is left to the stream's own fate.
        let _ = timeout(WRITE_DEADLINE, wire.close()).await;
    }
    outcome
}

async fn converse(wire: &mut Wire, broker: &Arc<Broker>) -> Result<(), Ended> {
    let Some(connect) = introduction(wire).await? else { return Ok(()) };
    let (seat, session) = match broker.seat(&connect) {
        Ok(seated) => seated,
        Err(code) => {
            write(wire, &Packet::Connack { code, session: false }).await?;
            return Err(Ended::Refused);
        }
    };
    write(wire, &Packet::Connack { code: Welcome::Accepted, session }).await?;
    let patience = patience(connect.keep_alive);
    let mut silent_since = Instant::now();
    loop {
        deliver(wire, &seat).await?;
        let heard = tokio::select! {
            heard = timeout_at(silent_since + patience, wire.read()) => heard.map_err(|_| Ended::Silent)??,
            () = seat.news() => continue,
        };
        silent_since = Instant::now();
        match heard {
            None | Some(Packet::Disconnect) => return Ok(()),
            Some(packet) => {
                if let Some(answer) = answer(&seat, packet)? {
                    write(wire, &answer).await?;
                }
            }
        }
    }
}

/// The first packet, which must be a login; `None` where a peer left without a word.
async fn introduction(wire: &mut Wire) -> Result<Option<Connect>, Ended> {
    match timeout(LOGIN_DEADLINE, wire.read()).await.map_err(|_| Ended::Silent)?? {
        None => Ok(None),
        Some(Packet::Connect(connect)) => Ok(Some(connect)),
        Some(_) => Err(Ended::OutOfTurn),
    }
}

/// Sends what may be sent now.
async fn deliver(wire: &mut Wire, seat: &Seat) -> Result<(), Ended> {
    loop {
        let delivery = match seat.next() {
            Next::Nothing => return Ok(()),
            Next::Taken => return Err(Ended::Taken),
            Next::Send(delivery) => delivery,
        };
        let publish = Publish {
            topic: delivery.message.topic.clone(),
            body: delivery.message.body.clone(),
            id: Some(delivery.id),
            again: delivery.again,
        };
        write(wire, &Packet::Publish(publish)).await?;
    }
}

/// What a packet changes, and what is said to it.
fn answer(seat: &Seat, packet: Packet) -> Result<Option<Packet>, Ended> {
    match packet {
        Packet::Publish(publish) => {
            let id = publish.id;
            if !seat.publish(publish) {
                return Err(Ended::Denied);
            }
            Ok(id.map(Packet::Puback))
        }
        Packet::Puback(id) => {
            seat.acknowledge(id);
            Ok(None)
        }
        Packet::Subscribe { id, topics } => Ok(Some(Packet::Suback { id, granted: seat.subscribe(topics) })),
        Packet::Ping => Ok(Some(Packet::Pong)),
        Packet::Connect(_)
        | Packet::Connack { .. }
        | Packet::Suback { .. }
        | Packet::Pong
        | Packet::Disconnect => Err(Ended::OutOfTurn),
    }
}

/// One and a half times the keep-alive (MQTT 3.1.1, 3.1.2.10), within bounds.
fn patience(keep_alive: u16) -> Duration {
    let promised = Duration::from_millis(u64::from(keep_alive) * 1500);
    if promised.is_zero() { MAX_IDLE } else { promised.min(MAX_IDLE) }
}

async fn write(wire: &mut Wire, packet: &Packet) -> Result<(), Ended> {
    timeout(WRITE_DEADLINE, wire.write(packet)).await.map_err(|_| Ended::Slow)?.map_err(Ended::Broken)
}
