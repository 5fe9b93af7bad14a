//! Behind [`Reach`](super::Reach): targets of a position's segments, dialled under the attacker's own name.

use std::{collections::BTreeMap, future::Future, io, pin::Pin, time::Duration};

use proxies::{
    limits::Limits,
    registry::EntryId,
    transport::{Dial, tcp::TcpDialer},
};
use tokio::time::timeout;

use super::{
    grant::{Ground, Position},
    reach::{Answer, Dialed, ReachBackend, Target, TargetId},
};
use crate::{
    architecture::SegmentId,
    fabric::{Fabric, crossing::AtDialer},
};

/// The targets of one position.
pub(super) struct SegmentReach {
    targets: Vec<Target>,
    dialers: BTreeMap<TargetId, (TcpDialer, (SegmentId, EntryId))>,
    fabric: Fabric,
    tap: AtDialer,
    deadline: Duration,
}

impl SegmentReach {
    pub(super) fn new(ground: &Ground, position: &Position) -> io::Result<Self> {
        let mut sources = BTreeMap::new();
        for segment in &position.segments {
            sources.insert(*segment, position.source(ground, *segment));
        }
        let (mut targets, mut dialers) = (Vec::new(), BTreeMap::new());
        for known in ground.targets.on(&position.segments) {
            targets.push(known.target.clone());
            if let (Some(entry), Some(source)) = (known.entry, sources.get(&known.segment)) {
                let registry = ground.world.fabric.registry().clone();
                let dialer = TcpDialer::new(registry, *source, position.party, entry)?;
                dialers.insert(known.target.id, (dialer, (known.segment, entry)));
            }
        }
        let fabric = ground.world.fabric.clone();
        Ok(Self { targets, dialers, fabric, tap: AtDialer::default(), deadline: Limits::default().connect })
    }
}

impl ReachBackend for SegmentReach {
    fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    fn dial(&self, target: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>> {
        Box::pin(async move {
            let Some((dialer, place)) = self.dialers.get(&target) else {
                return Dialed::Answered(Answer::NoRoute);
            };
            match timeout(self.deadline, dialer.dial()).await {
                Ok(Ok(dialled)) => Dialed::Open(self.tap.cross(&self.fabric, *place, dialled)),
                Ok(Err(error)) => Dialed::Answered(Answer::of(&error)),
                Err(_elapsed) => Dialed::Answered(Answer::Silence),
            }
        })
    }
}
