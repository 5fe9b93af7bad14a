//! Chains of proxies: none may bite its own tail, and each must end at the service its caller wants.

use std::collections::BTreeSet;

use super::{
    super::{DialId, diagnose::Finding, literal::Literal},
    Draft, at,
    processes::opens,
};

pub(super) fn check(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    check_loops(literal, draft, findings);
    check_ends(literal, draft, findings);
}

/// The listeners a listener's connections may go on to.
fn nexts(draft: &Draft, listener: usize) -> Vec<usize> {
    let Some(listener) = at(&draft.listeners, listener) else { return Vec::new() };
    let routed = listener.routes.iter().flat_map(|route| route.to.iter());
    let onward = |dial: &DialId| Some(at(&draft.dials, dial.0)?.to.0);
    listener.forward.iter().chain(routed).filter_map(onward).collect()
}

/// Every listener that can be reached from one, itself only if a chain comes back to it.
fn reached(draft: &Draft, start: usize) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), nexts(draft, start));
    while let Some(listener) = open.pop() {
        if reached.insert(listener) {
            open.extend(nexts(draft, listener));
        }
    }
    reached
}

/// One finding per loop, at its first listener in file order.
fn check_loops(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    for start in 0..draft.listeners.len() {
        let reached = reached(draft, start);
        let earlier =
            |listener: &usize| *listener < start && self::reached(draft, *listener).contains(&start);
        if !reached.contains(&start) || reached.iter().any(earlier) {
            continue;
        }
        let item = &literal.listeners[start];
        let span = match item.body.as_ref().and_then(|body| body.forward.as_ref()) {
            Some(forward) => forward.span(),
            None => item.name.span(),
        };
        findings
            .push(Finding::new(span, format!("what `{}` forwards comes back to it", item.name.get_ref())));
    }
}

/// A dial named after a service ends at that service.
fn check_ends(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    for (index, item) in literal.dials.iter().enumerate() {
        let (Some(dial), Some(caller)) = (at(&draft.dials, index), at(&draft.processes, item.parent)) else {
            continue;
        };
        if !opens(caller.program).contains(&dial.name.as_str()) {
            continue;
        }
        let asked = dial.tls.as_ref().map(|tls| tls.server_name.as_str());
        for end in ends(draft, dial.to.0, asked) {
            let process = at(&draft.listeners, end).and_then(|end| at(&draft.processes, end.process.0));
            let (Some(process), Some(body)) = (process, &item.body) else { continue };
            let program = process.program;
            // A chain that stops at a proxy has a hole in it, and users do not listen.
            if program.is_service() && program.word() != dial.name {
                let message = format!(
                    "dial `{}` ends at `{}`, which runs `{}`",
                    dial.name,
                    process.name,
                    program.word()
                );
                findings.push(Finding::new(body.to.span(), message));
                break;
            }
        }
    }
}

/// The last listeners of the chains from one, for whoever asks for a server name; none in a loop.
fn ends(draft: &Draft, start: usize, asked: Option<&str>) -> BTreeSet<usize> {
    let (mut ends, mut open, mut passed) = (BTreeSet::new(), vec![start], BTreeSet::new());
    while let Some(listener) = open.pop() {
        if !passed.insert(listener) {
            continue;
        }
        let routes = at(&draft.listeners, listener).map_or(&[][..], |listener| &listener.routes);
        let onward = match routes.iter().find(|route| Some(route.name.as_str()) == asked) {
            Some(route) => route.to.iter().filter_map(|dial| Some(at(&draft.dials, dial.0)?.to.0)).collect(),
            None => nexts(draft, listener),
        };
        if onward.is_empty() {
            ends.insert(listener);
        }
        open.extend(onward);
    }
    ends
}
