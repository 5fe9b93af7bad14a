//! Which stolen token to use on which server: a pure choice over what was overheard.
//!
//! A server from a list is preferred, the oldest first, because whoever made a server a moment ago is
//! about to use it. Servers seen alone are only tried when no list was seen for a while.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use testbed::foothold::Target;

use crate::{
    loot::{Channel, SecretKind},
    parse::{
        conversation::Heard,
        secrets::findings,
        sightings::{Seen, Sighting, sightings},
    },
};

/// How long a list is waited for once a server was seen alone.
const PATIENCE: Duration = Duration::from_secs(2);
/// Servers, and owners of tokens, remembered at most.
const MAX_KNOWN: usize = 4096;

/// Where something was overheard.
#[derive(Clone)]
pub(super) struct Place {
    /// Who was being talked to.
    pub(super) target: Target,
    /// How.
    pub(super) channel: Channel,
    /// In which flow, if it was not a call of the attacker's own.
    pub(super) flow: Option<u64>,
    /// When; the plan's clock.
    pub(super) at: Option<Duration>,
}

/// A token, a server it works on, and where to use it.
#[derive(Clone)]
pub(super) struct Lead {
    pub(super) sighting: Sighting,
    pub(super) place: Place,
}

/// Everything known that could be acted on.
#[derive(Default)]
pub(super) struct Plan {
    leads: BTreeMap<String, Lead>,
    gone: BTreeSet<String>,
    owners: BTreeMap<String, String>,
    first_lead_at: Option<Duration>,
}

impl Plan {
    /// Learns owners of tokens, servers to act on, and servers that are gone.
    pub(super) fn learn(&mut self, heard: &Heard, place: &Place) {
        self.learn_owners(heard);
        let Heard::Response(response, Some(request)) = heard else { return };
        for sighting in sightings(request, response) {
            let id = sighting.server_id.clone();
            if sighting.seen == Seen::Gone {
                self.leads.remove(&id);
                self.gone.insert(id);
            } else if !self.gone.contains(&id) && self.improves(&id, &sighting.seen) {
                self.first_lead_at = self.first_lead_at.or(place.at);
                self.leads.insert(id, Lead { sighting, place: place.clone() });
            }
        }
    }

    /// A token that was used on servers, and where.
    pub(super) fn token(&self) -> Option<&Lead> {
        self.leads.values().next()
    }

    /// Whose token it is, if that was overheard.
    pub(super) fn owner(&self, token: &str) -> Option<String> {
        self.owners.get(token).cloned()
    }

    /// The best lead at this time; it is never chosen again.
    pub(super) fn choose(&mut self, clock: Duration) -> Option<Lead> {
        let waited = self.first_lead_at.is_some_and(|first| clock >= first + PATIENCE);
        let ripe = |lead: &&Lead| waited || matches!(lead.sighting.seen, Seen::Listed { .. });
        let best = self.leads.values().filter(ripe).min_by_key(|lead| rank(&lead.sighting))?;
        let id = best.sighting.server_id.clone();
        self.gone.insert(id.clone());
        self.leads.remove(&id)
    }

    fn improves(&self, id: &str, seen: &Seen) -> bool {
        match self.leads.get(id) {
            None => self.leads.len() < MAX_KNOWN,
            Some(known) => known.sighting.seen == Seen::Alone && *seen != Seen::Alone,
        }
    }

    fn learn_owners(&mut self, heard: &Heard) {
        let Heard::Response(response, _) = heard else { return };
        if response.head.headers.get("x-subject-token").is_none() || self.owners.len() >= MAX_KNOWN {
            return;
        }
        for found in findings(heard).into_iter().filter(|found| found.kind == SecretKind::Token) {
            let token = String::from_utf8_lossy(&found.value).into_owned();
            self.owners.extend(found.user.map(|user| (token, user)));
        }
    }
}

/// Smaller is better: listed before alone, dated before undated, older first, further down the list first.
fn rank(sighting: &Sighting) -> (bool, bool, Option<&str>, Reverse<usize>) {
    match &sighting.seen {
        Seen::Listed { created, position } => {
            (false, created.is_none(), created.as_deref(), Reverse(*position))
        }
        Seen::Alone | Seen::Gone => (true, true, None, Reverse(0)),
    }
}

#[cfg(test)]
mod tests {
    use testbed::{
        foothold::TargetId,
        vocabulary::Direction::{ToAcceptor, ToDialer},
    };

    use super::*;
    use crate::parse::conversation::Conversation;

    const LATE: Duration = Duration::from_secs(9);

    /// A plan after these exchanges, all overheard at second zero.
    fn after(exchanges: &[(&str, &str)]) -> Plan {
        let target =
            Target { id: TargetId::for_test(1), label: "compute".into(), server_name: "compute".into() };
        let place = Place { target, channel: Channel::Clear, flow: Some(1), at: Some(Duration::ZERO) };
        let mut plan = Plan::default();
        for (line, body) in exchanges {
            let mut flow = Conversation::default();
            let request = format!("{line} HTTP/1.1\r\nX-Auth-Token: tok\r\n\r\n");
            let length = body.len();
            let response =
                format!("HTTP/1.1 200 OK\r\nX-Subject-Token: new\r\nContent-Length: {length}\r\n\r\n{body}");
            let asked = flow.hear(ToAcceptor, request.as_bytes());
            let answered = flow.hear(ToDialer, response.as_bytes());
            asked.iter().chain(&answered).for_each(|heard| plan.learn(heard, &place));
        }
        plan
    }

    fn order(mut plan: Plan, clock: Duration) -> Vec<String> {
        std::iter::from_fn(|| plan.choose(clock)).map(|lead| lead.sighting.server_id).collect()
    }

    #[test]
    fn the_oldest_of_a_list_comes_first_and_each_is_chosen_once() {
        let list = r#"{"servers":[{"id":"new","created":"2026-10-03"},{"id":"old","created":"2026-10-01"},
            {"id":"undated-a"},{"id":"undated-b"}]}"#;
        let plan = after(&[("GET /v2.1/servers/detail", list)]);
        assert_eq!(order(plan, Duration::ZERO), ["old", "new", "undated-b", "undated-a"]);
    }

    #[test]
    fn a_server_seen_alone_waits_for_a_list() {
        let seen = &[("GET /v2.1/servers/s-1", "{}")];
        assert_eq!(order(after(seen), Duration::ZERO), Vec::<String>::new());
        assert_eq!(order(after(seen), LATE), ["s-1"]);
        let both = &[("GET /v2.1/servers/s-1", "{}"), ("GET /v2.1/servers", r#"{"servers":[{"id":"s-1"}]}"#)];
        assert_eq!(order(after(both), Duration::ZERO), ["s-1"]);
    }

    #[test]
    fn a_server_somebody_deleted_is_left_alone() {
        let list = ("GET /v2.1/servers", r#"{"servers":[{"id":"s-1"},{"id":"s-2"}]}"#);
        let gone = ("DELETE /v2.1/servers/s-1", "");
        assert_eq!(order(after(&[list, gone]), LATE), ["s-2"]);
        assert_eq!(order(after(&[gone, list]), LATE), ["s-2"]);
    }

    #[test]
    fn a_login_tells_whose_token_it_is() {
        let plan = after(&[("GET /v3/auth/tokens", r#"{"token":{"user":{"name":"alice"}}}"#)]);
        assert_eq!(plan.owner("new").as_deref(), Some("alice"));
        assert_eq!(plan.owner("tok"), None);
    }
}
