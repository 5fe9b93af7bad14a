//! How long the phases last, within bounds that no file can lift.

use std::time::Duration;

use testbed::architecture::diagnose::Finding;
use toml::Spanned;

use super::super::{
    Extent, PhasePlan, Phases, Technique,
    literal::{PhasesLiteral, PlanLiteral},
};

/// Longest phase: an attack ends by itself, whatever its file says.
const LONGEST: Duration = Duration::from_mins(10);

/// Most requests of one phase where counts decide.
const MOST_REQUESTS: u32 = 10_000;

pub(super) fn phases(
    literal: &PhasesLiteral,
    technique: Option<Technique>,
    findings: &mut Vec<Finding>,
) -> Option<Phases> {
    let tiny = literal.tiny.as_ref().map(|literal| plan(literal, requests, findings));
    let default = literal.default.as_ref().and_then(|literal| plan(literal, lasting, findings));
    let long = literal.long.as_ref().and_then(|literal| plan(literal, lasting, findings));
    match (technique.map(Technique::is_flood), &literal.tiny_at, &literal.default) {
        (Some(true), Some(tiny), _) => findings.push(
            Finding::new(tiny.clone(), "floods do not run in the `tiny` profile").help("remove this line"),
        ),
        (Some(false), None, Some(default)) => findings.push(
            Finding::new(default.span(), "the phases of the `tiny` profile are missing")
                .help("add `tiny = { baseline = 8, attack = 16, recovery = 8 }`: counts of requests"),
        ),
        _ => {}
    }
    Some(Phases { tiny: tiny.flatten(), default: default?, long: long? })
}

fn plan<T>(
    literal: &Spanned<PlanLiteral<T>>,
    extent: fn(&Spanned<T>, &mut Vec<Finding>) -> Option<Extent>,
    findings: &mut Vec<Finding>,
) -> Option<PhasePlan> {
    let literal = literal.get_ref();
    let [baseline, attack, recovery] =
        [&literal.baseline, &literal.attack, &literal.recovery].map(|phase| extent(phase, findings));
    Some(PhasePlan { baseline: baseline?, attack: attack?, recovery: recovery? })
}

fn requests(count: &Spanned<i64>, findings: &mut Vec<Finding>) -> Option<Extent> {
    let requests = u32::try_from(*count.get_ref()).ok().filter(|count| (1..=MOST_REQUESTS).contains(count));
    if requests.is_none() {
        let message = format!("{} requests: expected 1 to {MOST_REQUESTS}", count.get_ref());
        findings.push(Finding::new(count.span(), message));
    }
    requests.map(Extent::Requests)
}

fn lasting(text: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<Extent> {
    let Some(duration) = duration(text.get_ref()) else {
        let message = format!("`{}` is no duration", text.get_ref());
        findings.push(Finding::new(text.span(), message).help("for example `300ms`, `2s` or `5m`"));
        return None;
    };
    if duration.is_zero() || duration > LONGEST {
        let message = format!("a phase of {}: expected 1ms to {}s", text.get_ref(), LONGEST.as_secs());
        findings.push(Finding::new(text.span(), message));
        return None;
    }
    Some(Extent::Lasting(duration))
}

/// A whole number and its unit: `ms`, `s` or `m`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    match &text[unit..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_whole_number_and_a_unit() {
        assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("5m"), Some(Duration::from_mins(5)));
        for wrong in ["", "5", "s", "-1s", "1.5s", "5 s", "99999999999999999999s", "2h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
