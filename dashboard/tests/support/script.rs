//! A scripted comparison: eight architectures, sixteen scenarios, with the verdicts of the truth table.
//!
//! Every figure is made up by arithmetic on indices, so that the screens of a script never change. It stands in
//! for an engine in tests; nothing of it is reachable from the binary.
// Each includer uses its own part of this file.
#![allow(dead_code)]

mod cast;

use std::collections::BTreeMap;

use cast::{declared, histogram, links, topology};

use scenarios::event::{
    Attempt, Cell, Control, Event, Evidence, Exposed, FloodInterval, Hunt, Impact, Interval, LinkSeen,
    LinkState, Performance, Positive, RunStarted, ScenarioInfo, Stamped, ValidityFlag, Verdict,
};
use testbed::vocabulary::{Asset, Encoding, Method, Phase, Vantage};

pub(crate) const ARCHITECTURES: [&str; 8] = [
    "plaintext",
    "native-tls",
    "proxy-in-front",
    "proxy-on-host",
    "proxy-on-host-unix",
    "over-load-balancer",
    "separate-environments",
    "mutual-tls",
];
const TOKEN: &str = "gAAAAABqTESTq8YtVx2mJp0cWl9sKd4Rf7Hu1Zb6Ne3Go5Ai";

/// Id, title, vantage, technique ids, verdict word per architecture (b, h, n, f = flood).
const SCENARIOS: [(&str, &str, Vantage, &[&str], &str); 16] = [
    ("public-sniff", "Read the public segment", Vantage::PublicSniffer, &["T1040"], "bhhhhhhh"),
    ("public-in-path", "Impostor before a verifying client", Vantage::PublicInPath, &["T1557"], "bhhhhhhh"),
    (
        "public-in-path-careless",
        "Impostor before a careless client",
        Vantage::PublicInPath,
        &["T1557"],
        "bbbbbbbb",
    ),
    (
        "management-sniff",
        "Read the management segment",
        Vantage::ManagementSniffer,
        &["T1040", "T1550.001"],
        "bhbhhhhh",
    ),
    ("management-in-path", "Impostor between services", Vantage::ManagementInPath, &["T1557"], "bhbhhhhh"),
    (
        "management-in-path-unverified",
        "Impostor before an edge that does not verify",
        Vantage::ManagementInPath,
        &["T1557"],
        "bbbbbbbb",
    ),
    ("direct-connect", "Call the clear port directly", Vantage::EscapedHost, &["T1046"], "bnbhhhhh"),
    ("guest-reach", "Reach out of a guest", Vantage::Guest, &["T1046"], "hhhhhhhh"),
    (
        "neighbour-connect",
        "Another user calls the service",
        Vantage::ApiHostNeighbour,
        &["T1046"],
        "bhbbhbbb",
    ),
    ("neighbour-key", "Another user reads the key", Vantage::ApiHostNeighbour, &["T1552.004"], "nhnhhhhh"),
    ("service-key", "The service reads the key", Vantage::ServiceProcess, &["T1552.004"], "nbnhhhhb"),
    ("edge-root", "Root on the edge", Vantage::EdgeRoot, &["T1552.004"], "bnbnnhbb"),
    ("host-root", "Root on an API host", Vantage::ApiHostRoot, &["T1552.004"], "bbbbbbbb"),
    (
        "hypervisor-escape",
        "Leave the guest, then listen and call",
        Vantage::EscapedHost,
        &["T1611", "T1040"],
        "bbbhhhih",
    ),
    ("flood-connect", "Flood of connections", Vantage::PublicSniffer, &["T1499.001"], "ffffffff"),
    ("flood-handshake", "Flood of full handshakes", Vantage::PublicSniffer, &["T1499.002"], "ffffffff"),
];
/// In which the attacker reads or uses a process: nothing of it is in a capture.
const IN_HOST: [&str; 3] = ["service-key", "edge-root", "host-root"];

/// The whole run; one verdict is not what its scenario expected.
pub(crate) fn finished() -> Vec<Stamped> {
    let mut script = Script::begin();
    for architecture in 0..ARCHITECTURES.len() {
        for scenario in 0..SCENARIOS.len() {
            script.step(architecture, scenario);
        }
    }
    script.at_ms += 400;
    script.push(Event::RunEnded { exit_code: 3, interrupted: false });
    script.events
}

/// Just begun: nothing is up yet.
pub(crate) fn begun() -> Vec<Stamped> {
    Script::begin().events
}

/// In the attack phase of `management-sniff` on `proxy-in-front`.
pub(crate) fn attacked() -> Vec<Stamped> {
    let mut script = Script::begin();
    for scenario in 0..SCENARIOS.len() {
        script.step(0, scenario);
        script.step(1, scenario);
    }
    for scenario in 0..3 {
        script.step(2, scenario);
    }
    script.launch(2, 3);
    script.phase(2, 3, Phase::Baseline);
    script.phase(2, 3, Phase::Attack);
    script.events
}

/// Interrupted in the middle.
pub(crate) fn interrupted() -> Vec<Stamped> {
    let mut events = attacked();
    let at_ms = events.last().map_or(0, |last| last.at_ms) + 200;
    events.push(Stamped { at_ms, event: Event::RunEnded { exit_code: 130, interrupted: true } });
    events
}

/// Finished, and neither verdicts nor figures may be trusted.
pub(crate) fn invalid() -> Vec<Stamped> {
    let mut events = finished();
    let ended = events.pop();
    let at_ms = events.last().map_or(0, |last| last.at_ms);
    for (flag, reason) in [
        (ValidityFlag::Exposure, "positive control failed: the probe found nothing on plaintext"),
        (ValidityFlag::Performance, "generator lag 41 ms at p99"),
    ] {
        let place = "plaintext public-sniff".to_owned();
        events.push(Stamped { at_ms, event: Event::Invalid { flag, place, reason: reason.to_owned() } });
    }
    events.push(Stamped { at_ms, event: Event::RunEnded { exit_code: 5, interrupted: false } });
    assert!(ended.is_some());
    events
}

struct Script {
    at_ms: u64,
    events: Vec<Stamped>,
}

impl Script {
    fn begin() -> Self {
        let mut script = Self { at_ms: 0, events: Vec::new() };
        script.push(Event::RunStarted(RunStarted {
            schema_version: 1,
            version: "0.1.0".into(),
            started: "2031-05-04T10:00:00Z".into(),
            seed: 42,
            profile: "default".into(),
            architectures: ARCHITECTURES.map(String::from).to_vec(),
            scenarios: SCENARIOS
                .map(|(id, title, vantage, attack_ids, _)| ScenarioInfo {
                    id: id.into(),
                    title: title.into(),
                    vantage,
                    attack_ids: attack_ids.iter().map(ToString::to_string).collect(),
                    rows: vec!["A1".into(), "A2".into()],
                })
                .to_vec(),
            engine: None,
            steps: ARCHITECTURES.len() * SCENARIOS.len(),
        }));
        script
    }

    fn push(&mut self, event: Event) {
        self.events.push(Stamped { at_ms: self.at_ms, event });
    }

    fn step(&mut self, architecture: usize, scenario: usize) {
        self.launch(architecture, scenario);
        for phase in [Phase::Baseline, Phase::Attack, Phase::Recovery] {
            self.phase(architecture, scenario, phase);
        }
        self.judge(architecture, scenario);
        let (name, id) = names(architecture, scenario);
        self.push(Event::ScenarioEnded { architecture: name, scenario: id });
    }

    fn launch(&mut self, architecture: usize, scenario: usize) {
        let (name, id) = names(architecture, scenario);
        if scenario == 0 {
            self.push(Event::Topology(topology(architecture)));
        }
        self.at_ms += 38;
        self.push(Event::Launched { architecture: name, scenario: id, launch_ms: 38.0 });
    }

    fn phase(&mut self, architecture: usize, scenario: usize, phase: Phase) {
        let (name, id) = names(architecture, scenario);
        self.push(Event::PhaseStarted { architecture: name.clone(), scenario: id.clone(), phase });
        let verdict = verdict(architecture, scenario);
        for second in 0..if verdict == 'f' { 4 } else { 1 } {
            let slow = if phase == Phase::Attack && verdict == 'f' { 60 } else { 0 };
            let completed = 212 - slow - 9 * (second + scenario as u64) % 23;
            self.push(Event::Interval(Interval {
                architecture: name.clone(),
                scenario: id.clone(),
                phase,
                operation: "list".into(),
                start_ms: self.at_ms,
                length_ms: 1000,
                offered: 212,
                completed,
                errors: if slow > 0 { 212 - completed } else { 0 },
                late: 0,
                histogram: histogram(architecture, phase == Phase::Attack, completed),
            }));
            if slow > 0 {
                self.flood(&name, &id);
            }
            self.at_ms += 1000;
        }
        for link in seen(architecture, scenario) {
            self.push(Event::Link(link));
        }
        if phase == Phase::Attack && verdict != 'f' {
            self.attack(architecture, scenario);
        }
    }

    fn flood(&mut self, architecture: &str, scenario: &str) {
        for (arm, failed) in [("victim", 61), ("decoy", 3)] {
            self.push(Event::Flood(FloodInterval {
                architecture: architecture.into(),
                scenario: scenario.into(),
                arm: arm.into(),
                kind: scenario.trim_start_matches("flood-").into(),
                started: 400,
                completed: 400 - failed,
                failed,
                counted: Some(400 - failed),
                last_accepted_ms: None,
            }));
        }
    }

    fn attack(&mut self, architecture: usize, scenario: usize) {
        let (name, id) = names(architecture, scenario);
        let broken = verdict(architecture, scenario) == 'b';
        let attempt = |target: &str, answer: &str, served: bool| {
            Event::Attempt(Attempt {
                architecture: name.clone(),
                scenario: id.clone(),
                vantage: SCENARIOS[scenario].2,
                technique: "replay-token".into(),
                attack_id: "T1550.001".into(),
                target: target.into(),
                answer: answer.into(),
                served,
                method: Method::Measured,
            })
        };
        if !broken {
            self.push(attempt("api-1/identity from management", "connection refused", false));
            return;
        }
        for (asset, canary) in [(Asset::Token, TOKEN), (Asset::Password, "pw-TESTq8YtVx2mJp0cWl9s")] {
            self.push(Event::Exposed(Exposed {
                architecture: name.clone(),
                scenario: id.clone(),
                asset,
                link: "edge/tls-proxy>api-1/identity".into(),
                segment: "management".into(),
                encoding: Encoding::Raw,
                canary: canary.into(),
            }));
        }
        self.push(attempt("api-2/compute", "HTTP 204", true));
        self.push(Event::Impact(Impact {
            architecture: name,
            scenario: id,
            technique: "replay-token".into(),
            attack_id: "T1485".into(),
            what: "server 3f2a deleted with a token of user-7".into(),
            confirmed: true,
        }));
    }

    fn judge(&mut self, architecture: usize, scenario: usize) {
        match verdict(architecture, scenario) {
            'f' => {
                for (arm, attack) in [("victim", 590), ("decoy", 800)] {
                    for (phase, completed) in
                        [(Phase::Baseline, 832), (Phase::Attack, attack), (Phase::Recovery, 829)]
                    {
                        self.push(performance(architecture, scenario, (arm, phase), completed));
                    }
                }
            }
            word => {
                self.push(performance(architecture, scenario, ("victim", Phase::Baseline), 208));
                self.push(performance(architecture, scenario, ("victim", Phase::Attack), 207));
                let reach =
                    matches!(SCENARIOS[scenario].0, "direct-connect" | "guest-reach" | "neighbour-connect");
                let assets: &[Asset] = if reach {
                    &[Asset::Reach]
                } else {
                    &[Asset::Password, Asset::Token, Asset::RequestBody, Asset::InternalMessage]
                };
                for asset in assets {
                    self.push(Event::Cell(cell(architecture, scenario, *asset, word)));
                }
            }
        }
    }
}

fn names(architecture: usize, scenario: usize) -> (String, String) {
    (ARCHITECTURES[architecture].into(), SCENARIOS[scenario].0.into())
}

fn verdict(architecture: usize, scenario: usize) -> char {
    SCENARIOS[scenario].4.chars().nth(architecture).unwrap_or('n')
}

fn cell(architecture: usize, scenario: usize, asset: Asset, word: char) -> Cell {
    let (name, id) = names(architecture, scenario);
    let verdict = match word {
        'n' => Verdict::NotExercised,
        _ if asset == Asset::InternalMessage => Verdict::NotExercised,
        'b' => Verdict::Broken,
        'i' => Verdict::Inconclusive,
        _ => Verdict::Held,
    };
    let broken = verdict == Verdict::Broken;
    let exposed = if broken { 24 + 12 * scenario as u64 } else { 0 };
    let passive = id.ends_with("sniff");
    let reach = asset == Asset::Reach;
    let in_host = IN_HOST.contains(&id.as_str());
    Cell {
        architecture: name.clone(),
        scenario: id.clone(),
        vantage: SCENARIOS[scenario].2,
        asset,
        verdict,
        method: if id == "guest-reach" || in_host { Method::Modelled } else { Method::Measured },
        sent: 24 + 12 * scenario as u64,
        exposed,
        weakness: id.ends_with("unverified").then(|| "edge-does-not-verify".to_owned()),
        reason: match verdict {
            Verdict::Broken => format!("{exposed} canaries were readable in bytes this attacker sees."),
            Verdict::Held => {
                "The control lost it, and here every leg's records open with the run's keys only.".into()
            }
            Verdict::NotExercised => "No queue in this run: the asset does not travel.".into(),
            Verdict::Inconclusive => {
                "No key log for one leg: nothing proves that the asset crossed it.".into()
            }
        },
        evidence: (broken || reach).then(|| place(&name, &id, asset, broken)).into_iter().collect(),
        control: Control { positive: Positive::Passed, crossed: passive.then_some(true) },
        hunt: (broken && passive).then_some(Hunt { recall: 0.96, precision: 1.0 }),
        expected: Some(if id == "public-in-path-careless" && architecture == 6 {
            Verdict::Held
        } else {
            verdict
        }),
    }
}

/// Where to look, for a cell that is broken or about reach.
fn place(name: &str, id: &str, asset: Asset, broken: bool) -> Evidence {
    let reach = asset == Asset::Reach;
    if IN_HOST.contains(&id) {
        return Evidence::default();
    }
    Evidence {
        capture: format!("{name}.pcapng"),
        segment: "management".into(),
        link: "edge/tls-proxy>api-1/identity".into(),
        frames: vec![118, 240],
        encoding: "raw".into(),
        canary: (asset == Asset::Token && broken).then(|| TOKEN.to_owned()),
        attempt: reach.then(|| "api-1/identity from compute-1".to_owned()),
        answer: reach.then(|| if broken { "HTTP 200" } else { "connection refused" }.to_owned()),
    }
}

fn performance(architecture: usize, scenario: usize, of: (&str, Phase), completed: u64) -> Event {
    let (name, id) = names(architecture, scenario);
    let slow = 1.0 + 0.3 * architecture as f64 + if of.1 == Phase::Attack { 0.4 } else { 0.0 };
    let flood = verdict(architecture, scenario) == 'f';
    let offered = if flood { 848 } else { 212 };
    Event::Performance(Performance {
        in_time: None,
        architecture: name,
        scenario: id,
        arm: of.0.into(),
        phase: of.1,
        operation: "all".into(),
        offered,
        completed,
        errors: if of.1 == Phase::Attack { offered - completed } else { 0 },
        late: 0,
        seconds: if flood { 4.0 } else { 1.0 },
        p50_ms: Some(1.9 * slow),
        p90_ms: Some(3.1 * slow),
        p99_ms: flood.then_some(6.0 * slow),
        p999_ms: None,
        max_ms: Some(14.2 * slow),
        cpu_us_per_request: BTreeMap::from([
            ("edge/tls-proxy".into(), 41.0 * slow),
            ("total".into(), 96.0 * slow),
        ]),
        recovery_ms: (flood && of.1 == Phase::Recovery).then_some(1300),
    })
}

fn seen(architecture: usize, scenario: usize) -> Vec<LinkSeen> {
    let (name, id) = names(architecture, scenario);
    let crossing = links(architecture).into_iter().enumerate().filter(|(_, (_, _, segment))| *segment < 2);
    crossing
        .map(|(index, (from, to, segment))| {
            let clear = !declared(architecture, segment);
            let count = 12 * (index as u64 + 1) + scenario as u64;
            LinkSeen {
                architecture: name.clone(),
                scenario: id.clone(),
                link: format!("{from}>{to}"),
                segment: ["public", "management"][segment].into(),
                state: if clear { LinkState::Clear } else { LinkState::Encrypted },
                flows: 24 + index as u64,
                bytes: 61_440 * (index as u64 + 1),
                exposed: if clear {
                    vec![(Asset::Token, 4 * count), (Asset::Password, count)]
                } else {
                    Vec::new()
                },
            }
        })
        .collect()
}
