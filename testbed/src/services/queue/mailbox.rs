//! Messages on their way to one receiver: waiting, in flight, dropped. Pure: no stream and no clock.
//!
//! A message leaves when it is acknowledged. When the connection ends before that, it is delivered again.

use std::{collections::VecDeque, mem, sync::Arc};

use bytes::Bytes;

/// Messages that wait at most; the oldest makes room.
pub const MAX_WAITING: usize = 256;
/// Bytes that wait at most; the oldest makes room.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Messages sent and not yet acknowledged at most.
pub const MAX_FLIGHT: usize = 32;

/// One message, shared by everyone it is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) body: Bytes,
}

/// A message to be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub(super) id: u16,
    pub(super) message: Arc<Message>,
    pub(super) again: bool,
}

/// The messages of one receiver.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// With whether it was sent before.
    waiting: VecDeque<(Arc<Message>, bool)>,
    bytes: usize,
    flight: VecDeque<(u16, Arc<Message>)>,
    last_id: u16,
}

impl Mailbox {
    /// Takes a message; returns how many older ones had to make room.
    pub(super) fn push(&mut self, message: Arc<Message>) -> u64 {
        self.bytes += message.body.len();
        self.waiting.push_back((message, false));
        self.make_room()
    }

    /// Takes over what another mailbox holds, in its order.
    pub(super) fn take_over(&mut self, mut other: Self) -> u64 {
        other.rewind();
        mem::take(&mut other.waiting).into_iter().map(|(message, _)| self.push(message)).sum()
    }

    /// The next message to send, unless enough are in flight.
    pub(super) fn next(&mut self) -> Option<Delivery> {
        if self.flight.len() >= MAX_FLIGHT {
            return None;
        }
        let (message, again) = self.waiting.pop_front()?;
        self.bytes -= message.body.len();
        let id = self.free_id();
        self.flight.push_back((id, message.clone()));
        Some(Delivery { id, message, again })
    }

    /// True when this message was in flight.
    pub(super) fn acknowledge(&mut self, id: u16) -> bool {
        let at = self.flight.iter().position(|(sent, _)| *sent == id);
        at.and_then(|at| self.flight.remove(at)).is_some()
    }

    /// The connection is gone: what was not acknowledged waits again, first. Returns how many had to make
    /// room.
    pub(super) fn rewind(&mut self) -> u64 {
        for (_, message) in mem::take(&mut self.flight).into_iter().rev() {
            self.bytes += message.body.len();
            self.waiting.push_front((message, true));
        }
        self.make_room()
    }

    fn make_room(&mut self) -> u64 {
        let mut dropped = 0;
        while self.waiting.len() > MAX_WAITING || self.bytes > MAX_BYTES {
            let Some((oldest, _)) = self.waiting.pop_front() else { break };
            self.bytes -= oldest.body.len();
            dropped += 1;
        }
        dropped
    }

    /// An id not in flight, never 0. There is one: far fewer are in flight than there are ids.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1).max(1);
            if self.flight.iter().all(|(id, _)| *id != self.last_id) {
                return self.last_id;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message(number: usize) -> Arc<Message> {
        sized(number, 1)
    }

    fn sized(number: usize, size: usize) -> Arc<Message> {
        Arc::new(Message { topic: number.to_string(), body: vec![0; size].into() })
    }

    /// Topics of everything that may be sent now, `!` where it was sent before.
    fn sent(mailbox: &mut Mailbox) -> Vec<String> {
        let next =
            || mailbox.next().map(|it| format!("{}{}", it.message.topic, if it.again { "!" } else { "" }));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn messages_leave_in_order_and_wait_for_acknowledgements() {
        let mut mailbox = Mailbox::default();
        assert_eq!((0..MAX_FLIGHT + 2).map(|n| mailbox.push(message(n))).sum::<u64>(), 0);
        let first = mailbox.next().unwrap();
        assert_eq!((first.id, first.message.topic.as_str(), first.again), (1, "0", false));
        assert_eq!(sent(&mut mailbox).len(), MAX_FLIGHT - 1);
        assert_eq!(mailbox.next(), None, "enough are in flight");
        assert!(!mailbox.acknowledge(999));
        assert!(mailbox.acknowledge(first.id) && !mailbox.acknowledge(first.id));
        assert_eq!(sent(&mut mailbox), [MAX_FLIGHT.to_string()]);
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_first() {
        let mut mailbox = Mailbox::default();
        (0..3).for_each(|n| _ = mailbox.push(message(n)));
        let (first, _second) = (mailbox.next().unwrap(), mailbox.next().unwrap());
        assert!(mailbox.acknowledge(first.id));
        assert_eq!(mailbox.rewind(), 0);
        assert_eq!(sent(&mut mailbox), ["1!", "2"]);
    }

    #[test]
    fn the_oldest_makes_room_by_number_and_by_size() {
        let mut mailbox = Mailbox::default();
        let dropped: u64 = (0..MAX_WAITING + 5).map(|n| mailbox.push(message(n))).sum();
        assert_eq!((dropped, mailbox.waiting.len()), (5, MAX_WAITING));
        assert_eq!(mailbox.next().unwrap().message.topic, "5");

        let mut mailbox = Mailbox::default();
        let dropped: Vec<u64> = (0..4).map(|n| mailbox.push(sized(n, MAX_BYTES / 2))).collect();
        assert_eq!(dropped, [0, 0, 1, 1]);
        assert_eq!(sent(&mut mailbox), ["2", "3"]);
        assert_eq!(mailbox.rewind(), 0);
        assert_eq!(mailbox.push(sized(4, MAX_BYTES / 2)), 1, "what waits again counts again");
    }

    #[test]
    fn ids_in_flight_are_not_given_twice_and_never_zero() {
        let mut mailbox = Mailbox { last_id: u16::MAX - 1, ..Mailbox::default() };
        (0..3).for_each(|n| _ = mailbox.push(message(n)));
        assert_eq!(mailbox.next().unwrap().id, u16::MAX);
        assert_eq!(mailbox.next().unwrap().id, 1);
        mailbox.last_id = u16::MAX - 1;
        assert_eq!(mailbox.next().unwrap().id, 2, "both others are still in flight");
    }

    #[test]
    fn a_mailbox_taken_over_keeps_its_order() {
        let (mut backlog, mut mailbox) = (Mailbox::default(), Mailbox::default());
        (0..3).for_each(|n| _ = backlog.push(message(n)));
        assert!(backlog.next().is_some());
        assert_eq!(mailbox.take_over(backlog), 0);
        assert_eq!(sent(&mut mailbox), ["0", "1", "2"]);
    }
}
