//! TLS off on one protected link makes that link appear in the evidence; TLS on for a clear link makes it
//! vanish; the cell flips with its last clear link. For every link of every shipped architecture.
//!
//! What each link carries is read from the unmodified architecture of the same run, never written here. Where
//! names are routed, the unmodified one is cut down to one place for each ([`Draft::base`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use scenarios::{
    catalog,
    event::{Cell, Verdict},
};
use testbed::{
    architecture::{self, Architecture},
    vocabulary::{Asset, SecurityDomain},
};

use crate::support::{
    draft::{Draft, Link, links_on},
    links, request, run,
};

/// A flipped copy of a base.
struct Flipped {
    of: Arc<Base>,
    architecture: Architecture,
}

/// What flips are compared with, and the shipped file it comes from.
struct Base {
    shipped: &'static str,
    architecture: Architecture,
}

fn bases() -> Vec<Arc<Base>> {
    let base = |shipped| Arc::new(Base { shipped, architecture: Draft::base(shipped) });
    architecture::names().map(base).collect()
}

/// Which link of a base carries what.
type Carried = BTreeMap<Asset, BTreeSet<String>>;

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
    for base in bases() {
        let base = &base.architecture;
        let flipped = [SecurityDomain::Public, SecurityDomain::Management];
        let flipped = flipped.iter().flat_map(|domain| crossing(base, *domain).into_keys());
        assert_eq!(
            flipped.collect::<BTreeSet<_>>(),
            links_on(base, base.segment_ids()).into_keys().collect(),
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
    let bases = bases();
    let halves: Vec<Half> = bases.iter().flat_map(|base| halves(base, domain)).collect();
    let cells = look("public-sniff", &bases, halves.iter().map(|half| &half.flipped));
    let mut shown: BTreeMap<(&str, String), BTreeSet<Asset>> = BTreeMap::new();
    for Half { flipped: Flipped { of, architecture }, link } in &halves {
        let carried = carried(&cells, &of.architecture, domain);
        for cell in all_of(&cells, architecture, carried.keys()) {
            let place =
                format!("{} with half of {link} in the clear, {}: {}", of.shipped, cell.asset, cell.reason);
            if cell.verdict == Verdict::Broken {
                assert_eq!(links(cell), BTreeSet::from([link.clone()]), "{place}");
                shown.entry((of.shipped, link.clone())).or_default().insert(cell.asset);
            } else {
                assert_eq!(
                    (cell.verdict, links(cell)),
                    (Verdict::Held, carried[&cell.asset].clone()),
                    "{place}"
                );
            }
        }
    }
    for base in &bases {
        let carried = carried(&cells, &base.architecture, domain);
        for (link, Link { listeners, .. }) in crossing(&base.architecture, domain) {
            let all = carried.iter().filter(|(_, links)| links.contains(&link)).map(|(asset, _)| *asset);
            let all: Option<BTreeSet<Asset>> = (listeners.len() > 1).then(|| all.collect());
            let shown = shown.remove(&(base.shipped, link.clone()));
            assert_eq!(shown, all, "what the halves of {link} show, {}", base.shipped);
        }
    }
    assert!(!halves.is_empty() && shown.is_empty());
}

/// An architecture with one clear listener, and the link it belongs to.
struct Half {
    flipped: Flipped,
    link: String,
}

fn halves(base: &Arc<Base>, domain: SecurityDomain) -> Vec<Half> {
    let mut draft = Draft::of(base.shipped);
    let links = crossing(&draft.resolved(), domain);
    for listener in links.values().filter(|link| link.clear > 0).flat_map(|link| &link.listeners) {
        draft.flip(listener);
    }
    let several = links.iter().filter(|(_, link)| link.listeners.len() > 1);
    let each = several.flat_map(|(name, link)| link.listeners.iter().map(move |listener| (name, listener)));
    let half = |(number, (link, listener)): (usize, (&String, &String))| {
        let mut draft = draft.clone();
        draft.flip(listener);
        Half { flipped: named(draft, base, number), link: link.clone() }
    };
    each.enumerate().map(half).collect()
}

fn flip_every_link(scenario: &str, domain: SecurityDomain) {
    let bases = bases();
    let flipped: Vec<Flipped> = bases.iter().flat_map(|base| flips(base, domain)).collect();
    let cells = look(scenario, &bases, &flipped);
    for base in &bases {
        let carried = carried(&cells, &base.architecture, domain);
        for link in crossing(&base.architecture, domain).keys() {
            let known = carried.values().any(|links| links.contains(link));
            assert!(known, "{link} of {} carries nothing", base.shipped);
        }
    }
    for Flipped { of, architecture } in &flipped {
        let carried = carried(&cells, &of.architecture, domain);
        let crossing = crossing(architecture, domain);
        let clear: BTreeSet<String> =
            crossing.iter().filter(|(_, link)| link.clear > 0).map(|(name, _)| name.clone()).collect();
        for cell in all_of(&cells, architecture, carried.keys()) {
            check(of.shipped, cell, &clear, &carried[&cell.asset]);
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
fn flips(base: &Arc<Base>, domain: SecurityDomain) -> Vec<Flipped> {
    let original = Draft::of(base.shipped);
    let links: Vec<Link> = crossing(&original.resolved(), domain).into_values().collect();
    let alone = (0..links.len()).map(|link| link..link + 1);
    let together = (2..=links.len()).map(|count| 0..count);
    let flip = |(number, range): (usize, std::ops::Range<usize>)| {
        let mut draft = original.clone();
        for listener in links[range].iter().flat_map(|link| &link.listeners) {
            draft.flip(listener);
        }
        named(draft, base, number)
    };
    alone.chain(together).enumerate().map(flip).collect()
}

fn named(mut draft: Draft, base: &Arc<Base>, number: usize) -> Flipped {
    draft.rename(&format!("flipped-{number}-{}", base.shipped));
    Flipped { of: base.clone(), architecture: draft.resolved() }
}

/// One run: the bases, for controls and comparison, and the flipped ones.
fn look<'a>(
    scenario: &str,
    bases: &[Arc<Base>],
    flipped: impl IntoIterator<Item = &'a Flipped>,
) -> Vec<Cell> {
    let bases = bases.iter().map(|base| base.architecture.clone());
    let flipped = flipped.into_iter().map(|flipped| flipped.architecture.clone());
    run(request(bases.chain(flipped).collect(), vec![catalog::load(scenario).unwrap()]))
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

fn carried(cells: &[Cell], base: &Architecture, domain: SecurityDomain) -> Carried {
    let links = crossing(base, domain);
    // A held cell names every link that carried the asset, a broken one only those that are clear.
    let alike = links.values().all(|link| link.clear == 0) || links.values().all(|link| link.protected == 0);
    assert!(alike, "{} does not show what its protected links carry: {links:?}", base.name);
    let of_it = cells.iter().filter(|cell| cell.architecture == base.name);
    of_it.map(|cell| (cell.asset, self::links(cell))).collect()
}
