//! Which dials a server name leads to, and in which order they are tried.
//!
//! Names are compared whole and without regard to case: no wildcards, no default. It dials nothing itself.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::peek::dns_name;

/// A name and where it leads.
#[derive(Clone, Debug)]
pub struct Route<D> {
    /// A DNS name.
    pub name: String,
    /// Equal places, taking turns.
    pub to: Vec<D>,
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
    /// A route leads nowhere.
    #[error("route `{0}` leads nowhere")]
    Nowhere(String),
    /// A name is there twice.
    #[error("route or alias `{0}` is there twice")]
    Twice(String),
}

/// A listener's routes. The turns are kept here: threads that are to share them share this value.
#[derive(Debug)]
pub struct Routes<D> {
    targets: Vec<Target<D>>,
    by_name: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Target<D> {
    to: Vec<D>,
    turn: AtomicUsize,
}

impl<D> Routes<D> {
    /// Routes by name; `also` maps further names (`localhost`, say) to names that have a route.
    pub fn new(routes: Vec<Route<D>>, also: &BTreeMap<String, String>) -> Result<Self, RouteError> {
        let mut made = Self { targets: Vec::new(), by_name: BTreeMap::new() };
        for Route { name, to } in routes {
            if to.is_empty() {
                return Err(RouteError::Nowhere(name));
            }
            made.name(name, made.targets.len())?;
            made.targets.push(Target { to, turn: AtomicUsize::new(0) });
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

    /// Everything `name` leads to: the next one's turn first, then the others to fall back to; `None` for a name
    /// without a route. An alias takes its turns together with its name.
    pub fn take_turn(&self, name: &str) -> Option<impl Iterator<Item = &D>> {
        let target = self.targets.get(*self.by_name.get(&name.to_ascii_lowercase())?)?;
        let turn = target.turn.fetch_add(1, Ordering::Relaxed);
        let places = target.to.len();
        Some(target.to.iter().cycle().skip(turn.checked_rem(places)?).take(places))
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

    fn route(name: &str, to: &[u32]) -> Route<u32> {
        Route { name: name.to_owned(), to: to.to_vec() }
    }

    fn also(alias: &str, name: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(alias.to_owned(), name.to_owned())])
    }

    fn turn(routes: &Routes<u32>, name: &str) -> Option<Vec<u32>> {
        Some(routes.take_turn(name)?.copied().collect())
    }

    #[test]
    fn each_name_takes_its_own_turns_and_falls_back_to_all_others() {
        let routes = vec![route("a.invalid", &[1, 2, 3]), route("b.invalid", &[4])];
        let routes = Routes::new(routes, &also("localhost", "A.invalid")).unwrap();
        assert_eq!(turn(&routes, "a.invalid").unwrap(), [1, 2, 3]);
        assert_eq!(turn(&routes, "b.invalid").unwrap(), [4]);
        assert_eq!(turn(&routes, "A.INVALID").unwrap(), [2, 3, 1]);
        assert_eq!(turn(&routes, "localhost").unwrap(), [3, 1, 2], "in turn with its name");
        assert_eq!(turn(&routes, "a.invalid").unwrap(), [1, 2, 3]);
    }

    #[test]
    fn only_a_whole_name_leads_anywhere() {
        let routes = Routes::new(vec![route("a.invalid", &[1])], &BTreeMap::new()).unwrap();
        for unknown in ["invalid", "b.a.invalid", "a.invali", "a.invalid.", "*.invalid", "localhost", ""] {
            assert_eq!(turn(&routes, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn threads_share_the_turns() {
        let routes = Routes::new(vec![route("a.invalid", &[1, 2])], &BTreeMap::new()).unwrap();
        let first_choices = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let chosen: Vec<u32> =
                        (0..25).map(|_| *routes.take_turn("a.invalid").unwrap().next().unwrap()).collect();
                    first_choices.lock().unwrap().extend(chosen);
                });
            }
        });
        let chosen = first_choices.into_inner().unwrap();
        assert_eq!(chosen.len(), 100);
        assert_eq!(chosen.iter().filter(|&&place| place == 1).count(), 50);
    }

    #[test]
    fn routes_nobody_could_use_are_refused() {
        let refused = |routes, also: &BTreeMap<_, _>| Routes::new(routes, also).unwrap_err().to_string();
        let none = BTreeMap::new();
        assert_eq!(refused(vec![route("a.invalid", &[])], &none), "route `a.invalid` leads nowhere");
        let twice = vec![route("a.invalid", &[1]), route("A.invalid", &[2])];
        assert_eq!(refused(twice, &none), "route or alias `A.invalid` is there twice");
        for no_name in ["127.0.0.1", "::1", "a b", "", "a."] {
            let expected = format!("route or alias `{no_name}`: not a DNS name");
            assert_eq!(refused(vec![route(no_name, &[1])], &none), expected);
        }
        let one = || vec![route("a.invalid", &[1])];
        let nothing = "alias `localhost` means `b.invalid`, which has no route";
        assert_eq!(refused(one(), &also("localhost", "b.invalid")), nothing);
        let same = "route or alias `a.invalid` is there twice";
        assert_eq!(refused(one(), &also("a.invalid", "a.invalid")), same);
    }
}
