//! Segments and hosts: which networks there are and which machine stands on which.

use toml::Spanned;

use super::{
    super::{
        Host, HostId, Segment, SegmentId,
        diagnose::Finding,
        literal::{HostLiteral, Item, Literal},
        suggest::help_for,
    },
    each,
    names::Names,
};
use crate::vocabulary::SecurityDomain;

pub(super) fn segments(literal: &Literal, findings: &mut Vec<Finding>) -> Vec<Option<Segment>> {
    each(&literal.segments, |_, item, body| {
        Some(Segment { name: item.name.get_ref().clone(), domain: domain(&body.domain, findings)? })
    })
}

fn domain(word: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<SecurityDomain> {
    let found = SecurityDomain::ALL.iter().copied().find(|domain| domain.word() == word.get_ref());
    if found.is_none() {
        let words: Vec<&str> = SecurityDomain::ALL.iter().map(|domain| domain.word()).collect();
        findings.push(
            Finding::new(word.span(), format!("there is no security domain `{}`", word.get_ref()))
                .maybe_help(help_for(word.get_ref(), &words)),
        );
    }
    found
}

pub(super) fn hosts(literal: &Literal, names: &Names, findings: &mut Vec<Finding>) -> Vec<Option<Host>> {
    let hosts = each(&literal.hosts, |_, item, body| host(item, body, names, findings));
    check_nesting(literal, &hosts, findings);
    hosts
}

fn host(
    item: &Item<HostLiteral>,
    body: &HostLiteral,
    names: &Names,
    findings: &mut Vec<Finding>,
) -> Option<Host> {
    let before = findings.len();
    if body.segments.get_ref().is_empty() {
        let message = format!("host `{}` stands on no segment", item.name.get_ref());
        findings.push(Finding::new(body.segments.span(), message));
    }
    let mut segments = Vec::new();
    for name in body.segments.get_ref() {
        let Some(segment) = names.segments.find(name, findings).map(SegmentId) else { continue };
        if segments.contains(&segment) {
            findings.push(Finding::new(name.span(), format!("segment `{}` is listed twice", name.get_ref())));
        }
        segments.push(segment);
    }
    let inside = body.inside.as_ref().and_then(|name| names.hosts.find(name, findings)).map(HostId);
    (findings.len() == before).then(|| Host { name: item.name.get_ref().clone(), segments, inside })
}

/// A guest inside itself, directly or around a corner.
fn check_nesting(literal: &Literal, hosts: &[Option<Host>], findings: &mut Vec<Finding>) {
    let inside = |host: usize| hosts.get(host)?.as_ref()?.inside.map(|outer| outer.0);
    for (index, item) in literal.hosts.iter().enumerate() {
        // As many steps as there are hosts lead back to the start, or never will.
        let mut steps = std::iter::successors(inside(index), |host| inside(*host)).take(hosts.len());
        let Some(span) = item.body.as_ref().and_then(|body| body.inside.as_ref()).map(Spanned::span) else {
            continue;
        };
        if steps.any(|host| host == index) {
            let message = format!("host `{}` is a guest of itself", item.name.get_ref());
            findings.push(Finding::new(span, message));
        }
    }
}
