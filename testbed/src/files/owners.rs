//! Users of an architecture as users of this machine: made-up numbers that nobody here has.
//!
//! Numbers are drawn from [`FIRST`] upwards, as many as there are users and one more for a neighbour; those in
//! `/etc/passwd` and `/etc/group` are left out. Other directories of users are not asked: a look-up may leave this
//! machine, and nothing here does. Only root can give files away: without it there are no owners, and what rests
//! on them is not exercised.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

/// The first number that is tried. Debian and systemd leave 60578 to 61183 to nobody.
pub const FIRST: u32 = 60_600;
const LAST: u32 = 61_183;
/// Where users and groups of this machine are listed, the number in the third field.
const LISTS: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Who is who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owners {
    /// Every user of the architecture by name, and somebody who is none of them.
    Real {
        /// Numbers by name.
        users: BTreeMap<String, u32>,
        /// Another unprivileged user of the same machines.
        neighbour: u32,
    },
    /// Files belong to whoever started this.
    None {
        /// Why.
        why: String,
    },
}

impl Owners {
    /// Draws numbers, if files in `directory` can be given away and others can get there.
    pub(super) fn draw<'a>(names: impl Iterator<Item = &'a str>, directory: &Path) -> Self {
        let taken = taken();
        let mut free = (FIRST..=LAST).filter(|number| !taken.contains(number));
        let Some(neighbour) = free.next() else { return none("no user number is free") };
        let names: BTreeSet<&str> = names.collect();
        let wanted = names.len();
        let users: BTreeMap<String, u32> = names.into_iter().map(str::to_owned).zip(free).collect();
        if users.len() < wanted {
            return none("not enough user numbers are free");
        }
        if let Some(closed) = closed_to_others(directory) {
            return Self::None { why: format!("other users cannot pass through {}", closed.display()) };
        }
        if !can_give_away(directory, neighbour) {
            return none("files can be given to other users by root only");
        }
        Self::Real { users, neighbour }
    }

    /// A user's number.
    pub fn user(&self, name: &str) -> Option<u32> {
        match self {
            Self::Real { users, .. } => users.get(name).copied(),
            Self::None { .. } => None,
        }
    }

    /// Somebody who owns nothing.
    pub fn neighbour(&self) -> Option<u32> {
        match self {
            Self::Real { neighbour, .. } => Some(*neighbour),
            Self::None { .. } => None,
        }
    }
}

fn none(why: &str) -> Owners {
    Owners::None { why: why.to_owned() }
}

/// Numbers somebody has.
fn taken() -> BTreeSet<u32> {
    let lists = LISTS.iter().filter_map(|list| fs::read_to_string(list).ok());
    lists.flat_map(|list| list.lines().filter_map(number).collect::<Vec<_>>()).collect()
}

fn number(line: &str) -> Option<u32> {
    line.split(':').nth(2)?.parse().ok()
}

/// The first directory on the way that others may not pass through.
fn closed_to_others(directory: &Path) -> Option<&Path> {
    let mut way = directory.ancestors().skip(1).filter(|step| !step.as_os_str().is_empty());
    way.find(|step| fs::metadata(step).is_ok_and(|step| step.permissions().mode() & 0o001 == 0))
}

/// Tried on a file of its own: a user namespace may know no such number, and root may lack the right to open
/// what it gave away.
fn can_give_away(directory: &Path, number: u32) -> bool {
    let probe = directory.join(".probe");
    let given = fs::write(&probe, "")
        .and_then(|()| fs::set_permissions(&probe, fs::Permissions::from_mode(0o400)))
        .and_then(|()| chown(&probe, Some(number), Some(number)))
        .and_then(|()| fs::read(&probe));
    let removed = fs::remove_file(&probe);
    rustix::process::geteuid().is_root() && given.is_ok() && removed.is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_user_gets_a_number_nobody_has_or_nobody_gets_any() {
        let directory = tempfile::tempdir().unwrap();
        match Owners::draw(["nova", "keystone", "nova"].into_iter(), directory.path()) {
            owners @ Owners::Real { .. } => {
                let mut all = vec![owners.neighbour().unwrap()];
                all.extend(["keystone", "nova"].map(|name| owners.user(name).unwrap()));
                assert!(all.iter().all(|number| *number >= FIRST && !taken().contains(number)));
                all.dedup();
                assert_eq!(all.len(), 3);
                assert_eq!(owners.user("root"), None);
            }
            Owners::None { why } => {
                assert!(!rustix::process::geteuid().is_root(), "{why}");
                let _ =
                    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {why}\n").as_bytes());
            }
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "the probe is gone");
    }

    #[test]
    fn root_is_not_free_and_a_closed_directory_on_the_way_is_named() {
        assert!(taken().contains(&0));
        assert_eq!(number("nova:x:60601:60602::/nonexistent:/bin/false"), Some(60_601));
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(closed_to_others(&inside), Some(directory.path()));
        let owners = Owners::draw(["nova"].into_iter(), &inside);
        assert!(matches!(owners, Owners::None { why } if why.contains("cannot pass through")));
    }
}
