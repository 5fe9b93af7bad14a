//! Sniff a segment, and use one stolen token while it is fresh (T1040, T1550.001).
//!
//! Goes on listening after the replay. Ends when the listening time is over; a replay under way then is
//! cut short.

use testbed::foothold::Foothold;

use crate::{
    attack_ids::{ACCESS_TOKEN, SNIFFING},
    loot::{Channel, Haul, LootSink, Step},
    technique::{Description, Family, Need, Running, Technique},
    techniques::{overhear::Ears, plan::Place, replay::Replay},
};

/// As the table lists it.
pub const DESCRIPTION: Description = Description {
    name: STEP.technique,
    attack_id: STEP.attack_id,
    further_ids: &[ACCESS_TOKEN],
    family: Family::Sniff,
    summary: "read a segment and delete a server with a token found there",
    needs: &[Need::Sniffer, Need::Reach],
    prepare: |sink| Box::new(SniffAndReplay::new(sink)),
};

const STEP: Step = Step { technique: "sniff-and-replay", attack_id: SNIFFING };

/// The technique.
pub struct SniffAndReplay {
    sink: LootSink,
}

impl SniffAndReplay {
    /// Shows its loot to a sink as it comes.
    pub fn new(sink: LootSink) -> Self {
        Self { sink }
    }
}

impl Technique for SniffAndReplay {
    fn run(self: Box<Self>, mut foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let mut replay = Replay::new(STEP.technique, &foothold, &mut haul);
            let stop = foothold.stop().clone();
            let Some(mut sniffer) = haul.granted(STEP, foothold.sniffer()) else { return haul.into_loot() };
            let mut ears = Ears::new(STEP);
            while let Some(chunk) = sniffer.next().await {
                let (flow, at) = (Some(chunk.flow.id), Some(chunk.at));
                let place = Place { target: chunk.flow.to.clone(), channel: Channel::Clear, flow, at };
                for heard in ears.hear(&chunk, &mut haul) {
                    replay.learn(&heard, &place);
                }
                stop.run_until_cancelled(replay.act(chunk.at, &mut haul)).await;
            }
            ears.finish(&mut haul);
            haul.into_loot()
        })
    }
}
