//! Sniff a segment and read what is readable (T1040).
//!
//! Sends nothing. Ends when the listening time is over; what was captured by then is still read.

use crate::{
    attack_ids::SNIFFING,
    loot::{Haul, LootSink, Step},
    technique::{Description, Family, Need, Running, Technique},
    techniques::overhear::Ears,
};
use testbed::foothold::Foothold;

/// As the table lists it.
pub const DESCRIPTION: Description = Description {
    name: STEP.technique,
    attack_id: STEP.attack_id,
    further_ids: &[],
    family: Family::Sniff,
    summary: "read passwords, tokens, bodies and messages off a segment",
    needs: &[Need::Sniffer],
    prepare: |sink| Box::new(Sniff::new(sink)),
};

const STEP: Step = Step { technique: "sniff", attack_id: SNIFFING };

/// The technique.
pub struct Sniff {
    sink: LootSink,
}

impl Sniff {
    /// Shows its loot to a sink as it comes.
    pub fn new(sink: LootSink) -> Self {
        Self { sink }
    }
}

impl Technique for Sniff {
    fn run(self: Box<Self>, mut foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let Some(mut sniffer) = haul.granted(STEP, foothold.sniffer()) else { return haul.into_loot() };
            let mut ears = Ears::new(STEP);
            while let Some(chunk) = sniffer.next().await {
                ears.hear(&chunk, &mut haul);
            }
            ears.finish(&mut haul);
            haul.into_loot()
        })
    }
}
