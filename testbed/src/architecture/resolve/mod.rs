//! From names to ids: a literal file becomes an [`Architecture`], or every reason why it cannot.
//!
//! ```text
//! names ── places ── processes ── trust ── listeners ── dials ── chains ── catalog, weaknesses
//! ```
//!
//! Each step fills its part of a [`Draft`] and leaves a hole where it found an error, so that later steps
//! skip what hangs on it. Misconfigurations an operator could really make (a trust list without the issuing
//! authority, a catalog that names the wrong service) are legal: showing them is the point of the testbed.

mod catalog;
mod chains;
mod dials;
mod forwarding;
mod fronts;
mod listeners;
mod names;
mod places;
mod processes;
mod routes;
mod sockets;
mod trust;
mod weaknesses;

use super::{
    Architecture, Authority, CatalogService, Dial, Host, Identity, Listener, Process, Segment, Weakness,
    diagnose::Finding,
    literal::{Item, Literal},
};
use names::Names;

/// Hosts, processes, listeners and so on in one file, together. The shipped files have about 30.
const MOST_THINGS: usize = 1000;

/// What is resolved so far. A hole stands for something already reported.
#[derive(Default)]
struct Draft {
    segments: Vec<Option<Segment>>,
    hosts: Vec<Option<Host>>,
    processes: Vec<Option<Process>>,
    authorities: Vec<Option<Authority>>,
    identities: Vec<Option<Identity>>,
    listeners: Vec<Option<Listener>>,
    dials: Vec<Option<Dial>>,
    catalog: Vec<Option<CatalogService>>,
    weaknesses: Vec<Option<Weakness>>,
}

/// Resolves every name. `None` means that at least one finding was added, by this step or before it.
pub(super) fn resolve(literal: &Literal, findings: &mut Vec<Finding>) -> Option<Architecture> {
    if literal.things() > MOST_THINGS {
        let message =
            format!("the file describes {} things, at most {MOST_THINGS} are read", literal.things());
        findings.push(Finding::new(0..0, message));
        return None;
    }
    let names = Names::of(literal, findings);
    let mut draft = Draft { segments: places::segments(literal, findings), ..Draft::default() };
    draft.hosts = places::hosts(literal, &names, findings);
    draft.processes = processes::processes(literal, findings);
    draft.authorities = trust::authorities(literal);
    draft.identities = trust::identities(literal, &names, findings);
    draft.listeners = listeners::listeners(literal, &names, &draft, findings);
    listeners::check_ports(literal, &draft, findings);
    draft.dials = dials::dials(literal, &names, &draft, findings);
    forwarding::check_headers(literal, &draft, findings);
    processes::check_wiring(literal, &draft, findings);
    chains::check(literal, &draft, findings);
    draft.catalog = catalog::catalog(literal, &names, &draft, findings);
    draft.weaknesses = weaknesses::weaknesses(literal, &names, &draft, findings);
    if findings.is_empty() { complete(literal, draft) } else { None }
}

fn complete(literal: &Literal, draft: Draft) -> Option<Architecture> {
    Some(Architecture {
        name: literal.name.as_ref()?.get_ref().clone(),
        title: literal.title.as_ref()?.get_ref().clone(),
        guide: literal.guide.as_ref()?.get_ref().clone(),
        segments: whole(draft.segments)?,
        hosts: whole(draft.hosts)?,
        processes: whole(draft.processes)?,
        listeners: whole(draft.listeners)?,
        dials: whole(draft.dials)?,
        authorities: whole(draft.authorities)?,
        identities: whole(draft.identities)?,
        catalog: whole(draft.catalog)?,
        weaknesses: whole(draft.weaknesses)?,
    })
}

fn whole<T>(parts: Vec<Option<T>>) -> Option<Vec<T>> {
    parts.into_iter().collect()
}

/// What stands at an index, unless it is a hole.
fn at<T>(parts: &[Option<T>], index: usize) -> Option<&T> {
    parts.get(index)?.as_ref()
}

/// Resolves each item that has a body; holes stay holes.
fn each<T, R>(
    items: &[Item<T>],
    mut resolve: impl FnMut(usize, &Item<T>, &T) -> Option<R>,
) -> Vec<Option<R>> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| item.body.as_ref().and_then(|body| resolve(index, item, body)))
        .collect()
}
