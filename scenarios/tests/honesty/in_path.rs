//! One caller that does not verify breaks the row of an attacker in the path, whichever caller it is, of whichever
//! architecture: no refusing link in front of it may hide it.

use std::collections::BTreeSet;

use scenarios::{
    catalog::{self, Scenario},
    event::{Cell, Verdict},
};
use testbed::{
    architecture::{self, Architecture, DialId},
    vocabulary::SecurityDomain,
};

use crate::support::{request, run, shipped};

const SCENARIO: &str = "management-in-path-unverified";

/// One caller of one architecture.
struct Caller {
    label: String,
    /// An architecture with a weakness that switches verification off for this caller only.
    careless: Architecture,
    /// The inner links its TLS crosses.
    links: BTreeSet<String>,
    /// Does the far side want to know who calls? Then a careless caller says its first words only, which may be
    /// harmless.
    checked: bool,
    /// Inner links it has nothing to do with.
    others: BTreeSet<String>,
}

#[test]
fn one_careless_caller_breaks_the_row_whichever_it_is() {
    let callers: Vec<Caller> = shipped().iter().flat_map(callers).collect();
    let kinds: BTreeSet<&str> = callers.iter().filter_map(|caller| caller.label.rsplit('/').next()).collect();
    assert!(["identity", "queue", "identity-upstream"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    // A visit to the login page is one request of many, and begins with a form that carries no secret.
    let (rare, frequent): (Vec<&Caller>, Vec<&Caller>) =
        callers.iter().partition(|caller| caller.label.contains("login-page"));
    let cells: Vec<Cell> = [(frequent, 64), (rare, 320)]
        .into_iter()
        .flat_map(|(callers, requests)| {
            let careless = callers.iter().map(|caller| caller.careless.clone()).collect();
            run(request(careless, vec![one_caller(requests)]))
        })
        .collect();
    for Caller { label, careless, links, checked, others } in &callers {
        let of_it = cells.iter().filter(|cell| cell.architecture == careless.name);
        let reasons = |verdict: Verdict| {
            let with = of_it.clone().filter(move |cell| cell.verdict == verdict);
            with.map(|cell| cell.reason.as_str()).collect::<Vec<&str>>()
        };
        let mut broken = reasons(Verdict::Broken);
        if broken.is_empty() && *checked {
            // Its handshakes are held against it all the same.
            broken = reasons(Verdict::Inconclusive);
            broken.retain(|reason| reason.contains("with the impostor completed"));
        }
        let place = || format!("{label}: {:#?}", of_it.clone().map(|cell| &cell.reason).collect::<Vec<_>>());
        assert!(!broken.is_empty(), "{}", place());
        for reason in broken {
            assert!(links.iter().any(|link| reason.contains(link)), "{}", place());
            assert!(others.iter().all(|link| !reason.contains(link)), "{}", place());
        }
    }
}

/// The scenario, with a weakness of one caller and this many requests under attack.
fn one_caller(requests: u32) -> Scenario {
    let source = catalog::source(SCENARIO).unwrap();
    let source = source.replace("unverified-callers", "one-caller");
    let source = source.replace("attack = 16", &format!("attack = {requests}"));
    let mut scenario = catalog::parse("one-caller.toml", &source).unwrap();
    // A broken cell needs no control, and the controls do not know this weakness.
    scenario.controls.clear();
    scenario.expect.clear();
    scenario
}

/// Every caller whose TLS crosses the inside, its own or carried on by who passes it.
fn callers(base: &Architecture) -> Vec<Caller> {
    let inside: Vec<_> = base.segments_of(SecurityDomain::Management).collect();
    let crosses = |dial: &DialId| base.segment_of(*dial).is_some_and(|segment| inside.contains(&segment));
    let all: BTreeSet<String> = base.dial_ids().filter(crosses).map(|dial| base.link(dial)).collect();
    let caller = |dial: DialId| {
        base[dial].tls.as_ref()?;
        let passed = base[base[dial].to].routes.first().map(|route| route.to.clone());
        let ways = passed.unwrap_or_else(|| vec![dial]);
        let links: BTreeSet<String> = ways.into_iter().filter(crosses).map(|dial| base.link(dial)).collect();
        let others = all.difference(&links).cloned().collect();
        (!links.is_empty()).then(|| Caller {
            label: format!("{}: {}", base.name, base.dial_label(dial)),
            careless: careless(base, dial),
            links,
            checked: base[base[dial].to].client_auth.as_ref().is_some_and(|asked| asked.required),
            others,
        })
    };
    base.dial_ids().filter_map(caller).collect()
}

fn careless(base: &Architecture, dial: DialId) -> Architecture {
    let (of, label) = (&base.name, base.dial_label(dial));
    let number = base.dial_ids().position(|other| other == dial).unwrap();
    let name = format!("careless-{number}-{of}");
    let source = architecture::source(of).unwrap();
    let source = source.replace(&format!("name = \"{of}\""), &format!("name = \"{name}\""));
    let weakness = format!(
        "\n[weaknesses.one-caller]\ndescription = \"One caller does not verify\"\nset = [{{ dial = \"{label}\", verify = \"off\" }}]\n",
    );
    architecture::parse("careless.toml", &(source + &weakness)).unwrap()
}
