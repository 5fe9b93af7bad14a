//! One ear on both directions of one victim's plaintext.
//!
//! Tells what it hears to whoever collects the loot, and knows what a far side would have answered: for
//! victims whose far side keeps silent. It touches no stream.

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
    /// `None` once the far side answered for itself.
    invented: Option<Invented>,
}

/// What a victim is told where nobody else answers.
#[derive(Debug, Default)]
pub(super) struct Invented {
    /// Not said yet.
    pub(super) bytes: Vec<u8>,
    /// Nothing follows them.
    pub(super) last: bool,
}

/// Bytes invented before any of them could be said.
const MAX_INVENTED: usize = 64 * 1024;

impl Invented {
    /// A request is answered once, and for good; a packet as a queue that takes everything would.
    fn answer(&mut self, heard: &Heard) {
        if self.last || self.bytes.len() > MAX_INVENTED {
            return;
        }
        match heard {
            Heard::Request(_) => {
                self.bytes.extend(not_now());
                self.last = true;
            }
            Heard::Packet(packet) => self.bytes.extend(packet.answer()),
            Heard::Response(..) => {}
        }
    }
}

impl Ear {
    pub(super) fn new(step: Step, flow: u64, items: mpsc::UnboundedSender<Item>) -> Self {
        let conversation = Conversation::default();
        let invented = Some(Invented::default());
        Self { step, flow, items, conversation, heard_the_victim: false, invented }
    }

    /// The next plaintext of one direction.
    pub(super) fn hear(&mut self, direction: Direction, bytes: &[u8]) {
        let heard = self.conversation.hear(direction, bytes);
        if direction == Direction::ToAcceptor {
            self.heard_the_victim = true;
            if let Some(invented) = &mut self.invented {
                for one in &heard {
                    invented.answer(one);
                }
            }
        } else {
            self.invented = None;
        }
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

    /// What to tell the victim now.
    pub(super) fn invent(&mut self) -> Invented {
        let Some(invented) = &mut self.invented else { return Invented::default() };
        Invented { bytes: std::mem::take(&mut invented.bytes), last: invented.last }
    }

    fn tell(&self, heard: &[Heard]) {
        for one in heard {
            for item in secrets(one, self.step, Some(self.flow), None) {
                // The collector outlives its victims; if it was dropped, nobody asks any more.
                let _ = self.items.send(item);
            }
        }
    }
}

/// A service that cannot answer right now.
fn not_now() -> Vec<u8> {
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close";
    let body =
        r#"{"error":{"code":503,"title":"Service Unavailable","message":"The service is unavailable."}}"#;
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
