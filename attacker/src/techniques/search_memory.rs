//! Search the memory and the files of machines that were taken over (T1003.007, T1552.004).
//!
//! Private keys first, then the buffers of the processes as they come: each stream is read as HTTP where it
//! is HTTP, and left alone where it is TLS. Of a program of its own the whole memory is read, and searched for what
//! messages left there. Sends nothing and decrypts nothing. Ends with the stop; what was
//! held by then is still read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use testbed::foothold::{Foothold, Held, Image, KeyCopy, Side};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    attack_ids::{PRIVATE_KEYS, PROC_FILESYSTEM},
    loot::{Denied, Haul, Item, LootSink, Provenance, Secret, SecretKind, Step},
    parse::{conversation::Heard, reassemble::Flows, remains, secrets::findings},
    technique::{Description, Family, Need, Running, Technique},
};

/// As the table lists it.
pub const DESCRIPTION: Description = Description {
    name: STEP.technique,
    attack_id: STEP.attack_id,
    further_ids: &[KEYS.attack_id],
    family: Family::Machine,
    summary: "read passwords, tokens, bodies and private keys on a machine that was taken over",
    needs: &[Need::Memory],
    prepare: |sink| Box::new(SearchMemory::new(sink)),
};

const STEP: Step = Step { technique: "search-memory", attack_id: PROC_FILESYSTEM };
const KEYS: Step = Step { technique: STEP.technique, attack_id: PRIVATE_KEYS };

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// At which of these looks whole memories are read.
const EACH: u32 = 5;

/// The technique.
pub struct SearchMemory {
    sink: LootSink,
}

impl SearchMemory {
    /// Shows its loot to a sink as it comes.
    pub fn new(sink: LootSink) -> Self {
        Self { sink }
    }
}

impl Technique for SearchMemory {
    fn run(self: Box<Self>, mut foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let Some(mut memory) = haul.granted(STEP, foothold.memory()) else { return haul.into_loot() };
            memory.keys().into_iter().for_each(|key| haul.take(found(key)));
            let mut eyes = Eyes::default();
            let mut looks = interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut turn = 0_u32;
            while foothold.stop().run_until_cancelled(looks.tick()).await.is_some() {
                eyes.read(memory.look(), &mut haul);
                // A whole memory takes longer to read than a buffer.
                if turn.is_multiple_of(EACH) {
                    eyes.search(&memory.images(), &mut haul);
                }
                turn += 1;
            }
            eyes.read(memory.look(), &mut haul);
            eyes.search(&memory.images(), &mut haul);
            eyes.finish(&mut haul);
            haul.into_loot()
        })
    }
}

fn found(key: KeyCopy) -> Item {
    let provenance = Provenance { step: KEYS, flow: None, at: None, where_found: key.place };
    match key.content {
        Ok(value) => Item::Secret(Secret { kind: SecretKind::PrivateKey, value, user: None, provenance }),
        Err(why) => Item::Denied(Denied { why, provenance }),
    }
}

/// Reads every stream of every connection.
#[derive(Default)]
struct Eyes {
    streams: Flows,
    /// Numbers of streams, and whose memory each is in.
    known: BTreeMap<(u64, Side), u64>,
    places: Vec<String>,
    /// What was found in whole memories before: it stays where it is, and would be found at every look.
    seen: BTreeSet<(SecretKind, Bytes)>,
}

impl Eyes {
    fn read(&mut self, buffers: Vec<Held>, haul: &mut Haul) {
        for held in buffers {
            let stream = self.stream(&held);
            for heard in self.streams.hear_bytes(stream, held.direction, held.at, &held.bytes) {
                self.take(stream, held.at, &heard, haul);
            }
        }
    }

    /// Reads whole memories: whatever looks like a message of HTTP, wherever it lies.
    fn search(&mut self, images: &[Image], haul: &mut Haul) {
        for image in images {
            for stretch in &image.stretches {
                for heard in remains::messages(&stretch.bytes) {
                    for found in findings(&heard) {
                        if !self.seen.insert((found.kind, found.value.clone())) {
                            continue;
                        }
                        let Image { process, at, .. } = image;
                        let where_found = format!("memory of {process}: {}", found.place);
                        let provenance = Provenance { step: STEP, flow: None, at: Some(*at), where_found };
                        let (kind, value, user) = (found.kind, found.value, found.user);
                        haul.take(Item::Secret(Secret { kind, value, user, provenance }));
                    }
                }
            }
        }
    }

    fn finish(mut self, haul: &mut Haul) {
        for (stream, at, heard) in self.streams.finish() {
            self.take(stream, at, &heard, haul);
        }
    }

    fn stream(&mut self, held: &Held) -> u64 {
        let places = &mut self.places;
        *self.known.entry((held.connection.number, held.side)).or_insert_with(|| {
            places.push(held.connection.process.clone());
            places.len() as u64 - 1
        })
    }

    fn take(&self, stream: u64, at: Duration, heard: &Heard, haul: &mut Haul) {
        let process = self.places.get(stream as usize).map_or("?", String::as_str);
        for found in findings(heard) {
            let where_found = format!("memory of {process}: {}", found.place);
            let provenance = Provenance { step: STEP, flow: None, at: Some(at), where_found };
            let (kind, value, user) = (found.kind, found.value, found.user);
            haul.take(Item::Secret(Secret { kind, value, user, provenance }));
        }
    }
}
