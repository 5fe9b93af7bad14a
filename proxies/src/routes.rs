//! What a server name leads to.
//!
//! Names are compared whole and without regard to case: no wildcards, no default. It dials nothing itself.

use std::collections::BTreeMap;

use crate::peek::dns_name;

/// A name and where it leads.
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// A DNS name.
    pub name: String,
    /// Its target.
    pub to: T,
}

/// Why routes cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// An alias means a name without a route.
    #[error("alias `{alias}` means `{name}`, which has no route")]
    AliasOfNothing {
        /// The alias.
        alias: String,
        /// What it means.
        name: String,
    },
    /// Not a DNS name, so no client can ask for it.
    #[error("route or alias `{0}`: not a DNS name")]
    NotAName(String),
    /// A name is there twice.
    #[error("route or alias `{0}` is there twice")]
    Twice(String),
}

/// A listener's routes.
#[derive(Debug)]
pub struct Routes<T> {
    targets: Vec<T>,
    by_name: BTreeMap<String, usize>,
}

impl<T> Routes<T> {
    /// Routes by name; `also` maps further names (`localhost`, say) to names that have a route.
    pub fn new(routes: Vec<Route<T>>, also: &BTreeMap<String, String>) -> Result<Self, RouteError> {
        let mut made = Self { targets: Vec::new(), by_name: BTreeMap::new() };
        for Route { name, to } in routes {
            made.name(name, made.targets.len())?;
            made.targets.push(to);
        }
        // Looked up before any is added: an alias of an alias would depend on their order.
        let meant = also.iter().map(|(alias, name)| match made.by_name.get(&name.to_ascii_lowercase()) {
            Some(&target) => Ok((alias.clone(), target)),
            None => Err(RouteError::AliasOfNothing { alias: alias.clone(), name: name.clone() }),
        });
        for (alias, target) in meant.collect::<Result<Vec<_>, _>>()? {
            made.name(alias, target)?;
        }
        Ok(made)
    }

    /// What `name` leads to; `None` for a name without a route. An alias leads to the very target of its name.
    pub fn of(&self, name: &str) -> Option<&T> {
        self.targets.get(*self.by_name.get(&name.to_ascii_lowercase())?)
    }

    /// Every target, once.
    pub fn targets(&self) -> &[T] {
        &self.targets
    }

    fn name(&mut self, name: String, target: usize) -> Result<(), RouteError> {
        let Some(lower) = dns_name(name.as_bytes()) else { return Err(RouteError::NotAName(name)) };
        match self.by_name.insert(lower, target) {
            None => Ok(()),
            Some(_) => Err(RouteError::Twice(name)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn route(name: &str, to: u32) -> Route<u32> {
        Route { name: name.to_owned(), to }
    }

    fn also(alias: &str, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(alias.to_owned(), name.to_owned())])
    }

    #[test]
    fn a_name_in_any_case_and_its_alias_lead_to_one_target() {
        let routes = vec![route("a.invalid", 1), route("b.invalid", 2)];
        let routes = Routes::new(routes, &also("localhost", "A.invalid")).unwrap();
        for (name, to) in [("a.invalid", 1), ("A.INVALID", 1), ("localhost", 1), ("b.invalid", 2)] {
            assert_eq!(routes.of(name), Some(&to), "{name}");
        }
        assert!(std::ptr::eq(routes.of("localhost").unwrap(), routes.of("a.invalid").unwrap()));
    }

    #[test]
    fn only_a_whole_name_leads_anywhere() {
        let routes = Routes::new(vec![route("a.invalid", 1)], &BTreeMap::new()).unwrap();
        for unknown in ["invalid", "b.a.invalid", "a.invali", "a.invalid.", "*.invalid", "localhost", ""] {
            assert_eq!(routes.of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn routes_nobody_could_use_are_refused() {
        let refused = |routes, also: &BTreeMap<_, _>| Routes::new(routes, also).unwrap_err().to_string();
        let none = BTreeMap::new();
        let twice = vec![route("a.invalid", 1), route("A.invalid", 2)];
        assert_eq!(refused(twice, &none), "route or alias `A.invalid` is there twice");
        for no_name in ["127.0.0.1", "::1", "a b", "", "a."] {
            let expected = format!("route or alias `{no_name}`: not a DNS name");
            assert_eq!(refused(vec![route(no_name, 1)], &none), expected);
        }
        let one = || vec![route("a.invalid", 1)];
        let nothing = "alias `localhost` means `b.invalid`, which has no route";
        assert_eq!(refused(one(), &also("localhost", "b.invalid")), nothing);
        let same = "route or alias `a.invalid` is there twice";
        assert_eq!(refused(one(), &also("a.invalid", "a.invalid")), same);
    }
}
