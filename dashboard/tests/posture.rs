//! What strict scanners say of the public fronts: `sslyze` against Mozilla's configurations, `testssl.sh` for
//! protocols and known vulnerabilities.
//!
//! The scanners are those in `TESTBED_SSLYZE` and `TESTBED_TESTSSL`, else on PATH; without one its tests say
//! so and pass. `sslyze` sees every front of every shipped architecture. `testssl.sh` waits most of a minute
//! per front, so it sees each kind of TLS terminator once, all at the same time.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;
use testbed::architecture::{self, Architecture, ListenerId};

#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/programs.rs"]
mod programs;

use cloud::Cloud;

/// The one finding that stays: the authority is the run's own, and in no trust store of the world.
const PRIVATE_AUTHORITY: &str = "certificate_path_validation: Certificate path validation failed for CN=";
/// What `testssl.sh` says of its own `OpenSSL`, not of a front.
const OF_ITSELF: &str = "engine_problem";
/// Checks of `testssl.sh` that ask without a server name: a front that routes by name refuses them unopened.
const NAMELESS: [&str; 1] = ["secure_renego"];
/// Some of what it must have looked at, for its silence to count.
const LOOKED_AT: [&str; 9] = [
    "SSLv2",
    "SSLv3",
    "TLS1_3",
    "heartbleed",
    "CCS",
    "ROBOT",
    "secure_client_renego",
    "fallback_SCSV",
    "RC4",
];

#[test]
fn every_public_front_is_what_mozilla_calls_intermediate_but_for_its_private_authority() {
    let Some(sslyze) = programs::found("TESTBED_SSLYZE", "sslyze") else { return };
    let mut fronts = 0;
    for architecture in architecture::names() {
        let home = tempfile::tempdir().unwrap();
        let cloud = Cloud::up(architecture, &home.path().join("lab"));
        fronts += only_the_authority_is_private(&sslyze, "intermediate", architecture, &cloud);
    }
    assert!(fronts > 0);
}

#[test]
fn a_front_of_tls_1_3_alone_is_modern_and_one_of_1_2_beside_it_is_not() {
    let Some(sslyze) = programs::found("TESTBED_SSLYZE", "sslyze") else { return };
    let mut fronts = 0;
    for architecture in architecture::names() {
        let home = tempfile::tempdir().unwrap();
        let Some(modern) = modern(architecture) else { continue };
        let file = home.path().join("modern.toml");
        fs::write(&file, modern).unwrap();
        let cloud = Cloud::up(file.to_str().unwrap(), &home.path().join("lab"));
        fronts += only_the_authority_is_private(&sslyze, "modern", architecture, &cloud);
    }
    assert!(fronts > 0);

    let home = tempfile::tempdir().unwrap();
    let cloud = Cloud::up("separate-environments", &home.path().join("lab"));
    for (front, (_, findings)) in complaints(&sslyze, "modern", &fronts_of(&cloud)) {
        assert!(findings.iter().any(|finding| finding.starts_with("tls_versions:")), "{front}: {findings:?}");
    }
}

#[test]
fn nothing_is_not_ok_with_any_kind_of_tls_terminator() {
    let Some(testssl) = programs::found("TESTBED_TESTSSL", "testssl") else { return };
    let (testssl, kinds) = (&testssl, kinds());
    assert!(!kinds.is_empty());
    thread::scope(|scope| {
        for (kind, (architecture, service)) in &kinds {
            scope.spawn(move || {
                let home = tempfile::tempdir().unwrap();
                let cloud = Cloud::up(architecture, &home.path().join("lab"));
                let said = scanned(testssl, authority(cloud.url(service)), home.path());
                for finding in &said {
                    let (id, severity) = (finding["id"].as_str().unwrap(), &finding["severity"]);
                    let fine = severity == "OK"
                        || severity == "INFO"
                        || id == OF_ITSELF
                        || (kind.0 && NAMELESS.contains(&id));
                    assert!(fine, "{architecture}, {service} ({kind:?}): {finding}");
                }
                for id in LOOKED_AT {
                    let ok = said.iter().any(|finding| finding["id"] == id && finding["severity"] == "OK");
                    assert!(ok, "{architecture}, {service}: {id} in {said:?}");
                }
            });
        }
    });
}

/// Scans every TLS front of a cloud, and returns how many that were.
fn only_the_authority_is_private(sslyze: &Path, config: &str, architecture: &str, cloud: &Cloud) -> usize {
    let fronts = fronts_of(cloud);
    assert_eq!(fronts.is_empty(), cloud.ca().is_none(), "{architecture}");
    let complaints = complaints(sslyze, config, &fronts);
    for (front, (verdict, findings)) in &complaints {
        assert_eq!(verdict, "FAILED - Not compliant.", "{architecture}, {front}: {findings:?}");
        let [finding] = &findings[..] else { panic!("{architecture}, {front}, {config}: {findings:?}") };
        let subject = finding.strip_prefix(PRIVATE_AUTHORITY).unwrap_or_else(|| panic!("{front}: {finding}"));
        assert!(subject.ends_with(".cloud.invalid."), "{architecture}, {front}: {finding}");
    }
    assert_eq!(complaints.keys().collect::<Vec<_>>(), fronts.iter().collect::<Vec<_>>(), "{architecture}");
    fronts.len()
}

/// `localhost:PORT` of everything that speaks TLS, in order.
fn fronts_of(cloud: &Cloud) -> Vec<String> {
    let urls = cloud.said.values().filter(|value| value.starts_with("https://"));
    let mut fronts: Vec<String> = urls.map(|url| authority(url).to_owned()).collect();
    fronts.sort();
    fronts
}

fn authority(url: &str) -> &str {
    url.split("://").nth(1).unwrap()
}

/// What `sslyze` holds against each front, measured by one of Mozilla's configurations: a verdict, findings.
fn complaints(sslyze: &Path, config: &str, fronts: &[String]) -> BTreeMap<String, (String, Vec<String>)> {
    let mut found = BTreeMap::new();
    if fronts.is_empty() {
        return found;
    }
    let output =
        Command::new(sslyze).arg(format!("--mozilla_config={config}")).args(fronts).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (_, judged) =
        said.split_once("COMPLIANCE AGAINST TLS CONFIGURATION").unwrap_or_else(|| panic!("{said}"));
    assert!(judged.contains(&format!("Mozilla's \"{config}\" configuration")), "{said}");
    let mut front = String::new();
    for line in judged.lines().map(str::trim) {
        if let Some(finding) = line.strip_prefix("* ") {
            let (_, findings): &mut (String, Vec<String>) = found.get_mut(&front).unwrap();
            findings.push(finding.to_owned());
        } else if let Some((named, verdict)) =
            line.split_once(": ").filter(|_| line.starts_with("localhost:"))
        {
            named.clone_into(&mut front);
            found.insert(front.clone(), (verdict.to_owned(), Vec::new()));
        }
    }
    found
}

/// The architecture with TLS 1.3 alone at its public listeners; `None` where none of them ends TLS itself.
fn modern(name: &str) -> Option<String> {
    let file = architecture::load(name).unwrap();
    let mut source = architecture::source(name).unwrap().to_owned();
    let public = file.catalog.iter().filter_map(|service| file[service.public].identity);
    let shown: BTreeSet<&str> = public.map(|identity| file[identity].name.as_str()).collect();
    for identity in &shown {
        let (says, also) = (format!("identity = \"{identity}\""), "versions = [\"1.3\"]");
        let lines = source.lines().map(|line| {
            if line.trim_start().starts_with(&says) {
                return line.replace(&says, &format!("{says}\n{also}"));
            }
            line.replace(&format!(" {says}"), &format!(" {says}, {also}"))
        });
        source = lines.map(|line| line + "\n").collect();
    }
    (!shown.is_empty()).then_some(source)
}

/// How TLS ends behind a public listener: passed on unopened before, by which program, asking for certificates,
/// telling the far side of them.
type Kind = (bool, &'static str, bool, bool);

/// One front of each kind of TLS terminator there is: architecture and service.
fn kinds() -> BTreeMap<Kind, (String, String)> {
    let mut kinds = BTreeMap::new();
    for name in architecture::names() {
        let file = architecture::load(name).unwrap();
        for service in &file.catalog {
            if let Some(kind) = kind(&file, service.public) {
                kinds.entry(kind).or_insert((name.to_owned(), service.service_type.clone()));
            }
        }
    }
    kinds
}

fn kind(file: &Architecture, front: ListenerId) -> Option<Kind> {
    let mut end = front;
    while file[end].identity.is_none() {
        end = file[*file[end].routes.first()?.to.first()?].to;
    }
    let (listener, program) = (&file[end], file[file[end].process].program.word());
    Some((end != front, program, listener.client_auth.is_some(), listener.client_cert.is_some()))
}

/// Everything `testssl.sh` says of the protocols and vulnerabilities of a front.
fn scanned(testssl: &Path, front: &str, into: &Path) -> Vec<Value> {
    let findings = into.join("findings.json");
    let mut scan = Command::new(testssl);
    scan.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "batch",
        "--nodns",
        "none",
        "-p",
        "-U",
        "--jsonfile",
    ]);
    let output = scan.arg(&findings).arg(front).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!said.contains("NOT ok"), "{said}");
    let text = fs::read_to_string(&findings).unwrap_or_else(|error| panic!("{error}: {said}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
