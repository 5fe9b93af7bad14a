//! Where the dashboard's snapshots come from: a run that goes on, or a recorded one that is played.

use std::sync::Arc;

use scenarios::snapshot::Snapshot;
use tokio::time::Instant;

use crate::{
    ended::GRACE,
    engine::Controls,
    feed::Feed,
    player::{Move, Player, Position},
};

/// A run to show.
pub(super) enum Source {
    /// It goes on; its controls change it.
    Live {
        /// Its newest snapshot.
        feed: Feed,
        /// Its controls.
        controls: Arc<dyn Controls>,
    },
    /// It is over; moves go through it.
    Recorded {
        /// What plays it.
        player: Box<Player>,
        /// When time last passed.
        since: Instant,
    },
}

impl Source {
    /// A recorded run, from its start.
    pub(super) fn recorded(player: Player) -> Self {
        Self::Recorded { player: Box::new(player), since: Instant::now() }
    }

    /// The newest snapshot, if it is another one than `known`.
    pub(super) fn newer(&mut self, known: &Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        let newest = match self {
            Self::Live { feed, .. } => feed.newer()?,
            Self::Recorded { player, since } => {
                let now = Instant::now();
                player.advance(now - *since);
                *since = now;
                player.snapshot()
            }
        };
        (!Arc::ptr_eq(&newest, known)).then_some(newest)
    }

    /// True when nothing newer can come from a run that went on.
    pub(super) fn hung_up(&self) -> bool {
        matches!(self, Self::Live { feed, .. } if feed.closed())
    }

    /// Waits for what a run still writes.
    pub(super) fn wait(&self) {
        if let Self::Live { feed, .. } = self {
            feed.wait_closed(GRACE);
        }
    }

    /// The controls of a run that goes on.
    pub(super) fn controls(&self) -> Option<&dyn Controls> {
        match self {
            Self::Live { controls, .. } => Some(&**controls),
            Self::Recorded { .. } => None,
        }
    }

    /// Where a replay is.
    pub(super) fn position(&self) -> Option<Position> {
        match self {
            Self::Live { .. } => None,
            Self::Recorded { player, .. } => Some(player.position()),
        }
    }

    /// Moves through a recorded run; returns the event it stands at, if it stands.
    pub(super) fn carry_out(&mut self, asked: Move) -> Option<&scenarios::event::Event> {
        match self {
            Self::Live { .. } => None,
            Self::Recorded { player, .. } => {
                player.carry_out(asked);
                let stands = !player.position().playing;
                player.newest().filter(|_| stands).map(|stamped| &stamped.event)
            }
        }
    }
}
