//! Dials: what each connects to, whether it can get there, and how it protects itself.

use toml::Spanned;

use super::{
    super::{
        Dial, DialTls, HostId, Identity, Listener, ListenerId, Place, ProcessId, Verify,
        diagnose::Finding,
        literal::{DialLiteral, Item, Literal, TlsLiteral},
        suggest::quoted_list,
    },
    Draft, at, each, forwarding,
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
        let proxy_header = forwarding::header(body.proxy_header.as_ref(), findings);
        let resolver = Resolver { literal, names, draft, item, body, passes: passes(literal, item) };
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
        (findings.len() == before).then_some(Dial { name, process, to, tls, proxy_header })
    })
}

/// Does it carry a caller's TLS on, unopened? Asked of what is written: a listener with an error of its own
/// routes to it no less.
fn passes(literal: &Literal, item: &Item<DialLiteral>) -> bool {
    let own = literal.listeners.iter().filter(|listener| listener.parent == item.parent);
    let routes = own.filter_map(|listener| listener.body.as_ref()?.routes.as_ref());
    routes
        .flat_map(|routes| routes.get_ref().iter())
        .flat_map(|route| route.to.get_ref())
        .any(|dial| dial.get_ref() == item.name.get_ref())
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
    passes: bool,
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
            Place::Local | Place::Unix if here != there => {
                let message = format!(
                    "`{here_name}` cannot dial `{}`: it listens on a local link of `{there_name}`",
                    self.target_name()
                );
                findings.push(
                    Finding::new(self.body.to.span(), message)
                        .help(format!("dial a proxy on `{there_name}` that forwards to it")),
                );
            }
            Place::Unix => self.check_peer(target, findings),
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

    /// Does the socket let this process's user in?
    fn check_peer(&self, target: &Listener, findings: &mut Vec<Finding>) {
        let (Some(process), Some(socket)) = (at(&self.draft.processes, self.item.parent), &target.socket)
        else {
            return;
        };
        if !socket.peers.contains(&process.user) {
            let message = format!("`{}` does not let `{}` connect", self.target_name(), process.user);
            findings.push(
                Finding::new(self.body.to.span(), message)
                    .help(format!("add `{}` to the `peers` of that listener", process.user)),
            );
        }
    }

    /// What a caller who asks for `server_name` meets at a listener: the listener's own certificate, or, where
    /// it passes TLS on, that of whom the name is routed to, however often.
    fn met(&self, target: &Listener, server_name: Option<&str>) -> Option<&Identity> {
        let mut target = target;
        // A loop of routes is reported elsewhere; here it must only end.
        for _ in 0..=self.draft.listeners.len() {
            if let Some(identity) = target.identity {
                return at(&self.draft.identities, identity.0);
            }
            let route = match server_name {
                Some(name) => target.routes.iter().find(|route| route.name == name)?,
                None => target.routes.first()?,
            };
            let beyond = &self.literal.dials.get(route.to.first()?.0)?.body.as_ref()?.to;
            target = at(&self.draft.listeners, self.names.listeners.find(beyond, &mut Vec::new())?)?;
        }
        None
    }

    fn check_clear(&self, target: &Listener, findings: &mut Vec<Finding>) {
        let speaks_tls = target.identity.is_some() || !target.routes.is_empty();
        if self.passes {
            if !speaks_tls {
                let message = format!("`{}` is routed to by name and speaks no TLS", self.target_name());
                findings.push(Finding::new(self.body.to.span(), message));
            }
            return;
        }
        if speaks_tls {
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
        if self.passes {
            findings.push(
                Finding::new(tls.span(), "a dial that is routed to carries the caller's TLS, not its own")
                    .help("remove `tls`"),
            );
            return None;
        }
        if target.identity.is_none() && target.routes.is_empty() {
            let message = format!("a TLS dial to `{}`, which listens in the clear", self.target_name());
            findings.push(
                Finding::new(tls.span(), message).help("remove `tls`, or give the listener an `identity`"),
            );
            return None;
        }
        let identity = literal.identity.as_ref().and_then(|name| {
            let known = (self.literal, self.names, self.draft);
            trust::own_identity(name, self.item.parent, known, findings)
        });
        let asked = literal.server_name.as_ref();
        if let (Some(name), false) = (asked, target.routes.is_empty())
            && !target.routes.iter().any(|route| route.name == *name.get_ref())
        {
            let known: Vec<&str> = target.routes.iter().map(|route| route.name.as_str()).collect();
            let message = format!("`{}` routes no `{}`", self.target_name(), name.get_ref());
            findings
                .push(Finding::new(name.span(), message).help(format!("it routes {}", quoted_list(&known))));
            return None;
        }
        let names = &self.met(target, asked.map(|name| name.get_ref().as_str()))?.names;
        let own = target.routes.first().map(|route| &route.name).or(names.first());
        let server_name = asked.map(Spanned::get_ref).or(own)?.clone();
        if let Some(name) = asked {
            trust::check_dns_name(name, findings);
        }
        if verify == Some(Verify::Name) && !names.contains(&server_name) {
            let span = asked.map_or(tls.span(), Spanned::span);
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("`{}` presents no certificate for `{server_name}`", self.target_name());
            findings.push(
                Finding::new(span, message).help(format!("its certificate names {}", quoted_list(&known))),
            );
        }
        Some(DialTls { trust: trust?, verify: verify?, server_name, identity })
    }
}
