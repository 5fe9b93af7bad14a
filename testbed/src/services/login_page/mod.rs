//! The login page, the guide's horizon: a form, a cookie, and one page behind it.
//!
//! ```text
//! request ── request id ── size limit ── app ── sessions (in memory, bounded)
//!                                         └── gate ── dial `identity`
//! ```
//!
//! Speaks as Django does where a browser or an attacker would notice: a wrong password is the form again with
//! status 200, whoever has no session is sent to the form, and no form counts without the token of its cookie.
//! The `OpenStack` token stays here; a browser holds a session cookie only. Spawns nothing; idle connections
//! to identity close when it is dropped.

mod app;
mod cookies;
mod gate;
mod pages;
mod sessions;

use std::sync::Arc;

use self::{app::PageApp, gate::Gate, sessions::Sessions};
use super::{
    call::Call,
    client::Client,
    http::Service,
    pipeline::{Answering, Pipeline, RequestId, SizeLimit},
    plant::Plant,
    reply::Dialect,
};
use crate::connect::Connect;

/// Idle connections to identity a page keeps.
const KEPT_CONNECTIONS: usize = 8;
/// Bytes of a form: a name, a password and two tokens fit many times.
const MAX_FORM: usize = 64 * 1024;

/// How one login page is set up.
pub struct LoginPageConfig {
    /// The dial named `identity`.
    pub identity: Arc<dyn Connect>,
    /// Its users reach it over TLS, so cookies say `Secure`.
    pub secure: bool,
    /// Gives a canary for each page and hears which passwords were passed on.
    pub plant: Arc<dyn Plant>,
}

/// One login page.
pub struct LoginPage {
    pipeline: Pipeline,
}

impl LoginPage {
    /// Sets it up; dials nothing before the first login.
    pub fn new(config: LoginPageConfig) -> Arc<Self> {
        let client = Client::new(config.identity, KEPT_CONNECTIONS);
        let app = PageApp {
            gate: Gate { client, plant: Arc::clone(&config.plant) },
            sessions: Sessions::default(),
            secure: config.secure,
            plant: config.plant,
        };
        let pipeline = Pipeline::new(
            vec![
                Box::new(RequestId { headers: &["x-openstack-request-id"] }),
                Box::new(SizeLimit { limit: MAX_FORM, dialect: Dialect::Page }),
            ],
            Arc::new(app),
        );
        Arc::new(Self { pipeline })
    }
}

impl Service for LoginPage {
    fn call(&self, call: Call) -> Answering<'_> {
        self.pipeline.run(call)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
