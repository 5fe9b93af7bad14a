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
pub use validator::{DEADLINE as VALIDATION_DEADLINE, ServiceUser};

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{
    Renewal,
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
    validator: Arc<Validator>,
}

impl Compute {
    /// Sets it up; dials nothing before the first request.
    pub fn new(config: ComputeConfig) -> Arc<Self> {
        let validator = Arc::new(Validator {
            client: Client::new(config.identity, KEPT_CONNECTIONS),
            user: config.service_user,
            plant: Arc::clone(&config.plant),
            token: Mutex::default(),
            renewal: Renewal::default(),
        });
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
                    validator: validator.clone(),
                    identity_uri: config.identity_uri,
                    bind_tokens: config.bind_tokens,
                }),
            ],
            Arc::new(app),
        );
        Arc::new(Self { pipeline, validator })
    }

    /// What makes it log in again; it keeps neither the service nor its connections alive.
    pub fn renewal(&self) -> Renewal {
        self.validator.renewal.clone()
    }

    /// Logs in again whenever it is asked to, until `stop`.
    pub async fn keep_logged_in(&self, stop: &CancellationToken) {
        self.validator.keep_logged_in(stop).await;
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
