//! Identity v3: logs people in, issues and validates Fernet tokens, publishes the catalog.
//!
//! ```text
//! login ── directory ── pool (slow hash) ── tokens ── fernet(payload)
//! ```
//!
//! One [`Identity`] is one process; [`Cloud`] is what replicas share. Users may be provisioned while it runs.
//! Its hashing threads end when the last reference is dropped. Enforces exactly the rules of Keystone's
//! default policy for what it offers: `service`, `admin`, or the token's own holder validate a token; `admin`
//! lists endpoints and services. Listing and making users is answered to `admin` at privileged listeners only. A
//! token of a caller that presented a certificate may be bound to it (RFC 8705).

mod app;
mod directory;
mod documents;
mod fernet;
mod login;
mod passwords;
mod payload;
mod pool;
mod tokens;
mod users;

pub use directory::{Directory, Named, User};
pub use fernet::{Fernet, Opened};
pub use passwords::{HashCost, Hashed};
pub use pool::{Busy, HashPool};
pub use tokens::{Tokens, Verified};

use std::{io, sync::Arc};

use rustix::thread::Pid;

use super::{
    call::Call,
    catalog::{Catalog, CatalogEntry},
    http::Service,
    pipeline::{Answering, Pipeline, RequestId, SizeLimit},
    plant::Plant,
    reply::Dialect,
};
use app::IdentityApp;

/// What the replicas of one cloud share: users and the token key.
pub struct Cloud {
    /// Who there is.
    pub directory: Directory,
    /// The token key and its revocations.
    pub tokens: Tokens,
    /// Where everything answers.
    pub catalog: Catalog,
}

impl Cloud {
    /// An empty cloud with a fresh token key.
    pub fn new(region: &str, entries: Vec<CatalogEntry>) -> io::Result<Arc<Self>> {
        let tokens =
            Tokens::new(Tokens::LIFETIME).map_err(|_| io::Error::other("no token key could be made"))?;
        Ok(Arc::new(Self { directory: Directory::default(), tokens, catalog: Catalog::new(region, entries) }))
    }
}

/// How one identity process is set up.
pub struct IdentityConfig {
    /// What it shares with its replicas.
    pub cloud: Arc<Cloud>,
    /// Scheme and authority it calls itself in links and in `WWW-Authenticate`, without a trailing slash.
    pub endpoint: String,
    /// Cost of hashes made from now on.
    pub cost: HashCost,
    /// Hashing threads; 0 = cooperative.
    pub hash_threads: usize,
    /// Bind the tokens of callers that presented a certificate to it, and ask for it when they are used here.
    pub bind_tokens: bool,
    /// Adopts every token issued.
    pub plant: Arc<dyn Plant>,
}

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Login name.
    pub name: String,
    /// Password in clear.
    pub password: String,
    /// Role names on the project.
    pub roles: Vec<String>,
    /// Project name.
    pub project: String,
}

/// Why a user was not provisioned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    /// There is one of that name.
    #[error("a user named `{0}` exists already")]
    NameTaken(String),
    /// The hashing pool is full.
    #[error(transparent)]
    Busy(#[from] Busy),
}

/// One identity process.
pub struct Identity {
    cloud: Arc<Cloud>,
    pool: Arc<HashPool>,
    cost: HashCost,
    pipeline: Pipeline,
}

impl Identity {
    /// Starts the hashing threads.
    pub fn start(config: IdentityConfig) -> io::Result<Arc<Self>> {
        let pool = Arc::new(HashPool::start(config.hash_threads)?);
        let app = IdentityApp {
            cloud: Arc::clone(&config.cloud),
            pool: Arc::clone(&pool),
            endpoint: config.endpoint,
            nobody: Hashed::nobody(config.cost),
            bind_tokens: config.bind_tokens,
            plant: config.plant,
        };
        let pipeline = Pipeline::new(
            vec![
                Box::new(RequestId { headers: REQUEST_ID_HEADERS }),
                Box::new(SizeLimit { limit: SizeLimit::DEFAULT, dialect: Dialect::Keystone }),
            ],
            Arc::new(app),
        );
        Ok(Arc::new(Self { cloud: config.cloud, pool, cost: config.cost, pipeline }))
    }

    /// Kernel ids of the hashing threads, so that a meter can add their CPU to the node's.
    pub fn hash_thread_ids(&self) -> &[Pid] {
        self.pool.thread_ids()
    }

    /// Adds a user; its password is hashed where logins are.
    pub async fn provision(&self, new: NewUser) -> Result<Arc<User>, ProvisionError> {
        let (cost, password) = (self.cost, new.password);
        let hashed = self.pool.run(move || Hashed::new(&password, cost)).await?;
        let added = self.cloud.directory.add(&new.name, hashed, &new.roles, &new.project);
        added.ok_or(ProvisionError::NameTaken(new.name))
    }
}

impl Service for Identity {
    fn call(&self, call: Call) -> Answering<'_> {
        self.pipeline.run(call)
    }
}

const REQUEST_ID_HEADERS: &[&str] = &["x-openstack-request-id"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
