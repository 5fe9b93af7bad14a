//! The service of a node, made from its plan once and shared by its threads. Starts no listener.

use std::{io, sync::Arc};

use super::{
    plan::{DialPlan, Login, NodePlan, ProgramPlan},
    wiring::{NodeConnect, World},
};
use crate::{
    launch::REGION,
    services::{
        compute::{Compute, ComputeConfig, ComputeStore, OwnToken, ServiceUser},
        http::Service,
        identity::{Cloud, HashCost, Identity, IdentityConfig},
        login_page::{LoginPage, LoginPageConfig},
        plant::Plant,
    },
};

/// What answers requests, and handles on its insides for whoever provisions or judges.
#[derive(Clone, Default)]
pub(super) struct Made {
    pub(super) service: Option<Arc<dyn Service>>,
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) store: Option<Arc<ComputeStore>>,
    pub(super) own_token: Option<OwnToken>,
}

impl Made {
    /// Nothing where the plan has no service.
    pub(super) fn of(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        let connect = |dial: &DialPlan| NodeConnect::new(world, dial, plan.limits);
        let plant = plant.clone();
        match &plan.program {
            ProgramPlan::Proxy { .. } | ProgramPlan::Sink { .. } => Ok(Self::default()),
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
                store: store(world),
                endpoint: endpoint.clone(),
                identity_uri: identity_uri.clone(),
                identity: connect(identity)?,
                service_user: user(service_user),
                bind_tokens: *bind_tokens,
                workers: workers.clone(),
                plant,
            })),
            ProgramPlan::LoginPage { identity, secure, .. } => {
                let config = LoginPageConfig { identity: connect(identity)?, secure: *secure, plant };
                Ok(Self { service: Some(LoginPage::new(config)), ..Self::default() })
            }
        }
    }

    fn identity(identity: Arc<Identity>) -> Self {
        Self { service: Some(identity.clone()), identity: Some(identity), ..Self::default() }
    }

    fn compute(config: ComputeConfig) -> Self {
        let store = config.store.clone();
        let compute = Compute::new(config);
        let own_token = Some(compute.own_token());
        Self { service: Some(compute), store: Some(store), own_token, ..Self::default() }
    }
}

fn store(world: &World) -> Arc<ComputeStore> {
    let started = world.fabric.started();
    Arc::new(if world.recorded { ComputeStore::new(started) } else { ComputeStore::unlogged(started) })
}

fn user(login: &Login) -> ServiceUser {
    ServiceUser { name: login.name.clone(), password: login.password.clone(), project: login.project.clone() }
}
