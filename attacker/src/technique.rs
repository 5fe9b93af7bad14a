//! What a technique is, and the table of those that exist.
//!
//! The table is plain data: adding a technique is one file and one line here. There is no registration at
//! run time, and a technique is never asked how it did.

use std::{future::Future, pin::Pin};

use testbed::foothold::Foothold;

use crate::{
    loot::{Loot, LootSink},
    techniques::{escape, flood, impostor, scan, search_memory, sniff, sniff_and_replay},
};

/// A technique at work. It ends by itself, or soon after the foothold's stop; dropping it ends it too.
pub type Running = Pin<Box<dyn Future<Output = Loot> + Send>>;

/// One attack.
pub trait Technique: Send {
    /// Attacks through the foothold until done or stopped, and brings home what it got.
    ///
    /// A capability the foothold does not grant becomes an [`crate::loot::Item::NotGranted`] and the rest
    /// of the technique goes on without it.
    fn run(self: Box<Self>, foothold: Foothold) -> Running;
}

/// The ways to attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// From a compute host a guest broke out to, or on the way there.
    Escape,
    /// Exhausting a front.
    Flood,
    /// Between two machines.
    InPath,
    /// On a machine that was taken over.
    Machine,
    /// Reading a segment.
    Sniff,
}

/// A capability without which a technique cannot put its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// A licence to flood.
    Flood,
    /// A place in the path.
    InPath,
    /// Memory and key files of a machine.
    Memory,
    /// Targets to dial.
    Reach,
    /// A segment to read.
    Sniffer,
    /// The attacker's own TLS kit.
    Tls,
}

/// A technique as the table lists it.
#[derive(Clone, Copy)]
pub struct Description {
    /// Its name in scenario files.
    pub name: &'static str,
    /// Its leading ATT&CK id.
    pub attack_id: &'static str,
    /// Ids of its further steps; every item of loot carries the id of the step that got it.
    pub further_ids: &'static [&'static str],
    /// Its family.
    pub family: Family,
    /// One line for people.
    pub summary: &'static str,
    /// What it cannot do without.
    pub needs: &'static [Need],
    /// Makes one, ready to run; it shows its loot to the sink as it comes.
    pub prepare: fn(LootSink) -> Box<dyn Technique>,
}

impl Description {
    /// All its ids, the leading one first.
    pub fn attack_ids(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.attack_id).chain(self.further_ids.iter().copied())
    }
}

/// Every technique.
pub const TECHNIQUES: &[Description] = &[
    sniff::DESCRIPTION,
    sniff_and_replay::DESCRIPTION,
    impostor::DESCRIPTION,
    scan::DESCRIPTION,
    scan::CLEAR_DESCRIPTION,
    escape::DESCRIPTION,
    search_memory::DESCRIPTION,
    flood::CONNECT_DESCRIPTION,
    flood::HANDSHAKE_DESCRIPTION,
];

/// Looks a technique up by the name scenario files use.
pub fn by_name(name: &str) -> Option<&'static Description> {
    TECHNIQUES.iter().find(|technique| technique.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_finds_its_own_description_and_others_find_none() {
        let names: BTreeSet<&str> = TECHNIQUES.iter().map(|technique| technique.name).collect();
        assert_eq!(names.len(), TECHNIQUES.len(), "a name is used twice");
        for technique in TECHNIQUES {
            let found = by_name(technique.name).map(|found| found.summary);
            assert_eq!(found, Some(technique.summary));
        }
        assert!(by_name("no-such-technique").is_none());
    }
}
