//! Who may log in, and who may do what on which topic: a pure answer.
//!
//! Everyone who logged in may use every topic, as in the guide's own sample (`".*"`). Whoever narrows that
//! changes [`Access::permits`] and nothing else: every publish and every subscription asks it.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};

/// The longest topic, in bytes.
const MAX_TOPIC: usize = 256;

/// A login at the queue.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLogin {
    /// Name.
    pub name: String,
    /// Password: a canary.
    pub password: String,
}

impl fmt::Debug for QueueLogin {
    /// Never prints the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueLogin").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What somebody wants to do on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send messages there.
    Publish,
    /// Get the messages sent there.
    Subscribe,
}

/// The rules of one queue.
#[derive(Debug)]
pub struct Access {
    passwords: BTreeMap<String, QueueLogin>,
}

impl Access {
    /// Exactly these may log in.
    pub fn new(logins: impl IntoIterator<Item = QueueLogin>) -> Self {
        Self { passwords: logins.into_iter().map(|login| (login.name.clone(), login)).collect() }
    }

    /// Is this the password of that name?
    pub fn admits(&self, name: &str, password: &[u8]) -> bool {
        let login = self.passwords.get(name);
        login.is_some_and(|login| verify_slices_are_equal(login.password.as_bytes(), password).is_ok())
    }

    /// May whoever logged in under this name do that on this topic? Topics are named exactly: `+` and `#`
    /// stand for nothing here.
    pub fn permits(&self, name: &str, _act: Act, topic: &str) -> bool {
        let names_one = !topic.is_empty() && topic.len() <= MAX_TOPIC && !topic.contains(['+', '#', '\0']);
        self.passwords.contains_key(name) && names_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let login = |name: &str, password: &str| QueueLogin { name: name.into(), password: password.into() };
        Access::new([login("nova", "one"), login("agent", "two")])
    }

    #[test]
    fn only_the_password_of_that_name_admits() {
        let access = access();
        assert!(access.admits("nova", b"one") && access.admits("agent", b"two"));
        for (name, password) in [("nova", "two"), ("nova", ""), ("nobody", "one"), ("", ""), ("nova", "one ")]
        {
            assert!(!access.admits(name, password.as_bytes()), "{name} {password}");
        }
    }

    #[test]
    fn everyone_who_has_a_login_may_use_every_topic_and_no_pattern() {
        let access = access();
        for act in [Act::Publish, Act::Subscribe] {
            assert!(access.permits("nova", act, "compute.c1") && access.permits("agent", act, "scheduler"));
            assert!(!access.permits("nobody", act, "compute.c1"));
            for topic in ["", "#", "compute.+", "a\0b", &"x".repeat(MAX_TOPIC + 1)] {
                assert!(!access.permits("nova", act, topic), "{topic}");
            }
        }
    }

    #[test]
    fn a_login_does_not_print_its_password() {
        let printed = format!("{:?}", access());
        assert!(printed.contains("nova") && !printed.contains("one"), "{printed}");
    }
}
