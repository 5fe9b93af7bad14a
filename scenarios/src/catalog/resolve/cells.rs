//! What is judged and what is expected: one verdict for each asset of each architecture that is listed.

use std::collections::BTreeMap;

use testbed::{architecture::diagnose::Finding, vocabulary::Asset};
use toml::Spanned;

use super::{
    super::{
        Applies, Technique,
        literal::{ExpectLiteral, Literal},
    },
    words,
};
use crate::event::Verdict;

/// The four verdicts, in the order of the documents.
pub(crate) const VERDICTS: [Verdict; 4] =
    [Verdict::Held, Verdict::Broken, Verdict::NotExercised, Verdict::Inconclusive];

/// Stands for every asset that is not named.
const EVERY: &str = "*";

pub(super) fn assets(
    list: Option<&Spanned<Vec<Spanned<String>>>>,
    technique: Option<Technique>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Asset>> {
    let list = list?;
    let mut assets = Vec::new();
    for name in list.get_ref() {
        let Some(asset) = words::word("asset", name, Asset::ALL, Asset::word, findings) else { continue };
        if assets.contains(&asset) {
            findings.push(Finding::new(name.span(), format!("asset `{asset}` is listed twice")));
        } else if let Some(technique) = technique
            && !judges(technique, asset)
        {
            let message = format!("technique `{}` says nothing about `{asset}`", technique.word());
            findings.push(Finding::new(name.span(), message));
        }
        assets.push(asset);
    }
    if let (true, Some(technique)) = (list.get_ref().is_empty(), technique)
        && !technique.is_flood()
    {
        findings.push(Finding::new(list.span(), "nothing is judged").help("name at least one asset"));
    }
    Some(assets)
}

fn judges(technique: Technique, asset: Asset) -> bool {
    let travels = matches!(
        asset,
        Asset::Password | Asset::Token | Asset::RequestBody | Asset::ResponseBody | Asset::InternalMessage
    );
    match technique {
        Technique::Sniff | Technique::InPath => travels,
        Technique::SearchMemory => travels || asset == Asset::CertificateKey,
        Technique::Escape => travels || asset == Asset::Reach,
        Technique::Reach => asset == Asset::Reach,
        Technique::FloodConnect | Technique::FloodHandshake => false,
    }
}

pub(super) fn expect(
    literal: &Literal,
    assets: Option<&[Asset]>,
    applies: Option<&Applies>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, BTreeMap<Asset, Verdict>> {
    let mut expect = BTreeMap::new();
    for expectation in &literal.expect {
        let name = words::architecture(&expectation.architecture, findings);
        if applies.is_some_and(|applies| !applies.to(&name)) {
            let message = format!("this scenario does not run on `{name}`");
            findings.push(Finding::new(expectation.architecture.span(), message).help("see `architectures`"));
        }
        if let Some(assets) = assets {
            expect.insert(name, verdicts(expectation, assets, findings));
        }
    }
    expect
}

fn verdicts(
    literal: &ExpectLiteral,
    assets: &[Asset],
    findings: &mut Vec<Finding>,
) -> BTreeMap<Asset, Verdict> {
    let before = findings.len();
    let mut every = None;
    let mut named = BTreeMap::new();
    for (key, word) in &literal.verdicts {
        let verdict = words::word("verdict", word, &VERDICTS, Verdict::word, findings);
        if key.get_ref() == EVERY {
            every = verdict;
            continue;
        }
        let Some(asset) = words::word("asset", key, Asset::ALL, Asset::word, findings) else { continue };
        if !assets.contains(&asset) {
            findings.push(
                Finding::new(key.span(), format!("asset `{asset}` is not judged here")).help("see `assets`"),
            );
        }
        named.extend(verdict.map(|verdict| (asset, verdict)));
    }
    for asset in assets.iter().filter(|_| findings.len() == before) {
        match (named.contains_key(asset), every) {
            (true, _) => {}
            (false, Some(every)) => {
                named.insert(*asset, every);
            }
            (false, None) => {
                let message = format!("nothing is expected of `{asset}` here");
                findings.push(
                    Finding::new(literal.architecture.span(), message).help(format!(
                        "add `{asset} = \"…\"`, or `\"*\" = \"…\"` for all that are not named"
                    )),
                );
                return named;
            }
        }
    }
    named
}
