//! Rows of custody, end to end: what machines hold when they are taken over, in shipped architectures and in
//! edited ones.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use scenarios::{
    catalog::{self, ControlRef, Scenario},
    event::{Cell, Positive, Verdict},
};
use support::{draft::Draft, request, run, shipped};
use testbed::{
    architecture::{self, Architecture},
    vocabulary::{Asset, Method},
};
use toml::{Table, Value};

fn scenario(id: &str) -> Scenario {
    catalog::load(id).unwrap()
}

/// The cell of an asset.
fn cell<'a>(cells: &'a [Cell], architecture: &str, scenario: &str, asset: Asset) -> &'a Cell {
    let wanted = |cell: &&Cell| {
        (cell.architecture.as_str(), cell.scenario.as_str(), cell.asset) == (architecture, scenario, asset)
    };
    cells.iter().rev().find(wanted).unwrap()
}

/// A shipped file in which some listeners' TLS is the other way round.
fn flipped(base: &str, name: &str, listeners: &[&str]) -> Architecture {
    let mut draft = Draft::of(base);
    for listener in listeners {
        draft.flip(listener);
    }
    draft.rename(name);
    draft.resolved()
}

/// Services that end TLS in their own process.
fn own_tls() -> Architecture {
    flipped("plaintext", "own-tls", &["api-1/identity/api", "api-2/compute/api"])
}

/// The row of the key, with a control that ships with this test.
fn service_key() -> Scenario {
    let control = ControlRef { architecture: Some(own_tls().name), scenario: None };
    Scenario { controls: vec![control], ..scenario("service-key") }
}

#[test]
fn shipped_architectures_give_away_what_the_truth_table_says() {
    let scenarios = vec![scenario("edge-root"), scenario("host-root")];
    let cells = run(request(shipped(), scenarios.clone()));
    for cell in &cells {
        assert_eq!(Some(cell.verdict), cell.expected, "{cell:#?}");
        assert_eq!((cell.method, cell.control.crossed), (Method::Modelled, None), "{cell:#?}");
    }
    let broken = cells.iter().filter(|cell| cell.verdict == Verdict::Broken);
    for cell in broken {
        assert!(cell.exposed > 0 && !cell.evidence.is_empty(), "{cell:#?}");
        for one in &cell.evidence {
            assert!(one.capture.is_empty() && one.segment.is_empty() && one.frames.is_empty(), "{one:#?}");
            assert!(one.attempt.is_some() && one.answer.is_some(), "{one:#?}");
            assert!(!one.encoding.starts_with("tls"), "{one:#?}");
        }
        if cell.asset != Asset::CertificateKey {
            let hunt = cell.hunt.unwrap();
            assert!(hunt.recall > 0.5, "the attacker's own parsing found next to nothing: {cell:#?}");
        }
    }
}

#[test]
fn the_edge_holds_its_own_key_and_no_other() {
    let name = "separate-environments";
    let cells = run(request(vec![architecture::load(name).unwrap()], vec![scenario("edge-root")]));
    let key = cell(&cells, name, "edge-root", Asset::CertificateKey);
    assert_eq!((key.verdict, key.sent, key.exposed), (Verdict::Broken, 1, 1), "{key:#?}");
    let answers: Vec<_> = key.evidence.iter().filter_map(|one| one.answer.as_deref()).collect();
    assert_eq!(answers, ["signs for edge-public"]);
}

#[test]
fn a_service_reads_the_key_it_ends_tls_with_and_not_its_proxys() {
    let architectures = ["plaintext", "proxy-in-front", "separate-environments"]
        .map(|name| architecture::load(name).unwrap());
    let cells = run(request([&architectures[..], &[own_tls()]].concat(), vec![service_key()]));
    let verdict = |name| {
        let cell = cell(&cells, name, "service-key", Asset::CertificateKey);
        (cell.verdict, cell.sent, cell.exposed)
    };
    assert_eq!(verdict("plaintext"), (Verdict::NotExercised, 0, 0));
    assert_eq!(verdict("proxy-in-front"), (Verdict::NotExercised, 0, 0));
    assert_eq!(verdict("own-tls"), (Verdict::Broken, 2, 2));
    assert_eq!(verdict("separate-environments"), (Verdict::Held, 2, 0));
    let held = cell(&cells, "separate-environments", "service-key", Asset::CertificateKey);
    assert_eq!(held.control.positive, Positive::Passed);
    let refused = |answer: &str| answer.starts_with("permission denied");
    assert!(held.evidence.iter().all(|one| one.answer.as_deref().is_some_and(refused)), "{held:#?}");
}

/// The proxy is moved under the service's own user: one word in the file, and the key is lost.
#[test]
fn a_proxy_under_the_services_user_keeps_no_key_from_it() {
    let text = architecture::source("separate-environments").unwrap();
    let text = text.replace("user = \"keystone\"", "user = \"tls-proxy\"");
    let text = text.replace("name = \"separate-environments\"", "name = \"same-user\"");
    let shared = architecture::parse("same-user.toml", &text).unwrap();
    let cells = run(request(vec![shared, own_tls()], vec![service_key()]));
    let key = cell(&cells, "same-user", "service-key", Asset::CertificateKey);
    assert_eq!((key.verdict, key.sent, key.exposed), (Verdict::Broken, 2, 1), "{key:#?}");
}

/// Services that stand in public themselves: nobody can be root on an edge that is not there.
#[test]
fn without_an_edge_the_row_is_not_exercised_and_nothing_is_launched_for_it() {
    let text = architecture::source("plaintext").unwrap();
    let text = text.replace("[hosts.api-1]\nsegments = [\"management\"]\n", "").replace("api-1", "edge");
    let text = text.replace("name = \"plaintext\"", "name = \"no-edge\"");
    let merged = architecture::parse("no-edge.toml", &text).unwrap();
    let cells = run(request(vec![merged], vec![scenario("edge-root"), scenario("host-root")]));
    for asset in scenario("edge-root").assets {
        let cell = cell(&cells, "no-edge", "edge-root", asset);
        assert_eq!(cell.verdict, Verdict::NotExercised);
        assert!(cell.reason.ends_with("no edge host"), "{}", cell.reason);
    }
    assert_eq!(cell(&cells, "no-edge", "host-root", Asset::Token).verdict, Verdict::Broken);
}

/// The shipped re-encrypting edge made a balancer that passes TLS on by name to the hosts where it ends, but
/// for the listeners that go on ending it themselves.
fn balancer(name: &str, terminates: &[&str]) -> Architecture {
    let mut file: Table = architecture::source("separate-environments").unwrap().parse().unwrap();
    file.insert("name".to_owned(), name.into());
    let edge = file["hosts"]["edge"]["processes"]["tls-proxy"].as_table_mut().unwrap();
    let services = [("identity", "identity"), ("compute", "compute"), ("login-page", "dashboard")];
    for (service, name) in services.iter().filter(|(service, _)| !terminates.contains(service)) {
        let route = format!("{name}.cloud.invalid");
        let upstream = format!("{service}-upstream");
        let routes = format!("on = 'public'\nroutes = [{{ name = '{route}', to = ['{upstream}'] }}]");
        edge["listeners"][*service] = Value::Table(routes.parse().unwrap());
        edge["dials"][&upstream].as_table_mut().unwrap().remove("tls");
    }
    // One authority for both sides, and names that hold on both.
    for (identity, names) in
        [("api-1-internal", &["identity", "dashboard"][..]), ("api-2-internal", &["compute"])]
    {
        let both = |name: &&str| [format!("{name}.cloud.invalid"), format!("{name}.internal.cloud.invalid")];
        let names: Vec<String> = names.iter().flat_map(both).collect();
        file["identities"][identity]["names"] = names.into();
    }
    for identity in ["edge-public", "api-1-internal", "api-2-internal"] {
        file["identities"][identity]["authority"] = "internal".into();
    }
    for (service, _) in services {
        let users = &mut file["hosts"]["clients"]["processes"]["users"];
        users["dials"][service]["tls"]["trust"] = vec!["internal"].into();
    }
    if terminates.is_empty() {
        file["identities"].as_table_mut().unwrap().remove("edge-public");
    }
    file["authorities"].as_table_mut().unwrap().remove("public");
    for (_, weakness) in file["weaknesses"].as_table_mut().unwrap() {
        weakness["set"] = Value::Array(Vec::new());
    }
    let text = toml::to_string(&file).unwrap();
    architecture::parse("balancer.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
}

/// The same code looks at every mode: what turns the verdict is where the file ends TLS.
#[test]
fn a_balancer_that_passes_tls_on_holds_only_what_is_sealed_until_it_ends_it_itself() {
    let passes = balancer("passes", &[]);
    let half = balancer("ends-one", &["identity"]);
    let ends = balancer("ends-both", &["identity", "compute"]);
    let cells = run(request(vec![passes, half, ends], vec![scenario("edge-root")]));
    let verdicts = |name: &str| -> BTreeMap<Asset, Verdict> {
        let of = cells.iter().filter(|cell| cell.architecture == name);
        of.map(|cell| (cell.asset, cell.verdict)).collect()
    };
    for asset in [Asset::Password, Asset::Token, Asset::RequestBody, Asset::ResponseBody] {
        let held = cell(&cells, "passes", "edge-root", asset);
        assert_eq!(held.verdict, Verdict::Held, "{held:#?}");
        assert_eq!((held.exposed, held.control.positive), (0, Positive::Passed), "{held:#?}");
        assert!(held.sent > 0 && !held.evidence.is_empty(), "{held:#?}");
        assert!(held.evidence.iter().all(|one| one.encoding.starts_with("tls+")), "{held:#?}");
        let links: BTreeSet<&str> = held.evidence.iter().map(|one| one.link.as_str()).collect();
        let known =
            |link: &&str| link.starts_with("clients/users>edge/") || link.starts_with("edge/tls-proxy>api-");
        assert!(links.iter().all(known), "{links:?}");
        assert_eq!(verdicts("ends-both")[&asset], Verdict::Broken);
    }
    // Logins go to identity alone: they are lost with the one listener that ends TLS.
    assert_eq!(verdicts("ends-one")[&Asset::Password], Verdict::Broken);
    assert_eq!(verdicts("passes")[&Asset::CertificateKey], Verdict::NotExercised);
    assert_eq!(verdicts("ends-one")[&Asset::CertificateKey], Verdict::Broken);
}
