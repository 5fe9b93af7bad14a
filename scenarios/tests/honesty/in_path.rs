//! One caller that does not verify breaks the row of an attacker in the path, whichever caller it is: no
//! refusing link in front of it may hide it.

use scenarios::{catalog, event::Verdict};
use testbed::{
    architecture::{self, Architecture, DialId},
    vocabulary::{Asset, SecurityDomain},
};

use crate::support::{request, run};

const SCENARIO: &str = "management-in-path-unverified";
const BASE: &str = "separate-environments";

/// The base with a weakness that switches verification off for one dial only.
fn careless(base: &Architecture, dial: DialId) -> Architecture {
    let name = base.dial_label(dial).replace('/', "-");
    let source = architecture::source(BASE)
        .unwrap()
        .replace(&format!("name = \"{BASE}\""), &format!("name = \"careless-{name}\""));
    let weakness = format!(
        "\n[weaknesses.one-caller]\ndescription = \"One caller does not verify\"\nset = [{{ dial = \"{}\", verify = \"off\" }}]\n",
        base.dial_label(dial)
    );
    architecture::parse("careless.toml", &(source + &weakness)).unwrap()
}

#[test]
fn one_careless_caller_breaks_the_row_whichever_it_is() {
    let base = architecture::load(BASE).unwrap();
    let inside: Vec<_> = base.segments_of(SecurityDomain::Management).collect();
    let dials: Vec<DialId> = inside
        .iter()
        .flat_map(|segment| base.dials_on(*segment))
        .filter(|dial| base[*dial].tls.is_some())
        .collect();
    assert!(dials.len() >= 3, "the edge's two upstreams, and compute's way to identity");
    let source = catalog::source(SCENARIO).unwrap().replace("unverified-callers", "one-caller");
    let mut scenario = catalog::parse("one-caller.toml", &source).unwrap();
    // A broken cell needs no control, and the controls do not know this weakness.
    scenario.controls.clear();
    scenario.expect.clear();
    let careless: Vec<_> = dials.iter().map(|dial| careless(&base, *dial)).collect();
    let cells = run(request(careless.clone(), vec![scenario]));
    for (dial, architecture) in dials.iter().zip(&careless) {
        let cell = cells
            .iter()
            .find(|cell| cell.architecture == architecture.name && cell.asset == Asset::Token)
            .unwrap();
        assert_eq!(cell.verdict, Verdict::Broken, "{}: {}", base.dial_label(*dial), cell.reason);
        let others = dials.iter().map(|other| base.link(*other)).filter(|link| *link != base.link(*dial));
        assert!(cell.reason.contains(&base.link(*dial)), "{}", cell.reason);
        assert!(others.clone().all(|link| !cell.reason.contains(&link)), "{}", cell.reason);
    }
}
