//! The ATT&CK ids techniques carry, in one table with its version.
//!
//! Ids and names are those of the Enterprise matrix. Tactics are left out on purpose: releases move
//! techniques between tactics, and an id stays.

/// Version of ATT&CK the table was checked against (released October 2026).
pub const VERSION: &str = "20.0";

/// One technique or sub-technique of ATT&CK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttackId {
    /// Its id: `T1040`, `T1550.001`.
    pub id: &'static str,
    /// Its name; a sub-technique's own name without its parent's.
    pub name: &'static str,
}

/// Every id a technique of this crate carries, in order of the number.
pub const ATTACK_IDS: &[AttackId] = &[
    AttackId { id: PROC_FILESYSTEM, name: "Proc Filesystem" },
    AttackId { id: SNIFFING, name: "Network Sniffing" },
    AttackId { id: SERVICE_DISCOVERY, name: "Network Service Discovery" },
    AttackId { id: OS_EXHAUSTION, name: "OS Exhaustion Flood" },
    AttackId { id: SERVICE_EXHAUSTION, name: "Service Exhaustion Flood" },
    AttackId { id: ACCESS_TOKEN, name: "Application Access Token" },
    AttackId { id: PRIVATE_KEYS, name: "Private Keys" },
    AttackId { id: IN_THE_MIDDLE, name: "Adversary-in-the-Middle" },
    AttackId { id: ESCAPE_TO_HOST, name: "Escape to Host" },
];

/// Looks an id up.
pub fn by_id(id: &str) -> Option<&'static AttackId> {
    ATTACK_IDS.iter().find(|entry| entry.id == id)
}

pub(crate) const PROC_FILESYSTEM: &str = "T1003.007";
pub(crate) const SNIFFING: &str = "T1040";
pub(crate) const SERVICE_DISCOVERY: &str = "T1046";
pub(crate) const OS_EXHAUSTION: &str = "T1499.001";
pub(crate) const SERVICE_EXHAUSTION: &str = "T1499.002";
pub(crate) const ACCESS_TOKEN: &str = "T1550.001";
pub(crate) const PRIVATE_KEYS: &str = "T1552.004";
pub(crate) const IN_THE_MIDDLE: &str = "T1557";
pub(crate) const ESCAPE_TO_HOST: &str = "T1611";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::technique::{Description, TECHNIQUES};

    #[test]
    fn the_table_holds_exactly_the_ids_techniques_carry() {
        let carried: BTreeSet<&str> = TECHNIQUES.iter().flat_map(Description::attack_ids).collect();
        let listed: BTreeSet<&str> = ATTACK_IDS.iter().map(|entry| entry.id).collect();
        assert_eq!(carried, listed);
        assert_eq!(listed.len(), ATTACK_IDS.len(), "an id is listed twice");
    }

    #[test]
    fn an_id_outside_the_table_has_no_name() {
        assert_eq!(by_id("T1040").map(|entry| entry.name), Some("Network Sniffing"));
        assert_eq!(by_id("T9999"), None);
    }
}
