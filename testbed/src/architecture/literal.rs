//! An architecture file as it is written: names are still text, and every value knows its place.
//!
//! Fields are read one by one rather than by a derived `Deserialize`, which would stop at the first error.
//! An item with an error of its own keeps its name (others may refer to it) but loses its body, so that no
//! later check complains about what follows from that error. Whether names exist is not decided here.

use toml::Spanned;

use super::{
    diagnose::Finding,
    reading::{Section, Trace, parse},
};

/// The version of the format that is read.
const SCHEMA: i64 = 1;

/// A named table of the file, below the `parent`-th item of the table around it.
#[derive(Debug)]
pub(super) struct Item<T> {
    pub(super) name: Spanned<String>,
    pub(super) parent: usize,
    /// `None`: already reported.
    pub(super) body: Option<T>,
}

#[derive(Debug, Default)]
pub(super) struct Literal {
    pub(super) name: Option<Spanned<String>>,
    pub(super) title: Option<Spanned<String>>,
    pub(super) guide: Option<Spanned<String>>,
    pub(super) segments: Vec<Item<SegmentLiteral>>,
    pub(super) hosts: Vec<Item<HostLiteral>>,
    pub(super) processes: Vec<Item<ProcessLiteral>>,
    pub(super) listeners: Vec<Item<ListenerLiteral>>,
    pub(super) dials: Vec<Item<DialLiteral>>,
    pub(super) authorities: Vec<Item<()>>,
    pub(super) identities: Vec<Item<IdentityLiteral>>,
    pub(super) catalog: Vec<Item<CatalogLiteral>>,
    pub(super) weaknesses: Vec<Item<WeaknessLiteral>>,
}

impl Literal {
    /// How many named tables the file has.
    pub(super) fn things(&self) -> usize {
        [
            self.segments.len(),
            self.hosts.len(),
            self.processes.len(),
            self.listeners.len(),
            self.dials.len(),
            self.authorities.len(),
            self.identities.len(),
            self.catalog.len(),
            self.weaknesses.len(),
        ]
        .iter()
        .sum()
    }
}

#[derive(Debug)]
pub(super) struct SegmentLiteral {
    pub(super) domain: Spanned<String>,
}

#[derive(Debug)]
pub(super) struct HostLiteral {
    pub(super) segments: Spanned<Vec<Spanned<String>>>,
    pub(super) inside: Option<Spanned<String>>,
}

#[derive(Debug)]
pub(super) struct ProcessLiteral {
    pub(super) program: Spanned<String>,
    pub(super) user: Spanned<String>,
    pub(super) threads: Option<Spanned<i64>>,
    pub(super) hash_threads: Option<Spanned<i64>>,
    pub(super) bind_tokens: Option<Spanned<bool>>,
    pub(super) engine: Option<Spanned<String>>,
}

#[derive(Debug)]
pub(super) struct ListenerLiteral {
    pub(super) on: Spanned<String>,
    pub(super) port: Option<Spanned<i64>>,
    pub(super) identity: Option<Spanned<String>>,
    pub(super) versions: Option<Words>,
    pub(super) groups: Option<Words>,
    pub(super) resumption: Option<Words>,
    pub(super) forward: Option<Spanned<String>>,
    pub(super) protocol: Option<Spanned<String>>,
    pub(super) filter: Option<Spanned<String>>,
    pub(super) balance: Option<Spanned<String>>,
    pub(super) accept_proxy: Option<Words>,
    pub(super) routes: Option<Spanned<Vec<RouteLiteral>>>,
    pub(super) mode: Option<Spanned<String>>,
    pub(super) peers: Option<Words>,
    pub(super) client_auth: Option<Spanned<ClientAuthLiteral>>,
    pub(super) client_cert: Option<Spanned<ClientCertLiteral>>,
    pub(super) privileged: Option<Spanned<bool>>,
}

/// A list of words, each with its place.
pub(super) type Words = Spanned<Vec<Spanned<String>>>;

#[derive(Debug)]
pub(super) struct RouteLiteral {
    pub(super) name: Spanned<String>,
    pub(super) to: Words,
}

#[derive(Debug)]
pub(super) struct ClientAuthLiteral {
    pub(super) trust: Words,
    pub(super) required: Option<Spanned<bool>>,
    pub(super) allow: Option<Words>,
}

#[derive(Debug)]
pub(super) struct ClientCertLiteral {
    pub(super) accept_from: Words,
}

#[derive(Debug)]
pub(super) struct DialLiteral {
    pub(super) to: Spanned<String>,
    pub(super) tls: Option<Spanned<TlsLiteral>>,
    pub(super) proxy_header: Option<Spanned<String>>,
}

#[derive(Debug)]
pub(super) struct TlsLiteral {
    pub(super) trust: Spanned<Vec<Spanned<String>>>,
    pub(super) verify: Option<Spanned<String>>,
    pub(super) server_name: Option<Spanned<String>>,
    pub(super) identity: Option<Spanned<String>>,
}

#[derive(Debug)]
pub(super) struct IdentityLiteral {
    pub(super) authority: Spanned<String>,
    pub(super) host: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) names: Spanned<Vec<Spanned<String>>>,
}

#[derive(Debug)]
pub(super) struct CatalogLiteral {
    pub(super) name: Spanned<String>,
    pub(super) public: Spanned<String>,
    pub(super) internal: Spanned<String>,
    pub(super) admin: Spanned<String>,
}

#[derive(Debug)]
pub(super) struct WeaknessLiteral {
    pub(super) description: Spanned<String>,
    pub(super) set: Vec<ChangeLiteral>,
}

#[derive(Debug)]
pub(super) struct ChangeLiteral {
    pub(super) dial: Spanned<String>,
    pub(super) verify: Spanned<String>,
}

/// Reads the whole file; `None` when it is no TOML or of another schema.
pub(super) fn read(source: &str, findings: &mut Vec<Finding>) -> Option<Literal> {
    read_file(parse(source, findings)?, findings)
}

/// Every key that is asked for in a file like this one.
pub(super) fn asked(source: &str) -> Option<Trace> {
    let file = parse(source, &mut Vec::new())?;
    let trace = file.trace();
    read_file(file, &mut Vec::new());
    Some(trace)
}

fn read_file(mut file: Section<'_>, findings: &mut Vec<Finding>) -> Option<Literal> {
    let schema = file.required::<i64>("schema", findings);
    if let Some(other) = schema.filter(|schema| *schema.get_ref() != SCHEMA) {
        let message = format!("schema {} is not known", other.get_ref());
        findings
            .push(Finding::new(other.span(), message).help(format!("this program reads schema {SCHEMA}")));
        return None;
    }
    let mut literal = Literal {
        name: file.required("name", findings),
        title: file.required("title", findings),
        guide: file.required("guide", findings),
        ..Literal::default()
    };
    literal.segments = items(&mut file, "segments", findings, segment);
    for (name, host) in file.entries("hosts", findings) {
        read_host(&mut literal, name, host, findings);
    }
    literal.authorities = items(&mut file, "authorities", findings, |_, _| Some(()));
    literal.identities = items(&mut file, "identities", findings, identity);
    literal.catalog = items(&mut file, "catalog", findings, catalog);
    literal.weaknesses = items(&mut file, "weaknesses", findings, weakness);
    file.finish(findings);
    Some(literal)
}

fn read_host(
    literal: &mut Literal,
    name: Spanned<String>,
    mut table: Section<'_>,
    findings: &mut Vec<Finding>,
) {
    let parent = literal.hosts.len();
    let processes = table.entries("processes", findings);
    literal.hosts.push(item(name, 0, table, findings, host));
    for (name, process) in processes {
        read_process(literal, (parent, name), process, findings);
    }
}

fn read_process(
    literal: &mut Literal,
    (parent, name): (usize, Spanned<String>),
    mut table: Section<'_>,
    findings: &mut Vec<Finding>,
) {
    let own = literal.processes.len();
    let listeners = table.entries("listeners", findings);
    let dials = table.entries("dials", findings);
    literal.processes.push(item(name, parent, table, findings, process));
    for (name, table) in listeners {
        literal.listeners.push(item(name, own, table, findings, listener));
    }
    for (name, table) in dials {
        literal.dials.push(item(name, own, table, findings, dial));
    }
}

fn items<'i, T>(
    file: &mut Section<'i>,
    key: &'static str,
    findings: &mut Vec<Finding>,
    read: impl Fn(&mut Section<'i>, &mut Vec<Finding>) -> Option<T>,
) -> Vec<Item<T>> {
    let entries = file.entries(key, findings);
    entries.into_iter().map(|(name, table)| item(name, 0, table, findings, &read)).collect()
}

fn item<'i, T>(
    name: Spanned<String>,
    parent: usize,
    mut table: Section<'i>,
    findings: &mut Vec<Finding>,
    read: impl Fn(&mut Section<'i>, &mut Vec<Finding>) -> Option<T>,
) -> Item<T> {
    let before = findings.len();
    let body = read(&mut table, findings);
    table.finish(findings);
    Item { name, parent, body: body.filter(|_| findings.len() == before) }
}

fn segment(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<SegmentLiteral> {
    Some(SegmentLiteral { domain: table.required("domain", findings)? })
}

fn host(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<HostLiteral> {
    let (segments, inside) = (table.list("segments", findings), table.optional("inside", findings));
    Some(HostLiteral { segments: segments?, inside })
}

fn process(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<ProcessLiteral> {
    let (program, user) = (table.required("program", findings), table.required("user", findings));
    let (threads, hash_threads) =
        (table.optional("threads", findings), table.optional("hash_threads", findings));
    let bind_tokens = table.optional("bind_tokens", findings);
    let engine = table.optional("engine", findings);
    Some(ProcessLiteral { program: program?, user: user?, threads, hash_threads, bind_tokens, engine })
}

fn listener(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<ListenerLiteral> {
    let (on, port) = (table.required("on", findings), table.optional("port", findings));
    let (identity, forward) = (table.optional("identity", findings), table.optional("forward", findings));
    let (versions, mode) = (table.optional_list("versions", findings), table.optional("mode", findings));
    let peers = table.optional_list("peers", findings);
    let groups = table.optional_list("groups", findings);
    let resumption = table.optional_list("resumption", findings);
    let (protocol, filter) = (table.optional("protocol", findings), table.optional("filter", findings));
    let balance = table.optional("balance", findings);
    let accept_proxy = table.optional_list("accept_proxy", findings);
    let routes = routes(table, findings);
    let client_auth = table.section("client_auth", findings).and_then(|auth| client_auth(auth, findings));
    let client_cert = table.section("client_cert", findings).and_then(|cert| client_cert(cert, findings));
    let privileged = table.optional("privileged", findings);
    Some(ListenerLiteral {
        on: on?,
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
        mode,
        peers,
        client_auth,
        client_cert,
        privileged,
    })
}

fn routes(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<Spanned<Vec<RouteLiteral>>> {
    let items = table.optional_items("routes", findings)?;
    let at = items.span();
    let read = |mut item: Section<'_>| {
        let (name, to) = (item.required("name", findings), item.list("to", findings));
        item.finish(findings);
        Some(RouteLiteral { name: name?, to: to? })
    };
    Some(Spanned::new(at, items.into_inner().into_iter().filter_map(read).collect()))
}

fn client_auth(mut table: Section<'_>, findings: &mut Vec<Finding>) -> Option<Spanned<ClientAuthLiteral>> {
    let (trust, required) = (table.list("trust", findings), table.optional("required", findings));
    let allow = table.optional_list("allow", findings);
    let at = table.at.clone();
    table.finish(findings);
    Some(Spanned::new(at, ClientAuthLiteral { trust: trust?, required, allow }))
}

fn client_cert(mut table: Section<'_>, findings: &mut Vec<Finding>) -> Option<Spanned<ClientCertLiteral>> {
    let accept_from = table.list("accept_from", findings);
    let at = table.at.clone();
    table.finish(findings);
    Some(Spanned::new(at, ClientCertLiteral { accept_from: accept_from? }))
}

fn dial(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<DialLiteral> {
    let to = table.required("to", findings);
    let tls = table.section("tls", findings).and_then(|section| tls(section, findings));
    let proxy_header = table.optional("proxy_header", findings);
    Some(DialLiteral { to: to?, tls, proxy_header })
}

fn tls(mut table: Section<'_>, findings: &mut Vec<Finding>) -> Option<Spanned<TlsLiteral>> {
    let trust = table.list("trust", findings);
    let (verify, server_name) = (table.optional("verify", findings), table.optional("server_name", findings));
    let identity = table.optional("identity", findings);
    let at = table.at.clone();
    table.finish(findings);
    Some(Spanned::new(at, TlsLiteral { trust: trust?, verify, server_name, identity }))
}

fn identity(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<IdentityLiteral> {
    let (authority, host) = (table.required("authority", findings), table.required("host", findings));
    let (owner, names) = (table.required("owner", findings), table.list("names", findings));
    Some(IdentityLiteral { authority: authority?, host: host?, owner: owner?, names: names? })
}

fn catalog(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<CatalogLiteral> {
    let (name, public) = (table.required("name", findings), table.required("public", findings));
    let (internal, admin) = (table.required("internal", findings), table.required("admin", findings));
    Some(CatalogLiteral { name: name?, public: public?, internal: internal?, admin: admin? })
}

fn weakness(table: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<WeaknessLiteral> {
    let description = table.required("description", findings);
    let changes = table.items("set", findings).into_iter();
    let set = changes.filter_map(|table| change(table, findings)).collect();
    Some(WeaknessLiteral { description: description?, set })
}

fn change(mut table: Section<'_>, findings: &mut Vec<Finding>) -> Option<ChangeLiteral> {
    let (dial, verify) = (table.required("dial", findings), table.required("verify", findings));
    table.finish(findings);
    Some(ChangeLiteral { dial: dial?, verify: verify? })
}
