//! What a proxy's listener forwards and to which of several: HTTP or bytes, by which rules, under which policy,
//! and whose PROXY headers are believed.

use proxies::{balance::Policy, proxy_header::Version};
use toml::Spanned;

use super::{
    super::{ProcessId, Program, Protocol, diagnose::Finding, literal::Literal, suggest::help_for},
    Draft, at,
    fronts::meaning,
    listeners::Resolver,
};

/// Rule files that are inside the binary.
const FILTERS: [&str; 1] = ["default"];

/// Words for what is forwarded.
const PROTOCOLS: &[(&str, Protocol)] = &[("bytes", Protocol::Bytes), ("http", Protocol::Http)];
/// Words for policies.
const POLICIES: &[(&str, Policy)] = &[
    ("round-robin", Policy::RoundRobin),
    ("least-connections", Policy::LeastConnections),
    ("source-hash", Policy::SourceHash),
    ("session-id", Policy::SessionId),
];
/// Words for PROXY headers.
const VERSIONS: &[(&str, Version)] = &[("v1", Version::V1), ("v2", Version::V2)];

/// Whether requests are read, and by which rules they are judged.
pub(super) fn protocol(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> (Protocol, Option<String>) {
    let body = resolver.body;
    // Whoever says who called has to write requests anew.
    let implied = if body.client_cert.is_some() { Protocol::Http } else { Protocol::Bytes };
    let mut protocol = implied;
    if let Some(word) = &body.protocol {
        protocol = meaning(word, "protocol", PROTOCOLS, findings).unwrap_or(Protocol::Http);
        if body.forward.is_none() {
            findings.push(
                Finding::new(word.span(), "only a listener that forwards to a dial has a protocol")
                    .help("name a dial of this proxy with `forward`"),
            );
        }
        if body.client_cert.is_some() && protocol == Protocol::Bytes {
            findings.push(
                Finding::new(word.span(), "who called is said in requests, and bytes have none")
                    .help("use `protocol = \"http\"`, or remove `client_cert`"),
            );
        }
    }
    let filter = body.filter.as_ref().map(|name| filter(name, protocol, findings));
    (protocol, filter)
}

fn filter(name: &Spanned<String>, protocol: Protocol, findings: &mut Vec<Finding>) -> String {
    if protocol != Protocol::Http {
        findings.push(
            Finding::new(name.span(), "only requests can be filtered").help("add `protocol = \"http\"`"),
        );
    }
    if !FILTERS.contains(&name.get_ref().as_str()) {
        let finding = Finding::new(name.span(), format!("there is no rule file `{}`", name.get_ref()));
        findings.push(finding.maybe_help(help_for(name.get_ref(), &FILTERS)));
    }
    name.get_ref().clone()
}

/// Which of equal places.
pub(super) fn balance(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> Policy {
    let Some(word) = &resolver.body.balance else { return Policy::default() };
    if resolver.body.routes.is_none() {
        findings.push(
            Finding::new(word.span(), "only a listener that routes to several dials balances")
                .help("use `routes = [{ name = \"…\", to = [\"…\", \"…\"] }]`"),
        );
    }
    meaning(word, "policy", POLICIES, findings).unwrap_or_default()
}

/// Processes whose connections begin with a header that is believed.
pub(super) fn accept_proxy(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> Vec<ProcessId> {
    let Some(list) = &resolver.body.accept_proxy else { return Vec::new() };
    if resolver.program().is_some_and(|program| program != Program::Proxy) {
        findings.push(Finding::new(list.span(), "only a proxy reads PROXY headers"));
    }
    if list.get_ref().is_empty() {
        findings.push(
            Finding::new(list.span(), "an empty list believes nobody")
                .help("name a process as `host/process`, or remove `accept_proxy`"),
        );
    }
    let labels = labels(resolver.literal);
    let find = |name: &Spanned<String>| {
        let found = labels.iter().position(|label| label == name.get_ref());
        if found.is_none() {
            let known: Vec<&str> = labels.iter().map(String::as_str).collect();
            let finding = Finding::new(name.span(), format!("there is no process `{}`", name.get_ref()));
            findings.push(finding.maybe_help(help_for(name.get_ref(), &known)));
        }
        found.map(ProcessId)
    };
    list.get_ref().iter().filter_map(find).collect()
}

/// The PROXY header of a dial.
pub(super) fn header(word: Option<&Spanned<String>>, findings: &mut Vec<Finding>) -> Option<Version> {
    meaning(word?, "PROXY header", VERSIONS, findings)
}

/// A header is written exactly where it is read: one that nobody expects is garbage to whoever gets it.
pub(super) fn check_headers(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    let labels = labels(literal);
    for (index, item) in literal.dials.iter().enumerate() {
        let (Some(dial), Some(body)) = (at(&draft.dials, index), item.body.as_ref()) else { continue };
        let Some(target) = at(&draft.listeners, dial.to.0) else { continue };
        let expected = target.accept_proxy.contains(&dial.process);
        match &body.proxy_header {
            Some(version) if !expected => findings.push(
                Finding::new(version.span(), "nobody expects a PROXY header there").help(format!(
                    "add `accept_proxy = [\"{}\"]` to `{}`",
                    labels[dial.process.0],
                    body.to.get_ref()
                )),
            ),
            None if expected => findings.push(
                Finding::new(body.to.span(), "a PROXY header is expected there")
                    .help("add `proxy_header = \"v2\"` to this dial"),
            ),
            _ => {}
        }
    }
}

/// `host/process` of every process, in file order.
fn labels(literal: &Literal) -> Vec<String> {
    let host = |process: &super::super::literal::Item<_>| literal.hosts[process.parent].name.get_ref();
    literal.processes.iter().map(|process| format!("{}/{}", host(process), process.name.get_ref())).collect()
}
