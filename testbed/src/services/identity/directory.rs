//! Who there is: users with their hashed passwords, roles and projects. One domain, `Default`.
//!
//! Shared by every identity process of a launch, as replicas share a database. Hashes nothing itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use super::passwords::Hashed;
use crate::services::ids;

/// A thing with an id that people call by a name: a project, a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// 32 hex digits.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// One user.
pub struct User {
    /// 32 hex digits.
    pub id: String,
    /// Login name.
    pub name: String,
    /// The stored password.
    pub password: Hashed,
    /// Roles on the project.
    pub roles: Vec<Named>,
    /// The only project the user has roles on; also its default.
    pub project: Named,
}

impl User {
    /// Whether the user has a role on its project.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role.name == name)
    }
}

/// All users.
#[derive(Default)]
pub struct Directory(RwLock<Tables>);

#[derive(Default)]
struct Tables {
    users: HashMap<String, Arc<User>>,
    names: BTreeMap<String, String>,
    projects: HashMap<String, String>,
    roles: HashMap<String, String>,
}

impl Directory {
    /// Adds a user, and the project and roles it names where they are new. `None` when the name is taken.
    pub fn add(&self, name: &str, password: Hashed, roles: &[String], project: &str) -> Option<Arc<User>> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if tables.names.contains_key(name) {
            return None;
        }
        let project = named(&mut tables.projects, project);
        let roles = roles.iter().map(|role| named(&mut tables.roles, role)).collect();
        let user = Arc::new(User { id: ids::hex_id(), name: name.to_owned(), password, roles, project });
        tables.names.insert(user.name.clone(), user.id.clone());
        tables.users.insert(user.id.clone(), Arc::clone(&user));
        Some(user)
    }

    /// The first users by name, at most `limit`, and whether there are more.
    pub fn first(&self, limit: usize) -> (Vec<Arc<User>>, bool) {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let users = tables.names.values().take(limit).filter_map(|id| tables.users.get(id).cloned());
        (users.collect(), tables.names.len() > limit)
    }

    /// How many users there are.
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).users.len()
    }

    /// The name of a project, by id.
    pub fn project_name(&self, id: &str) -> Option<String> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables.projects.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone())
    }

    /// A user by id.
    pub fn by_id(&self, id: &str) -> Option<Arc<User>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).users.get(id).cloned()
    }

    /// A user by login name.
    pub fn by_name(&self, name: &str) -> Option<Arc<User>> {
        let tables = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tables.users.get(tables.names.get(name)?).cloned()
    }
}

fn named(known: &mut HashMap<String, String>, name: &str) -> Named {
    let id = known.entry(name.to_owned()).or_insert_with(ids::hex_id).clone();
    Named { id, name: name.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::passwords::HashCost, *};

    #[test]
    fn users_of_one_project_share_its_id_and_no_name_is_taken_twice() {
        let directory = Directory::default();
        let add = |name| directory.add(name, Hashed::nobody(HashCost::LEAST), &["member".into()], "demo");
        let (alice, bob) = (add("alice").unwrap(), add("bob").unwrap());
        assert_eq!((&alice.project, &alice.roles), (&bob.project, &bob.roles));
        assert_eq!(directory.by_name("bob").unwrap().id, bob.id);
        assert_eq!(directory.by_id(&alice.id).unwrap().name, "alice");
        assert!(add("alice").is_none());
    }
}
