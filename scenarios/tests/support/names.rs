//! Other names for everything that has one: random words, the same word for the same name everywhere.
//!
//! Kept, because the formats fix them: programs, the dials that services and users open by name, service types,
//! security domains, `local` and `unix`, and scenarios' own ids.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng, rngs::ChaCha12Rng};
use toml::{Table, Value};

/// What is called something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Architecture,
    Authority,
    Dial,
    Dns,
    Host,
    Identity,
    Listener,
    Process,
    Segment,
    Service,
    User,
    Weakness,
}

/// New names, made up as they are asked for.
pub(crate) struct Names {
    random: ChaCha12Rng,
    given: BTreeMap<(Kind, String), String>,
    words: BTreeSet<String>,
}

impl Names {
    pub(crate) fn new(seed: u64) -> Self {
        let random = ChaCha12Rng::seed_from_u64(seed);
        Self { random, given: BTreeMap::new(), words: BTreeSet::new() }
    }

    /// The new name of something.
    pub(crate) fn of(&mut self, kind: Kind, old: &str) -> String {
        if let Some(given) = self.given.get(&(kind, old.to_owned())) {
            return given.clone();
        }
        let word = self.word();
        let new = if kind == Kind::Dns { format!("{word}.cloud.invalid") } else { word };
        self.given.insert((kind, old.to_owned()), new.clone());
        new
    }

    /// Everything an architecture file gives a name to.
    pub(crate) fn rename_architecture(&mut self, source: &str) -> String {
        let original: Table = source.parse().unwrap();
        let mut file = original.clone();
        self.text(Kind::Architecture, &mut file["name"]);
        for line in ["title", "guide"] {
            file[line] = self.word().into();
        }
        self.keys(Kind::Segment, &mut file["segments"]);
        entries(&mut file["hosts"]).for_each(|host| self.host(host));
        self.keys(Kind::Host, &mut file["hosts"]);
        if let Some(authorities) = file.get_mut("authorities") {
            self.keys(Kind::Authority, authorities);
        }
        if let Some(identities) = file.get_mut("identities") {
            entries(identities).for_each(|identity| self.identity(identity));
            self.keys(Kind::Identity, identities);
        }
        for service in entries(&mut file["catalog"]) {
            self.text(Kind::Service, &mut service["name"]);
            for interface in ["public", "internal", "admin"] {
                self.path(&mut service[interface], Some(Kind::Listener));
            }
        }
        for weakness in entries(&mut file["weaknesses"]) {
            weakness["description"] = self.word().into();
            for change in list(&mut weakness["set"]) {
                let last = free_dial(&original, change["dial"].as_str().unwrap());
                self.path(&mut change["dial"], last);
            }
        }
        self.keys(Kind::Weakness, &mut file["weaknesses"]);
        toml::to_string(&file).unwrap()
    }

    /// Everything a scenario file says about architectures.
    pub(crate) fn rename_scenario(&mut self, source: &str) -> String {
        let mut file: Table = source.parse().unwrap();
        match &mut file["architectures"] {
            Value::Table(table) => self.texts(Kind::Architecture, &mut table["except"]),
            names @ Value::Array(_) => self.texts(Kind::Architecture, names),
            _ => {}
        }
        if let Some(weakness) = file.get_mut("weakness") {
            self.text(Kind::Weakness, weakness);
        }
        for control in file.get_mut("controls").into_iter().flat_map(list) {
            if let Some(architecture) = control.get_mut("architecture") {
                self.text(Kind::Architecture, architecture);
            }
        }
        if let Some(expect) = file.get_mut("expect") {
            self.keys(Kind::Architecture, expect);
        }
        toml::to_string(&file).unwrap()
    }

    fn host(&mut self, host: &mut Value) {
        self.texts(Kind::Segment, &mut host["segments"]);
        if let Some(outer) = host.get_mut("inside") {
            self.text(Kind::Host, outer);
        }
        if let Some(processes) = host.get_mut("processes") {
            entries(processes).for_each(|process| self.process(process));
            self.keys(Kind::Process, processes);
        }
    }

    fn process(&mut self, process: &mut Value) {
        self.text(Kind::User, &mut process["user"]);
        let proxy = process["program"].as_str() == Some("proxy");
        if let Some(listeners) = process.get_mut("listeners") {
            entries(listeners).for_each(|listener| self.listener(listener));
            self.keys(Kind::Listener, listeners);
        }
        if let Some(dials) = process.get_mut("dials") {
            entries(dials).for_each(|dial| self.dial(dial));
            if proxy {
                self.keys(Kind::Dial, dials);
            }
        }
    }

    fn listener(&mut self, listener: &mut Value) {
        if !["local", "unix"].contains(&listener["on"].as_str().unwrap()) {
            self.text(Kind::Segment, &mut listener["on"]);
        }
        for (key, kind) in [("identity", Kind::Identity), ("forward", Kind::Dial)] {
            if let Some(name) = listener.get_mut(key) {
                self.text(kind, name);
            }
        }
        for route in listener.get_mut("routes").into_iter().flat_map(list) {
            self.text(Kind::Dns, &mut route["name"]);
            self.texts(Kind::Dial, &mut route["to"]);
        }
        if let Some(peers) = listener.get_mut("peers") {
            self.texts(Kind::User, peers);
        }
        if let Some(asking) = listener.get_mut("client_auth") {
            self.texts(Kind::Authority, &mut asking["trust"]);
            if let Some(allow) = asking.get_mut("allow") {
                self.texts(Kind::Identity, allow);
            }
        }
        if let Some(said) = listener.get_mut("client_cert") {
            self.texts(Kind::Identity, &mut said["accept_from"]);
        }
    }

    fn dial(&mut self, dial: &mut Value) {
        self.path(&mut dial["to"], Some(Kind::Listener));
        let Some(tls) = dial.get_mut("tls") else { return };
        self.texts(Kind::Authority, &mut tls["trust"]);
        for (key, kind) in [("server_name", Kind::Dns), ("identity", Kind::Identity)] {
            if let Some(name) = tls.get_mut(key) {
                self.text(kind, name);
            }
        }
    }

    fn identity(&mut self, identity: &mut Value) {
        for (key, kind) in [("authority", Kind::Authority), ("host", Kind::Host), ("owner", Kind::User)] {
            self.text(kind, &mut identity[key]);
        }
        self.texts(Kind::Dns, &mut identity["names"]);
    }

    /// `host/process/…`, the last part only if its kind may be renamed.
    fn path(&mut self, value: &mut Value, last: Option<Kind>) {
        let [host, process, name]: [&str; 3] =
            value.as_str().unwrap().split('/').collect::<Vec<_>>().try_into().unwrap();
        let (host, process) = (self.of(Kind::Host, host), self.of(Kind::Process, process));
        let name = last.map_or_else(|| name.to_owned(), |kind| self.of(kind, name));
        *value = format!("{host}/{process}/{name}").into();
    }

    fn text(&mut self, kind: Kind, value: &mut Value) {
        *value = self.of(kind, value.as_str().unwrap()).into();
    }

    fn texts(&mut self, kind: Kind, values: &mut Value) {
        list(values).for_each(|value| self.text(kind, value));
    }

    fn keys(&mut self, kind: Kind, value: &mut Value) {
        let table = value.as_table_mut().unwrap();
        *table = std::mem::take(table).into_iter().map(|(name, body)| (self.of(kind, &name), body)).collect();
    }

    /// A word nobody had yet.
    fn word(&mut self) -> String {
        loop {
            let length = self.random.random_range(6..=14);
            let word: String = (0..length).map(|_| self.random.random_range('a'..='z')).collect();
            if self.words.insert(word.clone()) {
                return word;
            }
        }
    }
}

/// Only proxies name their dials as they like.
fn free_dial(original: &Table, label: &str) -> Option<Kind> {
    let (host, rest) = label.split_once('/').unwrap();
    let (process, _) = rest.split_once('/').unwrap();
    let program = &original["hosts"][host]["processes"][process]["program"];
    (program.as_str() == Some("proxy")).then_some(Kind::Dial)
}

fn entries(table: &mut Value) -> impl Iterator<Item = &mut Value> {
    table.as_table_mut().unwrap().iter_mut().map(|(_, body)| body)
}

fn list(array: &mut Value) -> impl Iterator<Item = &mut Value> {
    array.as_array_mut().unwrap().iter_mut()
}
