//! What the threads of a node run. State that threads share (services, counts) is made once per node.

use std::{future::Future, io, pin::Pin, sync::Arc};

use proxies::{
    codec::{Accepted, FrontCodec},
    limits::Limits,
    serve::{Tally, serve},
    stream::BoxStream,
    transport::Ends,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    doors::Door,
    made::Made,
    plan::{NodePlan, ProgramPlan},
    queueing::Queueing,
    wiring::{NodeListen, World, front_codec},
};
use crate::services::{Renewal, identity::Identity, origin::Origin, plant::Plant};

/// What a node runs, shared by its threads.
#[derive(Clone)]
pub(super) struct Program {
    tally: Arc<Tally>,
    doors: Vec<Door>,
    made: Made,
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Program {
    pub(super) fn new(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        let (tally, mut doors) = (Arc::default(), Vec::new());
        if let ProgramPlan::Proxy { doors: planned } = &plan.program {
            for (front, onward) in planned {
                doors.push(Door::new(world, (front, onward), &plan.limits, &tally)?);
            }
        }
        Ok(Self { tally, doors, made: Made::of(plan, world, plant)? })
    }

    /// Serves every listener of the plan on this thread until `stop`; a panic of any task comes back.
    pub(super) async fn run(
        &self,
        plan: &NodePlan,
        world: &World,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let ring = world.fabric.ring();
        let mut tasks = JoinSet::new();
        match &plan.program {
            ProgramPlan::Proxy { doors } => {
                for ((front, _), door) in doors.iter().zip(&self.doors) {
                    let listen = NodeListen::take(world, &ring, front)?;
                    let (door, stop) = (door.clone(), stop.clone());
                    tasks.spawn(door.run(listen, stop));
                }
            }
            ProgramPlan::Sink { listeners }
            | ProgramPlan::Identity { listeners, .. }
            | ProgramPlan::Compute { listeners, .. }
            | ProgramPlan::Queue { listeners, .. }
            | ProgramPlan::LoginPage { listeners, .. } => {
                for front in listeners {
                    let listen = NodeListen::take(world, &ring, front)?;
                    let codec = front_codec(world, front)?;
                    let handler = self.handler(codec, front.origin, &plan.limits, stop.clone());
                    tasks.spawn(serve(listen, handler, plan.limits, self.tally.clone(), stop.clone()));
                }
            }
            ProgramPlan::Agent { .. } => {}
        }
        let served = async {
            while let Some(ended) = tasks.join_next().await {
                ended.map_err(io::Error::other)?;
            }
            Ok(())
        };
        let worked = async {
            tokio::join!(self.made.queue.work(&stop), self.made.keep_logged_in(&stop));
            Ok(())
        };
        tokio::try_join!(served, worked).map(drop)
    }

    /// The same without the service itself.
    pub(super) fn without_service(self) -> Self {
        Self { made: self.made.without_service(), ..self }
    }

    pub(super) fn helper_threads(&self) -> Vec<i32> {
        let ids = self.made.identity.as_ref().map(|identity| identity.hash_thread_ids().to_vec());
        ids.unwrap_or_default().into_iter().map(|id| id.as_raw_nonzero().get()).collect()
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    pub(super) fn identity(&self) -> Option<&Arc<Identity>> {
        self.made.identity.as_ref()
    }

    /// What makes it log in again, wherever it logs in.
    pub(super) fn renewals(&self) -> impl Iterator<Item = Renewal> {
        self.made.renewal.clone().into_iter().chain(self.made.queue.renewal())
    }

    pub(super) fn queue(&self) -> &Queueing {
        &self.made.queue
    }

    /// What a service does with a connection: codec, then its protocol.
    fn handler(
        &self,
        codec: FrontCodec,
        origin: Origin,
        limits: &Limits,
        stop: CancellationToken,
    ) -> impl Fn(BoxStream, Ends) -> Handling + Send + Sync + use<> {
        let handshake = limits.handshake;
        let (tally, serving) = (self.tally.clone(), self.made.serving.clone());
        move |wire, ends| {
            let (codec, tally, serving, stop) = (codec.clone(), tally.clone(), serving.clone(), stop.clone());
            Box::pin(async move {
                let accepted = codec.accept_from(ends.party, wire, handshake).await;
                let Ok(Accepted { stream, .. }) = accepted else {
                    Tally::count(&tally.handshakes_failed);
                    return;
                };
                if codec.shakes_hands() {
                    tally.count_handshake(ends.party);
                }
                serving.serve(stream, origin, stop).await;
            })
        }
    }
}
