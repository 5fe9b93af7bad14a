//! What the drawings share: words for protection, dials that are one arrow to the eye, and who is inside whom.

use super::model::{Graph, Host, Link, Over, Process, Protection, Tls};

/// Dials of one process to one other that are protected alike: one arrow to the eye.
pub(super) struct Arrow<'a> {
    /// The first of them.
    pub(super) link: &'a Link,
    /// Their names.
    pub(super) dials: Vec<&'a str>,
}

impl Graph {
    /// What is drawn between processes, in file order.
    pub(super) fn arrows(&self) -> Vec<Arrow<'_>> {
        let mut arrows: Vec<Arrow<'_>> = Vec::new();
        for link in &self.links {
            match arrows.iter_mut().find(|arrow| arrow.link.alike(link)) {
                Some(arrow) => arrow.dials.push(&link.dial),
                None => arrows.push(Arrow { link, dials: vec![&link.dial] }),
            }
        }
        arrows
    }

    /// Guests of a host.
    pub(super) fn guests(&self, host: &str) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |guest| guest.inside.as_deref() == Some(host))
    }

    /// Hosts that are nobody's guests.
    pub(super) fn outermost(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.inside.is_none())
    }
}

impl Process {
    /// What it is and who runs it.
    pub(super) fn words(&self) -> String {
        format!("program {}, run as {}", self.program, self.user)
    }
}

impl Link {
    fn alike(&self, other: &Self) -> bool {
        (&self.from, &self.to, self.over, &self.segment, self.words())
            == (&other.from, &other.to, other.over, &other.segment, other.words())
    }

    /// Its protection in a few words: `TLS internal, mutual`, `clear`, `local`, `passed through`.
    pub fn words(&self) -> String {
        match (&self.protection, self.over) {
            (Protection::Tls(tls), _) => tls.words(),
            (Protection::PassThrough, _) => "passed through".to_owned(),
            (Protection::Clear, Over::Segment) => "clear".to_owned(),
            (Protection::Clear, Over::Local) => "local".to_owned(),
            (Protection::Clear, Over::Unix) => "Unix socket".to_owned(),
        }
    }
}

impl Tls {
    fn words(&self) -> String {
        let mut words = match &self.authority {
            Some(authority) => format!("TLS {authority}"),
            None => "TLS".to_owned(),
        };
        if self.authority.as_ref().is_some_and(|authority| !self.trust.contains(authority)) {
            words += ", not trusted";
        }
        words += match self.verify {
            "chain" => ", any name",
            "off" => ", unverified",
            _ => "",
        };
        if self.client_identity.is_some() {
            words += ", mutual";
        }
        words
    }
}
