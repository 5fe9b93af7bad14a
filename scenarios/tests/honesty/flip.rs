//! TLS off on one protected link makes that link appear in the evidence; TLS on for a clear link makes it
//! vanish; the cell flips with its last clear link. For every link of every shipped architecture.
//!
//! What each link carries is read from the unmodified architecture of the same run, never written here.

use std::collections::{BTreeMap, BTreeSet};

use scenarios::{
    catalog,
    event::{Cell, Verdict},
};
use testbed::{
    architecture::Architecture,
    vocabulary::{Asset, SecurityDomain},
};

use crate::support::{
    draft::{Draft, Link, links_on},
    links, request, run, shipped,
};

/// A flipped copy of a shipped architecture.
struct Flipped {
    of: String,
    architecture: Architecture,
}

/// A shipped architecture, its links that cross a domain, and which of them carries what.
struct Unmodified {
    links: BTreeMap<String, Link>,
    carried: BTreeMap<Asset, BTreeSet<String>>,
}

#[test]
fn every_public_link_shows_what_it_carries_exactly_while_it_is_clear() {
    flip_every_link("public-sniff", SecurityDomain::Public);
}

#[test]
fn every_management_link_shows_what_it_carries_exactly_while_it_is_clear() {
    flip_every_link("management-sniff", SecurityDomain::Management);
}

/// So that the two above are every link there is.
#[test]
fn no_link_crosses_a_segment_of_another_domain() {
    for base in shipped() {
        let flipped = [SecurityDomain::Public, SecurityDomain::Management];
        let flipped = flipped.iter().flat_map(|domain| crossing(&base, *domain).into_keys());
        assert_eq!(
            flipped.collect::<BTreeSet<_>>(),
            links_on(&base, base.segment_ids()).into_keys().collect(),
            "{}",
            base.name
        );
    }
}

/// Several listeners behind one link, one of them clear and nothing else: the link stays in the evidence of
/// what crosses that one, and together they show all that the link carries.
#[test]
fn a_link_stays_in_the_evidence_until_its_last_listener_is_protected() {
    let domain = SecurityDomain::Public;
    let halves: Vec<Half> = shipped().iter().flat_map(|base| halves(base, domain)).collect();
    let cells = look("public-sniff", halves.iter().map(|half| &half.flipped));
    let mut shown: BTreeMap<(&str, &str), BTreeSet<Asset>> = BTreeMap::new();
    for Half { flipped: Flipped { of, architecture }, link } in &halves {
        let carried = unmodified(&cells, of, domain).carried;
        for cell in all_of(&cells, architecture, carried.keys()) {
            let place = format!("{of} with half of {link} in the clear, {}: {}", cell.asset, cell.reason);
            if cell.verdict == Verdict::Broken {
                assert_eq!(links(cell), BTreeSet::from([link.clone()]), "{place}");
                shown.entry((of, link)).or_default().insert(cell.asset);
            } else {
                assert_eq!(
                    (cell.verdict, links(cell)),
                    (Verdict::Held, carried[&cell.asset].clone()),
                    "{place}"
                );
            }
        }
    }
    assert_eq!(shown.len(), shipped().len());
    for ((of, link), shown) in shown {
        let carried = unmodified(&cells, of, domain).carried.into_iter();
        let carried = carried.filter(|(_, links)| links.contains(link)).map(|(asset, _)| asset).collect();
        assert_eq!(shown, carried, "what the halves of {link} show, {of}");
    }
}

/// An architecture with one clear listener, and the link it belongs to.
struct Half {
    flipped: Flipped,
    link: String,
}

fn halves(base: &Architecture, domain: SecurityDomain) -> Vec<Half> {
    let mut draft = Draft::of(&base.name);
    let links = crossing(&draft.resolved(), domain);
    for listener in links.values().filter(|link| link.clear > 0).flat_map(|link| &link.listeners) {
        draft.flip(listener);
    }
    let several = links.iter().filter(|(_, link)| link.listeners.len() > 1);
    let each = several.flat_map(|(name, link)| link.listeners.iter().map(move |listener| (name, listener)));
    let half = |(number, (link, listener)): (usize, (&String, &String))| {
        let mut draft = draft.clone();
        draft.flip(listener);
        let architecture = named(&mut draft, &base.name, number);
        Half { flipped: Flipped { of: base.name.clone(), architecture }, link: link.clone() }
    };
    each.enumerate().map(half).collect()
}

fn flip_every_link(scenario: &str, domain: SecurityDomain) {
    let flipped: Vec<Flipped> = shipped().iter().flat_map(|base| flips(base, domain)).collect();
    let cells = look(scenario, &flipped);
    for Flipped { of, architecture } in &flipped {
        let Unmodified { links: known, carried } = unmodified(&cells, of, domain);
        for link in known.keys() {
            assert!(carried.values().any(|links| links.contains(link)), "{link} of {of} carries nothing");
        }
        let crossing = crossing(architecture, domain);
        let clear: BTreeSet<String> =
            crossing.iter().filter(|(_, link)| link.clear > 0).map(|(name, _)| name.clone()).collect();
        for cell in all_of(&cells, architecture, carried.keys()) {
            check(of, cell, &clear, &carried[&cell.asset]);
        }
    }
}

fn check(of: &str, cell: &Cell, clear: &BTreeSet<String>, carrying: &BTreeSet<String>) {
    let place = format!("{of} with {clear:?} in the clear, {}: {}", cell.asset, cell.reason);
    let readable: BTreeSet<String> = carrying.intersection(clear).cloned().collect();
    let (verdict, evidence) = if carrying.is_empty() {
        (Verdict::NotExercised, BTreeSet::new())
    } else if readable.is_empty() {
        (Verdict::Held, carrying.clone())
    } else {
        (Verdict::Broken, readable)
    };
    assert_eq!((cell.verdict, links(cell)), (verdict, evidence), "{place}");
    let sealed = cell.evidence.iter().all(|evidence| evidence.encoding.starts_with("tls+"));
    let readable = cell.evidence.iter().all(|evidence| !evidence.encoding.starts_with("tls+"));
    assert!(if verdict == Verdict::Broken { readable } else { sealed }, "{place}");
}

/// Each link alone, then one after the other until all are flipped.
fn flips(base: &Architecture, domain: SecurityDomain) -> Vec<Flipped> {
    let original = Draft::of(&base.name);
    let links: Vec<Link> = crossing(&original.resolved(), domain).into_values().collect();
    let alone = (0..links.len()).map(|link| link..link + 1);
    let together = (2..=links.len()).map(|count| 0..count);
    let flip = |(number, range): (usize, std::ops::Range<usize>)| {
        let mut draft = original.clone();
        for listener in links[range].iter().flat_map(|link| &link.listeners) {
            draft.flip(listener);
        }
        Flipped { of: base.name.clone(), architecture: named(&mut draft, &base.name, number) }
    };
    alone.chain(together).enumerate().map(flip).collect()
}

fn named(draft: &mut Draft, base: &str, number: usize) -> Architecture {
    draft.rename(&format!("flipped-{number}-{base}"));
    draft.resolved()
}

/// One run: the shipped architectures as they are, for controls and comparison, and the flipped ones.
fn look<'a>(scenario: &str, flipped: impl IntoIterator<Item = &'a Flipped>) -> Vec<Cell> {
    let flipped = flipped.into_iter().map(|flipped| flipped.architecture.clone());
    let architectures = shipped().into_iter().chain(flipped).collect();
    run(request(architectures, vec![catalog::load(scenario).unwrap()]))
}

/// The cells of an architecture, one for each asset.
fn all_of<'a>(
    cells: &'a [Cell],
    architecture: &Architecture,
    assets: impl Iterator<Item = &'a Asset>,
) -> Vec<&'a Cell> {
    let found: Vec<&Cell> = cells.iter().filter(|cell| cell.architecture == architecture.name).collect();
    let judged: BTreeSet<Asset> = found.iter().map(|cell| cell.asset).collect();
    assert_eq!(judged, assets.copied().collect(), "{}", architecture.name);
    found
}

fn crossing(architecture: &Architecture, domain: SecurityDomain) -> BTreeMap<String, Link> {
    links_on(architecture, architecture.segments_of(domain))
}

fn unmodified(cells: &[Cell], name: &str, domain: SecurityDomain) -> Unmodified {
    let links = crossing(&testbed::architecture::load(name).unwrap(), domain);
    // A held cell names every link that carried the asset, a broken one only those that are clear.
    let alike = links.values().all(|link| link.clear == 0) || links.values().all(|link| link.protected == 0);
    assert!(alike, "{name} does not show what its protected links carry: {links:?}");
    let of_it = cells.iter().filter(|cell| cell.architecture == name);
    Unmodified { carried: of_it.map(|cell| (cell.asset, self::links(cell))).collect(), links }
}
