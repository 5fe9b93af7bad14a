//! Every shipped scenario loads, fits the shipped architectures, and expects what the truth table says.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, time::Duration};

use scenarios::{
    catalog::{Profile, Scenario, all, load, names, parse, source},
    event::Verdict,
};
use testbed::{
    architecture,
    vocabulary::Asset::{
        self, CertificateKey, InternalMessage, Password, Reach, RequestBody, ResponseBody, Token,
    },
};

fn catalog() -> Vec<Scenario> {
    all().unwrap()
}

#[test]
fn each_file_carries_the_id_of_its_name() {
    for (scenario, name) in catalog().iter().zip(names()) {
        assert_eq!(scenario.id, name);
    }
}

#[test]
fn the_folder_holds_exactly_the_embedded_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    assert_eq!(files, names().map(str::to_owned).collect());
}

#[test]
fn every_name_in_the_catalog_exists() {
    let architectures: Vec<&str> = architecture::names().collect();
    let scenarios: Vec<&str> = names().collect();
    for scenario in catalog() {
        for control in &scenario.controls {
            let (on, of) = control.cell("plaintext", &scenario.id);
            assert!(architectures.contains(&on) && scenarios.contains(&of), "{}: {on} {of}", scenario.id);
        }
        for name in scenario.expect.keys() {
            assert!(architectures.contains(&name.as_str()), "{}: {name}", scenario.id);
        }
        for name in architectures.iter().filter(|name| scenario.architectures.to(name)) {
            let loaded = architecture::load(name).unwrap();
            if let Some(weakness) = &scenario.weakness {
                assert!(loaded.with_weakness(weakness).is_ok(), "{}: {name}", scenario.id);
            }
        }
    }
}

#[test]
fn every_judged_cell_of_a_shipped_architecture_has_an_expectation() {
    for scenario in catalog() {
        for name in architecture::names().filter(|name| scenario.architectures.to(name)) {
            for asset in &scenario.assets {
                assert!(scenario.expected(name, *asset).is_some(), "{} {name} {asset}", scenario.id);
            }
        }
        assert_eq!(scenario.assets.is_empty(), scenario.technique.is_flood(), "{}", scenario.id);
    }
}

/// One row: does `plaintext`, `proxy-in-front`, `separate-environments` give the asset away?
#[test]
fn expectations_are_the_truth_table() {
    let rows = [
        ("public-sniff", [true, false, false]),
        ("public-in-path", [true, false, false]),
        ("public-in-path-careless", [true, true, true]),
        ("management-sniff", [true, true, false]),
        ("management-in-path", [true, true, false]),
        ("management-in-path-unverified", [true, true, true]),
        ("direct-connect", [true, true, false]),
        ("guest-reach", [false, false, false]),
        ("edge-root", [true, true, true]),
        ("host-root", [true, true, true]),
    ];
    for (id, broken) in rows {
        let scenario = load(id).unwrap();
        for (name, broken) in architecture::names().zip(broken) {
            let wanted = if broken { Verdict::Broken } else { Verdict::Held };
            let travels = |asset: &&Asset| !matches!(**asset, InternalMessage | CertificateKey);
            for asset in scenario.assets.iter().filter(travels) {
                assert_eq!(scenario.expected(name, *asset), Some(wanted), "{id} {name} {asset}");
            }
        }
    }
}

/// A key can only be read where one lies.
#[test]
fn expectations_of_keys_are_the_truth_table() {
    use Verdict::{Broken, NotExercised};
    let rows = [("edge-root", [NotExercised, Broken, Broken])];
    for (id, wanted) in rows {
        for (name, wanted) in architecture::names().zip(wanted) {
            assert_eq!(load(id).unwrap().expected(name, CertificateKey), Some(wanted), "{id} {name}");
        }
    }
}

#[test]
fn assets_are_those_that_travel_there() {
    let public = [Password, Token, RequestBody, ResponseBody];
    let management = [Password, Token, RequestBody, ResponseBody, InternalMessage];
    for scenario in catalog() {
        let wanted: &[_] = match scenario.id.as_str() {
            id if id.starts_with("public-") => &public,
            id if id.starts_with("management-") => &management,
            "direct-connect" | "guest-reach" => &[Reach],
            "edge-root" => &[Password, Token, RequestBody, ResponseBody, CertificateKey],
            "host-root" => &management,
            "escaped-host" => &[Password, Token, RequestBody, ResponseBody, InternalMessage, Reach],
            _ => &[],
        };
        assert_eq!(scenario.assets, wanted, "{}", scenario.id);
        for name in architecture::names().filter(|_| scenario.assets.contains(&InternalMessage)) {
            assert_eq!(scenario.expected(name, InternalMessage), Some(Verdict::NotExercised));
        }
    }
}

/// A control that is itself expected to hold could never let a `held` stand.
#[test]
fn every_control_of_an_expected_held_is_expected_to_break() {
    let catalog = catalog();
    for scenario in &catalog {
        for (name, verdicts) in &scenario.expect {
            for (asset, _) in verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Held) {
                assert!(!scenario.controls.is_empty(), "{} {name} {asset}", scenario.id);
                for control in &scenario.controls {
                    let (on, of) = control.cell(name, &scenario.id);
                    let control = catalog.iter().find(|other| other.id == of).unwrap();
                    assert_eq!(control.expected(on, *asset), Some(Verdict::Broken), "{} {name}", scenario.id);
                }
            }
        }
    }
}

#[test]
fn the_tiny_profile_counts_requests_and_skips_floods() {
    for scenario in catalog() {
        let tiny = scenario.phases(Profile::Tiny);
        assert_eq!(tiny.is_none(), scenario.technique.is_flood(), "{}", scenario.id);
        assert!(tiny.is_none_or(|plan| plan.duration().is_none()), "{}", scenario.id);
    }
}

/// The comparison of the shipped architectures must fit into a minute, launches and judgement included.
#[test]
fn the_default_profile_leaves_ten_seconds_of_a_minute_to_everything_but_phases() {
    let mut total = Duration::ZERO;
    for scenario in catalog() {
        let runs = architecture::names().filter(|name| scenario.architectures.to(name)).count();
        let plan = scenario.phases(Profile::Default).unwrap();
        total += plan.duration().unwrap() * u32::try_from(runs).unwrap();
    }
    assert!(total <= Duration::from_secs(50), "{total:?}");
    assert!(total > Duration::from_secs(10), "{total:?}");
}

#[test]
fn a_scenario_applies_to_a_users_own_architecture() {
    assert!(load("public-sniff").unwrap().architectures.to("mine"));
    let handshakes = load("flood-handshake").unwrap();
    assert!(handshakes.architectures.to("mine") && !handshakes.architectures.to("plaintext"));
}

#[test]
fn a_path_loads_the_same_as_the_name_and_a_slip_is_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, source("guest-reach").unwrap()).unwrap();
    assert_eq!(load(path.to_str().unwrap()).unwrap(), load("guest-reach").unwrap());
    assert_eq!(
        load("guest-raech").unwrap_err().to_string(),
        "there is no scenario `guest-raech` (did you mean `guest-reach`?)"
    );
}

/// A user's own names are taken as they are; only an obvious slip of a shipped one is refused.
#[test]
fn names_of_a_users_own_files_are_accepted() {
    let own = source("public-sniff").unwrap().replace("proxy-in-front", "plaintext-of-mine");
    assert!(parse("own.toml", &own).unwrap().expect.contains_key("plaintext-of-mine"));
}

/// Cut anywhere, and with any line missing, a file loads or is refused with findings inside it.
#[test]
fn damaged_files_never_panic() {
    let check = |text: &str| {
        if let Err(diagnostics) = parse("damaged.toml", text) {
            assert!(!diagnostics.findings().is_empty(), "{text}");
            assert!(diagnostics.findings().iter().all(|finding| finding.span.end <= text.len()), "{text}");
        }
    };
    for name in names() {
        let text = source(name).unwrap();
        for (cut, _) in text.char_indices() {
            check(&text[..cut]);
            check(&text[cut..]);
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for skipped in 0..lines.len() {
            let rest = lines.iter().enumerate().filter(|(index, _)| *index != skipped);
            check(&rest.map(|(_, line)| *line).collect::<String>());
        }
    }
}

#[test]
fn the_example_of_the_readme_is_a_scenario() {
    let readme = include_str!("../catalog/README.md");
    let example = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let scenario = parse("README.md", example).map_err(|diagnostics| diagnostics.to_string()).unwrap();
    assert_eq!(scenario.weakness.as_deref(), Some("careless-clients"));
}
