//! The shipped architectures load, say what their files say, and answer the questions others ask of them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use testbed::{
    architecture::{Architecture, LoadError, Place, Program, Verify, load, names, parse, source},
    vocabulary::SecurityDomain,
};

/// Every link of an architecture with the segment it crosses and how it is protected.
fn links(architecture: &Architecture) -> Vec<String> {
    architecture
        .dial_ids()
        .map(|dial| {
            let segment = architecture.segment_of(dial).map_or("local", |id| architecture[id].name.as_str());
            let tls = match &architecture[dial].tls {
                None if architecture.speaks_tls(architecture[dial].to) => "passed on".to_owned(),
                None => "clear".to_owned(),
                Some(tls) => format!("{} by {}", tls.server_name, architecture[tls.trust[0]].name),
            };
            format!("{} on {segment}: {tls}", architecture.link(dial))
        })
        .collect()
}

#[test]
fn plaintext_is_clear_everywhere() {
    let plaintext = load("plaintext").unwrap();
    assert!(plaintext.dials.iter().all(|dial| dial.tls.is_none()));
    assert!(plaintext.listeners.iter().all(|listener| listener.identity.is_none()));
}

#[test]
fn every_link_is_protected_as_its_file_says() {
    for name in names() {
        insta::assert_snapshot!(format!("links_of_{name}"), links(&load(name).unwrap()).join("\n"));
    }
}

/// Names of architectures with a clear link on a segment of a domain.
fn clear_on(domain: SecurityDomain) -> BTreeSet<&'static str> {
    let clear = |name: &&str| {
        let file = load(name).unwrap();
        let mut dials =
            file.segments_of(domain).flat_map(|segment| file.dials_on(segment).collect::<Vec<_>>());
        dials.any(|dial| !file.speaks_tls(file[dial].to))
    };
    names().filter(clear).collect()
}

#[test]
fn only_the_guides_starting_point_and_its_first_model_leave_anything_clear_on_a_network() {
    assert_eq!(clear_on(SecurityDomain::Public), BTreeSet::from(["plaintext"]));
    assert_eq!(clear_on(SecurityDomain::Management), BTreeSet::from(["plaintext", "proxy-in-front"]));
}

#[test]
fn each_shipped_file_has_the_places_attackers_stand_on() {
    for name in names() {
        let architecture = load(name).unwrap();
        assert_eq!(architecture.name, name);
        for domain in [SecurityDomain::Public, SecurityDomain::Management, SecurityDomain::Guest] {
            assert_eq!(architecture.segments_of(domain).count(), 1, "{name}: {domain}");
        }
        let guest = architecture.host("guest-1").unwrap();
        let hypervisor = architecture[guest].inside.unwrap();
        assert!(architecture.guests_of(hypervisor).eq([guest]), "{name}");
        let management = architecture.segment("management").unwrap();
        assert!(architecture.hosts_on(management).any(|host| host == hypervisor), "{name}");
        assert!(!architecture.hosts_on(management).any(|host| host == guest), "{name}");
    }
}

#[test]
fn every_catalog_entry_ends_at_the_service_it_names() {
    for name in names() {
        let architecture = load(name).unwrap();
        assert_eq!(architecture.catalog.len(), 2, "{name}");
        for entry in &architecture.catalog {
            for listener in [entry.public, entry.internal, entry.admin] {
                let end = architecture.end_of(listener);
                let program = match architecture[architecture[end].process].program {
                    Program::Identity { .. } => "identity",
                    Program::Compute => "compute",
                    other => panic!("{name}: {other:?}"),
                };
                assert_eq!(program, entry.service_type, "{name}");
            }
            let public = architecture.segment("public").unwrap();
            assert_eq!(architecture[entry.public].place, Place::Segment(public), "{name}");
        }
    }
}

#[test]
fn careless_clients_switch_off_what_clients_verify_and_nothing_else() {
    for name in names() {
        let strong = load(name).unwrap();
        let weak = strong.with_weakness("careless-clients").unwrap();
        for dial in strong.dial_ids() {
            let Some(tls) = &weak[dial].tls else { continue };
            let careless = weak.link(dial).starts_with("clients/users>");
            assert_eq!(tls.verify, if careless { Verify::Off } else { Verify::Name }, "{name}");
        }
    }
}

#[test]
fn unverified_callers_leave_no_verified_dial_on_management() {
    for name in names() {
        let weak = load(name).unwrap().with_weakness("unverified-callers").unwrap();
        let management = weak.segment("management").unwrap();
        for dial in weak.dials_on(management) {
            assert!(weak[dial].tls.as_ref().is_none_or(|tls| tls.verify == Verify::Off), "{name}");
        }
        let public = weak.segment("public").unwrap();
        for dial in weak.dials_on(public) {
            assert!(weak[dial].tls.as_ref().is_none_or(|tls| tls.verify == Verify::Name), "{name}");
        }
    }
}

#[test]
fn an_unknown_weakness_is_refused_with_the_nearest_one() {
    let error = load("plaintext").unwrap().with_weakness("careles-clients").unwrap_err();
    assert_eq!(
        error.to_string(),
        "architecture `plaintext` has no weakness `careles-clients` (did you mean `careless-clients`?)"
    );
}

#[test]
fn names_lead_to_ids_and_back() {
    let architecture = load("separate-environments").unwrap();
    for id in architecture.process_ids() {
        assert_eq!(architecture.process(&architecture.process_label(id)), Some(id));
    }
    for id in architecture.listener_ids() {
        assert_eq!(architecture.listener(&architecture.listener_label(id)), Some(id));
        assert!(architecture[architecture[id].process].listeners.contains(&id));
    }
    for id in architecture.dial_ids() {
        assert_eq!(architecture.dial(&architecture.dial_label(id)), Some(id));
        assert!(architecture[architecture[id].process].dials.contains(&id));
    }
    assert_eq!(architecture.process("edge/tls-prox"), None);
}

#[test]
fn the_folder_holds_exactly_the_embedded_files() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("architectures");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    assert_eq!(files, names().map(str::to_owned).collect());
}

#[test]
fn a_path_loads_the_same_as_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, source("proxy-in-front").unwrap()).unwrap();
    assert_eq!(load(path.to_str().unwrap()).unwrap(), load("proxy-in-front").unwrap());
}

#[test]
fn a_missing_file_and_an_unknown_name_are_told_apart() {
    let unknown = load("proxy-infront").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no architecture `proxy-infront` (did you mean `proxy-in-front`?)"
    );
    assert!(matches!(load("./mine.toml"), Err(LoadError::Unreadable { path, .. }) if path == "./mine.toml"));
    assert!(matches!(load("mine.toml"), Err(LoadError::Unreadable { .. })));
}

#[test]
fn a_file_that_is_no_text_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, b"schema = 1\nname = \"\xc3\x28\"\n").unwrap();
    let Err(LoadError::Invalid(diagnostics)) = load(path.to_str().unwrap()) else { panic!("it loaded") };
    let place = diagnostics.place(&diagnostics.findings()[0]);
    assert_eq!((place.line, place.column), (2, 9));
}

/// Words chosen by nobody change the words of the result and nothing else.
#[test]
fn renaming_hosts_and_segments_keeps_the_shape() {
    let renamed = source("separate-environments")
        .unwrap()
        .replace("edge", "walrus")
        .replace("api-1", "onion")
        .replace("management", "pelican")
        .replace("domain = \"pelican\"", "domain = \"management\"");
    let renamed = parse("renamed.toml", &renamed).unwrap();
    let original = load("separate-environments").unwrap();
    assert_eq!(renamed.dials.len(), original.dials.len());
    for (new, old) in renamed.dial_ids().zip(original.dial_ids()) {
        assert_eq!(renamed.segment_of(new), original.segment_of(old));
        assert_eq!(renamed[new].to, original[old].to);
    }
    assert_eq!(renamed.link(renamed.dial_ids().nth(3).unwrap()), "walrus/tls-proxy>onion/tls-proxy");
}

#[test]
fn tls_may_be_passed_on_twice_before_it_ends() {
    let once = include_str!("passing_through.toml");
    let twice = once.replace(
        "dials.api = { to = \"api/tls-proxy/identity\" }",
        "dials.api = { to = \"edge/second/identity\" }",
    ) + r#"
[hosts.edge.processes.second]
program = "proxy"
user = "balancer"
dials.api = { to = "api/tls-proxy/identity" }
listeners.identity = { on = "public", routes = [{ name = "identity.cloud.invalid", to = ["api"] }] }
"#;
    let file = parse("twice.toml", &twice).unwrap_or_else(|wrong| panic!("{wrong}"));
    let front = file.listener("edge/balancer/identity").unwrap();
    assert_eq!(file.met(front), file.identity("api"));
    let end = file.end_of(front);
    assert_eq!(file[file[end].process].program.word(), "identity");
}
