//! What the threads of a node run. State that threads share (services, counts) is made once per node.

use std::{future::Future, io, pin::Pin, sync::Arc};

use proxies::{
    codec::{Accepted, FrontCodec},
    limits::Limits,
    serve::{Tally, serve},
    stream::BoxStream,
    transport::Ends,
};
use tokio::{io::AsyncReadExt, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    doors::Door,
    plan::{NodePlan, ProgramPlan},
    wiring::{NodeConnect, NodeListen, World, front_codec},
};
use crate::{
    launch::REGION,
    services::{
        catalog::CatalogEntry,
        compute::{Compute, ComputeConfig, ComputeStore, OwnToken, ServiceUser},
        http::{self, Service},
        identity::{Cloud, HashCost, Identity, IdentityConfig},
        plant::Plant,
    },
};

/// What a node runs, shared by its threads.
#[derive(Clone)]
pub(super) struct Program {
    tally: Arc<Tally>,
    doors: Vec<Door>,
    service: Option<Arc<dyn Service>>,
    identity: Option<Arc<Identity>>,
    store: Option<Arc<ComputeStore>>,
    own_token: Option<OwnToken>,
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Program {
    pub(super) fn new(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        let mut made = Self {
            tally: Arc::default(),
            doors: Vec::new(),
            service: None,
            identity: None,
            store: None,
            own_token: None,
        };
        match &plan.program {
            ProgramPlan::Proxy { doors } => {
                for (front, onward) in doors {
                    made.doors.push(Door::new(world, (front, onward), plan.limits, &made.tally)?);
                }
            }
            ProgramPlan::Sink { .. } => {}
            ProgramPlan::Identity { hash_threads, endpoint, catalog, .. } => {
                let identity = identity(endpoint, catalog, *hash_threads, plant)?;
                made.service = Some(identity.clone());
                made.identity = Some(identity);
            }
            ProgramPlan::Compute { endpoint, identity_uri, identity, service_user, .. } => {
                let started = world.fabric.started();
                let store =
                    if world.recorded { ComputeStore::new(started) } else { ComputeStore::unlogged(started) };
                let store = Arc::new(store);
                let compute = Compute::new(ComputeConfig {
                    store: store.clone(),
                    endpoint: endpoint.clone(),
                    identity_uri: identity_uri.clone(),
                    identity: NodeConnect::new(world, identity, plan.limits)?,
                    service_user: ServiceUser {
                        name: service_user.name.clone(),
                        password: service_user.password.clone(),
                        project: service_user.project.clone(),
                    },
                    plant: plant.clone(),
                });
                made.own_token = Some(compute.own_token());
                made.service = Some(compute);
                made.store = Some(store);
            }
        }
        Ok(made)
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
            | ProgramPlan::Compute { listeners, .. } => {
                for front in listeners {
                    let listen = NodeListen::take(world, &ring, front)?;
                    let codec = front_codec(world, front)?;
                    let handler = self.handler(codec, plan.limits, stop.clone());
                    tasks.spawn(serve(listen, handler, plan.limits, self.tally.clone(), stop.clone()));
                }
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// The same without the service itself.
    pub(super) fn without_service(self) -> Self {
        Self { service: None, ..self }
    }

    pub(super) fn helper_threads(&self) -> Vec<i32> {
        let ids = self.identity.as_ref().map(|identity| identity.hash_thread_ids().to_vec());
        ids.unwrap_or_default().into_iter().map(|id| id.as_raw_nonzero().get()).collect()
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    pub(super) fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    pub(super) fn own_token(&self) -> Option<&OwnToken> {
        self.own_token.as_ref()
    }

    pub(super) fn store(&self) -> Option<&Arc<ComputeStore>> {
        self.store.as_ref()
    }

    /// What a service does with a connection: codec, then HTTP; without a service, read and forget.
    fn handler(
        &self,
        codec: FrontCodec,
        limits: Limits,
        stop: CancellationToken,
    ) -> impl Fn(BoxStream, Ends) -> Handling + Send + Sync + 'static {
        let (tally, service) = (self.tally.clone(), self.service.clone());
        move |wire, ends| {
            let (codec, tally, service, stop) = (codec.clone(), tally.clone(), service.clone(), stop.clone());
            Box::pin(async move {
                let accepted = codec.accept_from(ends.party, wire, limits.handshake).await;
                let Ok(Accepted { mut stream, .. }) = accepted else {
                    Tally::count(&tally.handshakes_failed);
                    return;
                };
                if codec.shakes_hands() {
                    tally.count_handshake(ends.party);
                }
                if let Some(service) = service {
                    // How a peer broke its own connection is its own affair.
                    return drop(http::serve(stream, service, stop).await);
                }
                let mut ignored = [0; 4096];
                while matches!(stream.read(&mut ignored).await, Ok(1..)) {}
            })
        }
    }
}

fn identity(
    endpoint: &str,
    catalog: &[CatalogEntry],
    hash_threads: usize,
    plant: &Arc<dyn Plant>,
) -> io::Result<Arc<Identity>> {
    Identity::start(IdentityConfig {
        cloud: Cloud::new(REGION, catalog.to_vec())?,
        endpoint: endpoint.to_owned(),
        cost: HashCost::default(),
        hash_threads,
        plant: plant.clone(),
    })
}
