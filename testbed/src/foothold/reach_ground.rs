//! Behind [`Reach`](super::Reach): targets of a position's segments, dialled under the attacker's own name.

use std::{collections::BTreeMap, future::Future, io, pin::Pin, time::Duration};

use proxies::{
    limits::Limits,
    transport::{Dial, tcp::TcpDialer},
};
use tokio::time::timeout;

use super::{
    grant::{Ground, Position},
    reach::{Answer, Dialed, ReachBackend, Target, TargetId},
};

/// The targets of one position.
pub(super) struct SegmentReach {
    targets: Vec<Target>,
    dialers: BTreeMap<TargetId, TcpDialer>,
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
                dialers.insert(known.target.id, dialer);
            }
        }
        Ok(Self { targets, dialers, deadline: Limits::default().connect })
    }
}

impl ReachBackend for SegmentReach {
    fn targets(&self) -> Vec<Target> {
        self.targets.clone()
    }

    fn dial(&self, target: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>> {
        Box::pin(async move {
            let Some(dialer) = self.dialers.get(&target) else {
                return Dialed::Answered(Answer::NoRoute);
            };
            match timeout(self.deadline, dialer.dial()).await {
                Ok(Ok((stream, _ends))) => Dialed::Open(Box::new(stream)),
                Ok(Err(error)) => Dialed::Answered(Answer::of(&error)),
                Err(_elapsed) => Dialed::Answered(Answer::Silence),
            }
        })
    }
}
