//! Legs of TLS 1.2 are judged as those of TLS 1.3 are: what crossed them sealed is opened with the key log.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use scenarios::{
    catalog,
    event::{Cell, Verdict},
};
use support::{judged, request, run};
use testbed::{
    architecture::{self, Architecture, TlsVersion},
    vocabulary::SecurityDomain,
};

const BASE: &str = "separate-environments";

/// The shipped file with TLS 1.2 alone at every listener that presents one of these identities. It keeps its name:
/// what is expected of the shipped one is expected of it.
fn old(presented: impl Fn(&str) -> bool) -> Architecture {
    let mut file: toml::Table = architecture::source(BASE).unwrap().parse().unwrap();
    for (_, host) in file["hosts"].as_table_mut().unwrap() {
        let Some(processes) = host.get_mut("processes") else { continue };
        for (_, process) in processes.as_table_mut().unwrap() {
            let Some(listeners) = process.get_mut("listeners") else { continue };
            for (_, listener) in listeners.as_table_mut().unwrap() {
                if listener.get("identity").is_some_and(|name| presented(name.as_str().unwrap())) {
                    let only = toml::Value::Array(vec!["1.2".into()]);
                    listener.as_table_mut().unwrap().insert("versions".to_owned(), only);
                }
            }
        }
    }
    architecture::parse("old.toml", &toml::to_string(&file).unwrap()).unwrap()
}

fn cells(of: Architecture) -> Vec<Cell> {
    let scenarios = ["public-sniff", "public-in-path", "management-sniff", "edge-root", "escaped-host"];
    run(request(vec![of], scenarios.map(|id| catalog::load(id).unwrap()).to_vec()))
}

#[test]
fn a_front_of_tls_1_2_alone_gives_the_verdicts_of_tls_1_3() {
    let fronts = old(|identity| identity == "edge-public");
    let public: Vec<_> =
        fronts.segments_of(SecurityDomain::Public).flat_map(|on| fronts.listeners_on(on)).collect();
    assert_eq!(public.len(), 3);
    assert!(public.iter().all(|listener| fronts[*listener].versions == [TlsVersion::Tls12]));

    let everywhere = cells(old(|_| true));
    let (shipped, edited) = (cells(architecture::load(BASE).unwrap()), cells(fronts));
    assert_eq!(judged(&edited), judged(&shipped));
    assert_eq!(judged(&everywhere), judged(&shipped));
    // Held because every asset crossed sealed and was opened, not because nothing was found.
    for cells in [&edited, &everywhere] {
        let sniffed = |cell: &&Cell| cell.architecture == BASE && cell.scenario == "public-sniff";
        let sniffed: Vec<&Cell> = cells.iter().filter(sniffed).collect();
        assert!(!sniffed.is_empty());
        for cell in sniffed {
            assert_eq!((cell.verdict, cell.control.crossed), (Verdict::Held, Some(true)), "{cell:#?}");
        }
    }
}
