//! Another unprivileged user of an API host: speak to its services on their own doors, and read its key files
//! (T1046, T1552.004).
//!
//! Each service is asked once in clear, past whatever proxy stands in front of it; each key file is tried once.
//! What forbids either is the kernel's affair, and its answer comes home. It ends by itself.

use testbed::foothold::{Answer, FileView, Files, Foothold};

use crate::{
    attack_ids::{PRIVATE_KEYS, SERVICE_DISCOVERY},
    loot::{Attempt, Channel, Haul, Item, LootSink, Provenance, Secret, SecretKind, Step},
    technique::{Description, Family, Need, Running, Technique},
    techniques::scan::{Accepts, sweep},
};

/// Speaking to services.
pub const CONNECT_DESCRIPTION: Description = Description {
    name: "neighbour-connect",
    attack_id: SERVICE_DISCOVERY,
    further_ids: &[],
    family: Family::Host,
    summary: "as another user of an API host: ask its services on their own sockets and ports",
    needs: &[Need::Reach],
    prepare: |sink| Box::new(Connect { sink }),
};

/// Reading key files.
pub const KEY_DESCRIPTION: Description = Description {
    name: "neighbour-key",
    attack_id: PRIVATE_KEYS,
    further_ids: &[],
    family: Family::Host,
    summary: "as another user of an API host: read the private keys that lie on it",
    needs: &[Need::Files],
    prepare: |sink| Box::new(ReadKeys { sink }),
};

struct Connect {
    sink: LootSink,
}

impl Technique for Connect {
    fn run(self: Box<Self>, foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let asking = sweep(CONNECT_DESCRIPTION.name, &foothold, Accepts::ClearOnly, &mut haul);
            foothold.stop().run_until_cancelled(asking).await;
            haul.into_loot()
        })
    }
}

struct ReadKeys {
    sink: LootSink,
}

impl Technique for ReadKeys {
    fn run(self: Box<Self>, foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let step = Step { technique: KEY_DESCRIPTION.name, attack_id: PRIVATE_KEYS };
            if let Some(files) = haul.granted(step, foothold.files()) {
                let reading = async {
                    for file in files.files() {
                        read(step, &files, file, &mut haul).await;
                    }
                };
                foothold.stop().run_until_cancelled(reading).await;
            }
            haul.into_loot()
        })
    }
}

/// One file: the attempt, and what was in it.
async fn read(step: Step, files: &Files, file: FileView, haul: &mut Haul) {
    let provenance = Provenance { step, flow: None, at: None, where_found: file.label.clone() };
    let (answer, served) = match files.read(file.id).await {
        Ok(bytes) => {
            let answer = Answer::Bytes(format!("{} bytes", bytes.len()));
            let served = !bytes.is_empty();
            if served {
                let (kind, provenance) = (SecretKind::PrivateKey, provenance.clone());
                haul.take(Item::Secret(Secret { kind, value: bytes, user: None, provenance }));
            }
            (answer, served)
        }
        Err(answer) => (answer, false),
    };
    haul.take(Item::Attempt(Attempt {
        target: file.id,
        label: file.label,
        attempt: "read the whole file".to_owned(),
        channel: Channel::Clear,
        answer,
        served,
        provenance,
    }));
}
