//! An architecture file under the knife: TLS taken off a listener or put on one, and everybody who dials it
//! with it. The result goes through the same parser as any file.
//!
//! What rests on TLS goes with it: client certificates, and tokens bound to them.

use std::collections::BTreeMap;

use testbed::architecture::{self, Architecture, DialId, ListenerId, SegmentId};
use toml::{Table, Value};

/// A file that is being edited.
#[derive(Clone)]
pub(crate) struct Draft(Table);

impl Draft {
    /// A shipped file, where names are routed cut down to what can be flipped link by link: whoever routes passes
    /// on its own name only, and that to one place. TLS that ends can go on to one place and no other.
    fn unmodified(name: &str) -> Self {
        let mut draft = Self(architecture::source(name).unwrap().parse().unwrap());
        let shipped = draft.resolved();
        let routing: Vec<ListenerId> =
            shipped.listener_ids().filter(|id| !shipped[*id].routes.is_empty()).collect();
        let mut kept = Vec::new();
        for id in routing.iter().copied() {
            let own = shipped[id].routes[0].to[0];
            let routes = draft.listener(&shipped.listener_label(id))["routes"].as_array_mut().unwrap();
            routes.truncate(1);
            routes[0]["to"].as_array_mut().unwrap().truncate(1);
            kept.push(own);
        }
        for dial in routing.iter().flat_map(|id| shipped[*id].routes.iter().flat_map(|route| &route.to)) {
            if !kept.contains(dial) {
                let label = shipped.dial_label(*dial);
                let (process, name) = label.rsplit_once('/').unwrap();
                draft.process(process)["dials"].as_table_mut().unwrap().remove(name);
            }
        }
        if !kept.is_empty() {
            draft.rename(&format!("single-{name}"));
        }
        draft
    }

    /// What the flips of a shipped file are compared with: the file itself, or, where names are routed, the one
    /// it is cut down to.
    pub(crate) fn base(name: &str) -> Architecture {
        Self::unmodified(name).resolved()
    }

    /// The base of a shipped file in which every listener on a segment has callers of one process only: one that
    /// several processes dial is repeated, so that each link can be flipped alone.
    pub(crate) fn of(name: &str) -> Self {
        let mut draft = Self::unmodified(name);
        let shared = draft.resolved();
        let crossing = shared.segment_ids().flat_map(|segment| shared.listeners_on(segment));
        for listener in crossing.collect::<Vec<_>>() {
            draft.split(&shared, listener);
        }
        draft
    }

    pub(crate) fn rename(&mut self, name: &str) {
        self.0.insert("name".to_owned(), name.into());
    }

    /// As the parser understands it.
    pub(crate) fn resolved(&self) -> Architecture {
        let text = toml::to_string(&self.0).unwrap();
        architecture::parse("edited.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
    }

    /// Takes TLS off a listener that has it, puts it on one that has none. Who passed TLS on to it, or passed on
    /// its own, ends it from now on and opens its own towards the far side, as far as there is any.
    pub(crate) fn flip(&mut self, listener: &str) {
        let before = self.resolved();
        let id = before.listener(listener).unwrap();
        for passer in before.listener_ids() {
            let onward = before[passer].routes.first().map(|route| route.to[0]);
            if onward.is_some_and(|dial| passer == id || before[dial].to == id) {
                self.stop_passing(&before, passer);
            }
        }
        let resolved = self.resolved();
        let id = resolved.listener(listener).unwrap();
        match resolved[id].identity {
            Some(_) => self.expose(&resolved, id),
            None => self.protect(&resolved, id),
        }
        let flipped = self.resolved();
        let after = flipped.listener(listener).unwrap();
        assert_ne!(flipped.speaks_tls(after), before.speaks_tls(id), "{listener}");
    }

    /// Ends TLS where it was passed on, and opens it again: both sides stay protected.
    fn stop_passing(&mut self, resolved: &Architecture, passer: ListenerId) {
        let route = &resolved[passer].routes[0];
        let onward: DialId = route.to[0];
        let met = resolved.met(resolved[onward].to).unwrap();
        let authority = resolved[resolved[met].authority].name.clone();
        let own = self.listener(&resolved.listener_label(passer));
        own.remove("routes");
        own.insert("forward".to_owned(), resolved[onward].name.clone().into());
        let tls = Table::from_iter([
            ("trust".to_owned(), vec![authority].into()),
            ("server_name".to_owned(), route.name.clone().into()),
        ]);
        self.dial(&resolved.dial_label(onward)).insert("tls".to_owned(), tls.into());
        self.protect(resolved, passer);
    }

    fn split(&mut self, shared: &Architecture, listener: ListenerId) {
        let label = shared.listener_label(listener);
        let mut dials: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for dial in shared.dial_ids().filter(|dial| shared[*dial].to == listener) {
            dials.entry(shared[dial].process).or_default().push(shared.dial_label(dial));
        }
        for (copy, dials) in dials.into_values().enumerate().skip(1) {
            let own = format!("{label}-{copy}");
            let (process, name) = own.rsplit_once('/').unwrap();
            let body = self.listener(&label).clone();
            self.process(process)["listeners"].as_table_mut().unwrap().insert(name.to_owned(), body.into());
            for dial in dials {
                self.dial(&dial).insert("to".to_owned(), own.clone().into());
            }
        }
    }

    fn expose(&mut self, resolved: &Architecture, id: ListenerId) {
        let listener = self.listener(&resolved.listener_label(id));
        for key in ["identity", "versions", "client_auth", "client_cert"] {
            listener.remove(key);
        }
        if resolved[id].client_auth.is_some() {
            // A token of a caller who can show no certificate here could not be used there.
            for process in resolved.process_ids().map(|id| resolved.process_label(id)) {
                self.process(&process).as_table_mut().unwrap().remove("bind_tokens");
            }
        }
        for dial in dials_to(resolved, id) {
            self.dial(&dial).remove("tls");
            self.nothing_to_weaken(&dial);
        }
    }

    fn protect(&mut self, resolved: &Architecture, id: ListenerId) {
        let label = resolved.listener_label(id);
        let process = &resolved[resolved[id].process];
        let (authority, identity) = ("test-authority", format!("test-{}", label.replace('/', "-")));
        let leaf = Table::from_iter([
            ("authority".to_owned(), authority.into()),
            ("host".to_owned(), resolved[process.host].name.clone().into()),
            ("owner".to_owned(), process.user.clone().into()),
            ("names".to_owned(), vec![format!("{}.cloud.invalid", label.replace('/', "."))].into()),
        ]);
        self.root("authorities").insert(authority.to_owned(), Table::new().into());
        self.root("identities").insert(identity.clone(), leaf.into());
        self.listener(&label).insert("identity".to_owned(), identity.into());
        let tls = Table::from_iter([("trust".to_owned(), vec![authority].into())]);
        for dial in dials_to(resolved, id) {
            self.dial(&dial).insert("tls".to_owned(), tls.clone().into());
        }
    }

    /// A weakness cannot concern a dial that verifies nothing any more.
    fn nothing_to_weaken(&mut self, dial: &str) {
        for (_, weakness) in self.root("weaknesses").iter_mut() {
            let set = weakness["set"].as_array_mut().unwrap();
            set.retain(|change| change["dial"].as_str() != Some(dial));
        }
    }

    fn root(&mut self, key: &str) -> &mut Table {
        let table = self.0.entry(key).or_insert_with(|| Table::new().into());
        table.as_table_mut().unwrap()
    }

    fn process(&mut self, label: &str) -> &mut Value {
        let (host, process) = label.split_once('/').unwrap();
        &mut self.0["hosts"][host]["processes"][process]
    }

    fn listener(&mut self, label: &str) -> &mut Table {
        self.below(label, "listeners")
    }

    fn dial(&mut self, label: &str) -> &mut Table {
        self.below(label, "dials")
    }

    fn below(&mut self, label: &str, kind: &str) -> &mut Table {
        let (process, name) = label.rsplit_once('/').unwrap();
        self.process(process)[kind][name].as_table_mut().unwrap()
    }
}

fn dials_to(resolved: &Architecture, listener: ListenerId) -> Vec<String> {
    let dials = resolved.dial_ids().filter(|dial| resolved[*dial].to == listener);
    dials.map(|dial| resolved.dial_label(dial)).collect()
}

/// One `host/process>host/process` and how its dials cross a segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// Labels of the listeners it leads to.
    pub(crate) listeners: Vec<String>,
    /// How many of its dials are clear.
    pub(crate) clear: usize,
    /// How many carry TLS, their own or what is passed on.
    pub(crate) protected: usize,
}

/// Every link that crosses one of some segments.
pub(crate) fn links_on(
    architecture: &Architecture,
    segments: impl Iterator<Item = SegmentId>,
) -> BTreeMap<String, Link> {
    let mut links: BTreeMap<String, Link> = BTreeMap::new();
    for dial in segments.flat_map(|segment| architecture.dials_on(segment).collect::<Vec<_>>()) {
        let link = links.entry(architecture.link(dial)).or_default();
        link.listeners.push(architecture.listener_label(architecture[dial].to));
        let sealed = architecture.speaks_tls(architecture[dial].to);
        if sealed { link.protected += 1 } else { link.clear += 1 }
    }
    links
}
