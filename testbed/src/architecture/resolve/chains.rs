//! Chains of proxies: none may bite its own tail, and each must end at the service its caller wants.

use super::{
    super::{Program, diagnose::Finding, literal::Literal},
    Draft, at,
    processes::needs,
};

pub(super) fn check(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    check_loops(literal, draft, findings);
    check_ends(literal, draft, findings);
}

/// The listener a listener forwards to.
fn next(draft: &Draft, listener: usize) -> Option<usize> {
    let forward = at(&draft.listeners, listener)?.forward?;
    Some(at(&draft.dials, forward.0)?.to.0)
}

/// One finding per loop, at its first listener in file order.
fn check_loops(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    let count = draft.listeners.len();
    for start in 0..count {
        let chain: Vec<usize> = std::iter::successors(next(draft, start), |listener| next(draft, *listener))
            .take(count)
            .collect();
        let Some(length) = chain.iter().position(|listener| *listener == start) else { continue };
        if chain[..length].iter().any(|listener| *listener < start) {
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
        if !needs(caller.program).contains(&dial.name.as_str()) {
            continue;
        }
        let Some(end) = end(draft, dial.to.0) else { continue };
        let Some(process) = at(&draft.listeners, end).and_then(|end| at(&draft.processes, end.process.0))
        else {
            continue;
        };
        let program = match process.program {
            Program::Identity { .. } => "identity",
            Program::Compute => "compute",
            // A chain that stops at a proxy has a hole in it, and users do not listen.
            Program::Proxy | Program::Users => continue,
        };
        if let (true, Some(body)) = (program != dial.name, &item.body) {
            let message = format!("dial `{}` ends at `{}`, which runs `{program}`", dial.name, process.name);
            findings.push(Finding::new(body.to.span(), message));
        }
    }
}

/// The last listener of a chain; `None` in a loop.
fn end(draft: &Draft, start: usize) -> Option<usize> {
    let chain = std::iter::successors(Some(start), |listener| next(draft, *listener));
    let chain: Vec<usize> = chain.take(draft.listeners.len() + 1).collect();
    (chain.len() <= draft.listeners.len()).then_some(*chain.last()?)
}
