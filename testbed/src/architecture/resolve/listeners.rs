//! Listeners: where each stands, on which port, with whose certificate, and where it forwards to. What is
//! particular to TLS, pass-through and Unix sockets is in `fronts`, `routes` and `sockets`.

use toml::Spanned;

use super::{
    super::{
        DialId, IdentityId, Listener, Place, ProcessId, Program, SegmentId,
        diagnose::Finding,
        literal::{Item, ListenerLiteral, Literal},
        suggest::help_for,
    },
    Draft, at, each, forwarding, fronts,
    names::{LOCAL, Names, UNIX},
    routes, sockets, trust,
};

/// Ports a file may insist on: not privileged, and below the range the kernel draws source ports from.
const PORTS: std::ops::RangeInclusive<i64> = 1024..=32767;

pub(super) fn listeners(
    literal: &Literal,
    names: &Names,
    draft: &Draft,
    findings: &mut Vec<Finding>,
) -> Vec<Option<Listener>> {
    each(&literal.listeners, |_, item, body| {
        let before = findings.len();
        let resolver = Resolver { literal, names, draft, item, body };
        let place = resolver.place(findings);
        let port = body.port.as_ref().and_then(|port| insisted(port, findings));
        let identity = resolver.identity(findings);
        let forward = resolver.forward(findings);
        let routes = routes::routes(&resolver, findings);
        let (protocol, filter) = forwarding::protocol(&resolver, findings);
        let balance = forwarding::balance(&resolver, findings);
        let accept_proxy = forwarding::accept_proxy(&resolver, findings);
        let socket = sockets::socket(&resolver, place, findings);
        let versions = fronts::versions(body, findings);
        let groups = fronts::groups(body, findings);
        let resumption = fronts::resumption(body, findings);
        let client_auth = fronts::client_auth(body, names, findings);
        let client_cert = fronts::client_cert(&resolver, findings);
        let privileged = resolver.privileged(findings);
        let place = place?;
        (findings.len() == before).then(|| Listener {
            name: item.name.get_ref().clone(),
            process: ProcessId(item.parent),
            place,
            port,
            identity,
            versions,
            groups,
            resumption,
            forward,
            protocol,
            filter,
            balance,
            accept_proxy,
            routes,
            socket,
            client_auth,
            client_cert,
            privileged,
        })
    })
}

/// One listener with what it may refer to.
pub(super) struct Resolver<'a> {
    pub(super) literal: &'a Literal,
    pub(super) names: &'a Names,
    pub(super) draft: &'a Draft,
    pub(super) item: &'a Item<ListenerLiteral>,
    pub(super) body: &'a ListenerLiteral,
}

impl Resolver<'_> {
    /// Its host.
    pub(super) fn host(&self) -> usize {
        self.literal.processes[self.item.parent].parent
    }

    fn place(&self, findings: &mut Vec<Finding>) -> Option<Place> {
        let on = &self.body.on;
        match on.get_ref().as_str() {
            LOCAL => return Some(Place::Local),
            UNIX => return Some(Place::Unix),
            _ => {}
        }
        let segment = SegmentId(self.names.segments.find(on, findings)?);
        let host = at(&self.draft.hosts, self.host())?;
        if !host.segments.contains(&segment) {
            let message = format!("host `{}` has no address on segment `{}`", host.name, on.get_ref());
            let stands = host.segments.iter().map(|id| format!("`{}`", self.names.segments.name(id.0)));
            let stands = stands.collect::<Vec<_>>().join(" and ");
            findings
                .push(Finding::new(on.span(), message).help(format!("`{}` stands on {stands}", host.name)));
            return None;
        }
        Some(Place::Segment(segment))
    }

    fn identity(&self, findings: &mut Vec<Finding>) -> Option<IdentityId> {
        let name = self.body.identity.as_ref()?;
        trust::own_identity(name, self.item.parent, (self.literal, self.names, self.draft), findings)
    }

    /// What its process does.
    pub(super) fn program(&self) -> Option<Program> {
        Some(at(&self.draft.processes, self.item.parent)?.program)
    }

    fn privileged(&self, findings: &mut Vec<Finding>) -> bool {
        let Some(flag) = &self.body.privileged else { return false };
        if self
            .program()
            .is_some_and(|program| !matches!(program, Program::Identity { .. } | Program::Compute))
        {
            findings.push(
                Finding::new(flag.span(), "only listeners of `identity` and `compute` are privileged")
                    .help("give the service a listener of its own for it, and let a proxy forward there"),
            );
        }
        *flag.get_ref()
    }

    fn forward(&self, findings: &mut Vec<Finding>) -> Option<DialId> {
        let program = self.program()?;
        match (&self.body.forward, program) {
            (Some(name), Program::Proxy) if self.body.routes.is_some() => {
                findings.push(
                    Finding::new(name.span(), "a listener forwards to one dial or routes by name, not both")
                        .help("remove `forward` or `routes`"),
                );
                None
            }
            (Some(name), Program::Proxy) => self.own_dial(name, findings),
            (None, Program::Proxy) if self.body.routes.is_some() => None,
            (None, Program::Proxy) => {
                let message = format!("proxy listener `{}` forwards nowhere", self.item.name.get_ref());
                findings.push(
                    Finding::new(self.item.name.span(), message)
                        .help("add `forward = \"…\"` with the name of a dial of this process, or `routes`"),
                );
                None
            }
            (Some(name), _) => {
                findings.push(
                    Finding::new(name.span(), "only a proxy forwards connections")
                        .help("remove `forward`, or make this process a `proxy`"),
                );
                None
            }
            (None, _) => None,
        }
    }

    /// A dial of the same process.
    pub(super) fn own_dial(&self, name: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<DialId> {
        let own = self.literal.dials.iter().enumerate().filter(|(_, dial)| dial.parent == self.item.parent);
        let own: Vec<(usize, &str)> =
            own.map(|(index, dial)| (index, dial.name.get_ref().as_str())).collect();
        let found = own.iter().find(|(_, dial)| dial == name.get_ref());
        if found.is_none() {
            let known: Vec<&str> = own.iter().map(|(_, dial)| *dial).collect();
            findings.push(
                Finding::new(name.span(), format!("this process has no dial `{}`", name.get_ref()))
                    .maybe_help(help_for(name.get_ref(), &known)),
            );
        }
        found.map(|(index, _)| DialId(*index))
    }
}

fn insisted(port: &Spanned<i64>, findings: &mut Vec<Finding>) -> Option<u16> {
    let number = *port.get_ref();
    if PORTS.contains(&number) {
        return u16::try_from(number).ok();
    }
    let finding = Finding::new(port.span(), format!("port {number} cannot be used"));
    findings.push(match number {
        0 => finding.help("leave `port` out to have one drawn"),
        1..1024 => finding.help("ports below 1024 are privileged; use 1024 to 32767"),
        _ => finding.help("use 1024 to 32767; the kernel draws source ports above"),
    });
    None
}

/// One port twice on one address. A local listener's port is reserved on every address of its host. Unix
/// sockets have none.
pub(super) fn check_ports(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    let host = |listener: &Listener| literal.processes[listener.process.0].parent;
    for (index, listener) in draft.listeners.iter().enumerate() {
        let Some(listener) = listener.as_ref().filter(|listener| listener.port.is_some()) else { continue };
        let clash = draft.listeners.iter().take(index).flatten().any(|earlier| {
            earlier.port == listener.port
                && host(earlier) == host(listener)
                && (earlier.place == listener.place
                    || [earlier.place, listener.place].contains(&Place::Local))
        });
        let body = literal.listeners[index].body.as_ref();
        if let (true, Some(port)) = (clash, body.and_then(|body| body.port.as_ref())) {
            let message = format!("port {} is taken twice on this host", port.get_ref());
            findings.push(Finding::new(port.span(), message));
        }
    }
}
