//! Known deviations: cells that are known to differ from their expectation, each with a reason and an end.
//!
//! A deviation explains a difference; it never changes a verdict, and it cannot stay for ever: an entry past
//! its day is an error. The shipped list is `scenarios/deviations.toml`.

use jiff::{ToSpan as _, civil::Date};
use testbed::{
    architecture::{
        Engine,
        diagnose::{Diagnostics, Finding},
        reading::{self, Section},
        suggest::help_for,
    },
    vocabulary::Asset,
};
use toml::{Spanned, value::Datetime};

use super::{
    Scenario, literal,
    resolve::{VERDICTS, word},
};
use crate::event::{Cell, Verdict};

/// The checked-in list.
const SHIPPED: &str = include_str!("../../deviations.toml");

/// Programs an entry may be about.
const FOREIGN: [Engine; 2] = [Engine::Haproxy, Engine::Nginx];

/// How far ahead an entry may end.
const LONGEST_DAYS: i64 = 366;

/// A cell known to differ from its expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Which asset.
    pub asset: Asset,
    /// The program in the proxies' places it is known of; `None` = our own.
    pub engine: Option<Engine>,
    /// What the scenario expects.
    pub expected: Verdict,
    /// What is found instead.
    pub found: Verdict,
    /// Why.
    pub reason: String,
    /// The last day on which this entry is accepted.
    pub expires: Date,
}

impl Deviation {
    /// Does this entry explain what was found in a cell, with that program in the proxies' places?
    pub fn explains(&self, cell: &Cell, engine: Option<Engine>) -> bool {
        self.engine == engine
            && self.architecture == cell.architecture
            && self.scenario == cell.scenario
            && self.asset == cell.asset
            && Some(self.expected) == cell.expected
            && self.found == cell.verdict
    }
}

/// The shipped list, as of `today`, checked against `scenarios`.
pub fn shipped(today: Date, scenarios: &[Scenario]) -> Result<Vec<Deviation>, Diagnostics> {
    parse("deviations.toml", SHIPPED, today, scenarios)
}

/// Reads a list from text; `file` is what messages call it.
pub fn parse(
    file: &str,
    source: &str,
    today: Date,
    scenarios: &[Scenario],
) -> Result<Vec<Deviation>, Diagnostics> {
    let mut findings = Vec::new();
    let deviations = read(source, today, scenarios, &mut findings);
    match deviations {
        Some(deviations) if findings.is_empty() => Ok(deviations),
        _ => Err(Diagnostics::new(file, source, findings)),
    }
}

fn read(
    source: &str,
    today: Date,
    scenarios: &[Scenario],
    findings: &mut Vec<Finding>,
) -> Option<Vec<Deviation>> {
    let mut file = reading::parse(source, findings)?;
    literal::schema(&mut file, findings)?;
    let mut deviations: Vec<Deviation> = Vec::new();
    for table in file.items("deviations", findings) {
        let at = table.at.clone();
        let Some(deviation) = entry(table, today, scenarios, findings) else { continue };
        let same = |other: &Deviation| {
            (&other.architecture, &other.scenario, other.asset, other.engine)
                == (&deviation.architecture, &deviation.scenario, deviation.asset, deviation.engine)
        };
        if deviations.iter().any(same) {
            findings.push(Finding::new(at, "this cell is listed twice"));
        }
        deviations.push(deviation);
    }
    file.finish(findings);
    Some(deviations)
}

fn entry(
    mut table: Section<'_>,
    today: Date,
    scenarios: &[Scenario],
    findings: &mut Vec<Finding>,
) -> Option<Deviation> {
    let architecture: Option<Spanned<String>> = table.required("architecture", findings);
    let scenario: Option<Spanned<String>> = table.required("scenario", findings);
    let asset: Option<Spanned<String>> = table.required("asset", findings);
    let expected: Option<Spanned<String>> = table.required("expected", findings);
    let found: Option<Spanned<String>> = table.required("found", findings);
    let reason: Option<Spanned<String>> = table.required("reason", findings);
    let engine: Option<Spanned<String>> = table.optional("engine", findings);
    let expires = table.required("expires", findings).and_then(|day| date(&day, today, findings));
    table.finish(findings);
    if let Some(reason) = reason.as_ref().filter(|reason| reason.get_ref().trim().is_empty()) {
        findings.push(Finding::new(reason.span(), "a deviation without a reason"));
    }
    let asset = asset.and_then(|name| word("asset", &name, Asset::ALL, Asset::word, findings));
    let engine = engine.and_then(|name| word("engine", &name, &FOREIGN, Engine::word, findings));
    let known = scenario.as_ref().and_then(|name| find(name, scenarios, findings));
    let verdict = |word: &Option<Spanned<String>>, findings: &mut Vec<Finding>| {
        self::word("verdict", word.as_ref()?, &VERDICTS, Verdict::word, findings)
    };
    let (expects, finds) = (verdict(&expected, findings), verdict(&found, findings));
    let deviation = Deviation {
        architecture: architecture?.into_inner(),
        scenario: scenario?.into_inner(),
        asset: asset?,
        engine,
        expected: expects?,
        found: finds?,
        reason: reason?.into_inner(),
        expires: expires?,
    };
    if deviation.expected == deviation.found {
        findings.push(Finding::new(found?.span(), "what is expected is no deviation"));
    }
    check_expectation(&deviation, known?, &expected?, findings);
    Some(deviation)
}

fn find<'a>(
    name: &Spanned<String>,
    scenarios: &'a [Scenario],
    findings: &mut Vec<Finding>,
) -> Option<&'a Scenario> {
    let found = scenarios.iter().find(|scenario| scenario.id == *name.get_ref());
    if found.is_none() {
        let known: Vec<&str> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
        findings.push(
            Finding::new(name.span(), format!("there is no scenario `{}`", name.get_ref()))
                .maybe_help(help_for(name.get_ref(), &known)),
        );
    }
    found
}

/// An entry for an expectation nobody has explains nothing.
fn check_expectation(
    deviation: &Deviation,
    scenario: &Scenario,
    word: &Spanned<String>,
    findings: &mut Vec<Finding>,
) {
    let expected = scenario.expected(&deviation.architecture, deviation.asset);
    if expected == Some(deviation.expected) {
        return;
    }
    let expected = expected.map_or_else(|| "nothing".to_owned(), |verdict| format!("`{}`", verdict.word()));
    let Deviation { architecture, scenario, asset, .. } = deviation;
    let message = format!("the catalog expects {expected} for `{asset}` of `{scenario}` on `{architecture}`");
    findings.push(Finding::new(word.span(), message));
}

fn date(day: &Spanned<Datetime>, today: Date, findings: &mut Vec<Finding>) -> Option<Date> {
    let written = day.get_ref();
    let date = written.date.filter(|_| written.time.is_none()).and_then(|date| {
        Date::new(date.year.try_into().ok()?, date.month.try_into().ok()?, date.day.try_into().ok()?).ok()
    });
    let Some(date) = date else {
        findings.push(
            Finding::new(day.span(), format!("`{written}` is no day")).help("for example `2027-06-30`"),
        );
        return None;
    };
    if date < today {
        findings.push(
            Finding::new(day.span(), format!("this deviation expired on {date}"))
                .help("remove what causes it, or renew the entry with a reason that holds today"),
        );
    } else if today.checked_add(LONGEST_DAYS.days()).is_ok_and(|latest| date > latest) {
        findings.push(Finding::new(day.span(), format!("{date} is more than a year ahead")));
    }
    Some(date)
}
