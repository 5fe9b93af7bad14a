//! Behind [`InPath`]: an impostor's listener for every listener of the segments, and the rule that sends
//! honest connections there.
//!
//! The accept loops live in a set the foothold owns; dropping the foothold lifts the rule and ends them.

use std::{collections::BTreeMap, io, sync::Arc};

use proxies::{
    registry::{Admit, EntryId},
    transport::{Listen, tcp::TcpListen},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    grant::Ground,
    in_path::{InPath, Intercepted},
    reach::Target,
};
use crate::{
    architecture::SegmentId,
    fabric::{
        Acceptor,
        crossing::CrossingListen,
        parties::Kind,
        rule::{ChunkAsk, ConnectionAsk, Rule, RuleGuard, Verdict},
    },
};

/// Victims that may wait to be taken.
const WAITING: usize = 256;

/// Sends honest connections to the impostor.
struct Redirect(BTreeMap<EntryId, EntryId>);

impl Rule for Redirect {
    fn connection(&self, ask: ConnectionAsk<'_>) -> Verdict {
        match (ask.dialer.kind, self.0.get(&ask.to)) {
            (Kind::Honest, Some(impostor)) => Verdict::Redirect(*impostor),
            _ => Verdict::Pass,
        }
    }

    /// Connections that are older than the rule are cut: whoever stands in the path can do that, and the
    /// victim's next one comes here.
    fn chunk(&self, ask: ChunkAsk<'_>) -> Verdict {
        match (ask.flow.kind, self.0.get(&ask.flow.entry)) {
            (Kind::Honest, Some(impostor)) => Verdict::Redirect(*impostor),
            _ => Verdict::Pass,
        }
    }
}

/// Held by the foothold for its drop.
struct Standing {
    _rules: Vec<RuleGuard>,
    _accepting: JoinSet<()>,
}

pub(super) fn redirect(
    ground: &Ground,
    segments: &[SegmentId],
    stop: CancellationToken,
) -> io::Result<InPath> {
    let fabric = &ground.world.fabric;
    let registry = fabric.registry();
    let (arrivals, victims) = mpsc::channel(WAITING);
    let (mut rules, mut accepting) = (Vec::new(), JoinSet::new());
    let ring = fabric.ring();
    for segment in segments {
        let mut detours = BTreeMap::new();
        for known in ground.targets.on(std::slice::from_ref(segment)).filter(|known| known.stands) {
            let Some(entry) = known.entry else { continue };
            let impostor =
                registry.hold(registry.draw_ip(), None, 1, Admit::Announced).map_err(io::Error::other)?;
            let label = "attacker/impostor".to_owned();
            let instead_of = fabric.acceptor(entry).map(|acceptor| acceptor.label);
            fabric.name_acceptor(impostor, Acceptor { label, target: known.target.clone(), instead_of });
            let listen = TcpListen::take(registry, impostor).map_err(io::Error::other)?;
            let listen = CrossingListen::new(listen, fabric.clone(), ring.clone(), *segment, impostor);
            accepting.spawn(accept(listen, known.target.clone(), arrivals.clone()));
            detours.insert(entry, impostor);
        }
        rules.push(fabric.rules().install(*segment, Arc::new(Redirect(detours))));
    }
    Ok(InPath::new(victims, stop, Box::new(Standing { _rules: rules, _accepting: accepting })))
}

/// Hands victims over until nobody takes them any more.
async fn accept(
    mut listen: CrossingListen<TcpListen>,
    original: Target,
    arrivals: mpsc::Sender<Intercepted>,
) {
    while let Ok((victim, _ends)) = listen.accept().await {
        let flow = victim.flow();
        let arrival = Intercepted { flow, victim: Box::new(victim), original: original.clone() };
        if arrivals.send(arrival).await.is_err() {
            return;
        }
    }
}
