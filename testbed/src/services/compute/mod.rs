//! Compute v2.1: lists, makes and deletes servers for whoever identity vouches for.
//!
//! ```text
//! request ── request id ── size limit ── auth ── app ── ComputeStore
//!                                          │      └── publisher ── dial `queue`
//!                                          └── validator ── dial `identity`
//! ```
//!
//! No virtual machine starts. Spawns nothing; idle connections to identity close when it is dropped.

mod app;
mod auth;
mod documents;
mod store;
mod validator;

pub use documents::Worker;
pub use store::{Actor, Change, ComputeStore, Creation, Deletion, Full, MAX_SERVERS, NewServer, Server};
pub use validator::{DEADLINE as VALIDATION_DEADLINE, OwnToken, ServiceUser};

use std::sync::Arc;

use super::{
    call::Call,
    client::Client,
    http::Service,
    pipeline::{Answering, Pipeline, RequestId, SizeLimit},
    plant::Plant,
    queue::Publisher,
    reply::Dialect,
};
use crate::connect::Connect;
use app::ComputeApp;
use auth::Auth;
use validator::Validator;

/// Idle connections to identity a compute process keeps.
const KEPT_CONNECTIONS: usize = 8;

/// How one compute process is set up.
pub struct ComputeConfig {
    /// What it shares with its replicas.
    pub store: Arc<ComputeStore>,
    /// Scheme and authority it calls itself in links, without a trailing slash.
    pub endpoint: String,
    /// Where `WWW-Authenticate` sends callers.
    pub identity_uri: String,
    /// The dial named `identity`.
    pub identity: Arc<dyn Connect>,
    /// How it logs in there itself.
    pub service_user: ServiceUser,
    /// Accept a token bound to a certificate only from whoever presents it.
    pub bind_tokens: bool,
    /// What `os-services` lists.
    pub workers: Vec<Worker>,
    /// Gives canaries for response bodies.
    pub plant: Arc<dyn Plant>,
    /// Tells compute hosts which servers were made and deleted; `None` = there is no queue.
    pub publisher: Option<Arc<Publisher>>,
}

/// One compute process.
pub struct Compute {
    pipeline: Pipeline,
    token: OwnToken,
}

impl Compute {
    /// Sets it up; dials nothing before the first request.
    pub fn new(config: ComputeConfig) -> Arc<Self> {
        let token = OwnToken::default();
        let validator = Validator {
            client: Client::new(config.identity, KEPT_CONNECTIONS),
            user: config.service_user,
            plant: Arc::clone(&config.plant),
            token: token.clone(),
        };
        let app = ComputeApp {
            store: config.store,
            endpoint: config.endpoint,
            identity_uri: config.identity_uri.clone(),
            workers: config.workers,
            plant: config.plant,
            publisher: config.publisher,
        };
        let pipeline = Pipeline::new(
            vec![
                Box::new(RequestId { headers: REQUEST_ID_HEADERS }),
                Box::new(SizeLimit { limit: SizeLimit::DEFAULT, dialect: Dialect::Nova }),
                Box::new(Auth {
                    validator,
                    identity_uri: config.identity_uri,
                    bind_tokens: config.bind_tokens,
                }),
            ],
            Arc::new(app),
        );
        Arc::new(Self { pipeline, token })
    }

    /// A handle on its own token; it keeps neither the service nor its connections alive.
    pub fn own_token(&self) -> OwnToken {
        self.token.clone()
    }
}

impl Service for Compute {
    fn call(&self, call: Call) -> Answering<'_> {
        self.pipeline.run(call)
    }
}

const REQUEST_ID_HEADERS: &[&str] = &["x-openstack-request-id", "x-compute-request-id"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
