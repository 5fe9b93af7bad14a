//! What a node is inside, made from its plan once and shared by its threads. Starts no listener.

use std::{io, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    plan::{DialPlan, Login, NodePlan, ProgramPlan},
    queueing::Queueing,
    serving::Serving,
    wiring::{NodeConnect, World},
};
use crate::{
    launch::REGION,
    services::{
        Renewal,
        compute::{Compute, ComputeConfig, ServiceUser},
        identity::{Cloud, HashCost, Identity, IdentityConfig},
        login_page::{LoginPage, LoginPageConfig},
        plant::Plant,
    },
};

/// What stands behind its listeners, and handles on its insides for whoever provisions or judges.
#[derive(Clone, Default)]
pub(super) struct Made {
    pub(super) serving: Serving,
    pub(super) queue: Queueing,
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) compute: Option<Arc<Compute>>,
    /// Makes the service log in again where it logs in; the queue has its own.
    pub(super) renewal: Option<Renewal>,
}

impl Made {
    /// Nothing behind the listeners where the plan has no service.
    pub(super) fn of(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        let queue = Queueing::of(plan, world, plant)?;
        let behind = Self::behind(plan, world, plant, &queue)?;
        Ok(Self { queue, ..behind })
    }

    /// The same without what stands behind its listeners.
    pub(super) fn without_service(self) -> Self {
        Self { serving: Serving::Nothing, compute: None, ..self }
    }

    fn behind(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>, queue: &Queueing) -> io::Result<Self> {
        let connect = |dial: &DialPlan| NodeConnect::new(world, dial, plan.limits);
        let plant = plant.clone();
        match &plan.program {
            ProgramPlan::Proxy { .. } | ProgramPlan::Sink { .. } | ProgramPlan::Agent { .. } => {
                Ok(Self::default())
            }
            ProgramPlan::Queue { .. } => {
                let serving = queue.broker().cloned().map_or(Serving::Nothing, Serving::Queue);
                Ok(Self { serving, ..Self::default() })
            }
            ProgramPlan::Identity { hash_threads, bind_tokens, endpoint, catalog, .. } => {
                Ok(Self::identity(Identity::start(IdentityConfig {
                    cloud: Cloud::new(REGION, catalog.clone())?,
                    endpoint: endpoint.clone(),
                    cost: HashCost::default(),
                    hash_threads: *hash_threads,
                    bind_tokens: *bind_tokens,
                    plant,
                })?))
            }
            ProgramPlan::Compute {
                endpoint,
                identity_uri,
                identity,
                service_user,
                bind_tokens,
                workers,
                ..
            } => Ok(Self::compute(ComputeConfig {
                store: world.store.clone(),
                endpoint: endpoint.clone(),
                identity_uri: identity_uri.clone(),
                identity: connect(identity)?,
                service_user: user(service_user),
                bind_tokens: *bind_tokens,
                workers: workers.clone(),
                publisher: queue.publisher().cloned(),
                plant,
            })),
            ProgramPlan::LoginPage { identity, secure, .. } => {
                let config = LoginPageConfig { identity: connect(identity)?, secure: *secure, plant };
                Ok(Self { serving: Serving::Http(LoginPage::new(config)), ..Self::default() })
            }
        }
    }

    /// What a service does of its own accord, until `stop`.
    pub(super) async fn keep_logged_in(&self, stop: &CancellationToken) {
        if let Some(compute) = &self.compute {
            compute.keep_logged_in(stop).await;
        }
    }

    fn identity(identity: Arc<Identity>) -> Self {
        Self { serving: Serving::Http(identity.clone()), identity: Some(identity), ..Self::default() }
    }

    fn compute(config: ComputeConfig) -> Self {
        let compute = Compute::new(config);
        let (renewal, serving) = (Some(compute.renewal()), Serving::Http(compute.clone()));
        Self { serving, compute: Some(compute), renewal, ..Self::default() }
    }
}

fn user(login: &Login) -> ServiceUser {
    ServiceUser { name: login.name.clone(), password: login.password.clone(), project: login.project.clone() }
}
