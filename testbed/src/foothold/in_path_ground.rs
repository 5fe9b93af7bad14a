//! Behind [`InPath`]: an impostor's listener for every listener of the segments, and the rule that sends
//! honest connections there.
//!
//! The accept loops live in a set the foothold owns; dropping the foothold lifts the rule and ends them.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use proxies::{
    registry::{Admit, EntryId, Registry},
    serve::BACK_OFF,
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

/// Sends every other honest connection of each link to the impostor, beginning with the first.
///
/// Not all of them: where a victim refuses, nothing would reach the hops behind it, and the question would
/// never be put to *their* connections.
struct Redirect {
    detours: BTreeMap<EntryId, EntryId>,
    since: Duration,
    asked: Mutex<BTreeMap<(String, EntryId), u64>>,
}

impl Rule for Redirect {
    fn connection(&self, ask: ConnectionAsk<'_>) -> Verdict {
        let Some(impostor) = self.detours.get(&ask.to).filter(|_| ask.dialer.kind == Kind::Honest) else {
            return Verdict::Pass;
        };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = asked.entry((ask.dialer.label.clone(), ask.to)).or_default();
        *before += 1;
        if *before % 2 == 1 { Verdict::Redirect(*impostor) } else { Verdict::Pass }
    }

    /// Connections that are older than the rule are cut: whoever stands in the path can do that, and the
    /// victim's next one comes here.
    fn chunk(&self, ask: ChunkAsk<'_>) -> Verdict {
        match (ask.flow.kind, self.detours.get(&ask.flow.entry)) {
            (Kind::Honest, Some(impostor)) if ask.flow.opened < self.since => Verdict::Redirect(*impostor),
            _ => Verdict::Pass,
        }
    }
}

/// Held by the foothold: lifts the rules, ends the accept loops, closes the impostor's listeners.
struct Standing {
    rules: Vec<RuleGuard>,
    accepting: JoinSet<()>,
    registry: Registry,
    impostors: Vec<EntryId>,
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.rules.clear();
        self.accepting.abort_all();
        // Victims still in the queue are reset, not left waiting for a handshake that never comes.
        for impostor in &self.impostors {
            self.registry.release(*impostor);
        }
    }
}

pub(super) fn redirect(
    ground: &Ground,
    segments: &[SegmentId],
    stop: CancellationToken,
) -> io::Result<InPath> {
    let fabric = &ground.world.fabric;
    let registry = fabric.registry();
    let (arrivals, victims) = mpsc::channel(WAITING);
    let mut standing = Standing {
        rules: Vec::new(),
        accepting: JoinSet::new(),
        registry: registry.clone(),
        impostors: Vec::new(),
    };
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
            standing.impostors.push(impostor);
            standing.accepting.spawn(accept(listen, known.target.clone(), arrivals.clone()));
            detours.insert(entry, impostor);
        }
        let rule = Redirect { detours, since: fabric.now(), asked: Mutex::default() };
        standing.rules.push(fabric.rules().install(*segment, Arc::new(rule)));
    }
    Ok(InPath::new(victims, stop, Box::new(standing)))
}

/// Hands victims over until nobody takes them any more.
async fn accept(
    mut listen: CrossingListen<TcpListen>,
    original: Target,
    arrivals: mpsc::Sender<Intercepted>,
) {
    loop {
        let Ok((victim, _ends)) = listen.accept().await else {
            tokio::time::sleep(BACK_OFF).await;
            continue;
        };
        let flow = victim.flow();
        let arrival = Intercepted { flow, victim: Box::new(victim), original: original.clone() };
        if arrivals.send(arrival).await.is_err() {
            return;
        }
    }
}
