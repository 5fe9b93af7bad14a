//! Which servers exist, and a log of who made and who deleted which: the ground truth of impact.
//!
//! Shared by every compute process of a launch. Knows no HTTP and checks no permission.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::services::ids;

/// Servers at most: far above what a run needs, and a bound for a flood of creates.
pub const MAX_SERVERS: usize = 10_000;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// UUID.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Owning project's id.
    pub project: String,
    /// Id of the user who made it.
    pub user: String,
    /// Flavor id.
    pub flavor: String,
    /// Free text of the owner.
    pub metadata: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
}

/// What a caller wants; the store gives it an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewServer {
    /// Display name.
    pub name: String,
    /// Flavor id.
    pub flavor: String,
    /// Free text.
    pub metadata: BTreeMap<String, String>,
}

/// Who acts: ids as the token said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// User id.
    pub user: String,
    /// Login name.
    pub user_name: String,
    /// Project id.
    pub project: String,
    /// The request that does it, `req-<uuid>`.
    pub request_id: String,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The request that did it; the caller saw the same id in the reply.
    pub request_id: String,
    /// The server.
    pub server_id: String,
    /// Login name the token was issued to.
    pub user: String,
    /// Since the run started.
    pub at: Duration,
}

/// A server that was deleted.
pub type Deletion = Change;
/// A server that was made.
pub type Creation = Change;

/// The store is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quota exceeded for instances: at most {MAX_SERVERS} servers")]
pub struct Full;

/// Servers and the log.
pub struct ComputeStore {
    epoch: Instant,
    logs: bool,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    /// In the order of creation.
    servers: Vec<Server>,
    deletions: Vec<Deletion>,
    creations: Vec<Creation>,
}

impl ComputeStore {
    /// An empty store; `epoch` is the start of the run, from which `at` counts.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, logs: true, tables: Mutex::default() }
    }

    /// An empty store that logs nothing: for a cloud nobody judges.
    pub fn unlogged(epoch: Instant) -> Self {
        Self { logs: false, ..Self::new(epoch) }
    }

    /// Every server, oldest first.
    pub fn servers(&self) -> Vec<Server> {
        self.lock().servers.clone()
    }

    /// The servers of a project, newest first as Nova lists them, at most `limit`.
    pub fn of_project(&self, project: &str, limit: usize) -> Vec<Server> {
        let tables = self.lock();
        tables.servers.iter().rev().filter(|server| server.project == project).take(limit).cloned().collect()
    }

    /// One server of a project.
    pub fn find(&self, project: &str, id: &str) -> Option<Server> {
        self.lock().servers.iter().find(|server| server.project == project && server.id == id).cloned()
    }

    /// Makes a server, and logs it.
    pub fn create(&self, actor: &Actor, new: NewServer) -> Result<Server, Full> {
        let server = Server {
            id: ids::uuid(),
            name: new.name,
            project: actor.project.clone(),
            user: actor.user.clone(),
            flavor: new.flavor,
            metadata: new.metadata,
            created: Timestamp::now(),
        };
        let creation = self.change(actor, &server.id);
        let mut tables = self.lock();
        if tables.servers.len() >= MAX_SERVERS {
            return Err(Full);
        }
        tables.servers.push(server.clone());
        if self.logs {
            tables.creations.push(creation);
        }
        Ok(server)
    }

    /// Deletes a server of the actor's project, and logs it. `false` when there is none.
    pub fn delete(&self, actor: &Actor, id: &str) -> bool {
        let deletion = self.change(actor, id);
        let mut tables = self.lock();
        let at = tables.servers.iter().position(|server| server.project == actor.project && server.id == id);
        if let Some(at) = at {
            tables.servers.remove(at);
            if self.logs {
                tables.deletions.push(deletion);
            }
        }
        at.is_some()
    }

    /// Everything deleted so far, in order.
    pub fn deletions(&self) -> Vec<Deletion> {
        self.lock().deletions.clone()
    }

    /// Everything made so far, in order.
    pub fn creations(&self) -> Vec<Creation> {
        self.lock().creations.clone()
    }

    fn change(&self, actor: &Actor, server_id: &str) -> Change {
        Change {
            request_id: actor.request_id.clone(),
            server_id: server_id.to_owned(),
            user: actor.user_name.clone(),
            at: self.epoch.elapsed(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn actor(project: &str) -> Actor {
        Actor {
            user: "u".into(),
            user_name: "alice".into(),
            project: project.into(),
            request_id: ids::request_id(),
        }
    }

    fn web() -> NewServer {
        NewServer { name: "web".into(), flavor: "1".into(), metadata: BTreeMap::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_tells_who_did_what_when_and_in_which_request() {
        let store = ComputeStore::new(Instant::now());
        let maker = actor("demo");
        let server = store.create(&maker, web()).unwrap();
        tokio::time::advance(Duration::from_secs(3)).await;
        let deleter = actor("demo");
        assert!(store.delete(&deleter, &server.id));
        assert!(!store.delete(&deleter, &server.id), "only once");
        let entry = |actor: &Actor, at| Change {
            request_id: actor.request_id.clone(),
            server_id: server.id.clone(),
            user: "alice".into(),
            at: Duration::from_secs(at),
        };
        assert_eq!(store.creations(), [entry(&maker, 0)]);
        assert_eq!(store.deletions(), [entry(&deleter, 3)]);
        assert_eq!(store.servers(), []);
    }

    #[tokio::test]
    async fn a_project_sees_and_deletes_only_its_own() {
        let store = ComputeStore::new(Instant::now());
        let server = store.create(&actor("demo"), web()).unwrap();
        assert_eq!(store.of_project("other", 10), []);
        assert_eq!(store.find("other", &server.id), None);
        assert!(!store.delete(&actor("other"), &server.id));
        assert_eq!(store.find("demo", &server.id), Some(server));
        assert_eq!(store.deletions(), []);
    }

    #[tokio::test]
    async fn an_unlogged_store_works_and_remembers_nothing() {
        let store = ComputeStore::unlogged(Instant::now());
        let server = store.create(&actor("demo"), web()).unwrap();
        assert_eq!(store.servers(), std::slice::from_ref(&server));
        assert!(store.delete(&actor("demo"), &server.id));
        assert_eq!((store.creations(), store.deletions()), (vec![], vec![]));
    }

    #[tokio::test]
    async fn a_full_store_refuses() {
        let store = ComputeStore::new(Instant::now());
        for _ in 0..MAX_SERVERS {
            store.create(&actor("demo"), web()).unwrap();
        }
        assert_eq!(store.create(&actor("demo"), web()), Err(Full));
        assert_eq!(store.creations().len(), MAX_SERVERS);
    }
}
