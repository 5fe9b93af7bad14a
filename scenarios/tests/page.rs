//! A cloud with a login page under the real runner: form passwords are hunted down to the last one, and rows
//! speak of visits exactly where users can make them.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, path::Path, time::Duration};

use scenarios::{
    catalog::{self, Profile},
    event::{Cell, Event, Stamped, Verdict},
    runner::{self, Request},
    snapshot::Snapshot,
};
use testbed::{
    architecture,
    launch::Realisation,
    vocabulary::{Asset, Phase},
};

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testbed/tests/clouds").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn page(name: &str) -> architecture::Architecture {
    architecture::parse(name, &text(name)).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The protected cloud, where TLS ends in the page itself: the edge's link to it carries nothing else.
fn native() -> architecture::Architecture {
    let mut text = text("protected.toml");
    for (from, to) in [
        ("protected-page", "native-page"),
        (r#"{ to = "api-1/proxy/page", "#, r#"{ to = "api-1/login-page/http", "#),
        ("listeners.page = { on = \"management\", identity = \"api-1\", forward = \"page\" }\n", ""),
        ("dials.page = { to = \"api-1/login-page/http\" }\n", ""),
        (
            r#"listeners.http = { on = "local" }"#,
            r#"listeners.http = { on = "management", identity = "page" }"#,
        ),
        (
            "[catalog.identity]",
            "[identities.page]\nauthority = \"internal\"\nhost = \"api-1\"\nowner = \"horizon\"\nnames = [\"page.internal.cloud.invalid\"]\n\n[catalog.identity]",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    architecture::parse("native-page.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// The same cloud without its page.
fn pageless() -> architecture::Architecture {
    let dial = "dials.login-page = { to = \"edge/proxy/page\" }\n";
    let text = text("clear.toml").replace("clear-page", "no-page").replace(dial, "");
    architecture::parse("no-page.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn three() -> Vec<architecture::Architecture> {
    vec![page("clear.toml"), page("protected.toml"), pageless()]
}

fn run(architectures: Vec<architecture::Architecture>, scenario: &str, seed: u64) -> Vec<Stamped> {
    let request = Request {
        architectures,
        scenarios: vec![catalog::load(scenario).unwrap()],
        seed,
        profile: Profile::Tiny,
        out: None,
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: Duration::ZERO,
        helper: None,
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    };
    runner::start(request).unwrap().events.iter().collect()
}

#[test]
fn whoever_reads_the_wire_has_every_form_password_and_every_page() {
    let events = run(three(), "management-sniff", 42);
    let snapshot = Snapshot::of(&events);
    for asset in [Asset::Password, Asset::ResponseBody] {
        let cell = |name: &str| {
            let cells = snapshot.cells.iter();
            cells.clone().find(|cell| cell.architecture == name && cell.asset == asset).unwrap()
        };
        let clear = cell("clear-page");
        assert_eq!(clear.verdict, Verdict::Broken, "{}", clear.reason);
        let hunt = clear.hunt.as_ref().unwrap();
        assert!((hunt.recall - 1.0).abs() < f64::EPSILON, "{asset}: recall {}", hunt.recall);
        let links: BTreeSet<&str> = clear.evidence.iter().map(|evidence| evidence.link.as_str()).collect();
        assert!(links.contains("edge/proxy>api-1/login-page"), "{asset} only on {links:?}");
        assert_eq!(cell("protected-page").exposed, 0);
    }
}

#[test]
fn rows_speak_of_visits_exactly_where_there_is_a_page_and_add_up() {
    let events = run(three(), "management-sniff", 42);
    let rows = || {
        events.iter().filter_map(|event| match &event.event {
            Event::Performance(row) => Some(row),
            _ => None,
        })
    };
    for (name, visits) in [("clear-page", true), ("protected-page", true), ("no-page", false)] {
        for row in rows().filter(|row| row.architecture == name && row.operation == "all") {
            let of_phase = || rows().filter(|other| other.architecture == name && other.phase == row.phase);
            let parts = || of_phase().filter(|other| other.operation != "all");
            assert_eq!(parts().any(|part| part.operation == "page" && part.offered > 0), visits, "{name}");
            assert_eq!(parts().any(|part| part.operation == "page"), visits, "{name}");
            assert_eq!(parts().map(|part| part.offered).sum::<u64>(), row.offered);
            assert_eq!(parts().map(|part| part.completed).sum::<u64>(), row.completed);
            // In the attack, replayed deletes take servers away from honest users.
            let undisturbed = row.phase == Phase::Baseline;
            assert!(!undisturbed || row.errors == 0, "{name}: {} errors", row.errors);
        }
        assert!(rows().any(|row| row.architecture == name));
    }
}

#[test]
fn an_impostor_hears_from_the_page_in_every_run_so_no_link_stays_silent() {
    for seed in 1..=8 {
        let snapshot = Snapshot::of(&run(vec![native()], "management-in-path", seed));
        let own = |cell: &&Cell| cell.architecture == "native-page" && cell.scenario == "management-in-path";
        let cells = || snapshot.cells.iter().filter(own);
        let silent = cells().filter(|cell| cell.reason.contains("no connection arrived there"));
        let silent: Vec<_> = silent.map(|cell| &cell.reason).collect();
        assert!(silent.is_empty(), "seed {seed}: {silent:?}");
        let pages = cells().find(|cell| cell.asset == Asset::ResponseBody).unwrap();
        assert!(pages.reason.contains("refused by the victims themselves"), "seed {seed}: {}", pages.reason);
    }
}
