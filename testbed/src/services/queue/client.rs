//! Talking to a queue from the other side: connect, log in, publish, read.
//!
//! Nothing here retries, waits with a deadline of its own or spawns; dropping a channel closes its
//! connection.

use std::{io, sync::Arc};

use bytes::Bytes;

use super::{
    access::QueueLogin,
    packet::{Connect, Packet, Publish, Welcome},
    wire::{Broken, Wire},
};
use crate::{
    connect,
    services::{plant::Plant, watched::Written},
};

/// Why talking to a queue failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No connection: refused, reset, or its TLS was refused on either side.
    #[error("connecting to the queue: {0}")]
    Connect(io::Error),
    /// The connection broke, or what came was no packet.
    #[error("speaking to the queue: {0}")]
    Broken(#[from] Broken),
    /// The queue hung up.
    #[error("the queue hung up")]
    Closed,
    /// The queue did not take the login.
    #[error("the queue did not take the login")]
    Login,
    /// The queue did not grant the topic.
    #[error("the queue did not grant the topic")]
    Topic,
    /// The queue answered something else.
    #[error("the queue answered something else")]
    Answer,
    /// The queue kept silent.
    #[error("the queue kept silent")]
    Silent,
}

/// Whom to call, and as whom.
pub(super) struct Caller {
    pub(super) connect: Arc<dyn connect::Connect>,
    pub(super) login: QueueLogin,
    pub(super) plant: Arc<dyn Plant>,
}

impl Caller {
    /// A connection that is logged in.
    pub(super) async fn open(
        &self,
        client: String,
        clean: bool,
        keep_alive: u16,
    ) -> Result<Channel, QueueError> {
        let stream = self.connect.connect().await.map_err(QueueError::Connect)?;
        let mut channel = Channel(Wire::new(stream));
        let (name, password) = (self.login.name.clone(), self.login.password.clone().into_bytes());
        let connect = Packet::Connect(Connect { client, name, password, clean, keep_alive });
        channel.0.write_watched(&connect, self.sends(self.login.password.clone())).await?;
        match channel.read().await? {
            Packet::Connack { code: Welcome::Accepted, .. } => Ok(channel),
            Packet::Connack { .. } => Err(QueueError::Login),
            _ => Err(QueueError::Answer),
        }
    }

    /// Reports a value once the message it is in starts to leave.
    pub(super) fn sends(&self, value: String) -> Written {
        let plant = Arc::clone(&self.plant);
        Arc::new(move || plant.sent(&value))
    }
}

/// An open connection to a queue.
pub(super) struct Channel(Wire);

impl Channel {
    /// Sends a message and waits until the queue has it.
    pub(super) async fn publish(
        &mut self,
        topic: &str,
        body: Bytes,
        again: bool,
        written: Written,
    ) -> Result<(), QueueError> {
        const ID: u16 = 1;
        let publish = Publish { topic: topic.to_owned(), body, id: Some(ID), again };
        self.0.write_watched(&Packet::Publish(publish), written).await?;
        match self.read().await? {
            Packet::Puback(ID) => Ok(()),
            _ => Err(QueueError::Answer),
        }
    }

    /// The next packet.
    pub(super) async fn read(&mut self) -> Result<Packet, QueueError> {
        self.0.read().await?.ok_or(QueueError::Closed)
    }

    /// Says something.
    pub(super) async fn write(&mut self, packet: &Packet) -> Result<(), QueueError> {
        Ok(self.0.write(packet).await?)
    }

    /// Says goodbye and ends this side.
    pub(super) async fn leave(mut self) {
        // A queue that is gone already needs no goodbye.
        let _ = self.0.write(&Packet::Disconnect).await;
        self.0.close().await;
    }
}
