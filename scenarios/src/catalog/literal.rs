//! A scenario file as it is written: words are still text, and every value knows its place.
//!
//! What the words mean is not decided here.

use std::ops::Range;

use testbed::architecture::{
    diagnose::Finding,
    reading::{Section, Shape, Trace, array, parse, typed},
};
use toml::Spanned;

/// The version of the format that is read.
const SCHEMA: i64 = 1;

type Text = Spanned<String>;

#[derive(Debug, Default)]
pub(super) struct Literal {
    pub(super) id: Option<Text>,
    pub(super) title: Option<Text>,
    pub(super) summary: Option<Text>,
    pub(super) vantage: Option<Text>,
    pub(super) technique: Option<Text>,
    pub(super) attack_ids: Option<Spanned<Vec<Text>>>,
    pub(super) rows: Option<Spanned<Vec<Text>>>,
    pub(super) architectures: Option<AppliesLiteral>,
    pub(super) weakness: Option<Text>,
    pub(super) assets: Option<Spanned<Vec<Text>>>,
    pub(super) controls: Vec<ControlLiteral>,
    pub(super) phases: PhasesLiteral,
    pub(super) workload: Option<WorkloadLiteral>,
    pub(super) expect: Vec<ExpectLiteral>,
}

#[derive(Debug)]
pub(super) enum AppliesLiteral {
    Word(Text),
    Only(Spanned<Vec<Text>>),
    Except(Spanned<Vec<Text>>),
}

#[derive(Debug)]
pub(super) struct ControlLiteral {
    pub(super) at: Range<usize>,
    pub(super) architecture: Option<Text>,
    pub(super) scenario: Option<Text>,
}

#[derive(Debug, Default)]
pub(super) struct PhasesLiteral {
    /// Where `tiny` stands, even if something in it is wrong.
    pub(super) tiny_at: Option<Range<usize>>,
    pub(super) tiny: Option<Spanned<PlanLiteral<i64>>>,
    pub(super) default: Option<Spanned<PlanLiteral<String>>>,
    pub(super) long: Option<Spanned<PlanLiteral<String>>>,
}

#[derive(Debug)]
pub(super) struct PlanLiteral<T> {
    pub(super) baseline: Spanned<T>,
    pub(super) attack: Spanned<T>,
    pub(super) recovery: Spanned<T>,
}

#[derive(Debug)]
pub(super) struct WorkloadLiteral {
    pub(super) rate: Spanned<i64>,
    pub(super) arrival: Text,
}

#[derive(Debug)]
pub(super) struct ExpectLiteral {
    pub(super) architecture: Text,
    /// `(asset or *, verdict)`
    pub(super) verdicts: Vec<(Text, Text)>,
}

/// Checks the first line of a file of this crate.
pub(super) fn schema(file: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<()> {
    let schema = file.required::<i64>("schema", findings)?;
    if *schema.get_ref() == SCHEMA {
        return Some(());
    }
    let message = format!("schema {} is not known", schema.get_ref());
    findings.push(Finding::new(schema.span(), message).help(format!("this program reads schema {SCHEMA}")));
    None
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
    schema(&mut file, findings)?;
    let literal = Literal {
        id: file.required("id", findings),
        title: file.required("title", findings),
        summary: file.required("summary", findings),
        vantage: file.required("vantage", findings),
        technique: file.required("technique", findings),
        attack_ids: file.list("attack_ids", findings),
        rows: file.list("rows", findings),
        architectures: applies(&mut file, findings),
        weakness: file.optional("weakness", findings),
        assets: file.list("assets", findings),
        controls: file.items("controls", findings).into_iter().map(|item| control(item, findings)).collect(),
        phases: phases(&mut file, findings),
        workload: file.required_section("workload", findings).and_then(|table| workload(table, findings)),
        expect: file
            .entries("expect", findings)
            .into_iter()
            .map(|(architecture, table)| ExpectLiteral { architecture, verdicts: table.rest(findings) })
            .collect(),
    };
    file.finish(findings);
    Some(literal)
}

fn applies(file: &mut Section<'_>, findings: &mut Vec<Finding>) -> Option<AppliesLiteral> {
    match file.required_either("architectures", findings)? {
        Shape::Section(mut table) => {
            let names = table.list("except", findings);
            table.finish(findings);
            names.map(AppliesLiteral::Except)
        }
        Shape::Value(value) if value.get_ref().is_array() => {
            let span = value.span();
            let names = array(value, findings)?.into_iter().filter_map(|name| typed(name, findings));
            Some(AppliesLiteral::Only(Spanned::new(span, names.collect())))
        }
        Shape::Value(value) => typed(value, findings).map(AppliesLiteral::Word),
    }
}

fn control(mut table: Section<'_>, findings: &mut Vec<Finding>) -> ControlLiteral {
    let control = ControlLiteral {
        at: table.at.clone(),
        architecture: table.optional("architecture", findings),
        scenario: table.optional("scenario", findings),
    };
    table.finish(findings);
    control
}

fn phases(file: &mut Section<'_>, findings: &mut Vec<Finding>) -> PhasesLiteral {
    let Some(mut table) = file.required_section("phases", findings) else { return PhasesLiteral::default() };
    let tiny = table.section("tiny", findings);
    let tiny_at = tiny.as_ref().map(|table| table.at.clone());
    let tiny = tiny.and_then(|table| plan(table, findings));
    let default = table.required_section("default", findings).and_then(|table| plan(table, findings));
    let long = table.required_section("long", findings).and_then(|table| plan(table, findings));
    table.finish(findings);
    PhasesLiteral { tiny_at, tiny, default, long }
}

fn plan<T: serde::de::DeserializeOwned>(
    mut table: Section<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Spanned<PlanLiteral<T>>> {
    let at = table.at.clone();
    let (baseline, attack) = (table.required("baseline", findings), table.required("attack", findings));
    let recovery = table.required("recovery", findings);
    table.finish(findings);
    Some(Spanned::new(at, PlanLiteral { baseline: baseline?, attack: attack?, recovery: recovery? }))
}

fn workload(mut table: Section<'_>, findings: &mut Vec<Finding>) -> Option<WorkloadLiteral> {
    let (rate, arrival) = (table.required("rate", findings), table.required("arrival", findings));
    table.finish(findings);
    Some(WorkloadLiteral { rate: rate?, arrival: arrival? })
}
