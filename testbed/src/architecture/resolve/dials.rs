//! Dials: what each connects to, whether it can get there, and how it protects itself.

use toml::Spanned;

use super::{
    super::{
        Dial, DialTls, HostId, Listener, ListenerId, Place, ProcessId, Verify,
        diagnose::Finding,
        literal::{DialLiteral, Item, Literal, TlsLiteral},
        suggest::quoted_list,
    },
    Draft, at, each,
    names::Names,
    trust,
};

pub(super) fn dials(
    literal: &Literal,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Vec<Option<Dial>> {
    each(&literal.dials, |_, item, body| {
        let before = findings.len();
        let to = names.listeners.find(&body.to, findings);
        let resolver = Resolver { literal, names, draft, item, body };
        let target = to.and_then(|to| at(&draft.listeners, to));
        if let Some(target) = target {
            resolver.check_way(target, findings);
        }
        let tls = match (&body.tls, target) {
            (Some(tls), Some(target)) => Some(resolver.tls(tls, target, findings)?),
            (None, Some(target)) => {
                resolver.check_clear(target, findings);
                None
            }
            (Some(tls), None) => {
                trust::trust(&tls.get_ref().trust, names, findings);
                verify(tls.get_ref(), findings);
                return None;
            }
            (None, None) => return None,
        };
        let to = ListenerId(to?);
        let (name, process) = (item.name.get_ref().clone(), ProcessId(item.parent));
        (findings.len() == before).then_some(Dial { name, process, to, tls })
    })
}

/// A dial may not say `off`.
fn verify(tls: &TlsLiteral, findings: &mut Vec<Finding>) -> Option<Verify> {
    let Some(word) = &tls.verify else { return Some(Verify::Name) };
    let verify = trust::verify(word, findings)?;
    if verify == Verify::Off {
        findings.push(
            Finding::new(word.span(), "no dial is written without verification")
                .help("`verify = \"off\"` exists only as a named weakness: see `[weaknesses.…]`"),
        );
        return None;
    }
    Some(verify)
}

struct Resolver<'a> {
    literal: &'a Literal,
    names: &'a Names,
    draft: &'a Draft,
    item: &'a Item<DialLiteral>,
    body: &'a DialLiteral,
}

impl Resolver<'_> {
    fn target_name(&self) -> &str {
        self.body.to.get_ref()
    }

    /// Is there a network between the two?
    fn check_way(&self, target: &Listener, findings: &mut Vec<Finding>) {
        let here = HostId(self.literal.processes[self.item.parent].parent);
        let there = HostId(self.literal.processes[target.process.0].parent);
        let (here_name, there_name) = (self.names.hosts.name(here.0), self.names.hosts.name(there.0));
        match target.place {
            Place::Local if here != there => {
                let message = format!(
                    "`{here_name}` cannot dial `{}`: it listens on a local link of `{there_name}`",
                    self.target_name()
                );
                findings.push(
                    Finding::new(self.body.to.span(), message)
                        .help(format!("dial a proxy on `{there_name}` that forwards to it")),
                );
            }
            Place::Local => {}
            Place::Segment(segment) => {
                let Some(host) = at(&self.draft.hosts, here.0) else { return };
                if !host.segments.contains(&segment) {
                    let segment = self.names.segments.name(segment.0);
                    let message = format!(
                        "`{here_name}` has no address on segment `{segment}`, where `{}` listens",
                        self.target_name()
                    );
                    findings.push(Finding::new(self.body.to.span(), message).help(format!(
                        "add `{segment}` to the segments of `{here_name}`, or dial through a proxy"
                    )));
                }
            }
        }
    }

    fn check_clear(&self, target: &Listener, findings: &mut Vec<Finding>) {
        if target.identity.is_some() {
            let message = format!("a clear dial to `{}`, which speaks TLS", self.target_name());
            findings.push(
                Finding::new(self.body.to.span(), message)
                    .help("add `tls = { trust = […] }`, or remove the listener's `identity`"),
            );
        }
    }

    fn tls(
        &self,
        tls: &Spanned<TlsLiteral>,
        target: &Listener,
        findings: &mut Vec<Finding>,
    ) -> Option<DialTls> {
        let literal = tls.get_ref();
        let trust = trust::trust(&literal.trust, self.names, findings);
        let verify = verify(literal, findings);
        let Some(identity) = target.identity else {
            let message = format!("a TLS dial to `{}`, which listens in the clear", self.target_name());
            findings.push(
                Finding::new(tls.span(), message).help("remove `tls`, or give the listener an `identity`"),
            );
            return None;
        };
        let names = &at(&self.draft.identities, identity.0)?.names;
        let server_name = match &literal.server_name {
            Some(name) => name.get_ref().clone(),
            None => names.first()?.clone(),
        };
        if let Some(name) = &literal.server_name {
            trust::check_dns_name(name, findings);
            if verify == Some(Verify::Name) && !names.contains(&server_name) {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                let message = format!("`{}` presents no certificate for `{server_name}`", self.target_name());
                findings.push(
                    Finding::new(name.span(), message)
                        .help(format!("its certificate names {}", quoted_list(&known))),
                );
            }
        }
        Some(DialTls { trust: trust?, verify: verify?, server_name })
    }
}
