//! Stand between two machines and play each to the other (T1557).
//!
//! A victim that begins with TLS is offered a certificate of the attacker's own authority; if it takes it,
//! or speaks in clear, everything it says and is told is overheard on the way through. If it does not, its
//! refusal comes home. One task a victim, in a set that is awaited; each watches the stop, and dropping
//! the technique ends them all.

use std::sync::Mutex;

use testbed::foothold::{AttackerTls, Dialed, Foothold, HandshakeFailure, Intercepted, Reach, Target};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

use crate::{
    attack_ids::IN_THE_MIDDLE,
    call::DEADLINE,
    loot::{FlowCounts, Haul, Item, LootSink, Provenance, Refusal, Step},
    parse::hello::Opening,
    technique::{Description, Family, Need, Running, Technique},
    techniques::{
        ear::Ear,
        peek::peek,
        relay::{answer_alone, locked, relay},
        rethrow,
    },
};

/// As the table lists it.
pub const DESCRIPTION: Description = Description {
    name: STEP.technique,
    attack_id: STEP.attack_id,
    further_ids: &[],
    family: Family::InPath,
    summary: "take redirected connections with a certificate nobody should trust, and relay them",
    needs: &[Need::InPath, Need::Reach, Need::Tls],
    prepare: |sink| Box::new(Impostor::new(sink)),
};

const STEP: Step = Step { technique: "impostor", attack_id: IN_THE_MIDDLE };

/// Victims entertained at the same time; others wait to be taken.
const MAX_VICTIMS: usize = 1024;

/// The technique.
pub struct Impostor {
    sink: LootSink,
}

impl Impostor {
    /// Shows its loot to a sink as it comes.
    pub fn new(sink: LootSink) -> Self {
        Self { sink }
    }
}

impl Technique for Impostor {
    fn run(self: Box<Self>, mut foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let Some(mut in_path) = haul.granted(STEP, foothold.in_path()) else { return haul.into_loot() };
            let (items, mut collected) = mpsc::unbounded_channel();
            let kit = Kit {
                reach: haul.granted(STEP, foothold.reach()),
                tls: haul.granted(STEP, foothold.tls()),
                items,
            };
            let mut victims = JoinSet::new();
            let mut flows = FlowCounts::default();
            let mut open = true;
            while open || !victims.is_empty() {
                tokio::select! {
                    arrival = in_path.next(), if open && victims.len() < MAX_VICTIMS => match arrival {
                        Some(victim) => {
                            let (kit, stop) = (kit.clone(), foothold.stop().clone());
                            victims.spawn(async move { kit.entertain(victim, stop.cancelled()).await });
                        }
                        None => open = false,
                    },
                    Some(item) = collected.recv() => haul.take(item),
                    Some(ended) = victims.join_next() => add(&mut flows, ended.unwrap_or_else(rethrow)),
                }
            }
            while let Ok(item) = collected.try_recv() {
                haul.take(item);
            }
            haul.set_flows(flows);
            haul.into_loot()
        })
    }
}

fn add(flows: &mut FlowCounts, more: FlowCounts) {
    flows.clear += more.clear;
    flows.tls += more.tls;
}

/// What every victim's task holds.
#[derive(Clone)]
struct Kit {
    reach: Option<Reach>,
    tls: Option<AttackerTls>,
    items: mpsc::UnboundedSender<Item>,
}

impl Kit {
    /// One victim, from its first byte to its last or the stop.
    async fn entertain(self, victim: Intercepted, stop: impl Future<Output = ()>) -> FlowCounts {
        let ear = Mutex::new(Ear::new(STEP, victim.flow, self.items.clone()));
        let mut counts = FlowCounts::default();
        tokio::select! {
            biased;
            () = stop => {}
            () = self.meet(victim, &ear, &mut counts) => {}
        }
        locked(&ear).finish();
        counts
    }

    async fn meet(&self, victim: Intercepted, ear: &Mutex<Ear>, counts: &mut FlowCounts) {
        let Intercepted { flow, victim, original } = victim;
        // A connection that fails before it says what it wants has not been asked anything.
        let Ok((opening, victim)) = peek(victim).await else { return };
        match opening {
            Opening::Partial => {}
            Opening::Clear => {
                counts.clear += 1;
                // Nothing was offered that a victim could refuse.
                let _ = self.play(victim, &original, None, ear).await;
            }
            Opening::Hello(asked) => {
                counts.tls += 1;
                let Some(tls) = &self.tls else { return };
                let name = asked.unwrap_or_else(|| original.server_name.clone());
                let met = match tls.accept(Box::new(victim), &name).await {
                    Ok(session) => self.play(session, &original, Some((tls, &name)), ear).await,
                    Err(failure) => Err(failure),
                };
                if let Err(failure) = met {
                    self.refused(flow, &original, failure);
                }
            }
        }
    }

    /// Plays the far side, with its help where it gives any.
    async fn play<V: AsyncRead + AsyncWrite>(
        &self,
        victim: V,
        original: &Target,
        tls: Option<(&AttackerTls, &str)>,
        ear: &Mutex<Ear>,
    ) -> Result<(), HandshakeFailure> {
        let far = match &self.reach {
            Some(reach) => timeout(DEADLINE, reach.dial(original.id)).await.ok(),
            None => None,
        };
        let Some(Dialed::Open(far)) = far else { return answer_alone(victim, ear).await };
        let Some((tls, name)) = tls else { return relay(victim, far, ear).await };
        match timeout(DEADLINE, tls.connect(far, name)).await {
            Ok(Ok(far)) => relay(victim, far, ear).await,
            Ok(Err(_)) | Err(_) => answer_alone(victim, ear).await,
        }
    }

    fn refused(&self, flow: u64, original: &Target, failure: HandshakeFailure) {
        let where_found = "handshake with the victim".to_owned();
        let provenance = Provenance { step: STEP, flow: Some(flow), at: None, where_found };
        let label = original.label.clone();
        // The collector outlives its victims; if it was dropped, nobody asks any more.
        let _ = self.items.send(Item::Refusal(Refusal { label, failure, provenance }));
    }
}
