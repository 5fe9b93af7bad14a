//! Pass-through by server name: names to dials of the same process, which carry the caller's TLS unopened.

use std::collections::BTreeSet;

use super::{
    super::{Program, Route, diagnose::Finding, literal::RouteLiteral},
    listeners::Resolver,
    trust,
};

/// Names of one listener at most.
const MOST_ROUTES: usize = 64;

pub(super) fn routes(resolver: &Resolver<'_>, findings: &mut Vec<Finding>) -> Vec<Route> {
    let Some(list) = &resolver.body.routes else { return Vec::new() };
    if resolver.program().is_some_and(|program| program != Program::Proxy) {
        findings.push(Finding::new(list.span(), "only a proxy routes connections"));
    }
    if let Some(identity) = &resolver.body.identity {
        findings.push(
            Finding::new(identity.span(), "a listener that routes by name does not end TLS")
                .help("remove `identity`, or forward to one dial with `forward`"),
        );
    }
    match list.get_ref().len() {
        0 => findings.push(
            Finding::new(list.span(), "no name is routed")
                .help("add `{ name = \"…\", to = [\"…\"] }`, or forward to one dial with `forward`"),
        ),
        count if count > MOST_ROUTES => {
            let message = format!("{count} names are routed, at most {MOST_ROUTES} are");
            findings.push(Finding::new(list.span(), message));
        }
        _ => {}
    }
    let mut seen = BTreeSet::new();
    for route in list.get_ref() {
        if !seen.insert(route.name.get_ref().as_str()) {
            let message = format!("name `{}` is routed twice", route.name.get_ref());
            findings.push(Finding::new(route.name.span(), message));
        }
    }
    list.get_ref().iter().map(|literal| route(resolver, literal, findings)).collect()
}

fn route(resolver: &Resolver<'_>, literal: &RouteLiteral, findings: &mut Vec<Finding>) -> Route {
    trust::check_dns_name(&literal.name, findings);
    if literal.to.get_ref().is_empty() {
        let message = format!("`{}` is routed nowhere", literal.name.get_ref());
        findings
            .push(Finding::new(literal.to.span(), message).help("name at least one dial of this process"));
    }
    let dials = literal.to.get_ref().iter().filter_map(|dial| resolver.own_dial(dial, findings));
    Route { name: literal.name.get_ref().clone(), to: dials.collect() }
}
