//! Users to log in as, each with a password of its own: a canary nobody has sent before.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::{
    services::{
        identity::{Identity, NewUser, ProvisionError},
        plant::Plant,
    },
    vocabulary::Asset,
};

/// Hashes under way at once: enough to keep any pool busy, well below its queue.
const AT_ONCE: usize = 64;

/// Someone who can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// Password: a canary.
    pub password: String,
    /// Project.
    pub project: String,
}

/// Provisions `count` members of `project`, named `user-<first>` and on; in that order.
pub async fn enrol(
    identity: &Arc<Identity>,
    plant: &dyn Plant,
    project: &str,
    first: usize,
    count: usize,
) -> Result<Vec<Account>, ProvisionError> {
    let account = |number: usize| Account {
        name: format!("user-{number}"),
        password: plant.plant(Asset::Password),
        project: project.to_owned(),
    };
    let accounts: Vec<_> = (first..first.saturating_add(count)).map(account).collect();
    // Awaited here to the last one; an early return aborts the rest.
    let mut hashing = JoinSet::new();
    for account in &accounts {
        if hashing.len() >= AT_ONCE {
            finish(hashing.join_next().await)?;
        }
        let (identity, account) = (Arc::clone(identity), account.clone());
        hashing.spawn(async move {
            let Account { name, password, project } = account;
            let new = NewUser { name, password, roles: vec!["member".into()], project };
            identity.provision(new).await.map(drop)
        });
    }
    while let Some(ended) = hashing.join_next().await {
        finish(Some(ended))?;
    }
    Ok(accounts)
}

type Ended = Option<Result<Result<(), ProvisionError>, tokio::task::JoinError>>;

fn finish(ended: Ended) -> Result<(), ProvisionError> {
    match ended {
        // Nobody aborts these tasks; a panic in one is a bug of ours and goes on as one.
        Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        Some(Ok(outcome)) => outcome,
        None => Ok(()),
    }
}
