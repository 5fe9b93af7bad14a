//! One ear on both directions of one victim's plaintext.
//!
//! Tells what it hears to whoever collects the loot; it touches no stream.

use testbed::vocabulary::Direction;
use tokio::sync::mpsc;

use crate::{
    loot::{Item, Step},
    parse::conversation::{Conversation, Heard},
    techniques::overhear::secrets,
};

/// The ear of one flow.
pub(super) struct Ear {
    step: Step,
    flow: u64,
    items: mpsc::UnboundedSender<Item>,
    conversation: Conversation,
    heard_the_victim: bool,
    requests: u64,
}

impl Ear {
    pub(super) fn new(step: Step, flow: u64, items: mpsc::UnboundedSender<Item>) -> Self {
        let conversation = Conversation::default();
        Self { step, flow, items, conversation, heard_the_victim: false, requests: 0 }
    }

    /// The next plaintext of one direction.
    pub(super) fn hear(&mut self, direction: Direction, bytes: &[u8]) {
        self.heard_the_victim |= direction == Direction::ToAcceptor;
        let heard = self.conversation.hear(direction, bytes);
        self.tell(&heard);
    }

    /// Tells what was under way when it ended.
    pub(super) fn finish(&mut self) {
        let heard = self.conversation.finish();
        self.tell(&heard);
    }

    /// Did the victim say anything?
    pub(super) fn heard_the_victim(&self) -> bool {
        self.heard_the_victim
    }

    /// Did it say a whole request?
    pub(super) fn heard_a_request(&self) -> bool {
        self.requests > 0
    }

    fn tell(&mut self, heard: &[Heard]) {
        for one in heard {
            self.requests += u64::from(matches!(one, Heard::Request(_)));
            for item in secrets(one, self.step, Some(self.flow), None) {
                // The collector outlives its victims; if it was dropped, nobody asks any more.
                let _ = self.items.send(item);
            }
        }
    }
}
