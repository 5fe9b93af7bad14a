//! From words to types: a literal scenario becomes a [`Scenario`], or every reason why it cannot.
//!
//! Architectures, scenarios and weaknesses may be a user's own, so an unknown name is no error; one that is
//! a single slip away from a shipped one is.

mod cells;
mod extents;
mod stance;
mod words;

pub(crate) use cells::VERDICTS;
pub(super) use words::word;

use testbed::architecture::diagnose::Finding;

use super::{
    Applies, Arrival, ControlRef, Scenario, Technique, Workload, embedded,
    literal::{AppliesLiteral, Literal, WorkloadLiteral},
};

/// Honest arrivals per second at most: this machine is the victim's too.
const MOST_RATE: i64 = 5000;

/// Resolves every word. `None` means that at least one finding was added, by this step or before it.
pub(super) fn resolve(literal: &Literal, findings: &mut Vec<Finding>) -> Option<Scenario> {
    let id = literal.id.as_ref().map(|id| words::name(id, findings));
    let stance = stance::stance(literal, findings);
    let attack_ids = stance::attack_ids(literal.attack_ids.as_ref(), findings);
    let rows = stance::rows(literal.rows.as_ref(), findings);
    let architectures = literal.architectures.as_ref().and_then(|applies| self::applies(applies, findings));
    let weakness = literal.weakness.as_ref().map(|weakness| weakness_name(weakness, findings));
    let assets = cells::assets(literal.assets.as_ref(), stance.technique, findings);
    let controls = controls(literal, stance.technique, findings);
    let phases = extents::phases(&literal.phases, stance.technique, findings);
    let workload = literal.workload.as_ref().and_then(|workload| self::workload(workload, findings));
    let expect = cells::expect(literal, assets.as_deref(), architectures.as_ref(), findings);
    if !findings.is_empty() {
        return None;
    }
    Some(Scenario {
        id: id?,
        title: literal.title.as_ref()?.get_ref().clone(),
        summary: paragraph(literal.summary.as_ref()?.get_ref()),
        vantage: stance.vantage?,
        technique: stance.technique?,
        attack_ids: attack_ids?,
        rows: rows?,
        architectures: architectures?,
        weakness,
        assets: assets?,
        controls,
        phases: phases?,
        workload: workload?,
        expect,
    })
}

/// Where lines end in the file is no business of the screen.
fn paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn applies(literal: &AppliesLiteral, findings: &mut Vec<Finding>) -> Option<Applies> {
    let (list, wrap): (_, fn(Vec<String>) -> Applies) = match literal {
        AppliesLiteral::Word(word) if word.get_ref() == "all" => return Some(Applies::All),
        AppliesLiteral::Word(word) => {
            let message = format!("`{}` is no choice of architectures", word.get_ref());
            findings.push(
                Finding::new(word.span(), message)
                    .help("write `\"all\"`, a list of names, or `{ except = […] }`"),
            );
            return None;
        }
        AppliesLiteral::Only(list) => (list, Applies::Only),
        AppliesLiteral::Except(list) => (list, Applies::Except),
    };
    if list.get_ref().is_empty() {
        findings.push(Finding::new(list.span(), "an empty list of architectures").help("write `\"all\"`"));
        return None;
    }
    Some(wrap(list.get_ref().iter().map(|name| words::architecture(name, findings)).collect()))
}

fn weakness_name(name: &toml::Spanned<String>, findings: &mut Vec<Finding>) -> String {
    let shipped = testbed::architecture::names().filter_map(|name| testbed::architecture::load(name).ok());
    let mut known: Vec<String> =
        shipped.flat_map(|shipped| shipped.weaknesses.into_iter().map(|weakness| weakness.name)).collect();
    known.sort_unstable();
    known.dedup();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    words::shipped_or_own("weakness", name, &known, findings)
}

/// Without a control no `held` could ever stand; with itself as control it would prove nothing.
fn controls(literal: &Literal, technique: Option<Technique>, findings: &mut Vec<Finding>) -> Vec<ControlRef> {
    let flood = technique.is_some_and(Technique::is_flood);
    let known: Vec<&str> = embedded::names().collect();
    let mut controls = Vec::new();
    for control in &literal.controls {
        let architecture = control.architecture.as_ref().map(|name| words::architecture(name, findings));
        let scenario =
            control.scenario.as_ref().map(|name| words::shipped_or_own("scenario", name, &known, findings));
        let own = literal.id.as_ref().map(toml::Spanned::get_ref);
        if flood {
            findings
                .push(Finding::new(control.at.clone(), "a flood makes no cell a control could stand for"));
        } else if architecture.is_none() && (scenario.is_none() || scenario.as_ref() == own) {
            findings.push(
                Finding::new(control.at.clone(), "this control is the cell itself")
                    .help("name another `architecture`, another `scenario`, or both"),
            );
        }
        controls.push(ControlRef { architecture, scenario });
    }
    if let (true, Some(false), Some(id)) =
        (controls.is_empty(), technique.map(Technique::is_flood), &literal.id)
    {
        findings.push(
            Finding::new(id.span(), "a scenario without a control: no `held` of it could stand")
                .help("add for example `[[controls]]` with `architecture = \"plaintext\"`"),
        );
    }
    controls
}

fn workload(literal: &WorkloadLiteral, findings: &mut Vec<Finding>) -> Option<Workload> {
    let rate = *literal.rate.get_ref();
    if !(1..=MOST_RATE).contains(&rate) {
        let message = format!("{rate} arrivals per second: expected 1 to {MOST_RATE}");
        findings.push(Finding::new(literal.rate.span(), message));
    }
    let word = |arrival| match arrival {
        Arrival::Poisson => "poisson",
        Arrival::Constant => "constant",
    };
    let arrivals = [Arrival::Poisson, Arrival::Constant];
    let arrival = words::word("arrival process", &literal.arrival, &arrivals, word, findings)?;
    Some(Workload { rate: u32::try_from(rate).ok()?, arrival })
}
