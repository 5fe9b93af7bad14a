//! Every shipped scenario loads, fits the shipped architectures, and expects what the truth table says.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, time::Duration};

use scenarios::{
    catalog::{Profile, Scenario, all, load, names, parse, source},
    event::Verdict,
};
use testbed::{
    architecture,
    vocabulary::Asset::{CertificateKey, InternalMessage, Password, Reach, RequestBody, ResponseBody, Token},
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

#[test]
fn assets_are_those_that_travel_there() {
    let public = [Password, Token, RequestBody, ResponseBody];
    let management = [Password, Token, RequestBody, ResponseBody, InternalMessage];
    for scenario in catalog() {
        let wanted: &[_] = match scenario.id.as_str() {
            id if id.starts_with("public-") => &public,
            id if id.starts_with("management-") => &management,
            "direct-connect" | "guest-reach" | "neighbour-connect" => &[Reach],
            "neighbour-key" | "service-key" => &[CertificateKey],
            "edge-root" => &[Password, Token, RequestBody, ResponseBody, CertificateKey],
            "host-root" => &management,
            "escaped-host" => &[Password, Token, RequestBody, ResponseBody, InternalMessage, Reach],
            _ => &[],
        };
        assert_eq!(scenario.assets, wanted, "{}", scenario.id);
    }
}

/// A control that is itself expected to hold could never let a `held` stand.
#[test]
fn every_control_of_an_expected_held_is_expected_to_break() {
    let catalog = catalog();
    for scenario in &catalog {
        for (name, verdicts) in &scenario.expect {
            for (asset, _) in verdicts.iter().filter(|(_, verdict)| **verdict == Verdict::Held) {
                let proven = !scenario.controls.is_empty() || scenario.technique.proves_itself();
                assert!(proven, "{} {name} {asset}", scenario.id);
                for control in &scenario.controls {
                    let (on, of) = control.cell(name, &scenario.id);
                    let control = catalog.iter().find(|other| other.id == of).unwrap();
                    let expected = control.expected(on, *asset);
                    // What even the careless do not lose rests on the probe's success elsewhere.
                    let lost_elsewhere = on == name && scenario.controls.len() > 1;
                    let shows = expected == Some(Verdict::Broken)
                        || (lost_elsewhere && expected == Some(Verdict::Held));
                    assert!(shows, "{} {name}: {on}/{of} is expected {expected:?}", scenario.id);
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

/// The comparison of the shipped architectures must fit into a minute, and into two and a half with floods:
/// launches, judgement and a slower machine included.
#[test]
fn phases_of_the_default_profile_leave_a_third_of_the_time_to_everything_else() {
    let (mut quiet, mut floods) = (Duration::ZERO, Duration::ZERO);
    for scenario in catalog() {
        let runs = architecture::names().filter(|name| scenario.architectures.to(name)).count();
        let plan = scenario.phases(Profile::Default).unwrap();
        let total = plan.duration().unwrap() * u32::try_from(runs).unwrap();
        // A flood attacks and recovers twice: victim and decoy.
        if scenario.technique.is_flood() { floods += total * 2 } else { quiet += total }
    }
    assert!(quiet <= Duration::from_secs(42), "{quiet:?}");
    assert!(quiet + floods <= Duration::from_secs(135), "{floods:?}");
    assert!(quiet > Duration::from_secs(10), "{quiet:?}");
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
